package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/bench"
	"github.com/rookery-im/rookery/internal/sqlite"
)

// benchFlags holds the common flags of the bench commands.
type benchFlags struct {
	workloads      []string
	connections    []int
	connectionUses []string
	duration       time.Duration
	rounds         int
	tempDir        string
	asJSON         bool
}

func benchCommand() *cobra.Command {
	var flags benchFlags
	var redis bool
	var profile string
	cmd := commandGroup(&cobra.Command{
		Use:   "bench",
		Short: "Measure the performance of the server on this machine",
		Long: `Measure requests per second, latency, the server's processor time per request
and its memory over loopback. For comparison, the same load runs against a bare
net/http handler that answers 70 bytes (the floor), and durable sends also against
a bare server that appends each request to one file and syncs it before it answers
(the durable floor). Server and floors are separate processes with temporary data;
the data of other servers is not touched.

Each run takes --duration, and each figure is the median of --rounds runs. At the
end every acknowledged message must be in the store exactly once; otherwise the
command fails. A figure with too few samples is printed as invalid, with the reason.`,
		Example: `  rookery bench
  rookery bench --workload idle,durable --connections 64 --connection kept --rounds 5
  rookery bench --workload durable --connections 64 --duration 20s --rounds 1 --cpuprofile send.prof
  rookery bench growth --data /var/tmp/rookery-large
  rookery bench push`,
	}, benchGrowthCommand(), benchPushCommand(), benchFloorCommand(),
		benchDurableFloorCommand(), benchHoldCommand())
	flags.addTo(cmd, []int{1, 64, 256}, []string{"kept", "per-request"})
	cmd.Flags().BoolVar(&redis, "redis", true, "compare durable sends with Redis Streams; needs redis-server")
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "write the server's CPU profile to `FILE`, for go tool pprof")
	cmd.Args = exactArgs()
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := flags.newConfig(cmd)
		if err != nil {
			return err
		}
		config.Redis, config.Profile = redis, profile
		ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
		defer cancel()
		report, err := bench.Run(ctx, config)
		return flags.printReport(cmd, report, err)
	}
	return cmd
}

func benchGrowthCommand() *cobra.Command {
	var f benchFlags
	growthConfig := bench.GrowthConfig{}
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Compare a large store with a small one",
		Long: `Run the workloads on a large store and on a small one in turns. Also measure how
long the server takes to start on the large store, and the memory that live
sessions take.

Filling the large store takes minutes. With --data it is kept, and a later run
with the same numbers reuses it.`,
		Example: `  rookery bench growth --data /var/tmp/rookery-large
  rookery bench growth --accounts 10000 --mailbox 100 --sessions 1000`,
		Args: exactArgs(),
	}
	f.addTo(cmd, []int{64}, []string{"kept"})
	flags := cmd.Flags()
	flags.IntVar(&growthConfig.Accounts, "accounts", 1_000_000, "number of accounts (`N`) in the large store")
	flags.IntVar(&growthConfig.Active, "active", 1_000,
		"number of accounts (`N`) that have friends and messages; the workloads use these")
	flags.IntVar(&growthConfig.Friends, "friends", 200, "number of friends (`N`, even) of each of these accounts")
	flags.IntVar(&growthConfig.Mailbox, "mailbox", 10_000,
		"number of collected messages (`N`) of each of these accounts")
	flags.IntVar(&growthConfig.Sessions, "sessions", 10_000, "number of live sessions (`N`) whose memory is measured")
	flags.StringVar(&growthConfig.Data, "data", "", "keep the large store in `DIR`; if empty, it is removed at the end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := f.newConfig(cmd)
		if err != nil {
			return err
		}
		growthConfig.Config = config
		ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
		defer cancel()
		report, err := bench.RunGrowth(ctx, growthConfig)
		return f.printReport(cmd, report, err)
	}
	return cmd
}

// benchFloorCommand returns the hidden command that bench starts as its floor.
func benchFloorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "floor",
		Short:  "Run the bare HTTP server that the bench compares with",
		Hidden: true,
		Args:   exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
			defer cancel()
			return bench.ServeFloor(ctx, cmd.OutOrStdout())
		},
	}
}

// benchDurableFloorCommand returns the hidden command that bench starts as its durable floor.
func benchDurableFloorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "durable-floor FILE",
		Short:  "Run the bare server that syncs each request to FILE",
		Hidden: true,
		Args:   exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
			defer cancel()
			return bench.ServeDurableFloor(ctx, cmd.OutOrStdout(), args[0])
		},
	}
}

func (bf *benchFlags) addTo(cmd *cobra.Command, connections []int, ways []string) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&bf.workloads, "workload", []string{"idle", "durable", "send then", "login", "mixed"},
		"`NAMES` of workloads, or prefixes of names")
	flags.IntSliceVar(&bf.connections, "connections", connections, "numbers of simultaneous connections (`N,N...`)")
	flags.StringSliceVar(&bf.connectionUses, "connection", ways,
		"use of connections (`WAYS`): kept (keep-alive) or per-request (a new one for each request)")
	bf.addRunFlagsTo(cmd, 2*time.Second)
}

// addRunFlagsTo adds the flags that all bench commands have.
func (bf *benchFlags) addRunFlagsTo(cmd *cobra.Command, duration time.Duration) {
	flags := cmd.Flags()
	flags.DurationVar(&bf.duration, "duration", duration, "`TIME` that one run takes, at most 1m")
	flags.IntVar(&bf.rounds, "rounds", 3, "number of runs (`N`) of which each figure is the median")
	flags.StringVar(&bf.tempDir, "work", "",
		"put temporary data into `DIR`, which should be on a real disk; if empty, the system's directory")
	flags.BoolVar(&bf.asJSON, "json", false, "print the figures as JSON")
}

func (bf *benchFlags) newConfig(cmd *cobra.Command) (config bench.Config, err error) {
	config = bench.Config{
		OpenStore: openStore, Temporary: bf.tempDir,
		Connections: bf.connections, Duration: bf.duration, Rounds: bf.rounds,
		Progress: cmd.ErrOrStderr(),
	}
	if config.Workloads, err = bench.ParseWorkloads(bf.workloads); err != nil {
		return config, usageErrorf(cmd, "%v", err)
	}
	for _, way := range bf.connectionUses {
		if way != "kept" && way != "per-request" {
			return config, usageErrorf(cmd, "--connection %q is neither kept nor per-request", way)
		}
		config.KeepAlive = append(config.KeepAlive, way == "kept")
	}
	config.Executable, err = os.Executable()
	return config, err
}

func (bf *benchFlags) printReport(cmd *cobra.Command, report *bench.Report, err error) error {
	switch {
	case err != nil:
		return err
	case bf.asJSON:
		return report.WriteJSON(cmd.OutOrStdout())
	}
	return report.WriteText(cmd.OutOrStdout())
}

// lockedStore is a store that also holds the lock of its data directory.
type lockedStore struct {
	*sqlite.Store
	lock *flock.Flock
}

func (s lockedStore) Close() error { return errors.Join(s.Store.Close(), s.lock.Unlock()) }

// openStore locks a data directory and opens or creates its store. It fails if a server uses the directory.
func openStore(ctx context.Context, dir string) (bench.Store, error) {
	if err := prepareDataDir(dir); err != nil {
		return nil, err
	}
	lock, operator, err := claimDataDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	if operator != nil {
		operator.Close()
		return nil, fmt.Errorf("a server runs on %s; stop it first, or name another directory with --data", dir)
	}
	store, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, storeName),
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lockedStore{store, lock}, nil
}

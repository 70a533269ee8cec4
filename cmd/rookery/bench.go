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

// benchFlags are the flags that the bench and its subcommands share.
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
		Short: "Measure what the server costs on this machine",
		Long: `Measure requests per second, latency, the server's processor time per request
and its memory, over loopback, beside a floor: a bare net/http handler that
answers 70 bytes. The server and the floor run as processes of their own on
temporary data; the data of other servers are not touched.

Every run takes --duration, and each figure is the median of --rounds runs. In
the end every acknowledged message is counted in the store; a difference is an
error.`,
		Example: `  rookery bench
  rookery bench --workload idle,durable --connections 64 --connection kept --rounds 5
  rookery bench --workload durable --connections 64 --duration 20s --rounds 1 --cpuprofile send.prof
  rookery bench growth --data /var/tmp/rookery-large
  rookery bench push`,
	}, benchGrowthCommand(), benchPushCommand(), benchFloorCommand(), benchHoldCommand())
	flags.addTo(cmd, []int{1, 64, 256}, []string{"kept", "per-request"})
	cmd.Flags().BoolVar(&redis, "redis", true, "compare durable sends with Redis Streams; needs redis-server")
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "`FILE` for the server's CPU profile, read with go tool pprof")
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
		Long: `Measure the workloads on a large store and on a small one in turns, how long the
server takes to start on the large one, and the memory of live sessions.

Filling the large store takes minutes. With --data it is kept, and a later run
with the same numbers uses it again.`,
		Example: `  rookery bench growth --data /var/tmp/rookery-large
  rookery bench growth --accounts 10000 --mailbox 100 --sessions 1000`,
		Args: exactArgs(),
	}
	f.addTo(cmd, []int{64}, []string{"kept"})
	flags := cmd.Flags()
	flags.IntVar(&growthConfig.Accounts, "accounts", 1_000_000, "how many accounts (`N`) the large store holds")
	flags.IntVar(&growthConfig.Active, "active", 1_000, "how many of them (`N`) have friends and mail; those who take part are among them")
	flags.IntVar(&growthConfig.Friends, "friends", 200, "how many friends (`N`, an even number) each of these has")
	flags.IntVar(&growthConfig.Mailbox, "mailbox", 10_000, "how many collected messages (`N`) each of these has")
	flags.IntVar(&growthConfig.Sessions, "sessions", 10_000, "how many live sessions (`N`) are weighed")
	flags.StringVar(&growthConfig.Data, "data", "", "`DIR`ectory to keep the large store in; if empty, it is removed in the end")
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

// benchFloorCommand is the process that the bench starts beside the server.
func benchFloorCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "floor",
		Short:  "Serve what the server is compared to",
		Hidden: true,
		Args:   exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
			defer cancel()
			return bench.ServeFloor(ctx, cmd.OutOrStdout())
		},
	}
}

func (bf *benchFlags) addTo(cmd *cobra.Command, connections []int, ways []string) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&bf.workloads, "workload", []string{"idle", "durable", "send then", "login", "mixed"}, "`NAMES` of workloads, or how they begin")
	flags.IntSliceVar(&bf.connections, "connections", connections, "how many connections at once (`N,N...`)")
	flags.StringSliceVar(&bf.connectionUses, "connection", ways, "kept: connections are kept alive; per-request: each request makes its own (`WAYS`)")
	bf.addRunFlagsTo(cmd, 2*time.Second)
}

// addRunFlagsTo registers what all kinds of benches have.
func (bf *benchFlags) addRunFlagsTo(cmd *cobra.Command, duration time.Duration) {
	flags := cmd.Flags()
	flags.DurationVar(&bf.duration, "duration", duration, "`TIME` of one run, at most 1m")
	flags.IntVar(&bf.rounds, "rounds", 3, "how many runs (`N`) a figure is the median of")
	flags.StringVar(&bf.tempDir, "work", "", "`DIR`ectory for temporary data, on a real disk; the system's own if empty")
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

// lockedStore is a store whose data directory nobody else uses.
type lockedStore struct {
	*sqlite.Store
	lock *flock.Flock
}

func (s lockedStore) Close() error { return errors.Join(s.Store.Close(), s.lock.Unlock()) }

// openStore opens the store of a data directory on which no server runs.
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
	store, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, storeName), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lockedStore{store, lock}, nil
}

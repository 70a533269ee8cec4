package main

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/bench"
)

func benchPushCommand() *cobra.Command {
	var f benchFlags
	pushConfig := bench.PushConfig{}
	cmd := &cobra.Command{
		Use:   "push",
		Short: "Measure clients that stay connected, and how fast they get messages",
		Long: `Measure clients that stay connected, in three parts:

  - the memory of idle connections that are logged in, compared with a bare server
    that only holds them, and the latency of messages to some of them;
  - durable sends on these connections, one at a time and several at once,
    each compared with Redis Streams in the same way;
  - the latency of messages between accounts that are all connected, compared with
    the store alone.

--idle 0, --window 0 or --accounts 0 skips a part. Each acknowledged message must
be pushed to its receiver exactly once and be in the store at the end; otherwise
the command fails.

Two processes hold the idle connections, this one and the server. Each needs one
file descriptor per connection (ulimit -n).`,
		Example: `  rookery bench push
  rookery bench push --idle 1000 --settle 10s --window 0 --accounts 0
  rookery bench push --idle 0 --accounts 0 --connections 1,64,256 --redis=false
  rookery bench push --idle 0 --window 0 --accounts 100 --rate 2000 --duration 20s --rounds 1 --cpuprofile push.prof
  rookery bench push --json | jq .push.idle`,
		Args: exactArgs(),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&pushConfig.Idle, "idle", 19_000, "hold `N` idle connections")
	flags.DurationVar(&pushConfig.Settle, "settle", 150*time.Second,
		"wait `TIME` without traffic before measuring memory; Go collects garbage at least every 2m")
	flags.Float64Var(&pushConfig.Trickle, "trickle", 500, "send the idle connections `N` messages per second in all")
	flags.IntSliceVar(&f.connections, "connections", []int{64},
		"numbers of connections (`N,N...`) for the durable sends")
	flags.IntVar(&pushConfig.Window, "window", 32, "keep `N` sends unanswered on each connection")
	flags.BoolVar(&pushConfig.Redis, "redis", true, "compare durable sends with Redis Streams; needs redis-server")
	flags.IntVar(&pushConfig.Accounts, "accounts", 100, "number of accounts (`N`) that write to each other")
	flags.Float64Var(&pushConfig.Rate, "rate", 1000, "send `N` messages per second in all between these accounts")
	f.addRunFlagsTo(cmd, 10*time.Second)
	flags.StringVar(&pushConfig.Profile, "cpuprofile", "",
		"write the server's CPU profile to `FILE`; select one part only")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := f.newConfig(cmd)
		if err != nil {
			return err
		}
		config.Redis, config.Profile = pushConfig.Redis, pushConfig.Profile
		pushConfig.Config = config
		ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
		defer cancel()
		report, err := bench.RunPush(ctx, pushConfig)
		return f.printReport(cmd, report, err)
	}
	return cmd
}

// benchHoldCommand is the process with which bench push compares the memory of idle connections.
func benchHoldCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "hold",
		Short:  "Run the bare server that only holds connections",
		Hidden: true,
		Args:   exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
			defer cancel()
			return bench.ServeIdle(ctx, cmd.OutOrStdout())
		},
	}
}

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
		Short: "Measure connections that stay, and how fast messages arrive on them",
		Long: `Measure what it costs that clients stay connected by lines, in three parts:

  - the memory of idle connections that are logged in, beside a bare server that
    accepts and holds them, and how long messages take to some of them;
  - durable sends over lines, one at a time on each connection and several in
    flight, beside Redis Streams;
  - how long messages take between accounts that are all connected, beside the
    store alone.

A part is left out with --idle 0, --window 0 or --accounts 0. Each message that
is acknowledged must be pushed to its receiver exactly once, and be in the store
in the end; anything else is an error.

The idle connections are held by two processes, this one and the server, each of
which needs a file descriptor for each (ulimit -n).`,
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
	flags.DurationVar(&pushConfig.Settle, "settle", 150*time.Second, "before their memory is read, be silent for `TIME`: Go collects garbage every 2m at the latest")
	flags.Float64Var(&pushConfig.Trickle, "trickle", 500, "send them `N` messages a second")
	flags.IntSliceVar(&f.connections, "connections", []int{64}, "send durably over `N,N...` connections at once")
	flags.IntVar(&pushConfig.Window, "window", 32, "with `N` sends in flight on each")
	flags.BoolVar(&pushConfig.Redis, "redis", true, "compare durable sends with Redis Streams; needs redis-server")
	flags.IntVar(&pushConfig.Accounts, "accounts", 100, "let `N` accounts write to each other")
	flags.Float64Var(&pushConfig.Rate, "rate", 1000, "`N` messages a second, all together")
	f.addRunFlagsTo(cmd, 10*time.Second)
	flags.StringVar(&pushConfig.Profile, "cpuprofile", "", "`FILE` for the server's CPU profile; choose one part only")
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

// benchHoldCommand is the process that the bench starts to weigh idle
// connections against.
func benchHoldCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "hold",
		Short:  "Hold connections and do nothing else",
		Hidden: true,
		Args:   exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := contextUntilSignal(cmd.Context(), slog.Default())
			defer cancel()
			return bench.ServeIdle(ctx, cmd.OutOrStdout())
		},
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// redisSend names the report's row for durable sends to Redis Streams.
const redisSend = "redis XADD, synced"

// Run measures the workloads on a small store, which holds only the accounts of the workers. It returns an error if
// an answer is unexpected, or if an acknowledged message is missing in the store.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	environment, err := cfg.newEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, environment.close()) }()
	server, err := environment.startSmallServer(ctx, "")
	if err != nil {
		return nil, err
	}
	candidates := []candidate{environment.floor}
	var audits []func() error
	if slices.ContainsFunc(cfg.Workloads, Workload.isDurable) {
		baseline, err := environment.startDurableFloor(ctx, server.accounts)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, baseline.newCandidate())
		audits = append(audits, baseline.auditFile)
	}
	for _, workload := range cfg.Workloads {
		candidates = append(candidates, server.newCandidate(workload))
	}
	if cfg.Redis {
		redis, err := environment.startRedis(ctx, server.accounts)
		if err != nil {
			return nil, err
		}
		candidates = append(candidates, redis.newCandidate())
		audits = append(audits, redis.auditStreams)
	}
	rows, err := environment.compareAll(ctx, candidates)
	if err != nil {
		return nil, err
	}
	for _, audit := range audits {
		if err := audit(); err != nil {
			return nil, err
		}
	}
	if err := server.stop(ctx); err != nil {
		return nil, err
	}
	return &Report{System: describeSystem(), Rows: rows, Targets: judgeTargets(rows), Messages: server.ledger.total()},
		nil
}

// startSmallServer seeds and starts a server that has only the accounts of the workers.
func (env *environment) startSmallServer(ctx context.Context, name string) (*serverUnderTest, error) {
	count := env.cfg.maxConnections() * int(roleCount)
	return env.startServer(ctx, name, "", Population{Accounts: count, Active: count})
}

// startServer seeds a data directory, signs the workers' accounts in, and starts a server on it. If dir is empty, the
// data is temporary.
func (env *environment) startServer(ctx context.Context, name, dir string, population Population) (*serverUnderTest,
	error) {
	if err := population.validate(env.cfg.maxConnections()); err != nil {
		return nil, err
	}
	if dir == "" {
		var err error
		if dir, err = env.makeSubdir("data" + name); err != nil {
			return nil, err
		}
	}
	server, err := env.cfg.newServerUnderTest(ctx, name, dir, population)
	if err != nil {
		return nil, err
	}
	if err := env.cfg.withOpenStore(ctx, dir,
		func(store Store) error { return server.prepareStore(ctx, store) }); err != nil {
		return nil, err
	}
	return server, env.startProcess(ctx, server)
}

// startProcess starts the server's process. environment.close stops it if it still runs then.
func (env *environment) startProcess(ctx context.Context, server *serverUnderTest) error {
	if err := server.start(ctx); err != nil {
		return err
	}
	env.stopFuncs = append(env.stopFuncs, server.process.stop)
	return nil
}

// startRedis starts a Redis server with temporary data.
func (env *environment) startRedis(ctx context.Context, accounts accountRange) (*redisServer, error) {
	dir, err := env.makeSubdir("redis")
	if err != nil {
		return nil, err
	}
	redis, err := startRedis(ctx, dir, accounts)
	if err != nil {
		return nil, err
	}
	env.stopFuncs = append(env.stopFuncs, redis.process.stop)
	return redis, nil
}

// targetConnections is the number of connections that the targets are defined for.
const targetConnections = 64

// judgeTargets returns the targets of the workloads that were measured. docs/performance.md explains the figures.
func judgeTargets(rows []Row) []Target {
	find := func(workload string, keepAlive bool) (Row, bool) {
		i := slices.IndexFunc(rows, func(row Row) bool {
			return row.Workload == workload && row.KeepAlive == keepAlive && row.Connections == targetConnections
		})
		if i < 0 {
			return Row{}, false
		}
		return rows[i], true
	}
	var all []Target
	for _, bound := range []struct {
		workload       string
		keepAlive      bool
		maxRatio, goal float64
		maxP99         float64 // in milliseconds; 0 for no target
	}{
		{idlePoll, true, 0.6, 0.45, 10},
		{durableSend, true, 1.5, 1.1, 10},
		{idlePoll, false, 0.95, 0, 0},
	} {
		row, found := find(bound.workload, bound.keepAlive)
		baseline, compared := find(floor, bound.keepAlive)
		if !found || !compared {
			continue
		}
		all = append(all, atMost(fmt.Sprintf("server CPU, %s to %s", row.label(), baseline.label()), row.Ratio,
			bound.maxRatio, bound.goal, row.Invalid[floorRatioFigure]))
		if bound.maxP99 != 0 {
			all = append(all, atMost("p99 in ms, "+row.label(), milliseconds(row.P99), bound.maxP99, 0,
				row.Invalid[p99Figure]))
		}
	}
	ours, measured := find(durableSend, true)
	if baseline, compared := find(durableFloor, true); measured && compared {
		all = append(all, atMost(fmt.Sprintf("server CPU, %s to %s", ours.label(), baseline.label()),
			ours.DurableRatio, 2, 1.5, ours.Invalid[durableRatioFigure]))
	}
	if theirs, compared := find(redisSend, true); measured && compared {
		all = append(all, rateTarget(ours, theirs, 0.5, 0))
	}
	return all
}

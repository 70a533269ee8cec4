package bench

import (
	"context"
	"errors"
	"fmt"
)

// redisSend is the row of durable sends to Redis Streams.
const redisSend = "redis XADD, synced"

// Run measures the workloads on a small store: one that holds those who take
// part and nobody else. It fails if an answer is not the expected one, or if an
// acknowledged message is not in the store afterwards.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	env, err := cfg.newRig(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, env.close()) }()
	server, err := env.smallHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	contenders := []candidate{env.floor}
	for _, workload := range cfg.Workloads {
		contenders = append(contenders, server.contender(workload))
	}
	var rival *redis
	if cfg.Redis {
		if rival, err = env.rival(ctx, server.crowd); err != nil {
			return nil, err
		}
		contenders = append(contenders, rival.contender())
	}
	rows, err := env.each(ctx, contenders)
	if err != nil {
		return nil, err
	}
	if rival != nil {
		if err := rival.audit(); err != nil {
			return nil, err
		}
	}
	if err := server.stop(ctx); err != nil {
		return nil, err
	}
	return &Report{System: system(), Rows: rows, Targets: targets(rows), Messages: server.ledger.total()}, nil
}

// smallHouse seeds and starts a server for those who take part.
func (r *environment) smallHouse(ctx context.Context, name string) (*serverUnderTest, error) {
	n := r.cfg.maxConnections() * int(roles)
	return r.house(ctx, name, "", Population{Accounts: n, Active: n})
}

// serverUnderTest seeds and starts a server, in a temporary directory if none is named.
func (r *environment) house(ctx context.Context, name, dir string, population Population) (*serverUnderTest, error) {
	if err := population.validate(r.cfg.maxConnections()); err != nil {
		return nil, err
	}
	if dir == "" {
		var err error
		if dir, err = r.subdir("data" + name); err != nil {
			return nil, err
		}
	}
	server, err := r.cfg.newHouse(ctx, name, dir, population)
	if err != nil {
		return nil, err
	}
	if err := r.cfg.withStore(ctx, dir, func(store Store) error { return server.tidy(ctx, store) }); err != nil {
		return nil, err
	}
	return server, r.start(ctx, server)
}

// start starts a house's server, and stops it at the latest when all is done.
func (r *environment) start(ctx context.Context, server *serverUnderTest) error {
	if err := server.start(ctx); err != nil {
		return err
	}
	r.stops = append(r.stops, server.server.stop)
	return nil
}

// rival starts a Redis server.
func (r *environment) rival(ctx context.Context, accounts accountRange) (*redis, error) {
	dir, err := r.subdir("redis")
	if err != nil {
		return nil, err
	}
	rival, err := startRedis(ctx, dir, accounts)
	if err != nil {
		return nil, err
	}
	r.stops = append(r.stops, rival.server.stop)
	return rival, nil
}

// targets says which of the bounds that were set for kept-alive connections and
// one per request are met. They are set for 64 connections; what was not
// measured is left out.
func targets(rows []Row) []Target {
	const connections = 64
	find := func(workload string, keepAlive bool) (Row, bool) {
		for _, row := range rows {
			if row.Workload == workload && row.KeepAlive == keepAlive && row.Connections == connections {
				return row, true
			}
		}
		return Row{}, false
	}
	var all []Target
	for _, bound := range []struct {
		workload  string
		keepAlive bool
		most, aim float64
		p99       float64 // ms
	}{
		{idlePoll, true, 0.6, 0.45, 10},
		{durableSend, true, 1.5, 1.1, 10},
		{idlePoll, false, 0.95, 0, 0},
	} {
		row, found := find(bound.workload, bound.keepAlive)
		if !found {
			continue
		}
		what := fmt.Sprintf("%s, %d connections, %s", bound.workload, connections, way(bound.keepAlive))
		all = append(all, atMost(what+", server CPU to the floor's", row.Ratio, bound.most, bound.aim))
		if bound.p99 != 0 {
			all = append(all, atMost(what+", p99 in ms", milliseconds(row.P99), bound.p99, 0))
		}
	}
	ours, measured := find(durableSend, true)
	theirs, compared := find(redisSend, true)
	if measured && compared {
		all = append(all, atLeast("durable send, requests/s to those of Redis Streams", ratio(ours.PerSecond, theirs.PerSecond), 0.5))
	}
	return all
}

package bench

import (
	"context"
	"fmt"
)

// lineSend is the name of the workload of durable sends on persistent connections.
const lineSend = "durable send, line"

// inFlightName returns the name of a workload's row with window unanswered requests per connection.
func inFlightName(name string, window int) string {
	if window > 1 {
		name += fmt.Sprintf(", %d in flight", window)
	}
	return name
}

// measureSends measures durable sends on persistent connections and to Redis, with one unanswered request per
// connection and with cfg.Window of them.
func (env *environment) measureSends(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Window == 0 {
		return nil
	}
	server, err := env.startSmallServer(ctx, "")
	if err != nil {
		return err
	}
	candidates := []candidate{env.floor}
	windows := []int{1, cfg.Window}[:min(cfg.Window, 2)]
	for _, window := range windows {
		candidates = append(candidates, server.newStreamCandidate(window))
	}
	var redis *redisServer
	if cfg.Redis {
		if redis, err = env.startRedis(ctx, server.accounts); err != nil {
			return err
		}
		for _, window := range windows {
			candidate := redis.newCandidate()
			candidate.name, candidate.maxUnanswered = inFlightName(candidate.name, window), window
			candidates = append(candidates, candidate)
		}
	}
	for _, connections := range cfg.Connections {
		rows, err := cfg.compareCandidates(ctx, candidates, connections, true)
		if err != nil {
			return err
		}
		report.Rows = append(report.Rows, rows...)
	}
	if redis != nil {
		if err := redis.auditStreams(); err != nil {
			return err
		}
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

// newStreamCandidate returns a candidate for durable sends on persistent connections, which log in first. window is
// the number of unanswered sends per connection.
func (srv *serverUnderTest) newStreamCandidate(window int) candidate {
	return candidate{
		name: inFlightName(lineSend, window), server: srv.process, framing: frameStreamAnswer, seqs: srv.seqs,
		maxUnanswered: window,
		loginTask: func(worker int) *requestTask {
			step := loginStep
			step.fromRole = sendStep.fromRole
			return newStreamTask(step, worker, srv.accounts, srv.ledger)
		},
		cycle: func(worker int, _ bool) []*requestTask {
			return []*requestTask{newStreamTask(sendStep, worker, srv.accounts, srv.ledger)}
		},
	}
}

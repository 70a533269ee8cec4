package bench

import "context"

// lineSend is the name of the workload of durable sends on persistent connections.
const lineSend = "durable send, line"

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
			candidate.maxUnanswered = window
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
		name: lineSend, server: srv.process, framing: frameStreamAnswer, durable: true, seqs: srv.seqs,
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

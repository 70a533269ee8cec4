package bench

import (
	"context"
	"fmt"
)

// lineSend is a durable send on a line.
const lineSend = "durable send, line"

// inFlight is the name of a workload that has several requests unanswered at a
// time.
func inFlight(name string, window int) string {
	if window > 1 {
		name += fmt.Sprintf(", %d in flight", window)
	}
	return name
}

// sends measures durable sends over lines, beside Redis: in a closed loop, and
// with a window of requests in flight.
func (r *environment) sends(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Window == 0 {
		return nil
	}
	server, err := r.smallHouse(ctx, "")
	if err != nil {
		return err
	}
	contenders := []candidate{r.floor}
	windows := []int{1, cfg.Window}[:min(cfg.Window, 2)]
	for _, window := range windows {
		contenders = append(contenders, server.lineContender(window))
	}
	var rival *redis
	if cfg.Redis {
		if rival, err = r.rival(ctx, server.crowd); err != nil {
			return err
		}
		for _, window := range windows {
			candidate := rival.contender()
			candidate.name, candidate.window = inFlight(candidate.name, window), window
			contenders = append(contenders, candidate)
		}
	}
	for _, connections := range cfg.Connections {
		rows, err := cfg.compare(ctx, contenders, connections, true)
		if err != nil {
			return err
		}
		report.Rows = append(report.Rows, rows...)
	}
	if rival != nil {
		if err := rival.audit(); err != nil {
			return err
		}
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

// lineContender puts durable sends on lines that are logged in.
func (h *serverUnderTest) lineContender(window int) candidate {
	return candidate{
		name: inFlight(lineSend, window), server: h.server, framing: frameLine, seqs: h.seqs, window: window,
		open: func(worker int) *task {
			step := login
			step.from = send.from
			return lineTask(step, worker, h.crowd, h.ledger)
		},
		cycle: func(worker int, _ bool) []*task { return []*task{lineTask(send, worker, h.crowd, h.ledger)} },
	}
}

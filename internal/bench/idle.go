package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// tricklers is how many connections more than the idle ones send the trickle.
const tricklers = 8

// spareDescriptors are those of a process that are no idle connections: the
// tricklers', the store's, the listeners'.
const spareDescriptors = 200

// idle measures what connections cost that say nothing, and how long a message
// takes to one of them.
func (r *environment) idle(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Idle == 0 {
		return nil
	}
	if limit := descriptors(); uint64(cfg.Idle+spareDescriptors) > limit {
		return fmt.Errorf("%d idle connections need %d file descriptors, allowed are %d: raise the limit with ulimit -n, or lower --idle",
			cfg.Idle, cfg.Idle+spareDescriptors, limit)
	}
	bare, err := r.bare(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the bare server: %w", err)
	}
	server, err := r.talkers(ctx, "idle", cfg.Idle+tricklers)
	if err != nil {
		return err
	}
	report.Push.Idle = &Idle{Connections: cfg.Idle, Settle: cfg.Settle, Bare: bare}
	if err := server.hold(ctx, cfg, report.Push.Idle); err != nil {
		return err
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

// hold logs everybody in, weighs the server, and lets the trickle flow.
func (h *serverUnderTest) hold(ctx context.Context, cfg PushConfig, idle *Idle) (err error) {
	if idle.Ours.Before, err = cfg.weigh(ctx, h.server); err != nil {
		return err
	}
	workload := newTalk(ctx, h.ledger, h.seqs, h.everybody())
	defer func() { err = cmp.Or(workload.end(), err) }()
	start := time.Now()
	if err := workload.begin(h.server.addr, cfg.Progress); err != nil {
		return err
	}
	idle.LogIn = time.Since(start)
	if idle.Ours.After, err = cfg.weigh(ctx, h.server); err != nil {
		return err
	}
	senders, silent := workload.lines[:tricklers], workload.lines[tricklers:]
	idle.Trickle, err = h.talk(workload, cfg, cfg.Trickle, nothing, func(int) (from, to *pushConn) {
		// A receiver belongs to one sender, so that there are few pairs to
		// count in the end.
		to = silent[rand.IntN(len(silent))]
		return senders[int(to.uin)%tricklers], to
	})
	return err
}

func nothing() error { return nil }

// bare weighs the bare server with as many connections, each of which has said
// as much as a login.
func (r *environment) bare(ctx context.Context, cfg PushConfig) (weight Weight, err error) {
	server, err := startChild(ctx, "bare server", cfg.holdCommand, listeningAddress)
	if err != nil {
		return weight, err
	}
	r.stops = append(r.stops, server.stop)
	if weight.Before, err = server.resident(); err != nil {
		return weight, err
	}
	conns, err := cfg.connect(ctx, server.addr)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	if err != nil {
		return weight, err
	}
	weight.After, err = cfg.weigh(ctx, server)
	return weight, err
}

// connect opens as many connections as are to be idle.
func (cfg *PushConfig) connect(ctx context.Context, addr string) ([]net.Conn, error) {
	var done atomic.Int64
	defer report(cfg.Progress, "connecting", "connections to the bare server", &done, int64(cfg.Idle))()
	conns := make([]net.Conn, cfg.Idle)
	record := []byte("VER=1.4&CMD=Login&SEQ=0000000000000000000&UIN=10000" + loginFields + "\n")
	var group errgroup.Group
	group.SetLimit(callers)
	for i := range conns {
		group.Go(func() (err error) {
			d := net.Dialer{KeepAlive: -1}
			if conns[i], err = d.DialContext(ctx, "tcp", addr); err != nil {
				return err
			}
			done.Add(1)
			_, err = conns[i].Write(record)
			return err
		})
	}
	return conns, group.Wait()
}

// weigh is a server's memory after everybody was silent for a while. Go
// collects garbage every two minutes at the latest, and gives back what it does
// not need then: so the figure holds no garbage of the logins, for Rookery and
// the bare server alike.
func (cfg *PushConfig) weigh(ctx context.Context, server *child) (int64, error) {
	fmt.Fprintf(cfg.Progress, "weighing: %s, after %v of silence\n", server.name, cfg.Settle)
	select {
	case <-time.After(cfg.Settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return server.resident()
}

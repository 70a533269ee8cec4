package bench

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"
)

// house is one Rookery server with the data it works on.
type house struct {
	cfg    *Config
	name   string
	dir    string
	people Population
	crowd  crowd
	ledger *ledger
	seqs   *clock
	server *child
	// started is how long it took from the start of the process to its first
	// answer.
	started time.Duration
}

// newHouse seeds a data directory and remembers what lies in it.
func (cfg *Config) newHouse(ctx context.Context, name, dir string, p Population) (*house, error) {
	if err := cfg.seed(ctx, dir, p); err != nil {
		return nil, err
	}
	h := &house{cfg: cfg, name: name, dir: dir, people: p, crowd: p.crowd(), ledger: newLedger(), seqs: newClock()}
	return h, cfg.withStore(ctx, dir, h.tidy)
}

// tidy collects what an earlier bench has left in the mailboxes of those who
// take part, and notes where they end.
func (h *house) tidy(s Store) error {
	ctx := context.Background()
	for i := range h.cfg.maxConnections() * int(roles) {
		uin := h.crowd.member(i)
		if err := collectAll(ctx, s, uin); err != nil {
			return err
		}
		last, _, err := s.Mailbox(ctx, uin, "")
		if err != nil {
			return err
		}
		h.ledger.before[uin] = last
	}
	return nil
}

// start starts the server and waits for its first answer.
func (h *house) start(ctx context.Context) error {
	begin := time.Now()
	server, err := startChild(ctx, h.name, func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, h.cfg.Executable, "serve", "--data", h.dir, "--listen", "127.0.0.1:0")
	}, listeningAddress)
	if err != nil {
		return err
	}
	h.server = server
	c := newConn(server.addr, frameHTTP, false, time.Now().Add(patience))
	defer c.close()
	first := httpTask(step{command: "GetMsgEx", from: poller, want: "&RES="}, 0, h.crowd, false, nil)
	if _, err := first.ask(c, h.seqs); err != nil {
		return errors.Join(err, server.stop())
	}
	h.started = time.Since(begin)
	return nil
}

// stop stops the server and counts what it has stored.
func (h *house) stop(ctx context.Context) error {
	if err := h.server.stop(); err != nil {
		return err
	}
	return h.cfg.withStore(ctx, h.dir, func(s Store) error { return h.ledger.audit(ctx, s) })
}

// contender puts a workload on the server.
func (h *house) contender(w Workload) contender {
	return contender{
		name: w.Name, store: h.name, server: h.server, framing: frameHTTP, seqs: h.seqs,
		prepare: h.prepare,
		cycle:   func(worker int, keepAlive bool) []*task { return httpTasks(w, worker, h.crowd, keepAlive, h.ledger) },
	}
}

// clerks is how many prepare the accounts side by side: the first login of an
// account costs the server a password hash.
const clerks = 2

// prepare signs in everybody who takes part, which is also what keeps sessions
// alive from run to run, and then collects what waits: notices of each other.
func (h *house) prepare(ctx context.Context, connections int) error {
	for _, do := range []func(c *conn, worker int, r role) error{h.signIn, h.drain} {
		g, ctx := errgroup.WithContext(ctx)
		for clerk := range clerks {
			g.Go(func() error {
				c := newConn(h.server.addr, frameHTTP, true, time.Now().Add(patience+time.Duration(connections)*time.Second))
				defer c.close()
				for worker := clerk; worker < connections && ctx.Err() == nil; worker += clerks {
					for _, r := range []role{poller, sender, partner} {
						if err := do(c, worker, r); err != nil {
							return err
						}
					}
				}
				return ctx.Err()
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) signIn(c *conn, worker int, r role) error {
	s := login
	s.from = r
	_, err := httpTask(s, worker, h.crowd, true, nil).ask(c, h.seqs)
	return err
}

func (h *house) drain(c *conn, worker int, r role) error {
	t := httpTask(step{command: "GetMsgEx", from: r, want: "&RES=0&MN="}, worker, h.crowd, true, nil)
	for {
		answer, err := t.ask(c, h.seqs)
		if err != nil || bytes.Contains(answer, []byte("&MN=0&")) {
			return err
		}
	}
}

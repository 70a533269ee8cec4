package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// serverUnderTest is one Rookery server with the data it works on.
type serverUnderTest struct {
	cfg    *Config
	name   string
	dir    string
	people Population
	crowd  accountRange
	ledger *ledger
	seqs   *clock
	server *child
	// started is how long it took from the start of the process to its first
	// answer.
	started time.Duration
}

// newHouse seeds a data directory.
func (cfg *Config) newHouse(ctx context.Context, name, dir string, population Population) (*serverUnderTest, error) {
	if err := cfg.seed(ctx, dir, population); err != nil {
		return nil, err
	}
	return &serverUnderTest{cfg: cfg, name: name, dir: dir, people: population, crowd: population.crowd(), ledger: newLedger(), seqs: newClock()}, nil
}

// tidy collects what an earlier bench has left in the mailboxes of those who
// take part, notes where they end, and signs everybody in.
func (h *serverUnderTest) tidy(ctx context.Context, store Store) error {
	var sessions []rookery.Session
	for i := range h.cfg.maxConnections() * int(roles) {
		uin := h.crowd.member(i)
		if err := collectAll(ctx, store, uin); err != nil {
			return err
		}
		last, _, err := store.MailboxState(ctx, uin, "")
		if err != nil {
			return err
		}
		h.ledger.before[uin] = last
		sessions = append(sessions, h.session(uin))
	}
	return h.signAllIn(ctx, store, sessions)
}

// session is an account signed in from where the bench runs.
func (h *serverUnderTest) session(uin rookery.UIN) rookery.Session {
	return rookery.Session{
		ID: h.seqs.next(), Account: uin, Address: netip.MustParseAddr("127.0.0.1"),
		Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: time.Now(),
	}
}

// signAllIn puts sessions into the store: by their first logins, each with a
// password hash, they would keep the server busy for longer than it is measured.
func (h *serverUnderTest) signAllIn(ctx context.Context, store Store, sessions []rookery.Session) error {
	s := &seeding{Population: h.people, store: store, progress: h.cfg.Progress}
	return s.each(ctx, "sessions", len(sessions), many, func(ctx context.Context, i int) error {
		proved, err := store.Credential(ctx, sessions[i].Account)
		if err != nil {
			return err
		}
		return store.StartSession(ctx, sessions[i], proved)
	})
}

// start starts the server and waits for its first answer.
func (h *serverUnderTest) start(ctx context.Context) error {
	begin := time.Now()
	args := []string{
		"serve", "--data", h.dir, "--listen", "127.0.0.1:0",
		"--max-mailbox-messages", "1000000000", "--max-mailbox-size", "1048576", // sinks never collect
	}
	if h.cfg.Profile != "" {
		args = append(args, "--cpuprofile", h.cfg.Profile)
	}
	server, err := startChild(ctx, "server", func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, h.cfg.Executable, args...)
	}, listeningAddress)
	if err != nil {
		return err
	}
	h.server = server
	conn := newConn(server.addr, frameHTTP, false, time.Now().Add(patience))
	defer conn.close()
	first := httpTask(step{command: "GetMsgEx", from: poller, want: "&RES="}, 0, h.crowd, false, nil)
	if _, err := first.ask(conn, h.seqs); err != nil {
		return errors.Join(err, server.stop())
	}
	h.started = time.Since(begin)
	return nil
}

// stop stops the server and counts what it has stored.
func (h *serverUnderTest) stop(ctx context.Context) error {
	if err := h.server.stop(); err != nil {
		return err
	}
	return h.cfg.withStore(ctx, h.dir, func(store Store) error { return h.ledger.audit(ctx, store) })
}

// candidate puts a workload on the server.
func (h *serverUnderTest) contender(workload Workload) candidate {
	return candidate{
		name: workload.Name, store: h.name, server: h.server, framing: frameHTTP, seqs: h.seqs,
		prepare: func(ctx context.Context, connections int) error { return h.prepare(ctx, workload, connections) },
		cycle: func(worker int, keepAlive bool) []*task {
			return httpTasks(workload, worker, h.crowd, keepAlive, h.ledger)
		},
	}
}

// clerks is how many prepare the accounts side by side: the first login of an
// account costs the server a password hash.
const clerks = 2

// prepare lets everybody collect what waits, such as notices of each other; that
// keeps their sessions alive from run to run. If the workload is to log in, the
// proofs are made known first.
func (h *serverUnderTest) prepare(ctx context.Context, workload Workload, connections int) error {
	if slices.Contains(workload.cycle, login) {
		if err := h.forAll(ctx, connections, []role{login.from}, h.logIn); err != nil {
			return err
		}
	}
	return h.forAll(ctx, h.cfg.maxConnections(), []role{poller, sender, partner}, h.drain)
}

// forAll does something for the accounts of the roles of so many workers.
func (h *serverUnderTest) forAll(ctx context.Context, workers int, of []role, do func(c *conn, worker int, r role) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for clerk := range clerks {
		group.Go(func() error {
			conn := newConn(h.server.addr, frameHTTP, true, time.Now().Add(patience+time.Duration(workers)*time.Second))
			defer conn.close()
			for worker := clerk; worker < workers && ctx.Err() == nil; worker += clerks {
				for _, role := range of {
					if err := do(conn, worker, role); err != nil {
						return err
					}
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

func (h *serverUnderTest) logIn(c *conn, worker int, r role) error {
	step := login
	step.from = r
	_, err := httpTask(step, worker, h.crowd, true, nil).ask(c, h.seqs)
	return err
}

// drain polls until nothing waits. An account whose session has ended logs in.
func (h *serverUnderTest) drain(c *conn, worker int, r role) error {
	task := httpTask(step{command: "GetMsgEx", from: r, want: "&RES="}, worker, h.crowd, true, nil)
	for {
		switch answer, err := task.ask(c, h.seqs); {
		case err != nil:
			return err
		case bytes.Contains(answer, []byte("&RES=0&MN=0&")):
			return nil
		case bytes.Contains(answer, []byte("&RES=0&")):
		case !bytes.Contains(answer, []byte("&RES=20")):
			return fmt.Errorf("asked %q, got %q", task.request, answer)
		default:
			if err := h.logIn(c, worker, r); err != nil {
				return err
			}
		}
	}
}

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
	cfg        *Config
	name       string
	dir        string
	population Population
	accounts   accountRange
	ledger     *ledger
	seqs       *seqSource
	process    *childProcess
	// startDuration is how long it took from the start of the process to its first
	// answer.
	startDuration time.Duration
}

// newServerUnderTest seeds a data directory.
func (cfg *Config) newServerUnderTest(ctx context.Context, name, dir string, population Population) (*serverUnderTest, error) {
	if err := cfg.seedDir(ctx, dir, population); err != nil {
		return nil, err
	}
	return &serverUnderTest{cfg: cfg, name: name, dir: dir, population: population, accounts: population.activeAccounts(), ledger: newLedger(), seqs: newSEQSource()}, nil
}

// prepareStore collects what an earlier bench has left in the mailboxes of those who
// take part, notes where they end, and signs everybody in.
func (srv *serverUnderTest) prepareStore(ctx context.Context, store Store) error {
	var sessions []rookery.Session
	for i := range srv.cfg.maxConnections() * int(roleCount) {
		uin := srv.accounts.account(i)
		if err := moveCursorToEnd(ctx, store, uin); err != nil {
			return err
		}
		last, _, err := store.MailboxState(ctx, uin, "")
		if err != nil {
			return err
		}
		srv.ledger.startNumbers[uin] = last
		sessions = append(sessions, srv.newSession(uin))
	}
	return srv.storeSessions(ctx, store, sessions)
}

// newSession is an account signed in from where the bench runs.
func (srv *serverUnderTest) newSession(uin rookery.UIN) rookery.Session {
	return rookery.Session{
		ID: srv.seqs.next(), Account: uin, Address: netip.MustParseAddr("127.0.0.1"),
		Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: time.Now(),
	}
}

// storeSessions puts sessions into the store: by their first logins, each with a
// password hash, they would keep the server busy for longer than it is measured.
func (srv *serverUnderTest) storeSessions(ctx context.Context, store Store, sessions []rookery.Session) error {
	seeder := &storeSeeder{Population: srv.population, store: store, progress: srv.cfg.Progress}
	return seeder.forEachIndex(ctx, "sessions", len(sessions), smallTaskWriters, func(ctx context.Context, i int) error {
		proved, err := store.Credential(ctx, sessions[i].Account)
		if err != nil {
			return err
		}
		return store.StartSession(ctx, sessions[i], proved)
	})
}

// start starts the server and waits for its first answer.
func (srv *serverUnderTest) start(ctx context.Context) error {
	startedAt := time.Now()
	args := []string{
		"serve", "--data", srv.dir, "--listen", "127.0.0.1:0",
		"--max-mailbox-messages", "1000000000", "--max-mailbox-size", "1048576", // sinks never collect
	}
	if srv.cfg.Profile != "" {
		args = append(args, "--cpuprofile", srv.cfg.Profile)
	}
	server, err := startChildProcess(ctx, "server", func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, srv.cfg.Executable, args...)
	}, listeningAddress)
	if err != nil {
		return err
	}
	srv.process = server
	conn := newClientConn(server.addr, frameHTTPAnswer, false, time.Now().Add(answerTimeout))
	defer conn.close()
	first := newHTTPTask(requestStep{command: "GetMsgEx", fromRole: poller, wantAnswer: "&RES="}, 0, srv.accounts, false, nil)
	if _, err := first.sendAndCheck(conn, srv.seqs); err != nil {
		return errors.Join(err, server.stop())
	}
	srv.startDuration = time.Since(startedAt)
	return nil
}

// stop stops the server and counts what it has stored.
func (srv *serverUnderTest) stop(ctx context.Context) error {
	if err := srv.process.stop(); err != nil {
		return err
	}
	return srv.cfg.withOpenStore(ctx, srv.dir, func(store Store) error { return srv.ledger.auditStore(ctx, store) })
}

// candidate puts a workload on the server.
func (srv *serverUnderTest) newCandidate(workload Workload) candidate {
	return candidate{
		name: workload.Name, store: srv.name, server: srv.process, framing: frameHTTPAnswer, seqs: srv.seqs,
		prepare: func(ctx context.Context, connections int) error {
			return srv.prepareAccounts(ctx, workload, connections)
		},
		cycle: func(worker int, keepAlive bool) []*requestTask {
			return newHTTPTasks(workload, worker, srv.accounts, keepAlive, srv.ledger)
		},
	}
}

// clerks is how many prepare the accounts side by side: the first login of an
// account costs the server a password hash.
const prepareWorkers = 2

// prepareAccounts lets everybody collect what waits, such as notices of each other; that
// keeps their sessions alive from run to run. If the workload is to log in, the
// proofs are made known first.
func (srv *serverUnderTest) prepareAccounts(ctx context.Context, workload Workload, connections int) error {
	if slices.Contains(workload.cycle, loginStep) {
		if err := srv.forEachAccount(ctx, connections, []accountRole{loginStep.fromRole}, srv.logInAccount); err != nil {
			return err
		}
	}
	return srv.forEachAccount(ctx, srv.cfg.maxConnections(), []accountRole{poller, sender, partner}, srv.drainMailbox)
}

// forEachAccount does something for the accounts of the roles of so many workers.
func (srv *serverUnderTest) forEachAccount(ctx context.Context, workers int, total []accountRole, do func(c *clientConn, worker int, r accountRole) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for clerk := range prepareWorkers {
		group.Go(func() error {
			conn := newClientConn(srv.process.addr, frameHTTPAnswer, true, time.Now().Add(answerTimeout+time.Duration(workers)*time.Second))
			defer conn.close()
			for worker := clerk; worker < workers && ctx.Err() == nil; worker += prepareWorkers {
				for _, role := range total {
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

func (srv *serverUnderTest) logInAccount(c *clientConn, worker int, r accountRole) error {
	step := loginStep
	step.fromRole = r
	_, err := newHTTPTask(step, worker, srv.accounts, true, nil).sendAndCheck(c, srv.seqs)
	return err
}

// drainMailbox polls until nothing waits. An account whose session has ended logs in.
func (srv *serverUnderTest) drainMailbox(c *clientConn, worker int, r accountRole) error {
	task := newHTTPTask(requestStep{command: "GetMsgEx", fromRole: r, wantAnswer: "&RES="}, worker, srv.accounts, true, nil)
	for {
		switch answer, err := task.sendAndCheck(c, srv.seqs); {
		case err != nil:
			return err
		case bytes.Contains(answer, []byte("&RES=0&MN=0&")):
			return nil
		case bytes.Contains(answer, []byte("&RES=0&")):
		case !bytes.Contains(answer, []byte("&RES=20")):
			return fmt.Errorf("asked %q, got %q", task.record, answer)
		default:
			if err := srv.logInAccount(c, worker, r); err != nil {
				return err
			}
		}
	}
}

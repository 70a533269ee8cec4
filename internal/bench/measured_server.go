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

// serverUnderTest is a Rookery server with its data directory and the ledger of what was sent to it.
type serverUnderTest struct {
	cfg        *Config
	name       string
	dir        string
	population Population
	accounts   accountRange
	ledger     *ledger
	seqs       *seqSource
	process    *childProcess
	// startDuration is the time from the start of the process to its first answer.
	startDuration time.Duration
}

// newServerUnderTest seeds a data directory for a server. It does not start the server.
func (cfg *Config) newServerUnderTest(ctx context.Context, name, dir string, population Population) (*serverUnderTest,
	error) {
	if err := cfg.seedDir(ctx, dir, population); err != nil {
		return nil, err
	}
	return &serverUnderTest{cfg: cfg, name: name, dir: dir, population: population,
		accounts: population.activeAccounts(), ledger: newLedger(), seqs: newSEQSource()}, nil
}

// prepareStore prepares the workers' accounts in a store that no server has open. It marks what an earlier bench left
// in their mailboxes as collected, records the last number of each mailbox in the ledger, and signs the accounts in.
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

// newSession returns a session of an account from the bench's own address.
func (srv *serverUnderTest) newSession(uin rookery.UIN) rookery.Session {
	return rookery.Session{
		ID: srv.seqs.next(), Account: uin, Address: netip.MustParseAddr("127.0.0.1"),
		Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: time.Now(),
	}
}

// storeSessions writes sessions to the store. Real logins would each cost a password hash and take longer than
// the measurement.
func (srv *serverUnderTest) storeSessions(ctx context.Context, store Store, sessions []rookery.Session) error {
	seeder := &storeSeeder{Population: srv.population, store: store, progress: srv.cfg.Progress}
	return seeder.forEachIndex(ctx, "sessions", len(sessions), smallTaskWriters,
		func(ctx context.Context, i int) error {
			proved, err := store.Credential(ctx, sessions[i].Account)
			if err != nil {
				return err
			}
			return store.StartSession(ctx, sessions[i], proved)
		})
}

// start starts the server's process and waits for its first answer.
func (srv *serverUnderTest) start(ctx context.Context) error {
	startedAt := time.Now()
	args := []string{
		"serve", "--data", srv.dir, "--listen", "127.0.0.1:0",
		"--max-mailbox-messages", "1000000000", "--max-mailbox-size", "1048576", // sinks never collect their messages
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
	first := newHTTPTask(requestStep{command: "GetMsgEx", fromRole: pollerRole, wantAnswer: "&RES="}, 0, srv.accounts,
		false, nil)
	if _, err := first.sendAndCheck(conn, srv.seqs); err != nil {
		return errors.Join(err, server.stop())
	}
	srv.startDuration = time.Since(startedAt)
	return nil
}

// stop stops the server and audits its store.
func (srv *serverUnderTest) stop(ctx context.Context) error {
	if err := srv.process.stop(); err != nil {
		return err
	}
	return srv.cfg.withOpenStore(ctx, srv.dir, func(store Store) error { return srv.ledger.auditStore(ctx, store) })
}

// newCandidate returns a candidate that runs a workload on this server.
func (srv *serverUnderTest) newCandidate(workload Workload) candidate {
	return candidate{
		name: workload.Name, store: srv.name, server: srv.process, framing: frameHTTPAnswer, seqs: srv.seqs,
		durable: workload.isDurable(),
		prepare: func(ctx context.Context, connections int) error {
			return srv.prepareAccounts(ctx, workload, connections)
		},
		cycle: func(worker int, keepAlive bool) []*requestTask {
			return newHTTPTasks(workload, worker, srv.accounts, keepAlive, srv.ledger)
		},
	}
}

// prepareWorkers is the number of concurrent workers that prepare accounts. The first login of an account costs
// the server a password hash.
const prepareWorkers = 2

// prepareAccounts empties the mailboxes, which keeps the sessions alive between runs. If the workload logs in,
// it first logs in once, so that the server has verified the proofs before the measurement.
func (srv *serverUnderTest) prepareAccounts(ctx context.Context, workload Workload, connections int) error {
	if slices.Contains(workload.cycle, loginStep) {
		if err := srv.forEachAccount(ctx, connections, []accountRole{loginStep.fromRole},
			srv.logInAccount); err != nil {
			return err
		}
	}
	roles := []accountRole{pollerRole, senderRole, partnerRole}
	return srv.forEachAccount(ctx, srv.cfg.maxConnections(), roles, srv.drainMailbox)
}

// forEachAccount calls do for each worker's accounts with the given roles. It uses a few connections concurrently;
// calls for the same worker do not overlap.
func (srv *serverUnderTest) forEachAccount(ctx context.Context, workers int, roles []accountRole,
	do func(c *clientConn, worker int, r accountRole) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for preparer := range prepareWorkers {
		group.Go(func() error {
			conn := newClientConn(srv.process.addr, frameHTTPAnswer, true,
				time.Now().Add(answerTimeout+time.Duration(workers)*time.Second))
			defer conn.close()
			for worker := preparer; worker < workers && ctx.Err() == nil; worker += prepareWorkers {
				for _, role := range roles {
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

// logInAccount logs in the account of a worker with the given role.
func (srv *serverUnderTest) logInAccount(c *clientConn, worker int, r accountRole) error {
	step := loginStep
	step.fromRole = r
	_, err := newHTTPTask(step, worker, srv.accounts, true, nil).sendAndCheck(c, srv.seqs)
	return err
}

// drainMailbox polls until the mailbox is empty. If the session has ended, it logs in again.
func (srv *serverUnderTest) drainMailbox(c *clientConn, worker int, r accountRole) error {
	task := newHTTPTask(requestStep{command: "GetMsgEx", fromRole: r, wantAnswer: "&RES="}, worker, srv.accounts, true,
		nil)
	for {
		switch answer, err := task.sendAndCheck(c, srv.seqs); {
		case err != nil:
			return err
		case bytes.Contains(answer, []byte("&RES=0&MN=0&")):
			return nil
		case bytes.Contains(answer, []byte("&RES=0&")):
		case !bytes.Contains(answer, []byte("&RES=20")):
			return fmt.Errorf("asked %q, got %q", task.requestBytes, answer)
		default:
			if err := srv.logInAccount(c, worker, r); err != nil {
				return err
			}
		}
	}
}

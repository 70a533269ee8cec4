package bench

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// chatPeers is the number of accounts that each account writes to.
const chatPeers = 10

// measureChat measures the latency of messages between connected accounts. For comparison, each round also measures
// how long a store takes for the same messages when it is called directly. Without accounts it does nothing.
func (env *environment) measureChat(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Accounts == 0 {
		return nil
	}
	server, err := env.startConnectedServer(ctx, "chat", cfg.Accounts)
	if err != nil {
		return err
	}
	dir, err := env.makeSubdir("commits")
	if err != nil {
		return err
	}
	if err := cfg.seedDir(ctx, dir, server.population); err != nil {
		return err
	}
	report.Push.Chat = &ChatReport{Accounts: cfg.Accounts}
	if err := cfg.withOpenStore(ctx, dir,
		func(store Store) error { return server.runChat(ctx, cfg, store, report.Push.Chat) }); err != nil {
		return err
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

// runChat connects all accounts, runs the rounds, and stores the result in chat. store is a separate store with the
// same accounts, which measureCommits writes to.
func (srv *serverUnderTest) runChat(ctx context.Context, cfg PushConfig, store Store, chat *ChatReport) (err error) {
	workload := newPushWorkload(ctx, srv.ledger, srv.seqs, srv.activeUINs())
	defer func() { err = cmp.Or(workload.closeAll(), err) }()
	if err := workload.connectAll(srv.process.addr, cfg.Progress); err != nil {
		return err
	}
	count := len(workload.conns)
	pair := func(i int) (from, to int) { return i % count, (i + 1 + i/count%min(chatPeers, count-1)) % count }
	var commits []Percentiles
	chat.ChatResult, err = srv.runRounds(workload, cfg, cfg.Rate, func() error {
		result, err := srv.measureCommits(ctx, store, cfg, pair)
		commits = append(commits, result)
		return err
	}, func(i int) (*pushConn, *pushConn) {
		from, to := pair(i)
		return workload.conns[from], workload.conns[to]
	})
	chat.Commit = medianPercentiles(commits)
	return err
}

// measureCommits delivers the messages of one chat round directly to a store and returns how long each took. pair
// returns the indexes of sender and receiver of message i.
func (srv *serverUnderTest) measureCommits(ctx context.Context, store Store, cfg PushConfig,
	pair func(i int) (from, to int)) (Percentiles, error) {
	var mu sync.Mutex
	times := newHistogram()
	var all errgroup.Group
	err := runPaced(ctx, cfg.Rate, cfg.Duration, func(i int) error {
		all.Go(func() error {
			from, to := pair(i)
			entry := rookery.NewEntry{To: srv.accounts.account(to), Kind: rookery.KindMessage,
				Peer: srv.accounts.account(from), Text: fmt.Sprintf("%0*d%s", numberDigits, i, textFiller)}
			start := time.Now()
			_, err := store.Deliver(ctx, []rookery.NewEntry{entry}, start, rookery.RequestKey{})
			mu.Lock()
			defer mu.Unlock()
			times.record(time.Since(start))
			return err
		})
		return nil
	})
	err = cmp.Or(all.Wait(), err)
	return percentilesOf(times), err
}

// startConnectedServer starts a server with count accounts. None is signed in; the caller logs them in over
// persistent connections.
func (env *environment) startConnectedServer(ctx context.Context, name string, count int) (*serverUnderTest, error) {
	dir, err := env.makeSubdir(name)
	if err != nil {
		return nil, err
	}
	server, err := env.cfg.newServerUnderTest(ctx, name, dir, Population{Accounts: count, Active: count})
	if err != nil {
		return nil, err
	}
	return server, env.startProcess(ctx, server)
}

// activeUINs returns the numbers of all active accounts.
func (srv *serverUnderTest) activeUINs() (uins []rookery.UIN) {
	for i := range srv.population.Active {
		uins = append(uins, srv.accounts.account(i))
	}
	return uins
}

// runRounds calls before and runs the workload once per round, and returns the medians. next selects sender and
// receiver as in pushWorkload.run.
func (srv *serverUnderTest) runRounds(workload *pushWorkload, cfg PushConfig, rate float64, before func() error,
	next func(i int) (sender, receiver *pushConn)) (ChatResult, error) {
	var runs []ChatResult
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "measuring: %g messages a second to %d connections, round %d of %d\n", rate,
			len(workload.conns), round+1, cfg.Rounds)
		if err := before(); err != nil {
			return ChatResult{}, err
		}
		start, err := srv.process.cpuTime()
		if err != nil {
			return ChatResult{}, err
		}
		result, err := workload.run(rate, cfg.Duration, next)
		if err != nil {
			return ChatResult{}, err
		}
		end, err := srv.process.cpuTime()
		if err != nil {
			return ChatResult{}, err
		}
		result.CPU = (end - start) / time.Duration(max(result.Messages, 1))
		runs = append(runs, result)
	}
	return medianChatResult(runs), nil
}

func medianChatResult(runs []ChatResult) ChatResult {
	var answers, pushes []Percentiles
	for _, chatResult := range runs {
		answers, pushes = append(answers, chatResult.Answer), append(pushes, chatResult.Push)
	}
	result := ChatResult{
		Messages:  fewest(runs, func(chatResult ChatResult) uint64 { return chatResult.Messages }),
		PerSecond: median(runs, func(chatResult ChatResult) float64 { return chatResult.PerSecond }),
		Answer:    medianPercentiles(answers), Push: medianPercentiles(pushes),
		CPU: median(runs, func(chatResult ChatResult) time.Duration { return chatResult.CPU }),
	}
	result.findInvalid()
	return result
}

func medianPercentiles(runs []Percentiles) Percentiles {
	return Percentiles{
		P50: median(runs, func(percentiles Percentiles) time.Duration { return percentiles.P50 }),
		P99: median(runs, func(percentiles Percentiles) time.Duration { return percentiles.P99 }),
	}
}

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

// chatRing is how many others each account of the chat writes to.
const chatRing = 10

// chat measures how long messages take between accounts that are all connected,
// and in turns with that how long the store takes for as many, called directly.
func (r *environment) chat(ctx context.Context, cfg PushConfig, report *Report) error {
	if cfg.Accounts == 0 {
		return nil
	}
	server, err := r.talkers(ctx, "chat", cfg.Accounts)
	if err != nil {
		return err
	}
	dir, err := r.subdir("commits")
	if err != nil {
		return err
	}
	if err := cfg.seed(ctx, dir, server.people); err != nil {
		return err
	}
	report.Push.Chat = &Chat{Accounts: cfg.Accounts}
	if err := cfg.withStore(ctx, dir, func(store Store) error { return server.chat(ctx, cfg, store, report.Push.Chat) }); err != nil {
		return err
	}
	report.Messages += server.ledger.total()
	return server.stop(ctx)
}

func (h *serverUnderTest) chat(ctx context.Context, cfg PushConfig, store Store, chat *Chat) (err error) {
	workload := newTalk(ctx, h.ledger, h.seqs, h.everybody())
	defer func() { err = cmp.Or(workload.end(), err) }()
	if err := workload.begin(h.server.addr, cfg.Progress); err != nil {
		return err
	}
	n := len(workload.lines)
	pair := func(i int) (from, to int) { return i % n, (i + 1 + i/n%min(chatRing, n-1)) % n }
	var commits []Percentiles
	chat.ChatResult, err = h.talk(workload, cfg, cfg.Rate, func() error {
		one, err := h.commits(ctx, store, cfg, pair)
		commits = append(commits, one)
		return err
	}, func(i int) (*pushConn, *pushConn) {
		from, to := pair(i)
		return workload.lines[from], workload.lines[to]
	})
	chat.Commit = medianSpread(commits)
	return err
}

// commits delivers straight into a store what a run of the chat sends.
func (h *serverUnderTest) commits(ctx context.Context, store Store, cfg PushConfig, pair func(i int) (from, to int)) (Percentiles, error) {
	var mu sync.Mutex
	var took histogram
	var all errgroup.Group
	err := paced(ctx, cfg.Rate, cfg.Duration, func(i int) error {
		all.Go(func() error {
			from, to := pair(i)
			letter := rookery.NewEntry{To: h.crowd.member(to), Kind: rookery.KindMessage, Peer: h.crowd.member(from), Text: fmt.Sprintf("%0*d%s", numberDigits, i, filler)}
			start := time.Now()
			_, err := store.Deliver(ctx, []rookery.NewEntry{letter}, start, rookery.RequestKey{})
			mu.Lock()
			defer mu.Unlock()
			took.record(time.Since(start))
			return err
		})
		return nil
	})
	err = cmp.Or(all.Wait(), err)
	return spreadOf(&took), err
}

// talkers starts a server with so many accounts, which are to log in over
// lines.
func (r *environment) talkers(ctx context.Context, name string, n int) (*serverUnderTest, error) {
	dir, err := r.subdir(name)
	if err != nil {
		return nil, err
	}
	server, err := r.cfg.newHouse(ctx, name, dir, Population{Accounts: n, Active: n})
	if err != nil {
		return nil, err
	}
	return server, r.start(ctx, server)
}

// everybody is who lives in the house.
func (h *serverUnderTest) everybody() (uins []rookery.UIN) {
	for i := range h.people.Active {
		uins = append(uins, h.crowd.member(i))
	}
	return uins
}

// pushWorkload lets a talk run as often as there are rounds, each time after what is to
// be done before, and returns the medians.
func (h *serverUnderTest) talk(workload *pushWorkload, cfg PushConfig, rate float64, before func() error, next func(i int) (from, to *pushConn)) (ChatResult, error) {
	var runs []ChatResult
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "measuring: %g messages a second to %d connections, round %d of %d\n", rate, len(workload.lines), round+1, cfg.Rounds)
		if err := before(); err != nil {
			return ChatResult{}, err
		}
		start, err := h.server.cpu()
		if err != nil {
			return ChatResult{}, err
		}
		one, err := workload.run(rate, cfg.Duration, next)
		if err != nil {
			return ChatResult{}, err
		}
		end, err := h.server.cpu()
		if err != nil {
			return ChatResult{}, err
		}
		one.CPU = (end - start) / time.Duration(max(one.messages, 1))
		runs = append(runs, one)
	}
	return medianTalk(runs), nil
}

func medianTalk(runs []ChatResult) ChatResult {
	var answers, pushes []Percentiles
	for _, chatResult := range runs {
		answers, pushes = append(answers, chatResult.Answer), append(pushes, chatResult.Push)
	}
	return ChatResult{
		PerSecond: median(runs, func(chatResult ChatResult) float64 { return chatResult.PerSecond }),
		Answer:    medianSpread(answers), Push: medianSpread(pushes),
		CPU: median(runs, func(chatResult ChatResult) time.Duration { return chatResult.CPU }),
	}
}

func medianSpread(runs []Percentiles) Percentiles {
	return Percentiles{
		P50: median(runs, func(percentiles Percentiles) time.Duration { return percentiles.P50 }),
		P99: median(runs, func(percentiles Percentiles) time.Duration { return percentiles.P99 }),
	}
}

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
	h, err := r.talkers(ctx, "chat", cfg.Accounts)
	if err != nil {
		return err
	}
	dir, err := r.subdir("commits")
	if err != nil {
		return err
	}
	if err := cfg.seed(ctx, dir, h.people); err != nil {
		return err
	}
	report.Push.Chat = &Chat{Accounts: cfg.Accounts}
	if err := cfg.withStore(ctx, dir, func(s Store) error { return h.chat(ctx, cfg, s, report.Push.Chat) }); err != nil {
		return err
	}
	report.Messages += h.ledger.total()
	return h.stop(ctx)
}

func (h *serverUnderTest) chat(ctx context.Context, cfg PushConfig, s Store, c *Chat) (err error) {
	t := newTalk(ctx, h.ledger, h.seqs, h.everybody())
	defer func() { err = cmp.Or(t.end(), err) }()
	if err := t.begin(h.server.addr, cfg.Progress); err != nil {
		return err
	}
	n := len(t.lines)
	pair := func(i int) (from, to int) { return i % n, (i + 1 + i/n%min(chatRing, n-1)) % n }
	var commits []Percentiles
	c.ChatResult, err = h.talk(t, cfg, cfg.Rate, func() error {
		one, err := h.commits(ctx, s, cfg, pair)
		commits = append(commits, one)
		return err
	}, func(i int) (*pushConn, *pushConn) {
		from, to := pair(i)
		return t.lines[from], t.lines[to]
	})
	c.Commit = medianSpread(commits)
	return err
}

// commits delivers straight into a store what a run of the chat sends.
func (h *serverUnderTest) commits(ctx context.Context, s Store, cfg PushConfig, pair func(i int) (from, to int)) (Percentiles, error) {
	var mu sync.Mutex
	var took histogram
	var all errgroup.Group
	err := paced(ctx, cfg.Rate, cfg.Duration, func(i int) error {
		all.Go(func() error {
			from, to := pair(i)
			letter := rookery.NewEntry{To: h.crowd.member(to), Kind: rookery.KindMessage, Peer: h.crowd.member(from), Text: fmt.Sprintf("%0*d%s", numberDigits, i, filler)}
			start := time.Now()
			_, err := s.Deliver(ctx, []rookery.NewEntry{letter}, start, rookery.RequestKey{})
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
	h, err := r.cfg.newHouse(ctx, name, dir, Population{Accounts: n, Active: n})
	if err != nil {
		return nil, err
	}
	return h, r.start(ctx, h)
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
func (h *serverUnderTest) talk(t *pushWorkload, cfg PushConfig, rate float64, before func() error, next func(i int) (from, to *pushConn)) (ChatResult, error) {
	var runs []ChatResult
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "measuring: %g messages a second to %d connections, round %d of %d\n", rate, len(t.lines), round+1, cfg.Rounds)
		if err := before(); err != nil {
			return ChatResult{}, err
		}
		start, err := h.server.cpu()
		if err != nil {
			return ChatResult{}, err
		}
		one, err := t.run(rate, cfg.Duration, next)
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
	for _, t := range runs {
		answers, pushes = append(answers, t.Answer), append(pushes, t.Push)
	}
	return ChatResult{
		PerSecond: median(runs, func(t ChatResult) float64 { return t.PerSecond }),
		Answer:    medianSpread(answers), Push: medianSpread(pushes),
		CPU: median(runs, func(t ChatResult) time.Duration { return t.CPU }),
	}
}

func medianSpread(runs []Percentiles) Percentiles {
	return Percentiles{
		P50: median(runs, func(s Percentiles) time.Duration { return s.P50 }),
		P99: median(runs, func(s Percentiles) time.Duration { return s.P99 }),
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// GrowthConfig says how large the large store is.
type GrowthConfig struct {
	Config
	Population
	// Data is where the large store is kept, to be used again by a later run of
	// the same population. "" is a temporary directory.
	Data string
	// Sessions is how many live ones the memory of one is measured with.
	Sessions int
}

// Growth is how a large store compares to a small one.
type Growth struct {
	Population
	// Start is how long it took from the start of the server's process to its
	// first answer: before the load, and after it.
	Start      time.Duration `json:"start_ns"`
	StartAgain time.Duration `json:"start_after_load_ns"`
	Costs      []Growing     `json:"costs"`
	Sessions   int           `json:"sessions"`
	// Without and With are the server's memory without and with the sessions,
	// in bytes, after each session has polled once.
	Without int64 `json:"resident_without_sessions_bytes"`
	With    int64 `json:"resident_with_sessions_bytes"`
}

// Growing is what one workload costs on the large store by what it costs on the
// small one.
type Growing struct {
	Workload    string  `json:"workload"`
	Connections int     `json:"connections"`
	KeepAlive   bool    `json:"keep_alive"`
	Ratio       float64 `json:"cpu_large_to_small"`
}

// PerSession is the memory of one session, in bytes.
func (g *Growth) PerSession() float64 { return ratio(float64(g.With-g.Without), float64(g.Sessions)) }

func (g *Growth) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "large: %d accounts, %d of them with %d friends and %d messages in the mailbox\n", g.Accounts, g.Active, g.Friends, g.Mailbox)
	for _, c := range g.Costs {
		fmt.Fprintf(&b, "%s, %d connections, %s: CPU large to small %.2f\n", c.Workload, c.Connections, way(c.KeepAlive), c.Ratio)
	}
	fmt.Fprintf(&b, "start to first answer: %v, after the load %v\n", g.Start.Round(time.Millisecond), g.StartAgain.Round(time.Millisecond))
	fmt.Fprintf(&b, "%d live sessions: %.2f KiB each (%.1f MiB with them, %.1f MiB without)\n",
		g.Sessions, g.PerSession()/(1<<10), float64(g.With)/(1<<20), float64(g.Without)/(1<<20))
	return b.String()
}

// RunGrowth measures the workloads on a small and on a large store in turns,
// how long a server takes to start on the large one, and what sessions cost.
func RunGrowth(ctx context.Context, cfg GrowthConfig) (_ *Report, err error) {
	if cfg.Sessions < 1 || cfg.Sessions > cfg.Accounts {
		return nil, fmt.Errorf("of %d accounts 1 to all can be signed in, not %d", cfg.Accounts, cfg.Sessions)
	}
	r, err := cfg.newRig(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	large, err := r.house(ctx, "large", cfg.Data, cfg.Population)
	if err != nil {
		return nil, err
	}
	small, err := r.smallHouse(ctx, "small")
	if err != nil {
		return nil, err
	}
	contenders := []contender{r.floor}
	for _, w := range cfg.Workloads {
		contenders = append(contenders, small.contender(w), large.contender(w))
	}
	g := &Growth{Population: cfg.Population, Sessions: cfg.Sessions, Start: large.started}
	rows, err := r.each(ctx, contenders)
	if err != nil {
		return nil, err
	}
	g.Costs = growing(rows, small.name, large.name)
	if err := errors.Join(small.stop(ctx), large.stop(ctx)); err != nil {
		return nil, err
	}
	if err := large.weigh(ctx, g); err != nil {
		return nil, err
	}
	return &Report{
		System: system(), Rows: rows, Growth: g, Targets: g.targets(),
		Messages: small.ledger.total() + large.ledger.total(),
	}, nil
}

func growing(rows []Row, small, large string) (all []Growing) {
	for _, row := range rows {
		for _, other := range rows {
			if row.Store == large && other.Store == small && row.Workload == other.Workload &&
				row.Connections == other.Connections && row.KeepAlive == other.KeepAlive {
				all = append(all, Growing{row.Workload, row.Connections, row.KeepAlive, ratio(float64(row.CPU), float64(other.CPU))})
			}
		}
	}
	return all
}

func (g *Growth) targets() []Target {
	var all []Target
	for _, c := range g.Costs {
		what := fmt.Sprintf("%s, %d connections, %s, CPU large to small", c.Workload, c.Connections, way(c.KeepAlive))
		all = append(all, atMost(what, c.Ratio, 1.2, 0))
	}
	return append(all,
		atMost("start to first answer in s", g.Start.Seconds(), 2, 0),
		atMost("start to first answer after the load in s", g.StartAgain.Seconds(), 2, 0))
}

// weigh starts the server without and with live sessions.
func (h *house) weigh(ctx context.Context, g *Growth) error {
	sessions := h.sessions(g.Sessions)
	var err error
	if g.Without, err = h.residentAfterPolls(ctx, sessions, "&RES="); err != nil {
		return err
	}
	g.StartAgain = h.started
	if err := h.cfg.withStore(ctx, h.dir, func(s Store) error { return h.signAllIn(ctx, s, sessions) }); err != nil {
		return err
	}
	if g.With, err = h.residentAfterPolls(ctx, sessions, "&RES=0&"); err != nil {
		return err
	}
	return h.cfg.withStore(ctx, h.dir, func(s Store) error { return s.SignOut(ctx, sessions) })
}

// sessions are spread among all accounts.
func (h *house) sessions(n int) []rookery.Session {
	all := make([]rookery.Session, n)
	distance := rookery.UIN(h.people.Accounts / n)
	for i := range all {
		all[i] = h.session(rookery.FirstUIN + rookery.UIN(i)*distance)
	}
	return all
}

// residentAfterPolls is the memory of a fresh server which has been asked once
// for each of the sessions, so that with and without them it has done as much.
func (h *house) residentAfterPolls(ctx context.Context, sessions []rookery.Session, want string) (int64, error) {
	if err := h.start(ctx); err != nil {
		return 0, err
	}
	if err := h.pollAll(sessions, want); err != nil {
		return 0, err
	}
	resident, err := h.server.resident()
	return resident, errors.Join(err, h.server.stop())
}

func (h *house) pollAll(sessions []rookery.Session, want string) error {
	c := newConn(h.server.addr, frameHTTP, true, time.Now().Add(10*patience))
	defer c.close()
	for _, s := range sessions {
		t := httpTask(step{command: "GetMsgEx", from: poller, want: want}, 0, crowd{first: s.Account}, true, nil)
		if _, err := t.ask(c, h.seqs); err != nil {
			return err
		}
	}
	return nil
}

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

const maxSessions = 1_000_000

// Growth is how a large store compares to a small one.
type Growth struct {
	Population
	// Start is how long it took from the start of the server's process to its
	// first answer: before the load, and after it.
	Start      time.Duration `json:"start_ns"`
	StartAgain time.Duration `json:"start_after_load_ns"`
	Costs      []Growing     `json:"costs"`
	Sessions   int           `json:"sessions"`
	// Without and With are the memory of a server without and with the sessions,
	// in bytes, after a poll for each of them.
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
	for _, growing := range g.Costs {
		fmt.Fprintf(&b, "%s, %d connections, %s: CPU large to small %.2f\n", growing.Workload, growing.Connections, way(growing.KeepAlive), growing.Ratio)
	}
	fmt.Fprintf(&b, "start to first answer: %v, after the load %v\n", g.Start.Round(time.Millisecond), g.StartAgain.Round(time.Millisecond))
	fmt.Fprintf(&b, "%d live sessions: %.2f KiB each (%.1f MiB with them, %.1f MiB without)\n",
		g.Sessions, g.PerSession()/(1<<10), float64(g.With)/(1<<20), float64(g.Without)/(1<<20))
	return b.String()
}

// RunGrowth measures the workloads on a small and on a large store in turns,
// how long a server takes to start on the large one, and what sessions cost.
func RunGrowth(ctx context.Context, cfg GrowthConfig) (_ *Report, err error) {
	if cfg.Sessions < 1 || cfg.Sessions > maxSessions {
		return nil, fmt.Errorf("1 to %d sessions can be weighed, not %d", maxSessions, cfg.Sessions)
	}
	env, err := cfg.newRig(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, env.close()) }()
	large, err := env.house(ctx, "large", cfg.Data, cfg.Population)
	if err != nil {
		return nil, err
	}
	small, err := env.smallHouse(ctx, "small")
	if err != nil {
		return nil, err
	}
	contenders := []candidate{env.floor}
	for _, workload := range cfg.Workloads {
		contenders = append(contenders, small.contender(workload), large.contender(workload))
	}
	growth := &Growth{Population: cfg.Population, Sessions: cfg.Sessions, Start: large.started}
	rows, err := env.each(ctx, contenders)
	if err != nil {
		return nil, err
	}
	growth.Costs = growing(rows, small.name, large.name)
	if err := errors.Join(small.stop(ctx), large.stop(ctx)); err != nil {
		return nil, err
	}
	if growth.StartAgain, err = env.again(ctx, large); err != nil {
		return nil, err
	}
	if growth.Without, growth.With, err = env.weigh(ctx, cfg.Sessions); err != nil {
		return nil, err
	}
	return &Report{
		System: system(), Rows: rows, Growth: growth, Targets: growth.targets(),
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
	for _, growing := range g.Costs {
		what := fmt.Sprintf("%s, %d connections, %s, CPU large to small", growing.Workload, growing.Connections, way(growing.KeepAlive))
		all = append(all, atMost(what, growing.Ratio, 1.2, 0))
	}
	return append(all,
		atMost("start to first answer in s", g.Start.Seconds(), 2, 0),
		atMost("start to first answer after the load in s", g.StartAgain.Seconds(), 2, 0))
}

// again starts the server on the large store once more.
func (r *environment) again(ctx context.Context, large *serverUnderTest) (time.Duration, error) {
	if err := r.start(ctx, large); err != nil {
		return 0, err
	}
	return large.started, large.server.stop()
}

// weigh starts a server without and with live sessions, on a store that holds
// nobody else: there the memory that the store needs is small, and the same.
func (r *environment) weigh(ctx context.Context, n int) (without, with int64, err error) {
	dir, err := r.subdir("sessions")
	if err != nil {
		return 0, 0, err
	}
	server, err := r.cfg.newHouse(ctx, "sessions", dir, Population{Accounts: n, Active: n})
	if err != nil {
		return 0, 0, err
	}
	sessions := make([]rookery.Session, n)
	for i := range sessions {
		sessions[i] = server.session(server.crowd.member(i))
	}
	if without, err = r.residentAfterPolls(ctx, server, sessions, "&RES=20"); err != nil {
		return 0, 0, err
	}
	if err := r.cfg.withStore(ctx, dir, func(store Store) error { return server.signAllIn(ctx, store, sessions) }); err != nil {
		return 0, 0, err
	}
	with, err = r.residentAfterPolls(ctx, server, sessions, "&RES=0&")
	return without, with, err
}

// residentAfterPolls is the memory of a fresh server which has been asked once
// for each of the sessions, so that with and without them it has done as much.
func (r *environment) residentAfterPolls(ctx context.Context, server *serverUnderTest, sessions []rookery.Session, want string) (int64, error) {
	if err := r.start(ctx, server); err != nil {
		return 0, err
	}
	if err := server.pollAll(sessions, want); err != nil {
		return 0, err
	}
	resident, err := server.server.resident()
	return resident, errors.Join(err, server.server.stop())
}

func (h *serverUnderTest) pollAll(sessions []rookery.Session, want string) error {
	conn := newConn(h.server.addr, frameHTTP, true, time.Now().Add(10*patience))
	defer conn.close()
	for _, session := range sessions {
		task := httpTask(step{command: "GetMsgEx", from: poller, want: want}, 0, accountRange{first: session.Account}, true, nil)
		if _, err := task.ask(conn, h.seqs); err != nil {
			return err
		}
	}
	return nil
}

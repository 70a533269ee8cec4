package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// GrowthConfig configures a comparison of a large store with a small one.
type GrowthConfig struct {
	Config
	Population
	// Data is the directory of the large store. A later run with the same population reuses it. If it is empty,
	// the store is temporary.
	Data string
	// Sessions is the number of live sessions whose memory is measured.
	Sessions int
}

const maxSessions = 1_000_000

// Growth is the result of RunGrowth. Population is that of the large store.
type Growth struct {
	Population
	// StartDuration is the time from the start of the server on the large store to its first answer, before the
	// workloads ran. RestartDuration is the same after them.
	StartDuration   time.Duration `json:"start_ns"`
	RestartDuration time.Duration `json:"start_after_load_ns"`
	Costs           []GrowthCost  `json:"costs"`
	Sessions        int           `json:"sessions"`
	// The resident memory of a server without and with the sessions, in bytes, each after one poll per session.
	ResidentWithoutSessions int64 `json:"resident_without_sessions_bytes"`
	ResidentWithSessions    int64 `json:"resident_with_sessions_bytes"`
	// SessionsInvalid is the reason why the difference of the two is no valid measurement; empty if it is one.
	SessionsInvalid string `json:"sessions_invalid,omitempty"`
}

// GrowthCost is the ratio of a workload's cost on the large store to its cost on the small one.
type GrowthCost struct {
	Workload    string  `json:"workload"`
	Connections int     `json:"connections"`
	KeepAlive   bool    `json:"keep_alive"`
	Ratio       float64 `json:"cpu_large_to_small"`
	// Invalid is the reason why Ratio is no valid measurement; empty if it is one.
	Invalid string `json:"invalid,omitempty"`
}

// BytesPerSession returns the resident memory of one session in bytes.
func (gr *Growth) BytesPerSession() float64 {
	return ratio(float64(gr.ResidentWithSessions-gr.ResidentWithoutSessions), float64(gr.Sessions))
}

func (gr *Growth) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "large: %d accounts, %d of them with %d friends and %d messages in the mailbox\n", gr.Accounts,
		gr.Active, gr.Friends, gr.Mailbox)
	for _, cost := range gr.Costs {
		fmt.Fprintf(&text, "%s: %s\n", cost.label(), cmp.Or(cost.Invalid, fmt.Sprintf("%.2f", cost.Ratio)))
	}
	fmt.Fprintf(&text, "start to first answer: %v, after the load %v\n", gr.StartDuration.Round(time.Millisecond),
		gr.RestartDuration.Round(time.Millisecond))
	fmt.Fprintf(&text, "%d live sessions: %s KiB each (%.1f MiB with them, %.1f MiB without)\n",
		gr.Sessions, cellText(gr.SessionsInvalid, "%.2f", gr.BytesPerSession()/(1<<10)),
		mebibytes(gr.ResidentWithSessions), mebibytes(gr.ResidentWithoutSessions))
	return text.String()
}

// RunGrowth runs the workloads on a small and a large store in turns. It also measures how long a server takes
// to start on the large store, and the memory of sessions.
func RunGrowth(ctx context.Context, cfg GrowthConfig) (_ *Report, err error) {
	if cfg.Sessions < 1 || cfg.Sessions > maxSessions {
		return nil, fmt.Errorf("1 to %d sessions can be weighed, not %d", maxSessions, cfg.Sessions)
	}
	environment, err := cfg.newEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, environment.close()) }()
	large, err := environment.startServer(ctx, "large", cfg.Data, cfg.Population)
	if err != nil {
		return nil, err
	}
	small, err := environment.startSmallServer(ctx, "small")
	if err != nil {
		return nil, err
	}
	candidates := []candidate{environment.floor}
	for _, workload := range cfg.Workloads {
		candidates = append(candidates, small.newCandidate(workload), large.newCandidate(workload))
	}
	growth := &Growth{Population: cfg.Population, Sessions: cfg.Sessions, StartDuration: large.startDuration}
	rows, err := environment.compareAll(ctx, candidates)
	if err != nil {
		return nil, err
	}
	growth.Costs = compareGrowth(rows, small.name, large.name)
	if err := errors.Join(small.stop(ctx), large.stop(ctx)); err != nil {
		return nil, err
	}
	if growth.RestartDuration, err = environment.measureRestart(ctx, large); err != nil {
		return nil, err
	}
	if growth.ResidentWithoutSessions, growth.ResidentWithSessions,
		err = environment.measureSessionMemory(ctx, cfg.Sessions); err != nil {
		return nil, err
	}
	growth.SessionsInvalid = reasonNoGrowth(growth.ResidentWithoutSessions, growth.ResidentWithSessions)
	return &Report{
		System: describeSystem(), Rows: rows, Growth: growth, Targets: growth.judgeTargets(),
		Messages: small.ledger.total() + large.ledger.total(),
	}, nil
}

// compareGrowth pairs the rows of the two stores and returns the ratio of their costs.
func compareGrowth(rows []Row, small, large string) (all []GrowthCost) {
	for _, row := range rows {
		for _, other := range rows {
			if row.Store == large && other.Store == small && row.Workload == other.Workload &&
				row.Connections == other.Connections && row.KeepAlive == other.KeepAlive {
				all = append(all, GrowthCost{row.Workload, row.Connections, row.KeepAlive,
					ratio(float64(row.CPU), float64(other.CPU)), reasonOfRatio(row, other, cpuFigure)})
			}
		}
	}
	return all
}

// label names the ratio and the window of both sides.
func (gc GrowthCost) label() string {
	return fmt.Sprintf("%s, CPU large to small (both %s)", gc.Workload,
		windowName(gc.Connections, gc.KeepAlive, 1))
}

func (gr *Growth) judgeTargets() []Target {
	var all []Target
	for _, cost := range gr.Costs {
		all = append(all, atMost(cost.label(), cost.Ratio, 1.2, 0, cost.Invalid))
	}
	return append(all,
		atMost("start to first answer in s", gr.StartDuration.Seconds(), 2, 0, ""),
		atMost("start to first answer after the load in s", gr.RestartDuration.Seconds(), 2, 0, ""))
}

// measureRestart starts the server on the large store again and returns the time to its first answer.
func (env *environment) measureRestart(ctx context.Context, large *serverUnderTest) (time.Duration, error) {
	if err := env.startProcess(ctx, large); err != nil {
		return 0, err
	}
	return large.startDuration, large.process.stop()
}

// measureSessionMemory returns the resident memory, in bytes, of a server without and with count live sessions. The
// store holds only the accounts of these sessions, so that the memory of the store itself is small and the same in both
// cases.
func (env *environment) measureSessionMemory(ctx context.Context, count int) (without, with int64, err error) {
	dir, err := env.makeSubdir("sessions")
	if err != nil {
		return 0, 0, err
	}
	server, err := env.cfg.newServerUnderTest(ctx, "sessions", dir, Population{Accounts: count, Active: count})
	if err != nil {
		return 0, 0, err
	}
	sessions := make([]rookery.Session, count)
	for i := range sessions {
		sessions[i] = server.newSession(server.accounts.account(i))
	}
	if without, err = env.residentAfterPolls(ctx, server, sessions, "&RES=20"); err != nil {
		return 0, 0, err
	}
	if err := env.cfg.withOpenStore(ctx, dir,
		func(store Store) error { return server.storeSessions(ctx, store, sessions) }); err != nil {
		return 0, 0, err
	}
	with, err = env.residentAfterPolls(ctx, server, sessions, "&RES=0&")
	return without, with, err
}

// residentAfterPolls starts a server, polls once for each session, and returns the server's memory. wanted is a
// part of the expected answers. The polls make the server do the same work with and without live sessions.
func (env *environment) residentAfterPolls(ctx context.Context, server *serverUnderTest, sessions []rookery.Session,
	wanted string) (int64, error) {
	if err := env.startProcess(ctx, server); err != nil {
		return 0, err
	}
	if err := server.pollSessions(sessions, wanted); err != nil {
		return 0, err
	}
	resident, err := server.process.residentMemory()
	return resident, errors.Join(err, server.process.stop())
}

func (srv *serverUnderTest) pollSessions(sessions []rookery.Session, wanted string) error {
	conn := newClientConn(srv.process.addr, frameHTTPAnswer, true, time.Now().Add(10*answerTimeout))
	defer conn.close()
	for _, session := range sessions {
		task := newHTTPTask(requestStep{command: "GetMsgEx", fromRole: pollerRole, wantAnswer: wanted}, 0,
			accountRange{first: session.Account}, true, nil)
		if _, err := task.sendAndCheck(conn, srv.seqs); err != nil {
			return err
		}
	}
	return nil
}

package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/service"
)

// Config says what is measured, and for how long.
type Config struct {
	// Executable is the rookery binary. Its "serve" and its "bench floor" are
	// the servers that are measured.
	Executable string
	// OpenStore opens the store in a data directory that no server uses.
	OpenStore func(ctx context.Context, dir string) (Store, error)
	// Temporary is where directories for temporary data are made: on a real
	// disk, or a sync costs nothing. "" is the system's place.
	Temporary string

	Workloads   []Workload
	Connections []int
	// KeepAlive says which ways of using connections are measured: true keeps
	// them, false makes one for each request.
	KeepAlive []bool
	// Duration is that of one run; each figure is the median of Rounds runs.
	Duration time.Duration
	Rounds   int
	// Redis compares durable sends with Redis Streams.
	Redis bool

	// Profile is the file that the server writes its CPU profile to, "" for
	// none.
	Profile string

	// Progress gets a line now and then.
	Progress io.Writer

	// cost is that of the accounts' password hashes, zero for the server's own.
	cost service.PasswordCost
}

// Bounds of a run, so that nothing asked for by mistake runs for a day.
const (
	maxDuration    = time.Minute
	maxRounds      = 99
	maxConnections = 2000
)

func (cfg *Config) validate() error {
	switch {
	case cfg.Duration <= 0 || cfg.Duration > maxDuration:
		return fmt.Errorf("a run takes more than 0s and at most %v, not %v", maxDuration, cfg.Duration)
	case cfg.Rounds < 1 || cfg.Rounds > maxRounds:
		return fmt.Errorf("there are 1 to %d rounds, not %d", maxRounds, cfg.Rounds)
	case len(cfg.Workloads) == 0 || len(cfg.Connections) == 0 || len(cfg.KeepAlive) == 0:
		return errors.New("at least one workload, one number of connections and one way to use them is needed")
	case slices.Min(cfg.Connections) < 1 || cfg.maxConnections() > maxConnections:
		return fmt.Errorf("there are 1 to %d connections", maxConnections)
	}
	return nil
}

func (cfg *Config) maxConnections() int { return slices.Max(cfg.Connections) }

// candidate is one workload on one server.
type candidate struct {
	name    string
	store   string
	server  *childProcess
	framing frameFunc
	seqs    *seqSource
	// keepsAlive: it cannot have a connection per request.
	onlyKeepAlive bool
	// prepare is done before each run and not measured; it may be nil.
	prepare func(ctx context.Context, connections int) error
	cycle   func(worker int, keepAlive bool) []*requestTask
	// maxUnanswered is how many requests each connection has unanswered at a time. With
	// more than 0, the cycle is one task, and a connection begins with open, if
	// that is not nil.
	maxUnanswered int
	loginTask     func(worker int) *requestTask
}

// measureCandidate makes one run.
func (cfg *Config) measureCandidate(ctx context.Context, c candidate, connections int, keepAlive bool) (Figures, error) {
	if c.prepare != nil {
		if err := c.prepare(ctx, connections); err != nil {
			return Figures{}, err
		}
	}
	before, err := c.server.cpuTime()
	if err != nil {
		return Figures{}, err
	}
	sample, err := loadRun{
		addr: c.server.addr, framing: c.framing, seqs: c.seqs,
		connections: connections, keepAlive: keepAlive, duration: cfg.Duration, maxUnanswered: c.maxUnanswered, loginTask: c.loginTask,
		cycle: func(worker int) []*requestTask { return c.cycle(worker, keepAlive) },
	}.run(ctx)
	if err != nil {
		return Figures{}, err
	}
	after, err := c.server.cpuTime()
	if err != nil {
		return Figures{}, err
	}
	resident, err := c.server.residentMemory()
	return Figures{
		PerSecond: float64(sample.requests) / sample.elapsed.Seconds(),
		P50:       sample.latency.quantile(0.50),
		P99:       sample.latency.quantile(0.99),
		CPU:       (after - before) / time.Duration(max(sample.requests, 1)),
		Resident:  resident,
	}, err
}

// compareCandidates lets the contenders run in turns, as often as there are rounds, and
// returns a row of medians for each. The first is the floor of the others.
func (cfg *Config) compareCandidates(ctx context.Context, candidates []candidate, connections int, keepAlive bool) ([]Row, error) {
	if !keepAlive {
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return c.onlyKeepAlive })
	}
	runs := make([][]Figures, len(candidates))
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "measuring: %d connections, %s, round %d of %d\n", connections, connectionUse(keepAlive), round+1, cfg.Rounds)
		for i, candidate := range candidates {
			figures, err := cfg.measureCandidate(ctx, candidate, connections, keepAlive)
			if err != nil {
				// Servers that end break connections: the reason is what ended them.
				return nil, fmt.Errorf("%s, %d connections, %s: %w", candidate.name, connections, connectionUse(keepAlive), cmp.Or(ctx.Err(), err))
			}
			runs[i] = append(runs[i], figures)
		}
	}
	var rows []Row
	for i, candidate := range candidates {
		row := Row{Workload: candidate.name, Store: candidate.store, Connections: connections, KeepAlive: keepAlive, Figures: medianFigures(runs[i])}
		row.Ratio = ratio(float64(row.CPU), float64(medianFigures(runs[0]).CPU))
		rows = append(rows, row)
	}
	return rows, nil
}

// medianFigures takes the median of each figure by itself.
func medianFigures(runs []Figures) Figures {
	return Figures{
		PerSecond: median(runs, func(figures Figures) float64 { return figures.PerSecond }),
		P50:       median(runs, func(figures Figures) time.Duration { return figures.P50 }),
		P99:       median(runs, func(figures Figures) time.Duration { return figures.P99 }),
		CPU:       median(runs, func(figures Figures) time.Duration { return figures.CPU }),
		Resident:  median(runs, func(figures Figures) int64 { return figures.Resident }),
	}
}

// median is the middle one of an odd number of figures, the lower of the two
// middle ones of an even number.
func median[R any, T cmp.Ordered](runs []R, total func(R) T) T {
	var all []T
	for _, r := range runs {
		all = append(all, total(r))
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// environment is what one bench runs: the servers, and where their data lie.
type environment struct {
	cfg       *Config
	dir       string
	floor     candidate
	stopFuncs []func() error
}

// newEnvironment checks the configuration and starts the floor.
func (cfg *Config) newEnvironment(ctx context.Context) (*environment, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if _, err := processCPU(os.Getpid()); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(cfg.Temporary, "rookery-bench-")
	if err != nil {
		return nil, err
	}
	env := &environment{cfg: cfg, dir: dir}
	floor, err := startChildProcess(ctx, "floor", cfg.floorCommand, listeningAddress)
	if err != nil {
		return nil, errors.Join(err, env.close())
	}
	env.stopFuncs = append(env.stopFuncs, floor.stop)
	accounts := Population{Accounts: 1, Active: 1}.activeAccounts()
	env.floor = candidate{
		name: "floor", server: floor, framing: frameHTTPAnswer,
		cycle: func(worker int, keepAlive bool) []*requestTask {
			return []*requestTask{floorTask(worker, accounts, keepAlive)}
		},
	}
	return env, nil
}

// makeSubdir makes a directory for temporary data.
func (env *environment) makeSubdir(name string) (string, error) {
	dir := filepath.Join(env.dir, name)
	return dir, os.Mkdir(dir, 0o700)
}

// close stops what still runs and removes the temporary data.
func (env *environment) close() error {
	var errs []error
	for _, stop := range env.stopFuncs {
		errs = append(errs, stop())
	}
	return errors.Join(append(errs, os.RemoveAll(env.dir))...)
}

// compareAll compares the contenders for all numbers of connections and ways to use
// them.
func (env *environment) compareAll(ctx context.Context, candidates []candidate) ([]Row, error) {
	var all []Row
	for _, keepAlive := range env.cfg.KeepAlive {
		for _, connections := range env.cfg.Connections {
			rows, err := env.cfg.compareCandidates(ctx, candidates, connections, keepAlive)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

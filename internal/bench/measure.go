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

	"github.com/rookery-im/rookery/internal/auth"
)

// Config configures a measurement.
type Config struct {
	// Executable is the path of the rookery binary. Its commands "serve" and "bench floor" run the measured servers.
	Executable string
	// OpenStore opens the store in a data directory that no server uses, and creates a missing one.
	OpenStore func(ctx context.Context, dir string) (Store, error)
	// Temporary is the parent of directories for temporary data. It should be on a real disk, because syncs in
	// memory cost nothing. If it is empty, the system's directory is used.
	Temporary string

	Workloads []Workload
	// Connections lists the numbers of simultaneous connections to measure.
	Connections []int
	// KeepAlive lists the uses of connections to measure: true for keep-alive, false for one per request.
	KeepAlive []bool
	// Duration is the length of one run. Each figure is the median of Rounds runs.
	Duration time.Duration
	Rounds   int
	// Redis adds a comparison of durable sends with Redis Streams.
	Redis bool

	// Profile is the file for the server's CPU profile; empty for none.
	Profile string

	// Progress receives a line of text from time to time.
	Progress io.Writer

	// cost is the cost of the accounts' password hashes; zero means auth.DefaultCost.
	cost auth.Cost
}

// Limits that prevent a run of many hours by mistake.
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

// candidate is one workload on one server, a contender in compareCandidates.
type candidate struct {
	name    string // of the workload
	store   string // distinguishes the servers of RunGrowth
	server  *childProcess
	framing frameFunc
	seqs    *seqSource
	// durable is set if each answer means that a message is on the disk. Such candidates are compared with the durable
	// floor too.
	durable bool
	// onlyKeepAlive excludes the candidate from runs with one connection per request.
	onlyKeepAlive bool
	// prepare runs before each run and is not measured. It may be nil.
	prepare func(ctx context.Context, connections int) error
	// cycle returns the tasks that a worker repeats.
	cycle func(worker int, keepAlive bool) []*requestTask
	// maxUnanswered, if above 0, selects a pipeline with that many unanswered requests per connection. The cycle
	// must then be a single task. Each connection begins with loginTask, unless that is nil.
	maxUnanswered int
	loginTask     func(worker int) *requestTask
}

// measureCandidate makes one run of c and returns its figures.
func (cfg *Config) measureCandidate(ctx context.Context, c candidate, connections int, keepAlive bool) (Figures,
	error) {
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
		connections: connections, keepAlive: keepAlive, duration: cfg.Duration, maxUnanswered: c.maxUnanswered,
		loginTask: c.loginTask,
		cycle:     func(worker int) []*requestTask { return c.cycle(worker, keepAlive) },
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
		Requests:  sample.requests,
		PerSecond: float64(sample.requests) / sample.elapsed.Seconds(),
		P50:       sample.latency.quantile(0.50),
		P99:       sample.latency.quantile(0.99),
		CPU:       (after - before) / time.Duration(max(sample.requests, 1)),
		Resident:  resident,
	}, err
}

// compareCandidates runs the candidates in turns, once per round, and returns a row of medians for each. The
// first candidate must be the floor.
func (cfg *Config) compareCandidates(ctx context.Context, candidates []candidate, connections int,
	keepAlive bool) ([]Row, error) {
	if !keepAlive {
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return c.onlyKeepAlive })
	}
	runs := make([][]Figures, len(candidates))
	for round := range cfg.Rounds {
		fmt.Fprintf(cfg.Progress, "measuring: %d connections, %s, round %d of %d\n", connections,
			connectionUse(keepAlive), round+1, cfg.Rounds)
		for i, candidate := range candidates {
			figures, err := cfg.measureCandidate(ctx, candidate, connections, keepAlive)
			if err != nil {
				// When ctx ends, the servers stop and break connections. Report the cause.
				return nil, fmt.Errorf("%s, %d connections, %s: %w", candidate.name, connections,
					connectionUse(keepAlive), cmp.Or(ctx.Err(), err))
			}
			runs[i] = append(runs[i], figures)
		}
	}
	var rows []Row
	for i, candidate := range candidates {
		rows = append(rows, newRow(Row{Workload: candidate.name, Store: candidate.store, Connections: connections,
			InFlight: max(candidate.maxUnanswered, 1), KeepAlive: keepAlive, Figures: medianFigures(runs[i])}))
	}
	for i, candidate := range candidates {
		rows[i].compareWithFloor(rows[0])
		if j := slices.IndexFunc(rows, func(row Row) bool { return row.Workload == durableFloor }); j >= 0 &&
			candidate.durable {
			rows[i].compareWithDurableFloor(rows[j])
		}
	}
	return rows, nil
}

// medianFigures returns the median of each figure separately, and the smallest number of requests.
func medianFigures(runs []Figures) Figures {
	return Figures{
		Requests:  fewest(runs, func(figures Figures) uint64 { return figures.Requests }),
		PerSecond: median(runs, func(figures Figures) float64 { return figures.PerSecond }),
		P50:       median(runs, func(figures Figures) time.Duration { return figures.P50 }),
		P99:       median(runs, func(figures Figures) time.Duration { return figures.P99 }),
		CPU:       median(runs, func(figures Figures) time.Duration { return figures.CPU }),
		Resident:  median(runs, func(figures Figures) int64 { return figures.Resident }),
	}
}

// median returns the median of an odd number of values, and the lower of the two middle ones of an even number.
func median[R any, T cmp.Ordered](runs []R, figure func(R) T) T {
	var all []T
	for _, r := range runs {
		all = append(all, figure(r))
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// fewest returns the smallest count of the runs.
func fewest[R any](runs []R, count func(R) uint64) uint64 {
	smallest := count(runs[0])
	for _, run := range runs[1:] {
		smallest = min(smallest, count(run))
	}
	return smallest
}

// ratio returns a/b, or 0 if b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// environment is what one bench sets up and close removes: the temporary data and the processes, of which the floor
// is one.
type environment struct {
	cfg       *Config
	dir       string
	floor     candidate
	stopFuncs []func() error
}

// newEnvironment validates the configuration and starts the floor. It fails early on systems where the cost of a
// process cannot be measured.
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
	process, err := startChildProcess(ctx, floor, cfg.floorCommand, listeningAddress)
	if err != nil {
		return nil, errors.Join(err, env.close())
	}
	env.stopFuncs = append(env.stopFuncs, process.stop)
	accounts := Population{Accounts: 1, Active: 1}.activeAccounts()
	env.floor = candidate{
		name: floor, server: process, framing: frameHTTPAnswer,
		cycle: func(worker int, keepAlive bool) []*requestTask {
			return []*requestTask{floorTask(worker, accounts, keepAlive)}
		},
	}
	return env, nil
}

// makeSubdir creates a directory for temporary data.
func (env *environment) makeSubdir(name string) (string, error) {
	dir := filepath.Join(env.dir, name)
	return dir, os.Mkdir(dir, 0o700)
}

// close stops all processes and removes the temporary data.
func (env *environment) close() error {
	var errs []error
	for _, stop := range env.stopFuncs {
		errs = append(errs, stop())
	}
	return errors.Join(append(errs, os.RemoveAll(env.dir))...)
}

// compareAll runs compareCandidates for each configured number of connections, with and without keep-alive as
// configured.
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

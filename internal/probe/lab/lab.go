package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// Config says what is studied, and how much of it may be.
type Config struct {
	File *experiment.File
	// URL is the server's.
	URL string
	// Name is the run's name in transcripts: a or b.
	Name string
	// Remote allows a host beyond loopback, if the file names it.
	Remote bool
	// Requests is the budget. Setting up and undoing count, control URLs do not. In
	// a lab it is without what [Farewell] says.
	Requests int
	// Salt is what the marks of requests are derived from. Runs with different salts do
	// not share marks.
	Salt uint64
	// Journal takes what is done, nil if nothing shall be kept.
	Journal *journal.TranscriptWriter
	// Archive holds what was done before; nil if nothing was.
	Archive *Archive
	// Offline sends nothing: what is not in the archive is not known.
	Offline bool
	// Instead answers in place of the server, if it is not nil: nothing is sent.
	Instead Server
	// Dial connects to the server from a place, "" for any; nil is over TCP.
	Dial func(ctx context.Context, place, server string) (net.Conn, error)
	// Patience is how long an answer is waited for; 0 is 10 s.
	Patience time.Duration
	// Began is when the transcript began; if it is gone on with, so long before now
	// as it is long.
	Began time.Time
	// Progress is told how far it has got, if it is not nil.
	Progress func(Progress)
	// Until ends the experiments, if it is not nil, and the contexts of calls do not: so
	// whoever makes them learns of it as he does of a transcript's end, by [*Stopped].
	Until context.Context
}

// A Server answers in place of one on the network: to find out what a study takes.
type Server interface {
	// Begin makes everything as it was in the beginning.
	Begin()
	// Wait lets time go by.
	Wait(time.Duration)
	// Answer is the whole HTTP response to the record of a step, nil for none. Account
	// is the number of the account that acts.
	Answer(step experiment.Step, account string, record []byte) []byte
}

// Progress is how far a lab has got.
type Progress struct {
	Run            string
	Sent, Budget   int
	Tries          int
	Rate           float64 // the limit in force, requests a second; 0 if none
	TimeLeft       time.Duration
	WaitingFor     time.Duration // if a wait has begun
	TransportFault int
	Online         bool // something was sent: not all comes from the archive any more
}

// A Lab makes experiments on one server, one after the other.
type Lab struct {
	Config
	server  string // host:port
	control map[string]string
	client  http.Client // for control URLs
	conns   map[string]*recordedConn
	pace    requestPacer
	budget  int // requests, with those of the farewell
	most    int // requests, for now
	sent    int
	tries   int
	number  int // of the latest try
	faults  int
	broken  bool                 // the server does not let itself be asked any more
	heard   bool                 // the server has answered once
	asked   bool                 // something was sent: not all came from the archive
	roles   []experiment.Account // who played them in the latest try
	secrets [][]byte             // what is kept out of transcripts
	// failed counts logins by account that failed since the latest right one, and wrongAt
	// has when, where no control URL undoes them. locks says that a right one did not help.
	failed  map[string]int
	wrongAt map[string][]experimentTime
	locks   *Lock
	pool    uint64        // the next fresh account
	moved   time.Duration // how far the clock was moved
	residue accountResidue
	limit   limitTracker
	now     experimentTime  // of the latest entry
	toWait  time.Duration   // before the next try
	held    *suspectedLimit // what a request of a reset waits for, or has waited for
	// known are experiments whose last request was done, by its role and command; without
	// these, the first one.
	known map[[2]string][]experiment.Step
}

// New makes a lab. It sends nothing.
func New(config Config) (*Lab, error) {
	if config.Patience == 0 {
		config.Patience = 10 * time.Second
	}
	if config.Dial == nil {
		config.Dial = dialTCP
	}
	if config.Began.IsZero() {
		config.Began = time.Now()
	}
	lab := &Lab{
		Config: config, conns: make(map[string]*recordedConn), control: make(map[string]string),
		failed: make(map[string]int), wrongAt: make(map[string][]experimentTime),
		limit: newLimiter(), known: make(map[[2]string][]experiment.Step),
	}
	u, err := url.Parse(config.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server; it is written http://127.0.0.1:8000/", config.URL)
	}
	if err := lab.mayAsk(u); err != nil {
		return nil, err
	}
	lab.server = u.Host
	if u.Port() == "" {
		lab.server = net.JoinHostPort(u.Hostname(), "80")
	}
	for name, to := range map[string]string{"reset": config.File.Reset.URL, "clock": config.File.Clock.URL} {
		if to == "" {
			continue
		}
		v, err := u.Parse(to)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no URL", name, to)
		}
		if err := lab.mayAsk(v); err != nil {
			return nil, err
		}
		lab.control[name] = v.String()
	}
	if config.File.Pool != nil {
		lab.pool = config.File.Pool.First
	}
	lab.pace = newPace(config.File.Limits.RequestRate)
	lab.budget = config.Requests
	lab.Requests = max(config.Requests-Farewell(config.File), 0)
	lab.most = lab.Requests
	if config.Archive != nil {
		lab.number = config.Archive.Last
	}
	for _, code := range config.File.Answer.NotLoggedInCodes {
		lab.limit.codes[config.File.Answer.CodeKey+"="+code] = true
	}
	lab.client = lab.controlClient()
	lab.roles = config.File.Accounts
	lab.secrets = secretsOf(config.File)
	return lab, nil
}

// mayAsk refuses hosts beyond this machine, but for those that the file and the
// command line both allow.
func (l *Lab) mayAsk(u *url.URL) error {
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	for _, allowed := range l.File.Allow.Hosts {
		if strings.EqualFold(allowed, host) && l.Remote {
			return nil
		}
	}
	return fmt.Errorf("%s is not this machine: only a server on loopback is studied, unless the experiment file lists the host under allow: hosts and the command line says --remote", host)
}

// Close closes the connections.
func (l *Lab) Close() {
	for place := range l.conns {
		l.hangUp(place)
	}
	l.client.CloseIdleConnections()
}

func (l *Lab) hangUp(place string) {
	if recordedConn := l.conns[place]; recordedConn != nil {
		_ = recordedConn.Close() // there is nothing in it that is still wanted
		delete(l.conns, place)
	}
}

// Sent is how many requests were sent, those of the archive too.
func (l *Lab) Sent() int { return l.sent }

// Tries is how many tries were made.
func (l *Lab) Tries() int { return l.tries }

// Faults is how many transport failures there were.
func (l *Lab) Faults() int { return l.faults }

// Left is how many requests may still be sent.
func (l *Lab) Left() int { return l.Requests - l.sent }

// mostTries is how often an experiment is tried before its faults are believed.
const mostTries = 12

// Run makes an experiment. If no answer comes to a step, or one that a limit may have
// given, everything is tried again from a reset; only what fails three times in a row at
// the same step is believed to be the server's way to answer. Nonce distinguishes
// experiments with equal steps: their marks differ. An experiment that a lock ends fails
// with [*LockedError], which has what was answered until then.
func (l *Lab) Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*Trace, error) {
	if err := l.permitted(steps); err != nil {
		return nil, err
	}
	if err := l.fits(steps); err != nil {
		return nil, err
	}
	return l.run(ctx, l.Key(steps, nonce), experimentKey{steps: steps, nonce: nonce})
}

// An experimentOf is one that is to be made.
type experimentKey struct {
	steps []experiment.Step
	nonce uint64
	asIs  bool // there is no reset before it
}

func (l *Lab) run(ctx context.Context, key string, e experimentKey) (*Trace, error) {
	if l.Until != nil {
		ctx = l.Until
	}
	past := newAttempts(len(e.steps))
	for {
		trace, err := l.try(ctx, key, e, past)
		if err == nil && past.doubt != nil {
			suspectedLimit := past.doubt
			past.doubt = nil
			if err = l.settle(ctx, suspectedLimit); l.limit.settled[suspectedLimit.line] {
				past.refused = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if l.Progress != nil {
			l.Progress(l.progress())
		}
		if trace != nil {
			trace.Unmade, trace.Refused = l.unmade(trace), past.refused
			return trace, nil
		}
	}
}

func (l *Lab) progress() Progress {
	progress := Progress{Run: l.Name, Sent: l.sent, Budget: l.budget, Tries: l.tries, Rate: l.pace.rate, TransportFault: l.faults, Online: l.asked}
	if l.File.Limits.TotalTime > 0 {
		progress.TimeLeft = l.File.Limits.TotalTime - time.Duration(l.t()*float64(time.Second))
	}
	return progress
}

// Key is an experiment in the notation of steps.
func (l *Lab) Key(steps []experiment.Step, nonce uint64) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = l.File.FormatStep(step)
	}
	return fmt.Sprintf("%d: %s", nonce, strings.Join(lines, "; "))
}

// permitted refuses what the file does not allow.
func (l *Lab) permitted(steps []experiment.Step) error {
	for _, step := range steps {
		if step.Place >= len(l.File.Places) {
			return fmt.Errorf("%w: %s asks from place %d, places has %d", ErrForbidden, step.Command, step.Place+1, len(l.File.Places))
		}
		if step.Wait > 0 {
			if l.File.Clock.URL == "" && l.File.Limits.LongestWait > 0 && step.Wait > l.File.Limits.LongestWait {
				return fmt.Errorf("%w: a wait of %v, limits: wait is %v", ErrForbidden, step.Wait, l.File.Limits.LongestWait)
			}
			continue
		}
		command, ok := l.File.Command(step.Command)
		if ok && command.Destructive && !l.File.Allow.Destructive {
			return fmt.Errorf("%w: %s is destructive", ErrForbidden, step.Command)
		}
	}
	if l.File.Reset.Kind == experiment.ResetURL {
		return nil // a control URL undoes failed logins too
	}
	return l.permittedLogins(steps)
}

// permittedLogins refuses more failed logins between two right ones than the file
// allows, and any once a right one did not lift a lock.
func (l *Lab) permittedLogins(steps []experiment.Step) error {
	most := l.File.Limits.FailedLogins
	if l.File.Limits.FailedLoginPeriod > 0 {
		for _, account := range l.File.Accounts {
			if n := l.wrongLogins(steps, account.Role); n > most {
				return fmt.Errorf("%w: %s would have %d failed logins at once, limits: failed_logins is %d per %v", ErrForbidden,
					account.Role, n, most, l.File.Limits.FailedLoginPeriod)
			}
		}
	}
	for role, n := range l.failedLogins(steps) {
		switch {
		case n > most:
			return fmt.Errorf("%w: %s would have %d failed logins in a row, limits: failed_logins is %d", ErrForbidden, role, n, most)
		case n > 0 && l.locks != nil:
			return fmt.Errorf("%w: failed logins lock %s, and a right one does not lift that", ErrForbidden, role)
		}
	}
	return nil
}

// roomForFailures is how long to wait until the failed logins of steps are no more than
// the file allows in a time.
func (l *Lab) roomForFailures(steps []experiment.Step) time.Duration {
	limits := l.File.Limits
	if limits.FailedLoginPeriod == 0 || l.File.Reset.Kind == experiment.ResetURL {
		return 0
	}
	var longest time.Duration
	for _, account := range l.File.Accounts {
		// The latest of those that must have become too old to count.
		at, n := l.wrongAt[account.Number], l.wrongLogins(steps, account.Role)
		if i := len(at) + n - limits.FailedLogins - 1; n > 0 && i >= 0 && i < len(at) {
			longest = max(longest, limits.FailedLoginPeriod-l.since(at[i]))
		}
	}
	return longest
}

// wrongLogins counts the logins of a role that may fail.
func (l *Lab) wrongLogins(steps []experiment.Step, role string) int {
	n := 0
	for _, step := range steps {
		if step.Role == role && step.Wait == 0 && l.wrongLogin(step) {
			n++
		}
	}
	return n
}

// failedLogins is, by role, how many logins in a row may fail at most.
func (l *Lab) failedLogins(steps []experiment.Step) map[string]int {
	most, row := make(map[string]int), make(map[string]int)
	for _, step := range steps {
		switch {
		case step.Wait > 0 || l.verb(step) != experiment.VerbLogin:
		case l.wrongLogin(step):
			row[step.Role]++
			most[step.Role] = max(most[step.Role], row[step.Role])
		default:
			row[step.Role] = 0
		}
	}
	return most
}

// wrongLogin reports whether a step is a login with something changed, which may
// fail.
func (l *Lab) wrongLogin(step experiment.Step) bool {
	return l.verb(step) == experiment.VerbLogin && len(step.Changes) > 0
}

func (l *Lab) verb(step experiment.Step) experiment.Verb {
	if step.Verb != "" {
		return step.Verb
	}
	command, ok := l.File.Command(step.Command)
	if !ok || len(command.Purposes) == 0 {
		return ""
	}
	return command.Purposes[0].Verb
}

// End writes why nothing more comes.
func (l *Lab) End(reason string) error {
	if l.Journal == nil {
		return nil
	}
	return l.Journal.Append(journal.Entry{Server: l.Name, Elapsed: l.t(), EndReason: reason})
}

func (l *Lab) t() float64 { return float64(time.Since(l.Began).Milliseconds()) / 1000 }

// stopped says why an experiment that needs so many requests is not made.
func (l *Lab) stopped(ctx context.Context, requests int) error {
	switch {
	case ctx.Err() != nil:
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return stoppedf("the time is over")
		}
		return stoppedf("interrupted")
	case l.sent+requests > l.most:
		return stoppedf("the budget of %d requests is used up", l.budget)
	case l.File.Limits.TotalTime > 0 && l.t() > l.File.Limits.TotalTime.Seconds():
		return stoppedf("the time of %v is over", l.File.Limits.TotalTime)
	}
	return nil
}

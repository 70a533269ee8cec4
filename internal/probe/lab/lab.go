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
	Journal *journal.Writer
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
	Answer(s experiment.Step, account string, record []byte) []byte
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
func New(c Config) (*Lab, error) {
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.Dial == nil {
		c.Dial = dialTCP
	}
	if c.Began.IsZero() {
		c.Began = time.Now()
	}
	l := &Lab{
		Config: c, conns: make(map[string]*recordedConn), control: make(map[string]string),
		failed: make(map[string]int), wrongAt: make(map[string][]experimentTime),
		limit: newLimiter(), known: make(map[[2]string][]experiment.Step),
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server; it is written http://127.0.0.1:8000/", c.URL)
	}
	if err := l.mayAsk(u); err != nil {
		return nil, err
	}
	l.server = u.Host
	if u.Port() == "" {
		l.server = net.JoinHostPort(u.Hostname(), "80")
	}
	for name, to := range map[string]string{"reset": c.File.Reset.URL, "clock": c.File.Clock.URL} {
		if to == "" {
			continue
		}
		v, err := u.Parse(to)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no URL", name, to)
		}
		if err := l.mayAsk(v); err != nil {
			return nil, err
		}
		l.control[name] = v.String()
	}
	if c.File.Pool != nil {
		l.pool = c.File.Pool.First
	}
	l.pace = newPace(c.File.Limits.Rate)
	l.budget = c.Requests
	l.Requests = max(c.Requests-Farewell(c.File), 0)
	l.most = l.Requests
	if c.Archive != nil {
		l.number = c.Archive.Last
	}
	for _, code := range c.File.Answer.NotLoggedIn {
		l.limit.codes[c.File.Answer.Code+"="+code] = true
	}
	l.client = l.controlClient()
	l.roles = c.File.Accounts
	l.secrets = secretsOf(c.File)
	return l, nil
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
	if c := l.conns[place]; c != nil {
		_ = c.Close() // there is nothing in it that is still wanted
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
		t, err := l.try(ctx, key, e, past)
		if err == nil && past.doubt != nil {
			d := past.doubt
			past.doubt = nil
			if err = l.settle(ctx, d); l.limit.settled[d.line] {
				past.refused = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if l.Progress != nil {
			l.Progress(l.progress())
		}
		if t != nil {
			t.Unmade, t.Refused = l.unmade(t), past.refused
			return t, nil
		}
	}
}

func (l *Lab) progress() Progress {
	p := Progress{Run: l.Name, Sent: l.sent, Budget: l.budget, Tries: l.tries, Rate: l.pace.rate, TransportFault: l.faults, Online: l.asked}
	if l.File.Limits.Time > 0 {
		p.TimeLeft = l.File.Limits.Time - time.Duration(l.t()*float64(time.Second))
	}
	return p
}

// Key is an experiment in the notation of steps.
func (l *Lab) Key(steps []experiment.Step, nonce uint64) string {
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = l.File.FormatStep(s)
	}
	return fmt.Sprintf("%d: %s", nonce, strings.Join(lines, "; "))
}

// permitted refuses what the file does not allow.
func (l *Lab) permitted(steps []experiment.Step) error {
	for _, s := range steps {
		if s.Place >= len(l.File.Places) {
			return fmt.Errorf("%w: %s asks from place %d, places has %d", ErrForbidden, s.Command, s.Place+1, len(l.File.Places))
		}
		if s.Wait > 0 {
			if l.File.Clock.URL == "" && l.File.Limits.Wait > 0 && s.Wait > l.File.Limits.Wait {
				return fmt.Errorf("%w: a wait of %v, limits: wait is %v", ErrForbidden, s.Wait, l.File.Limits.Wait)
			}
			continue
		}
		c, ok := l.File.Command(s.Command)
		if ok && c.Destructive && !l.File.Allow.Destructive {
			return fmt.Errorf("%w: %s is destructive", ErrForbidden, s.Command)
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
	if l.File.Limits.FailedPer > 0 {
		for _, a := range l.File.Accounts {
			if n := l.wrongLogins(steps, a.Role); n > most {
				return fmt.Errorf("%w: %s would have %d failed logins at once, limits: failed_logins is %d per %v", ErrForbidden,
					a.Role, n, most, l.File.Limits.FailedPer)
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
	if limits.FailedPer == 0 || l.File.Reset.Kind == experiment.ResetURL {
		return 0
	}
	var longest time.Duration
	for _, a := range l.File.Accounts {
		// The latest of those that must have become too old to count.
		at, n := l.wrongAt[a.Number], l.wrongLogins(steps, a.Role)
		if i := len(at) + n - limits.FailedLogins - 1; n > 0 && i >= 0 && i < len(at) {
			longest = max(longest, limits.FailedPer-l.since(at[i]))
		}
	}
	return longest
}

// wrongLogins counts the logins of a role that may fail.
func (l *Lab) wrongLogins(steps []experiment.Step, role string) int {
	n := 0
	for _, s := range steps {
		if s.Role == role && s.Wait == 0 && l.wrongLogin(s) {
			n++
		}
	}
	return n
}

// failedLogins is, by role, how many logins in a row may fail at most.
func (l *Lab) failedLogins(steps []experiment.Step) map[string]int {
	most, row := make(map[string]int), make(map[string]int)
	for _, s := range steps {
		switch {
		case s.Wait > 0 || l.verb(s) != experiment.Login:
		case l.wrongLogin(s):
			row[s.Role]++
			most[s.Role] = max(most[s.Role], row[s.Role])
		default:
			row[s.Role] = 0
		}
	}
	return most
}

// wrongLogin reports whether a step is a login with something changed, which may
// fail.
func (l *Lab) wrongLogin(s experiment.Step) bool {
	return l.verb(s) == experiment.Login && len(s.Changes) > 0
}

func (l *Lab) verb(s experiment.Step) experiment.Verb {
	if s.Verb != "" {
		return s.Verb
	}
	c, ok := l.File.Command(s.Command)
	if !ok || len(c.Does) == 0 {
		return ""
	}
	return c.Does[0].Verb
}

// End writes why nothing more comes.
func (l *Lab) End(reason string) error {
	if l.Journal == nil {
		return nil
	}
	return l.Journal.Append(journal.Entry{Run: l.Name, T: l.t(), End: reason})
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
	case l.File.Limits.Time > 0 && l.t() > l.File.Limits.Time.Seconds():
		return stoppedf("the time of %v is over", l.File.Limits.Time)
	}
	return nil
}

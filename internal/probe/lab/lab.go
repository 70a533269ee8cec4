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
	// AllowRemote allows a host beyond loopback, if the file names it.
	AllowRemote bool
	// MaxRequests is the budget. Setting up and undoing count, control URLs do not. In
	// a lab it is without what [CleanupRequests] says.
	MaxRequests int
	// Salt is what the marks of requests are derived from. Runs with different salts do
	// not share marks.
	Salt uint64
	// Journal takes what is done, nil if nothing shall be kept.
	Journal *journal.TranscriptWriter
	// Archive holds what was done before; nil if nothing was.
	Archive *Archive
	// Offline sends nothing: what is not in the archive is not known.
	Offline bool
	// Simulator answers in place of the server, if it is not nil: nothing is sent.
	Simulator Simulator
	// Dial connects to the server from a place, "" for any; nil is over TCP.
	Dial func(ctx context.Context, place, server string) (net.Conn, error)
	// AnswerTimeout is how long an answer is waited for; 0 is 10 s.
	AnswerTimeout time.Duration
	// StartedAt is when the transcript began; if it is gone on with, so long before now
	// as it is long.
	StartedAt time.Time
	// OnProgress is told how far it has got, if it is not nil.
	OnProgress func(Progress)
	// StopContext ends the experiments, if it is not nil, and the contexts of calls do not: so
	// whoever makes them learns of it as he does of a transcript's end, by [*StoppedError].
	StopContext context.Context
}

// A Server answers in place of one on the network: to find out what a study takes.
type Simulator interface {
	// Reset makes everything as it was in the beginning.
	Reset()
	// Advance lets time go by.
	Advance(time.Duration)
	// Respond is the whole HTTP response to the record of a step, nil for none. Account
	// is the number of the account that acts.
	Respond(step experiment.Step, account string, record []byte) []byte
}

// Progress is how far a lab has got.
type Progress struct {
	Run             string
	Sent, Budget    int
	Attempts        int
	Rate            float64 // the limit in force, requests a second; 0 if none
	TimeLeft        time.Duration
	WaitingFor      time.Duration // if a wait has begun
	TransportFaults int
	Online          bool // something was sent: not all comes from the archive any more
}

// A Lab makes experiments on one server, one after the other.
type Lab struct {
	Config
	serverAddr      string // host:port
	controlURLs     map[string]string
	controlClient   http.Client // for control URLs
	connections     map[string]*recordedConn
	pacer           requestPacer
	totalBudget     int // requests, with those of the farewell
	usableBudget    int // requests, for now
	sentRequests    int
	attempts        int
	lastAttempt     int // of the latest try
	transportFaults int
	isBroken        bool                 // the server does not let itself be asked any more
	hasAnswered     bool                 // the server has answered once
	isOnline        bool                 // something was sent: not all came from the archive
	currentAccounts []experiment.Account // who played them in the latest try
	hiddenSecrets   [][]byte             // what is kept out of transcripts
	// failedLogins counts logins by account that failed since the latest right one, and wrongAt
	// has when, where no control URL undoes them. locks says that a right one did not help.
	failedLogins     map[string]int
	failedLoginTimes map[string][]serverTime
	loginLock        *Lock
	nextPoolAccount  uint64        // the next fresh account
	clockOffset      time.Duration // how far the clock was moved
	residue          accountResidue
	limiter          limitTracker
	latestTime       serverTime      // of the latest entry
	pendingWait      time.Duration   // before the next try
	resetLimit       *suspectedLimit // what a request of a reset waits for, or has waited for
	// controls are experiments whose last request was done, by its role and command; without
	// these, the first one.
	controls map[[2]string][]experiment.Step
}

// New makes a lab. It sends nothing.
func New(config Config) (*Lab, error) {
	if config.AnswerTimeout == 0 {
		config.AnswerTimeout = 10 * time.Second
	}
	if config.Dial == nil {
		config.Dial = dialTCP
	}
	if config.StartedAt.IsZero() {
		config.StartedAt = time.Now()
	}
	l := &Lab{
		Config: config, connections: make(map[string]*recordedConn), controlURLs: make(map[string]string),
		failedLogins: make(map[string]int), failedLoginTimes: make(map[string][]serverTime),
		limiter: newLimitTracker(), controls: make(map[[2]string][]experiment.Step),
	}
	u, err := url.Parse(config.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server; it is written http://127.0.0.1:8000/", config.URL)
	}
	if err := l.checkHost(u); err != nil {
		return nil, err
	}
	l.serverAddr = u.Host
	if u.Port() == "" {
		l.serverAddr = net.JoinHostPort(u.Hostname(), "80")
	}
	for name, to := range map[string]string{"reset": config.File.Reset.URL, "clock": config.File.Clock.URL} {
		if to == "" {
			continue
		}
		v, err := u.Parse(to)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no URL", name, to)
		}
		if err := l.checkHost(v); err != nil {
			return nil, err
		}
		l.controlURLs[name] = v.String()
	}
	if config.File.Pool != nil {
		l.nextPoolAccount = config.File.Pool.First
	}
	l.pacer = newPacer(config.File.Limits.RequestRate)
	l.totalBudget = config.MaxRequests
	l.MaxRequests = max(config.MaxRequests-CleanupRequests(config.File), 0)
	l.usableBudget = l.MaxRequests
	if config.Archive != nil {
		l.lastAttempt = config.Archive.LastAttempt
	}
	for _, code := range config.File.Answer.NotLoggedInCodes {
		l.limiter.ordinaryAnswers[config.File.Answer.CodeKey+"="+code] = true
	}
	l.controlClient = l.newControlClient()
	l.currentAccounts = config.File.Accounts
	l.hiddenSecrets = collectSecrets(config.File)
	return l, nil
}

// checkHost refuses hosts beyond this machine, but for those that the file and the
// command line both allow.
func (l *Lab) checkHost(u *url.URL) error {
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	for _, allowed := range l.File.Allow.Hosts {
		if strings.EqualFold(allowed, host) && l.AllowRemote {
			return nil
		}
	}
	return fmt.Errorf("%s is not this machine: only a server on loopback is studied, unless the experiment file lists the host under allow: hosts and the command line says --remote", host)
}

// Close closes the connections.
func (l *Lab) Close() {
	for place := range l.connections {
		l.closeConnection(place)
	}
	l.controlClient.CloseIdleConnections()
}

func (l *Lab) closeConnection(place string) {
	if conn := l.connections[place]; conn != nil {
		_ = conn.Close() // there is nothing in it that is still wanted
		delete(l.connections, place)
	}
}

// Sent is how many requests were sent, those of the archive too.
func (l *Lab) Sent() int { return l.sentRequests }

// Attempts is how many tries were made.
func (l *Lab) Attempts() int { return l.attempts }

// TransportFaults is how many transport failures there were.
func (l *Lab) TransportFaults() int { return l.transportFaults }

// mostTries is how often an experiment is tried before its faults are believed.
const maxAttempts = 12

// Run makes an experiment. If no answer comes to a step, or one that a limit may have
// given, everything is tried again from a reset; only what fails three times in a row at
// the same step is believed to be the server's way to answer. Nonce distinguishes
// experiments with equal steps: their marks differ. An experiment that a lock ends fails
// with [*LockedError], which has what was answered until then.
func (l *Lab) Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*Trace, error) {
	if err := l.checkPermitted(steps); err != nil {
		return nil, err
	}
	if err := l.checkFitsLimit(steps); err != nil {
		return nil, err
	}
	return l.runExperiment(ctx, l.Key(steps, nonce), plannedExperiment{steps: steps, nonce: nonce})
}

// An experimentOf is one that is to be made.
type plannedExperiment struct {
	steps      []experiment.Step
	nonce      uint64
	skipsReset bool // there is no reset before it
}

func (l *Lab) runExperiment(ctx context.Context, key string, planned plannedExperiment) (*Trace, error) {
	if l.StopContext != nil {
		ctx = l.StopContext
	}
	history := newAttemptHistory(len(planned.steps))
	for {
		trace, err := l.makeAttempt(ctx, key, planned, history)
		if err == nil && history.suspicion != nil {
			suspicion := history.suspicion
			history.suspicion = nil
			if err = l.resolveSuspicion(ctx, suspicion); l.limiter.acceptedAnswers[suspicion.answerKey] {
				history.discarded = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if l.OnProgress != nil {
			l.OnProgress(l.currentProgress())
		}
		if trace != nil {
			trace.InvalidReason, trace.DiscardedAttempt = l.invalidReason(trace), history.discarded
			return trace, nil
		}
	}
}

func (l *Lab) currentProgress() Progress {
	progress := Progress{Run: l.Name, Sent: l.sentRequests, Budget: l.totalBudget, Attempts: l.attempts, Rate: l.pacer.rate, TransportFaults: l.transportFaults, Online: l.isOnline}
	if l.File.Limits.TotalTime > 0 {
		progress.TimeLeft = l.File.Limits.TotalTime - time.Duration(l.elapsedSeconds()*float64(time.Second))
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

// checkPermitted refuses what the file does not allow.
func (l *Lab) checkPermitted(steps []experiment.Step) error {
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
	return l.checkFailedLogins(steps)
}

// checkFailedLogins refuses more failed logins between two right ones than the file
// allows, and any once a right one did not lift a lock.
func (l *Lab) checkFailedLogins(steps []experiment.Step) error {
	most := l.File.Limits.FailedLogins
	if l.File.Limits.FailedLoginPeriod > 0 {
		for _, account := range l.File.Accounts {
			if n := l.countChangedLogins(steps, account.Role); n > most {
				return fmt.Errorf("%w: %s would have %d failed logins at once, limits: failed_logins is %d per %v", ErrForbidden,
					account.Role, n, most, l.File.Limits.FailedLoginPeriod)
			}
		}
	}
	for role, n := range l.maxFailuresInARow(steps) {
		switch {
		case n > most:
			return fmt.Errorf("%w: %s would have %d failed logins in a row, limits: failed_logins is %d", ErrForbidden, role, n, most)
		case n > 0 && l.loginLock != nil:
			return fmt.Errorf("%w: failed logins lock %s, and a right one does not lift that", ErrForbidden, role)
		}
	}
	return nil
}

// failedLoginDelay is how long to wait until the failed logins of steps are no more than
// the file allows in a time.
func (l *Lab) failedLoginDelay(steps []experiment.Step) time.Duration {
	limits := l.File.Limits
	if limits.FailedLoginPeriod == 0 || l.File.Reset.Kind == experiment.ResetURL {
		return 0
	}
	var longest time.Duration
	for _, account := range l.File.Accounts {
		// The latest of those that must have become too old to count.
		at, n := l.failedLoginTimes[account.Number], l.countChangedLogins(steps, account.Role)
		if i := len(at) + n - limits.FailedLogins - 1; n > 0 && i >= 0 && i < len(at) {
			longest = max(longest, limits.FailedLoginPeriod-l.durationSince(at[i]))
		}
	}
	return longest
}

// countChangedLogins counts the logins of a role that may fail.
func (l *Lab) countChangedLogins(steps []experiment.Step, role string) int {
	n := 0
	for _, step := range steps {
		if step.Role == role && step.Wait == 0 && l.isChangedLogin(step) {
			n++
		}
	}
	return n
}

// maxFailuresInARow is, by role, how many logins in a row may fail at most.
func (l *Lab) maxFailuresInARow(steps []experiment.Step) map[string]int {
	most, row := make(map[string]int), make(map[string]int)
	for _, step := range steps {
		switch {
		case step.Wait > 0 || l.File.VerbOf(step) != experiment.VerbLogin:
		case l.isChangedLogin(step):
			row[step.Role]++
			most[step.Role] = max(most[step.Role], row[step.Role])
		default:
			row[step.Role] = 0
		}
	}
	return most
}

// isChangedLogin reports whether a step is a login with something changed, which may
// fail.
func (l *Lab) isChangedLogin(step experiment.Step) bool {
	return l.File.VerbOf(step) == experiment.VerbLogin && len(step.Changes) > 0
}

// WriteEnd writes why nothing more comes.
func (l *Lab) WriteEnd(reason string) error {
	if l.Journal == nil {
		return nil
	}
	return l.Journal.Append(journal.Entry{Server: l.Name, Elapsed: l.elapsedSeconds(), EndReason: reason})
}

func (l *Lab) elapsedSeconds() float64 { return float64(time.Since(l.StartedAt).Milliseconds()) / 1000 }

// checkStopped says why an experiment that needs so many requests is not made.
func (l *Lab) checkStopped(ctx context.Context, requests int) error {
	switch {
	case ctx.Err() != nil:
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return stoppedf("the time is over")
		}
		return stoppedf("interrupted")
	case l.sentRequests+requests > l.usableBudget:
		return stoppedf("the budget of %d requests is used up", l.totalBudget)
	case l.File.Limits.TotalTime > 0 && l.elapsedSeconds() > l.File.Limits.TotalTime.Seconds():
		return stoppedf("the time of %v is over", l.File.Limits.TotalTime)
	}
	return nil
}

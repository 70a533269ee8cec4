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

// Config selects the server, what may be sent to it, and where the transcript goes.
type Config struct {
	File *experiment.File
	URL  string // of the server, such as http://127.0.0.1:8000/
	// Name is the run's name in transcripts: a or b.
	Name string
	// AllowRemote permits hosts beyond loopback that the file lists under allow: hosts.
	AllowRemote bool
	// MaxRequests is the budget of requests. Requests of resets count, control URLs do not.
	// New subtracts [CleanupRequests] from the lab's copy.
	MaxRequests int
	// Salt makes the marks of this run differ from those of runs with another salt.
	Salt uint64
	// Journal receives the transcript. It may be nil.
	Journal *journal.TranscriptWriter
	// Archive holds the attempts of an earlier transcript, which are replayed instead of sent.
	// It may be nil.
	Archive *Archive
	// Offline forbids sending. Experiments that the archive lacks fail with *StoppedError.
	Offline bool
	// Simulator, if set, answers in place of the server.
	Simulator Simulator
	// Dial connects to the server from localAddr, one of the file's places, or
	// "" for any address. The default uses TCP.
	Dial func(ctx context.Context, localAddr, server string) (net.Conn, error)
	// AnswerTimeout limits the wait for one answer. The default is 10 s.
	AnswerTimeout time.Duration
	// StartedAt is the time that transcript times count from. The default is now. To resume
	// a transcript, set it back by the transcript's length.
	StartedAt time.Time
	// OnProgress, if set, is called after each attempt and before each wait.
	OnProgress func(Progress)
	// StopContext, if set, replaces the contexts of Run and RunWithoutReset. When it ends,
	// these fail with *StoppedError, as they do at the end of a transcript.
	StopContext context.Context
}

// Simulator answers in place of a server, so that a run can be planned without sending anything.
type Simulator interface {
	// Reset restores the initial state.
	Reset()
	// Advance moves the simulated clock forward.
	Advance(time.Duration)
	// Respond returns the complete HTTP response to the record of a step, or nil for no answer.
	// account is the number of the acting account.
	Respond(step experiment.Step, account string, record []byte) []byte
}

// Progress describes how far a lab has got.
type Progress struct {
	Run             string
	Sent, Budget    int // requests
	Attempts        int
	Rate            float64       // the pacer's current limit in requests a second, 0 if none
	TimeLeft        time.Duration // until the file's time limit, 0 if there is none
	WaitingFor      time.Duration // length of the wait that is beginning, 0 if none
	TransportFaults int
	Online          bool // false while all answers come from the archive
}

// Lab runs experiments on one server, one at a time. It must not be used concurrently.
type Lab struct {
	Config
	serverAddr      string            // host:port
	controlURLs     map[string]string // by name: reset, clock
	controlClient   http.Client
	connections     map[string]*recordedConn // by local address
	pacer           requestPacer
	totalBudget     int // requests, including those for CleanUp
	usableBudget    int // requests that may be sent now
	sentRequests    int // including those replayed from the archive
	attempts        int
	lastAttempt     int // number of the latest attempt
	transportFaults int
	isBroken        bool                 // the server made further experiments impossible
	hasAnswered     bool                 // the server has answered at least once
	isOnline        bool                 // at least one attempt was sent, not replayed from the archive
	currentAccounts []experiment.Account // of the latest attempt
	hiddenSecrets   [][]byte             // overwritten in responses
	// failedLogins counts the failed logins since the latest successful one, by account
	// number. failedLoginTimes holds the times of all. Both stay empty if a control URL
	// resets the server.
	failedLogins     map[string]int
	failedLoginTimes map[string][]serverTime
	loginLock        *Lock // nil until a correct login is refused after failed ones
	nextPoolAccount  uint64
	clockOffset      time.Duration // by which the current attempt has advanced the clock
	residue          accountResidue
	limiter          limitTracker
	latestTime       serverTime      // of the latest transcript entry
	pendingWait      time.Duration   // to spend after the next reset, for a suspected limit
	resetLimit       *suspectedLimit // the latest limit that delayed a request of a reset
	// controls holds experiments whose last request succeeded, by the role and command of
	// that request. They show later whether the server refuses requests because of a limit.
	// The zero key holds the first such experiment.
	controls map[[2]string][]experiment.Step
}

// New checks config and returns a lab. It sends nothing. The error names a wrong URL or a host
// that may not be studied.
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
	serverURL, err := url.Parse(config.URL)
	if err != nil || serverURL.Scheme != "http" || serverURL.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server; it is written http://127.0.0.1:8000/", config.URL)
	}
	if err := l.checkHost(serverURL); err != nil {
		return nil, err
	}
	l.serverAddr = serverURL.Host
	if serverURL.Port() == "" {
		l.serverAddr = net.JoinHostPort(serverURL.Hostname(), "80")
	}
	for name, target := range map[string]string{"reset": config.File.Reset.URL, "clock": config.File.Clock.URL} {
		if target == "" {
			continue
		}
		controlURL, err := serverURL.Parse(target)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no URL", name, target)
		}
		if err := l.checkHost(controlURL); err != nil {
			return nil, err
		}
		l.controlURLs[name] = controlURL.String()
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

// checkHost refuses hosts beyond loopback, unless both the file and Config.AllowRemote permit
// them.
func (l *Lab) checkHost(serverURL *url.URL) error {
	host := serverURL.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	for _, allowed := range l.File.Allow.Hosts {
		if strings.EqualFold(allowed, host) && l.AllowRemote {
			return nil
		}
	}
	return fmt.Errorf(
		"%s is not this machine: only a server on loopback is studied, unless the experiment file lists the host "+
			"under allow: hosts and the command line says --remote",
		host,
	)
}

// Close closes all connections. The lab stays usable: a later request opens new ones.
func (l *Lab) Close() {
	for localAddr := range l.connections {
		l.closeConnection(localAddr)
	}
	l.controlClient.CloseIdleConnections()
}

func (l *Lab) closeConnection(localAddr string) {
	if conn := l.connections[localAddr]; conn != nil {
		_ = conn.Close()
		delete(l.connections, localAddr)
	}
}

// Sent returns the number of requests, including those replayed from the archive.
func (l *Lab) Sent() int { return l.sentRequests }

// Account returns the account that played a role in the latest experiment. For an unknown role
// only Role is set.
func (l *Lab) Account(role string) experiment.Account {
	for _, account := range l.currentAccounts {
		if account.Role == role {
			return account
		}
	}
	return experiment.Account{Role: role}
}

// Attempts returns the number of attempts at experiments, including those of the archive.
func (l *Lab) Attempts() int { return l.attempts }

// TransportFaults returns how many requests got no answer.
func (l *Lab) TransportFaults() int { return l.transportFaults }

// maxAttempts bounds how many attempts at an experiment may end without an answer, and how often
// an unanswered request of a reset is sent.
const maxAttempts = 12

// Run makes an experiment: it resets the server, sends the steps and returns the answers. If a
// step gets no answer, or one that a limit may have caused, Run starts again from a reset. After
// three consecutive attempts without an answer to the same step, it accepts silence as the
// server's answer. Equal steps with different nonces carry different marks.
//
// Errors: [ErrForbidden] if the file does not allow the experiment, [*LimitedError] if it needs
// more requests than the server's limit, [*LockedError] with the partial trace if a login lock
// ended it, [*StoppedError] if no further experiment is possible.
func (l *Lab) Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*Trace, error) {
	if err := l.checkPermitted(steps); err != nil {
		return nil, err
	}
	if err := l.checkFitsLimit(steps); err != nil {
		return nil, err
	}
	return l.runExperiment(ctx, l.Key(steps, nonce), plannedExperiment{steps: steps, nonce: nonce})
}

// RunWithoutReset makes an experiment like [Lab.Run], but on the server in its current state, and
// without the checks of what the file permits. With a pool, the roles get fresh accounts.
func (l *Lab) RunWithoutReset(ctx context.Context, steps []experiment.Step) (*Trace, error) {
	return l.runExperiment(ctx, "look: "+l.Key(steps, 0), plannedExperiment{steps: steps, skipsReset: true})
}

// plannedExperiment is an experiment to make: its steps, the nonce of its marks, and whether the
// server is left as it is before the first step.
type plannedExperiment struct {
	steps      []experiment.Step
	nonce      uint64
	skipsReset bool
}

// runExperiment makes attempts until one is accepted, and resolves suspected limits between them.
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
	progress := Progress{
		Run:             l.Name,
		Sent:            l.sentRequests,
		Budget:          l.totalBudget,
		Attempts:        l.attempts,
		Rate:            l.pacer.rate,
		TransportFaults: l.transportFaults,
		Online:          l.isOnline,
	}
	if l.File.Limits.TotalTime > 0 {
		progress.TimeLeft = l.File.Limits.TotalTime - time.Duration(l.elapsedSeconds()*float64(time.Second))
	}
	return progress
}

// Key returns the name of an experiment in transcripts: the nonce and the steps in their notation.
func (l *Lab) Key(steps []experiment.Step, nonce uint64) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = l.File.FormatStep(step)
	}
	return fmt.Sprintf("%d: %s", nonce, strings.Join(lines, "; "))
}

// checkPermitted returns an error that wraps ErrForbidden if the file does not allow the steps.
func (l *Lab) checkPermitted(steps []experiment.Step) error {
	for _, step := range steps {
		if step.Place >= len(l.File.Places) {
			return fmt.Errorf("%w: %s asks from place %d, places has %d", ErrForbidden, step.Command, step.Place+1,
				len(l.File.Places))
		}
		if step.Wait > 0 {
			if l.File.Clock.URL == "" && l.File.Limits.LongestWait > 0 && step.Wait > l.File.Limits.LongestWait {
				return fmt.Errorf("%w: a wait of %v, limits: wait is %v", ErrForbidden, step.Wait,
					l.File.Limits.LongestWait)
			}
			continue
		}
		command, ok := l.File.Command(step.Command)
		if ok && command.Destructive && !l.File.Allow.Destructive {
			return fmt.Errorf("%w: %s is destructive", ErrForbidden, step.Command)
		}
	}
	if l.File.Reset.Kind == experiment.ResetURL {
		return nil // a control URL resets failed logins too
	}
	return l.checkFailedLogins(steps)
}

// checkFailedLogins returns ErrForbidden if steps would make more failed logins in a row, or per
// period, than the file allows. Once the server is known to lock accounts against correct logins,
// it allows no failed login at all.
func (l *Lab) checkFailedLogins(steps []experiment.Step) error {
	limit := l.File.Limits.FailedLogins
	if l.File.Limits.FailedLoginPeriod > 0 {
		for _, account := range l.File.Accounts {
			if count := l.countChangedLogins(steps, account.Role); count > limit {
				return fmt.Errorf("%w: %s would have %d failed logins at once, limits: failed_logins is %d per %v",
					ErrForbidden, account.Role, count, limit, l.File.Limits.FailedLoginPeriod)
			}
		}
	}
	for role, count := range l.maxFailuresInARow(steps) {
		switch {
		case count > limit:
			return fmt.Errorf("%w: %s would have %d failed logins in a row, limits: failed_logins is %d", ErrForbidden,
				role, count, limit)
		case count > 0 && l.loginLock != nil:
			return fmt.Errorf("%w: failed logins lock %s even against a correct login", ErrForbidden, role)
		}
	}
	return nil
}

// failedLoginDelay returns how long to wait so that the failed logins of steps stay within the
// file's limit per period.
func (l *Lab) failedLoginDelay(steps []experiment.Step) time.Duration {
	limits := l.File.Limits
	if limits.FailedLoginPeriod == 0 || l.File.Reset.Kind == experiment.ResetURL {
		return 0
	}
	var longest time.Duration
	for _, account := range l.File.Accounts {
		// The failed login with index i must be older than the period before steps may begin.
		at, count := l.failedLoginTimes[account.Number], l.countChangedLogins(steps, account.Role)
		if i := len(at) + count - limits.FailedLogins - 1; count > 0 && i >= 0 && i < len(at) {
			longest = max(longest, limits.FailedLoginPeriod-l.durationSince(at[i]))
		}
	}
	return longest
}

// countChangedLogins returns how many logins of a role in steps may fail.
func (l *Lab) countChangedLogins(steps []experiment.Step, role string) int {
	count := 0
	for _, step := range steps {
		if step.Role == role && step.Wait == 0 && l.isChangedLogin(step) {
			count++
		}
	}
	return count
}

// maxFailuresInARow returns, by role, the largest number of consecutive logins in steps that may
// fail. A role without such logins has no entry.
func (l *Lab) maxFailuresInARow(steps []experiment.Step) map[string]int {
	most, inARow := make(map[string]int), make(map[string]int)
	for _, step := range steps {
		switch {
		case step.Wait > 0 || l.File.VerbOf(step) != experiment.VerbLogin:
		case l.isChangedLogin(step):
			inARow[step.Role]++
			most[step.Role] = max(most[step.Role], inARow[step.Role])
		default:
			inARow[step.Role] = 0
		}
	}
	return most
}

// isChangedLogin reports whether a step is a login with changed parameters, which may fail.
func (l *Lab) isChangedLogin(step experiment.Step) bool {
	return l.File.VerbOf(step) == experiment.VerbLogin && len(step.Changes) > 0
}

// WriteEnd appends the reason why the run ends to the transcript.
func (l *Lab) WriteEnd(reason string) error {
	if l.Journal == nil {
		return nil
	}
	return l.Journal.Append(journal.Entry{Server: l.Name, Elapsed: l.elapsedSeconds(), EndReason: reason})
}

// elapsedSeconds returns the time since StartedAt, rounded down to milliseconds as in transcripts.
func (l *Lab) elapsedSeconds() float64 { return float64(time.Since(l.StartedAt).Milliseconds()) / 1000 }

// checkStopped returns a StoppedError if ctx or the file's time limit has ended, or if the budget
// does not allow that many further requests.
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

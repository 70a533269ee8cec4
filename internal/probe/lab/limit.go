package lab

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// A Limit is an answer that came because of what had been asked before, and not because
// of the request: it went away when the request was sent again from a reset.
type Limit struct {
	// ID is how the transcript names the first such answer, and Command whose it is: * if it
	// was not of an experiment's request.
	ID, Command string
	// Answer says what came: status 429, or the code of a record.
	Answer string
	// Requests is how many were answered within Per before it. Both are 0 if no wait was
	// needed for it to go away.
	Requests int
	Period   time.Duration
	// Occurrences is how often it was seen.
	Occurrences int
}

const anyCommand = "*"

// Limits are the limits that were met, in their order.
func (l *Lab) Limits() []Limit {
	all := make([]Limit, len(l.limiter.limits))
	for i, limit := range l.limiter.limits {
		all[i] = *limit
	}
	return all
}

// A moment is when something happened: by the real clock, and by how far the server's was
// moved until then.
type serverTime struct{ elapsed, clockOffset time.Duration }

// A limiter finds the limit that a server sets to requests, and keeps to it.
type limitTracker struct {
	answeredAt []serverTime // the latest requests that were answered
	// Most requests in per are answered, as far as that is known: 0 is no limit.
	maxRequests   int
	period        time.Duration
	usesRealClock bool // moving the server's clock does not help
	// limitAnswers are those that are known to come of a limit, codes those that are not.
	limitAnswers, ordinaryAnswers map[string]bool
	// doneRequests are the base requests that were done behind others, by their lines.
	doneRequests map[string]bool
	// acceptedAnswers are the lines with answers that stayed, whatever was waited.
	acceptedAnswers map[[2]string]bool
	limits          []*Limit
}

func newLimitTracker() limitTracker {
	return limitTracker{
		limitAnswers: make(map[string]bool), ordinaryAnswers: make(map[string]bool),
		doneRequests: make(map[string]bool), acceptedAnswers: make(map[[2]string]bool),
	}
}

// Each wait for a limit to go away is a fifth of what was waited before, and firstWait at
// least. What does not go away is no limit.
const (
	minLimitWait = 500 * time.Millisecond
	maxLimitWait = 10 * time.Minute
	// maxSingleCommandWait is for what only some requests get.
	maxSingleCommandWait = time.Minute
)

// mostCodes bounds the answers that are asked for again because they are new.
const maxOrdinaryAnswers = 40

// attemptHistory is what the earlier tries of an experiment have come to.
type attemptHistory struct {
	faults     int
	unanswered []int             // by step: tries in a row without an answer
	suspicious map[[2]string]int // by line and answer: tries that it has ended
	suspicion  *suspectedLimit   // nil if there is none
	// discarded is the first try that ended with an answer that was not taken.
	discarded *Trace
}

func newAttemptHistory(steps int) *attemptHistory {
	return &attemptHistory{unanswered: make([]int, steps), suspicious: make(map[[2]string]int)}
}

// A doubt is an answer that came twice and may be that of a limit.
type suspectedLimit struct {
	steps      []experiment.Step // up to it
	answerKey  [2]string         // these, and the answer
	limit      *Limit
	seenAt     serverTime
	retryAfter time.Duration // when the server wants to be asked again
}

// describeAnswer is an answer in a word: its status, its code, or its text.
func (l *Lab) describeAnswer(command string, answer *Answer) string {
	switch answer.Kind() {
	case "status":
		return fmt.Sprintf("status %d", answer.Status)
	case "text":
		return answer.Text()
	}
	description := ""
	if code := l.File.Answer.CodeKey; code != "" {
		description = code + "=" + answer.Value(code)
	}
	if c, ok := l.File.Command(command); ok {
		for _, pair := range c.SuccessFields {
			if field, is := answer.Field(pair.Key); is {
				description += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return description
}

// saysTooMany reports whether HTTP itself says that there were too many requests.
func saysTooMany(answer *Answer) bool {
	return answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable || answer.RetryAfter > 0
}

// mayComeFromLimit reports whether an answer may be that of a limit, so that the try is made
// again: one that says so, one that was never seen, or a refusal of what was done behind the
// same requests.
func (l *Lab) mayComeFromLimit(steps []experiment.Step, answer *Answer) bool {
	limiter, step := &l.limiter, steps[len(steps)-1]
	description := l.describeAnswer(step.Command, answer)
	switch {
	case IsDone(l.File, step.Command, answer):
		if limiter.ordinaryAnswers[description] = true; l.areUnchangedRequests(steps) {
			limiter.doneRequests[l.Key(steps, 0)] = true
		}
		return false
	case saysTooMany(answer), limiter.limitAnswers[description]:
	case l.wasDoneBefore(steps):
	case limiter.ordinaryAnswers[description] || len(limiter.ordinaryAnswers) > maxOrdinaryAnswers || l.mayCauseLock(steps):
		return false
	}
	return !limiter.acceptedAnswers[[2]string{l.Key(steps, 0), description}]
}

// wasDoneBefore reports whether the last of some steps was done behind the others before.
func (l *Lab) wasDoneBefore(steps []experiment.Step) bool {
	return l.areUnchangedRequests(steps) && l.limiter.doneRequests[l.Key(steps, 0)]
}

// invalidReason is why an experiment proves nothing: a request that was done from the same
// beginning is refused, whatever was waited. It is "" if there is none.
func (l *Lab) invalidReason(trace *Trace) string {
	for i, step := range trace.Steps {
		if steps := trace.Steps[:i+1]; !l.areUnchangedRequests(steps) {
			return ""
		} else if !IsDone(l.File, step.Command, &trace.Answers[i]) && l.wasDoneBefore(steps) {
			return fmt.Sprintf("%s was done from the same beginning, and is answered %s now",
				l.File.FormatStep(step), l.describeAnswer(step.Command, &trace.Answers[i]))
		}
	}
	return ""
}

// areUnchangedRequests reports whether steps are requests as the file has them. Where commands undo what
// experiments have done, only logins are: others may show what was left behind.
func (l *Lab) areUnchangedRequests(steps []experiment.Step) bool {
	return !slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || step.HTTPForm != "" || len(step.Changes) > 0 ||
			l.File.Reset.Kind == experiment.ResetCommands && l.File.VerbOf(step) != experiment.VerbLogin
	})
}

// mayCauseLock reports whether steps have failed logins that nothing undoes: they are not made
// again without need.
func (l *Lab) mayCauseLock(steps []experiment.Step) bool {
	return l.File.Reset.Kind != experiment.ResetURL && slices.ContainsFunc(steps, l.isChangedLogin)
}

// recordSuspiciousAnswer notes that a try ends at the last of its steps. It is made again at once; if the
// answer comes again there is a doubt to be settled.
func (l *Lab) recordSuspiciousAnswer(history *attemptHistory, steps []experiment.Step, answer *Answer) {
	description := l.describeAnswer(steps[len(steps)-1].Command, answer)
	line := [2]string{l.Key(steps, 0), description}
	limit := l.findOrAddLimit(steps[len(steps)-1].Command, description, answer.ID)
	if len(history.suspicious) == 0 {
		limit.Occurrences++
	}
	if history.suspicious[line]++; history.suspicious[line] > 1 {
		history.suspicion = &suspectedLimit{steps: steps, answerKey: line, limit: limit, seenAt: l.latestTime, retryAfter: answer.RetryAfter}
	}
}

// findOrAddLimit is the limit that an answer tells of.
func (l *Lab) findOrAddLimit(command, description, id string) *Limit {
	for _, limit := range l.limiter.limits {
		if limit.Answer == description {
			return limit
		}
	}
	limit := &Limit{ID: id, Command: command, Answer: description}
	l.limiter.limits = append(l.limiter.limits, limit)
	return limit
}

// resolveSuspicion makes up its mind about an answer that may be that of a limit. If the server does
// what it has done before, the answer is its way; else the limit is waited for.
func (l *Lab) resolveSuspicion(ctx context.Context, suspicion *suspectedLimit) error {
	limiter, control, others := &l.limiter, l.selectControl(suspicion.steps), false
	l.resetLimit = nil
	works, err := l.controlWorks(ctx, control)
	switch {
	case err != nil:
		return err
	case works && l.resetLimit != nil:
		return nil
	case works:
		l.acceptAnswer(suspicion)
		return nil
	case limiter.maxRequests > 0:
		limiter.period = limiter.period * 13 / 10 // it was met though it was kept to
		for _, limit := range limiter.limits {
			if limit.Period > 0 {
				limit.Period = limiter.period
			}
		}
	}
	for wait := max(minLimitWait, suspicion.retryAfter); !works; wait = max(minLimitWait, l.durationSince(suspicion.seenAt)/5) {
		waited := l.durationSince(suspicion.seenAt)
		if waited > maxSingleCommandWait && !others {
			if others, err = l.anyControlWorks(ctx); err != nil || others {
				l.acceptAnswer(suspicion) // one request is refused, and stays so
				return err
			}
			others = true
			if l.File.Clock.URL != "" && l.Simulator == nil {
				limiter.usesRealClock, suspicion.seenAt = true, l.latestTime // it may go by the real clock, though there is another
			}
		}
		if waited > maxLimitWait {
			return l.brokenf("%s answers %q, whatever is asked and waited", l.serverAddr, suspicion.answerKey[1])
		}
		l.pendingWait = wait
		if works, err = l.controlWorks(ctx, control); err != nil {
			return err
		}
	}
	l.measureLimit(suspicion)
	return nil
}

// acceptAnswer takes an answer for the server's way.
func (l *Lab) acceptAnswer(suspicion *suspectedLimit) {
	limiter := &l.limiter
	limiter.acceptedAnswers[suspicion.answerKey], limiter.ordinaryAnswers[suspicion.answerKey[1]] = true, true
	delete(limiter.limitAnswers, suspicion.answerKey[1])
	limiter.limits = slices.DeleteFunc(limiter.limits, func(limit *Limit) bool { return limit == suspicion.limit && limit.Period == 0 })
}

// anyControlWorks reports whether anything that was done before is done now.
func (l *Lab) anyControlWorks(ctx context.Context) (bool, error) {
	inOrder := func(x, y [2]string) int { return slices.Compare(x[:], y[:]) }
	for _, at := range slices.SortedFunc(maps.Keys(l.controls), inOrder) {
		if works, err := l.controlWorks(ctx, l.controls[at]); works || err != nil {
			return works, err
		}
	}
	return false, nil
}

// rememberControl keeps an experiment in which all requests are as the file has them, and the last was
// done.
func (l *Lab) rememberControl(steps []experiment.Step) {
	at := [2]string{steps[len(steps)-1].Role, steps[len(steps)-1].Command}
	if steps[0].Wait > 0 {
		steps = steps[1:]
	}
	if known := l.controls[at]; known != nil && len(known) <= len(steps) || !l.areUnchangedRequests(steps) {
		return
	}
	l.controls[at] = steps
	if l.controls[[2]string{}] == nil {
		l.controls[[2]string{}] = steps
	}
}

// selectControl is an experiment that was done before, to tell a limit by: that in question
// itself, one with the same command, or any.
func (l *Lab) selectControl(steps []experiment.Step) []experiment.Step {
	step := steps[len(steps)-1]
	if l.wasDoneBefore(steps) {
		return steps
	}
	if known := l.controls[[2]string{step.Role, step.Command}]; known != nil {
		return known
	}
	return l.controls[[2]string{}]
}

// controlWorks reports whether an experiment that was done is done now. Nothing can be said if
// there is none: then it is believed to.
func (l *Lab) controlWorks(ctx context.Context, control []experiment.Step) (bool, error) {
	if control == nil {
		return true, nil
	}
	planned := plannedExperiment{steps: control}
	for history := newAttemptHistory(len(control)); ; {
		trace, err := l.makeAttempt(ctx, "control: "+l.Key(control, 0), planned, history)
		switch {
		case err != nil:
			return false, err
		case trace != nil:
			return IsDone(l.File, control[len(control)-1].Command, &trace.Answers[len(control)-1]), nil
		case len(history.suspicious) > 0:
			return false, nil
		}
	}
}

// measureLimit takes in what a wait has shown.
func (l *Lab) measureLimit(suspicion *suspectedLimit) {
	limiter, limit := &l.limiter, suspicion.limit
	if !limiter.ordinaryAnswers[limit.Answer] {
		limiter.limitAnswers[limit.Answer] = true
	}
	// A lock for failed logins looks alike, where nothing undoes it.
	locked := !strings.HasPrefix(limit.Answer, "status") && l.File.Reset.Kind != experiment.ResetURL && len(l.failedLogins) > 0
	if limiter.maxRequests > 0 || locked {
		return
	}
	limiter.period = l.durationSince(suspicion.seenAt)
	for _, answeredAt := range limiter.answeredAt {
		if before := l.durationBetween(answeredAt, suspicion.seenAt); before >= 0 && before < limiter.period {
			limiter.maxRequests++
		}
	}
	limiter.maxRequests = max(1, limiter.maxRequests)
	limit.Requests, limit.Period = limiter.maxRequests, limiter.period
}

// durationBetween is how much time went by on the clock that the limit goes by.
func (l *Lab) durationBetween(from, to serverTime) time.Duration {
	if l.limiter.usesRealClock {
		return to.elapsed - from.elapsed
	}
	return to.elapsed - from.elapsed + to.clockOffset - from.clockOffset
}

func (l *Lab) durationSince(from serverTime) time.Duration {
	return l.durationBetween(from, l.latestTime)
}

// recordAnswered notes that a request was answered.
func (l *limitTracker) recordAnswered(now serverTime) {
	const most = 4096
	if len(l.answeredAt) == most {
		l.answeredAt = slices.Delete(l.answeredAt, 0, most/2)
	}
	l.answeredAt = append(l.answeredAt, now)
}

// limitDelay is how long to wait until so many requests can be sent.
func (l *Lab) limitDelay(requests int) time.Duration {
	limiter := &l.limiter
	if limiter.maxRequests == 0 {
		return 0
	}
	free := limiter.maxRequests - min(requests, limiter.maxRequests)
	if len(limiter.answeredAt) <= free {
		return 0
	}
	now := serverTime{elapsed: toDuration(l.elapsedSeconds()), clockOffset: l.latestTime.clockOffset}
	// The latest of those that have to be out of the period.
	return max(0, limiter.period+time.Millisecond-l.durationBetween(limiter.answeredAt[len(limiter.answeredAt)-1-free], now))
}

// checkFitsLimit fails for an experiment that needs more requests in a row than the server answers,
// if pauses in it would change what it shows.
func (l *Lab) checkFitsLimit(steps []experiment.Step) error {
	limiter := &l.limiter
	if n := countRequests(steps); limiter.maxRequests > 0 && n > limiter.maxRequests && isTimeSensitive(steps) {
		return &LimitedError{Requests: n, MaxRequests: limiter.maxRequests, Period: limiter.period}
	}
	return nil
}

// isTimeSensitive reports whether a pause could change what steps show: those that wait, and
// those that use a mark again.
func isTimeSensitive(steps []experiment.Step) bool {
	return slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool {
			return strings.Contains(change.Value, "{seq:")
		})
	})
}

// waitForLimit lets the time go by that a limit needs. It is no step of the experiment.
func (t *attempt) waitForLimit(ctx context.Context, duration time.Duration) error {
	l := t.lab
	if duration <= 0 || t.isArchived {
		return nil
	}
	if l.File.Clock.URL == "" || l.limiter.usesRealClock {
		return l.waitRealTime(ctx, duration)
	}
	if err := l.advanceTime(ctx, duration); err != nil {
		return err
	}
	return t.writeEntry(journal.Entry{Elapsed: l.elapsedSeconds(), StepText: l.File.FormatStep(experiment.Step{Wait: duration}), WaitSeconds: duration.Seconds()})
}

func toDuration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

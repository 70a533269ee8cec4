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

// Limit is an answer caused by the number of earlier requests and not by the request itself: after
// a wait the same request was answered differently.
type Limit struct {
	// ID names the first such answer in the transcript. Command is its command, or * if it
	// answered a request of a reset.
	ID, Command string
	// Answer describes the answer: a status such as "status 429", or the code of a record.
	Answer string
	// Requests were answered within Period before the limit applied. Both are 0 if the
	// limit was not measured.
	Requests int
	Period   time.Duration
	// Occurrences counts the experiments and reset requests that met the limit.
	Occurrences int
}

const anyCommand = "*"

// Limits returns copies of the limits found so far, in order of discovery.
func (l *Lab) Limits() []Limit {
	all := make([]Limit, len(l.limiter.limits))
	for i, limit := range l.limiter.limits {
		all[i] = *limit
	}
	return all
}

// serverTime is a point in time: elapsed is the real time since the transcript began, clockOffset
// what the server's clock was advanced by until then.
type serverTime struct{ elapsed, clockOffset time.Duration }

// limitTracker finds the server's limit of requests. Lab keeps within it once it is known.
type limitTracker struct {
	answeredAt []serverTime // of the latest answered requests
	// The server answers maxRequests within period; maxRequests is 0 while no limit is known.
	maxRequests   int
	period        time.Duration
	usesRealClock bool // advancing the server's clock does not help
	// limitAnswers are descriptions of answers known to come from a limit. ordinaryAnswers
	// are known not to.
	limitAnswers, ordinaryAnswers map[string]bool
	// succeededRequests holds the keys of unchanged requests whose last one was done.
	succeededRequests map[string]bool
	// acceptedAnswers holds key and answer of requests whose answer no wait changed.
	acceptedAnswers map[[2]string]bool
	limits          []*Limit
}

func newLimitTracker() limitTracker {
	return limitTracker{
		limitAnswers: make(map[string]bool), ordinaryAnswers: make(map[string]bool),
		succeededRequests: make(map[string]bool), acceptedAnswers: make(map[[2]string]bool),
	}
}

// Each wait for a limit is a fifth of the time waited so far, but at least minLimitWait. After
// maxLimitWait the server counts as broken.
const (
	minLimitWait = 500 * time.Millisecond
	maxLimitWait = 10 * time.Minute
	// maxSingleCommandWait is how long a refused request is waited for before other commands are
	// tried.
	maxSingleCommandWait = time.Minute
)

// maxOrdinaryAnswers bounds how many new answers are asked for again only because they are new.
const maxOrdinaryAnswers = 40

// attemptHistory holds what the earlier attempts at one experiment showed.
type attemptHistory struct {
	faults           int
	unansweredCounts []int             // by step: consecutive attempts without an answer
	suspiciousCounts map[[2]string]int // by steps and answer: attempts that it ended
	suspicion        *suspectedLimit   // to be resolved before the next attempt, or nil
	// discarded is the first attempt that ended with an answer that was not accepted.
	discarded *Trace
}

func newAttemptHistory(steps int) *attemptHistory {
	return &attemptHistory{unansweredCounts: make([]int, steps), suspiciousCounts: make(map[[2]string]int)}
}

// suspectedLimit is an answer that came twice and may come from a limit.
type suspectedLimit struct {
	steps      []experiment.Step // up to and including the answered one
	answerKey  [2]string         // key of steps, and description of the answer
	limit      *Limit
	seenAt     serverTime
	retryAfter time.Duration // as the server demands it
}

// describeAnswer summarizes an answer by its status, its code, or its text, so that equal causes
// get equal descriptions.
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
			if field, isFriend := answer.Field(pair.Key); isFriend {
				description += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return description
}

// saysTooMany reports whether the HTTP response itself announces a limit.
func saysTooMany(answer *Answer) bool {
	return answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable ||
		answer.RetryAfter > 0
}

// checkForLimit reports whether the answer to the last of steps may come from a limit, so that
// the attempt must be repeated: it announces a limit, is new, or refuses a request that was done
// after the same steps before.
func (l *Lab) checkForLimit(steps []experiment.Step, answer *Answer) bool {
	limiter, step := &l.limiter, steps[len(steps)-1]
	description := l.describeAnswer(step.Command, answer)
	switch {
	case IsDone(l.File, step.Command, answer):
		if limiter.ordinaryAnswers[description] = true; l.areUnchangedRequests(steps) {
			limiter.succeededRequests[l.Key(steps, 0)] = true
		}
		return false
	case saysTooMany(answer), limiter.limitAnswers[description]:
	case l.succeededBefore(steps):
	case limiter.ordinaryAnswers[description] || len(limiter.ordinaryAnswers) > maxOrdinaryAnswers ||
		l.mayCauseLock(steps):
		return false
	}
	return !limiter.acceptedAnswers[[2]string{l.Key(steps, 0), description}]
}

// succeededBefore reports whether the last of steps was done earlier, after the same steps.
func (l *Lab) succeededBefore(steps []experiment.Step) bool {
	return l.areUnchangedRequests(steps) && l.limiter.succeededRequests[l.Key(steps, 0)]
}

// invalidReason says why an experiment proves nothing: one of its first, unchanged requests was
// done earlier and is refused now. It returns "" for a valid experiment.
func (l *Lab) invalidReason(trace *Trace) string {
	for i, step := range trace.Steps {
		if steps := trace.Steps[:i+1]; !l.areUnchangedRequests(steps) {
			return ""
		} else if !IsDone(l.File, step.Command, &trace.Answers[i]) && l.succeededBefore(steps) {
			return fmt.Sprintf("%s was done from the same beginning, and is answered %s now",
				l.File.FormatStep(step), l.describeAnswer(step.Command, &trace.Answers[i]))
		}
	}
	return ""
}

// areUnchangedRequests reports whether all steps are requests as the file defines them. If
// commands reset the server, only logins count, because the answers to others may show residue.
func (l *Lab) areUnchangedRequests(steps []experiment.Step) bool {
	return !slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || step.HTTPForm != "" || len(step.Changes) > 0 ||
			l.File.Reset.Kind == experiment.ResetCommands && l.File.VerbOf(step) != experiment.VerbLogin
	})
}

// mayCauseLock reports whether steps hold logins that may fail and that no reset undoes. They are
// not repeated without need.
func (l *Lab) mayCauseLock(steps []experiment.Step) bool {
	return l.File.Reset.Kind != experiment.ResetURL && slices.ContainsFunc(steps, l.isChangedLogin)
}

// recordSuspiciousAnswer records that an attempt ended with the answer to the last of steps. The
// second such answer makes a suspicion.
func (l *Lab) recordSuspiciousAnswer(history *attemptHistory, steps []experiment.Step, answer *Answer) {
	description := l.describeAnswer(steps[len(steps)-1].Command, answer)
	line := [2]string{l.Key(steps, 0), description}
	limit := l.findOrAddLimit(steps[len(steps)-1].Command, description, answer.ID)
	if len(history.suspiciousCounts) == 0 {
		limit.Occurrences++
	}
	if history.suspiciousCounts[line]++; history.suspiciousCounts[line] > 1 {
		history.suspicion = &suspectedLimit{
			steps:      steps,
			answerKey:  line,
			limit:      limit,
			seenAt:     l.latestTime,
			retryAfter: answer.RetryAfter,
		}
	}
}

// findOrAddLimit returns the limit that causes an answer.
func (l *Lab) findOrAddLimit(command, description, answerID string) *Limit {
	for _, limit := range l.limiter.limits {
		if limit.Answer == description {
			return limit
		}
	}
	limit := &Limit{ID: answerID, Command: command, Answer: description}
	l.limiter.limits = append(l.limiter.limits, limit)
	return limit
}

// resolveSuspicion decides whether an answer comes from a limit. It repeats a control experiment
// that was done before. If that is still done, the answer is the server's ordinary one. Otherwise
// it waits until the control works again, and measures the limit.
func (l *Lab) resolveSuspicion(ctx context.Context, suspicion *suspectedLimit) error {
	limiter, control, triedOthers := &l.limiter, l.selectControl(suspicion.steps), false
	l.resetLimit = nil
	works, err := l.controlSucceeds(ctx, control)
	switch {
	case err != nil:
		return err
	case works && l.resetLimit != nil:
		return nil
	case works:
		l.acceptAnswer(suspicion)
		return nil
	case limiter.maxRequests > 0:
		limiter.period = limiter.period * 13 / 10 // the limit applied although it was respected
		for _, limit := range limiter.limits {
			if limit.Period > 0 {
				limit.Period = limiter.period
			}
		}
	}
	for wait := max(minLimitWait, suspicion.retryAfter); !works; wait = max(minLimitWait,
		l.durationSince(suspicion.seenAt)/5) {
		waited := l.durationSince(suspicion.seenAt)
		if waited > maxSingleCommandWait && !triedOthers {
			if triedOthers, err = l.anyControlSucceeds(ctx); err != nil || triedOthers {
				l.acceptAnswer(suspicion) // only this request is refused, for good
				return err
			}
			triedOthers = true
			if l.File.Clock.URL != "" && l.Simulator == nil {
				limiter.usesRealClock, suspicion.seenAt = true, l.latestTime // the limit may use the real clock
			}
		}
		if waited > maxLimitWait {
			return l.brokenf("%s answers %q, whatever is asked and waited", l.serverAddr, suspicion.answerKey[1])
		}
		l.pendingWait = wait
		if works, err = l.controlSucceeds(ctx, control); err != nil {
			return err
		}
	}
	l.measureLimit(suspicion)
	return nil
}

// acceptAnswer records that an answer is the server's ordinary one.
func (l *Lab) acceptAnswer(suspicion *suspectedLimit) {
	limiter := &l.limiter
	limiter.acceptedAnswers[suspicion.answerKey], limiter.ordinaryAnswers[suspicion.answerKey[1]] = true, true
	delete(limiter.limitAnswers, suspicion.answerKey[1])
	limiter.limits = slices.DeleteFunc(
		limiter.limits,
		func(limit *Limit) bool { return limit == suspicion.limit && limit.Period == 0 },
	)
}

// anyControlSucceeds reports whether any request that was done before is done now.
func (l *Lab) anyControlSucceeds(ctx context.Context) (bool, error) {
	inOrder := func(x, y [2]string) int { return slices.Compare(x[:], y[:]) }
	for _, key := range slices.SortedFunc(maps.Keys(l.controls), inOrder) {
		if works, err := l.controlSucceeds(ctx, l.controls[key]); works || err != nil {
			return works, err
		}
	}
	return false, nil
}

// rememberControl keeps steps as a control experiment if all are unchanged requests. The last of
// them was done. A shorter control replaces a longer one.
func (l *Lab) rememberControl(steps []experiment.Step) {
	key := [2]string{steps[len(steps)-1].Role, steps[len(steps)-1].Command}
	if steps[0].Wait > 0 {
		steps = steps[1:]
	}
	if known := l.controls[key]; known != nil && len(known) <= len(steps) || !l.areUnchangedRequests(steps) {
		return
	}
	l.controls[key] = steps
	if l.controls[[2]string{}] == nil {
		l.controls[[2]string{}] = steps
	}
}

// selectControl returns an experiment that was done before: the suspected steps themselves, one
// with the same role and command, or any. It returns nil if there is none.
func (l *Lab) selectControl(steps []experiment.Step) []experiment.Step {
	step := steps[len(steps)-1]
	if l.succeededBefore(steps) {
		return steps
	}
	if known := l.controls[[2]string{step.Role, step.Command}]; known != nil {
		return known
	}
	return l.controls[[2]string{}]
}

// controlSucceeds reports whether a control experiment is done now. Without a control it reports
// true.
func (l *Lab) controlSucceeds(ctx context.Context, control []experiment.Step) (bool, error) {
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
		case len(history.suspiciousCounts) > 0:
			return false, nil
		}
	}
}

// measureLimit records the requests and the period of a limit after the wait for it.
func (l *Lab) measureLimit(suspicion *suspectedLimit) {
	limiter, limit := &l.limiter, suspicion.limit
	if !limiter.ordinaryAnswers[limit.Answer] {
		limiter.limitAnswers[limit.Answer] = true
	}
	// A lock after failed logins looks the same, unless a reset undoes it.
	locked := !strings.HasPrefix(limit.Answer, "status") && l.File.Reset.Kind != experiment.ResetURL &&
		len(l.failedLogins) > 0
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

// durationBetween returns the time between two points on the clock that limits use.
func (l *Lab) durationBetween(from, to serverTime) time.Duration {
	if l.limiter.usesRealClock {
		return to.elapsed - from.elapsed
	}
	return to.elapsed - from.elapsed + to.clockOffset - from.clockOffset
}

func (l *Lab) durationSince(from serverTime) time.Duration {
	return l.durationBetween(from, l.latestTime)
}

func (l *limitTracker) recordAnswered(now serverTime) {
	const most = 4096
	if len(l.answeredAt) == most {
		l.answeredAt = slices.Delete(l.answeredAt, 0, most/2)
	}
	l.answeredAt = append(l.answeredAt, now)
}

// limitDelay returns how long to wait until that many requests fit the limit.
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
	// The latest answered request that must be older than the period decides.
	return max(
		0,
		limiter.period+time.Millisecond-l.durationBetween(limiter.answeredAt[len(limiter.answeredAt)-1-free], now),
	)
}

// checkFitsLimit returns a LimitedError for steps that exceed the limit and in which a pause would
// change the result.
func (l *Lab) checkFitsLimit(steps []experiment.Step) error {
	limiter := &l.limiter
	if count := countRequests(steps); limiter.maxRequests > 0 && count > limiter.maxRequests && isTimeSensitive(steps) {
		return &LimitedError{Requests: count, MaxRequests: limiter.maxRequests, Period: limiter.period}
	}
	return nil
}

// isTimeSensitive reports whether a pause could change what steps show: they contain a wait or
// reuse a mark.
func isTimeSensitive(steps []experiment.Step) bool {
	return slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool {
			return strings.Contains(change.Value, "{seq:")
		})
	})
}

// waitForLimit waits for a limit. The wait is written to the transcript but is no step of the
// experiment.
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
	return t.writeEntry(
		journal.Entry{
			Elapsed:     l.elapsedSeconds(),
			StepText:    l.File.FormatStep(experiment.Step{Wait: duration}),
			WaitSeconds: duration.Seconds(),
		},
	)
}

func toDuration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

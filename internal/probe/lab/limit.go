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
	// Requests is how many requests the server answered within Period before the limit
	// applied. Both are 0 if the limit was not measured.
	Requests int
	Period   time.Duration
	// Occurrences counts the experiments and reset requests that met the limit.
	Occurrences int
}

// anyCommand is the command of limits that first answered a request of a reset.
const anyCommand = "*"

// Limits returns copies of the limits found so far, in order of discovery.
func (l *Lab) Limits() []Limit {
	all := make([]Limit, len(l.limiter.limits))
	for i, limit := range l.limiter.limits {
		all[i] = *limit
	}
	return all
}

// serverTime is a point in time: elapsed is the real time since the transcript began, and
// clockOffset is how far the server's clock had been advanced by then.
type serverTime struct{ elapsed, clockOffset time.Duration }

// limitTracker finds the server's limit of requests. Lab keeps within it once it is known.
type limitTracker struct {
	answeredAt []serverTime // of the latest answered requests
	// The server answers maxRequests within period; maxRequests is 0 while no limit is known.
	maxRequests   int
	period        time.Duration
	usesRealClock bool // the limit ends only in real time, not when the control URL advances the clock
	// limitAnswers are descriptions (see describeAnswer) of answers known to come from a
	// limit, ordinaryAnswers of those known not to.
	limitAnswers, ordinaryAnswers map[string]bool
	// succeededRequests holds the keys of experiments of unchanged requests whose last one
	// succeeded.
	succeededRequests map[string]bool
	// acceptedAnswers holds the key of an experiment and the description of its last answer if
	// that was suspected and turned out not to come from a limit.
	acceptedAnswers map[[2]string]bool
	limits          []*Limit
}

func newLimitTracker() limitTracker {
	return limitTracker{
		limitAnswers: make(map[string]bool), ordinaryAnswers: make(map[string]bool),
		succeededRequests: make(map[string]bool), acceptedAnswers: make(map[[2]string]bool),
	}
}

// Waits for a suspected limit grow: each is a fifth of the time waited until then, and at least
// minLimitWait. The end of the limit is thus measured to within a fifth. A limit that lasts longer
// than maxLimitWait counts as a broken server.
const (
	minLimitWait = 500 * time.Millisecond
	maxLimitWait = 10 * time.Minute
	// maxSingleCommandWait is the wait for one control experiment after which the others are
	// tried too: the server may refuse this request for good.
	maxSingleCommandWait = time.Minute
)

// maxOrdinaryAnswers is the number of known ordinary answers beyond which a new answer is no longer
// suspicious. A server with so many answers would cost a repetition for each.
const maxOrdinaryAnswers = 40

// attemptHistory holds what the earlier attempts at one experiment showed.
type attemptHistory struct {
	faults           int
	unansweredCounts []int             // by index of the step: consecutive attempts without an answer
	suspiciousCounts map[[2]string]int // by key of the steps and answer: attempts that ended with it
	suspicion        *suspectedLimit   // to be resolved before the next attempt, or nil
	// discarded is the first attempt that ended with an answer that was not accepted.
	discarded *Trace
}

func newAttemptHistory(steps int) *attemptHistory {
	return &attemptHistory{unansweredCounts: make([]int, steps), suspiciousCounts: make(map[[2]string]int)}
}

// suspectedLimit is an answer that ended two attempts and may come from a limit.
type suspectedLimit struct {
	steps      []experiment.Step // up to and including the answered one
	answerKey  [2]string         // key of steps, and description of the answer
	limit      *Limit
	seenAt     serverTime
	retryAfter time.Duration // as the server demands it
}

// describeAnswer summarizes an answer by its status, its text, or its code and success fields, so
// that answers with the same cause get the same description.
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
			if field, ok := answer.Field(pair.Key); ok {
				description += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return description
}

// saysTooMany reports whether the HTTP response itself announces a limit, by status 429 or 503 or
// a Retry-After header.
func saysTooMany(answer *Answer) bool {
	return answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable ||
		answer.RetryAfter > 0
}

// checkForLimit reports whether the answer to the last of steps may come from a limit, so that the
// attempt must be repeated: the answer announces a limit, is new, or refuses a request that
// succeeded after the same steps before. If the request succeeded, it records that.
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

// succeededBefore reports whether the same experiment was made earlier and its last request
// succeeded then.
func (l *Lab) succeededBefore(steps []experiment.Step) bool {
	return l.areUnchangedRequests(steps) && l.limiter.succeededRequests[l.Key(steps, 0)]
}

// invalidReason says why an experiment proves nothing: a request before its first changed step
// succeeded earlier and is refused now. It returns "" for a valid experiment.
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

// mayCauseLock reports whether steps contain logins that may fail and no reset undoes. Such steps
// are repeated only for a stronger reason than a new answer.
func (l *Lab) mayCauseLock(steps []experiment.Step) bool {
	return l.File.Reset.Kind != experiment.ResetURL && slices.ContainsFunc(steps, l.isChangedLogin)
}

// recordSuspiciousAnswer records that an attempt ended with the answer to the last of steps. If
// the same answer ends a second attempt, a suspicion is set, which must be resolved before the next.
func (l *Lab) recordSuspiciousAnswer(history *attemptHistory, steps []experiment.Step, answer *Answer) {
	description := l.describeAnswer(steps[len(steps)-1].Command, answer)
	answerKey := [2]string{l.Key(steps, 0), description}
	limit := l.findOrAddLimit(steps[len(steps)-1].Command, description, answer.ID)
	if len(history.suspiciousCounts) == 0 {
		limit.Occurrences++
	}
	if history.suspiciousCounts[answerKey]++; history.suspiciousCounts[answerKey] > 1 {
		history.suspicion = &suspectedLimit{
			steps:      steps,
			answerKey:  answerKey,
			limit:      limit,
			seenAt:     l.latestTime,
			retryAfter: answer.RetryAfter,
		}
	}
}

// findOrAddLimit returns the limit with the described answer, and adds one if there is none.
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

// resolveSuspicion decides whether an answer comes from a limit. It repeats a control experiment,
// one that succeeded before. If that still succeeds, the answer is an ordinary one. Otherwise it
// repeats the control with growing waits until it succeeds again, and measures the limit. If a
// limit delayed the control's own reset, nothing is decided: the next attempt comes after that
// limit anyway.
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
		// The limit applied although the lab kept to it, so it is longer than measured.
		limiter.period = limiter.period * 13 / 10
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
				// Advancing the clock did not help, so the limit may use real time. Measure anew.
				limiter.usesRealClock, suspicion.seenAt = true, l.latestTime
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

// acceptAnswer records that a suspected answer is an ordinary one, and drops its limit unless that
// was measured.
func (l *Lab) acceptAnswer(suspicion *suspectedLimit) {
	limiter := &l.limiter
	limiter.acceptedAnswers[suspicion.answerKey], limiter.ordinaryAnswers[suspicion.answerKey[1]] = true, true
	delete(limiter.limitAnswers, suspicion.answerKey[1])
	limiter.limits = slices.DeleteFunc(limiter.limits,
		func(limit *Limit) bool { return limit == suspicion.limit && limit.Period == 0 })
}

// anyControlSucceeds reports whether at least one of the control experiments succeeds now.
func (l *Lab) anyControlSucceeds(ctx context.Context) (bool, error) {
	inOrder := func(x, y [2]string) int { return slices.Compare(x[:], y[:]) }
	for _, key := range slices.SortedFunc(maps.Keys(l.controls), inOrder) {
		if works, err := l.controlSucceeds(ctx, l.controls[key]); works || err != nil {
			return works, err
		}
	}
	return false, nil
}

// rememberControl keeps steps, whose last request just succeeded, as a control experiment if all
// are unchanged requests. A shorter control replaces a longer one for the same role and command.
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

// selectControl returns an experiment that succeeded before: the suspected steps themselves, one
// with the same role and command, or the first known. It returns nil if there is none.
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

// controlSucceeds repeats a control experiment and reports whether its last request succeeds. With
// a nil control it reports true.
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

// measureLimit records, when a limit has just ended, how long it lasted and how many requests the
// server had answered within that time before it began. Only the first limit is measured.
func (l *Lab) measureLimit(suspicion *suspectedLimit) {
	limiter, limit := &l.limiter, suspicion.limit
	if !limiter.ordinaryAnswers[limit.Answer] {
		limiter.limitAnswers[limit.Answer] = true
	}
	// A login lock, unless a reset undoes it, looks like a limit: time ends both.
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

// durationSince returns the time from a point until the latest transcript entry.
func (l *Lab) durationSince(from serverTime) time.Duration {
	return l.durationBetween(from, l.latestTime)
}

// recordAnswered records the time of an answered request. It forgets the older half of the times
// when there are too many, so that memory is bounded.
func (l *limitTracker) recordAnswered(now serverTime) {
	const maxTimes = 4096
	if len(l.answeredAt) == maxTimes {
		l.answeredAt = slices.Delete(l.answeredAt, 0, maxTimes/2)
	}
	l.answeredAt = append(l.answeredAt, now)
}

// limitDelay returns how long to wait until the server's limit allows that many further requests.
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
	// All but the latest free requests must be older than the period. The youngest of these decides.
	return max(0,
		limiter.period+time.Millisecond-l.durationBetween(limiter.answeredAt[len(limiter.answeredAt)-1-free], now))
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

// isTimeSensitive reports whether a pause between steps could change their answers: they contain a
// wait, or reuse the mark of an earlier request, which the server may forget meanwhile.
func isTimeSensitive(steps []experiment.Step) bool {
	return slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool {
			return strings.Contains(change.Value, "{seq:")
		})
	})
}

// waitForLimit waits on the clock that limits use. The wait is not a step of the experiment; it is
// written to the transcript if it advances the server's clock. Archived attempts do not wait.
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

// toDuration converts a time in seconds, as in transcripts.
func toDuration(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

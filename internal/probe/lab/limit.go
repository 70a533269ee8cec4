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
	Per      time.Duration
	// Times is how often it was seen.
	Times int
}

const anyCommand = "*"

// Limits are the limits that were met, in their order.
func (l *Lab) Limits() []Limit {
	all := make([]Limit, len(l.limit.found))
	for i, limit := range l.limit.found {
		all[i] = *limit
	}
	return all
}

// A moment is when something happened: by the real clock, and by how far the server's was
// moved until then.
type experimentTime struct{ at, moved time.Duration }

// A limiter finds the limit that a server sets to requests, and keeps to it.
type limitTracker struct {
	served []experimentTime // the latest requests that were answered
	// Most requests in per are answered, as far as that is known: 0 is no limit.
	most int
	per  time.Duration
	real bool // moving the server's clock does not help
	// answers are those that are known to come of a limit, codes those that are not.
	answers, codes map[string]bool
	// done are the base requests that were done behind others, by their lines.
	done map[string]bool
	// settled are the lines with answers that stayed, whatever was waited.
	settled map[[2]string]bool
	found   []*Limit
}

func newLimiter() limitTracker {
	return limitTracker{
		answers: make(map[string]bool), codes: make(map[string]bool),
		done: make(map[string]bool), settled: make(map[[2]string]bool),
	}
}

// Each wait for a limit to go away is a fifth of what was waited before, and firstWait at
// least. What does not go away is no limit.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 10 * time.Minute
	// longestDoubt is for what only some requests get.
	longestDoubt = time.Minute
)

// mostCodes bounds the answers that are asked for again because they are new.
const mostCodes = 40

// transportTracker is what the earlier tries of an experiment have come to.
type transportTracker struct {
	faults int
	silent []int             // by step: tries in a row without an answer
	seen   map[[2]string]int // by line and answer: tries that it has ended
	doubt  *suspectedLimit   // nil if there is none
	// refused is the first try that ended with an answer that was not taken.
	refused *Trace
}

func newAttempts(steps int) *transportTracker {
	return &transportTracker{silent: make([]int, steps), seen: make(map[[2]string]int)}
}

// A doubt is an answer that came twice and may be that of a limit.
type suspectedLimit struct {
	steps []experiment.Step // up to it
	line  [2]string         // these, and the answer
	limit *Limit
	since experimentTime
	after time.Duration // when the server wants to be asked again
}

// answered is an answer in a word: its status, its code, or its text.
func (l *Lab) answered(command string, answer *Answer) string {
	switch answer.Kind() {
	case "status":
		return fmt.Sprintf("status %d", answer.Status)
	case "text":
		return answer.Text()
	}
	word := ""
	if code := l.File.Answer.CodeKey; code != "" {
		word = code + "=" + answer.Value(code)
	}
	if c, ok := l.File.Command(command); ok {
		for _, pair := range c.SuccessFields {
			if field, is := answer.Field(pair.Key); is {
				word += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return word
}

// saysTooMany reports whether HTTP itself says that there were too many requests.
func saysTooMany(answer *Answer) bool {
	return answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable || answer.RetryAfter > 0
}

// unsettled reports whether an answer may be that of a limit, so that the try is made
// again: one that says so, one that was never seen, or a refusal of what was done behind the
// same requests.
func (l *Lab) unsettled(steps []experiment.Step, answer *Answer) bool {
	limitTracker, step := &l.limit, steps[len(steps)-1]
	word := l.answered(step.Command, answer)
	switch {
	case Done(l.File, step.Command, answer):
		if limitTracker.codes[word] = true; l.isBase(steps) {
			limitTracker.done[l.Key(steps, 0)] = true
		}
		return false
	case saysTooMany(answer), limitTracker.answers[word]:
	case l.expected(steps):
	case limitTracker.codes[word] || len(limitTracker.codes) > mostCodes || l.mayLock(steps):
		return false
	}
	return !limitTracker.settled[[2]string{l.Key(steps, 0), word}]
}

// expected reports whether the last of some steps was done behind the others before.
func (l *Lab) expected(steps []experiment.Step) bool {
	return l.isBase(steps) && l.limit.done[l.Key(steps, 0)]
}

// unmade is why an experiment proves nothing: a request that was done from the same
// beginning is refused, whatever was waited. It is "" if there is none.
func (l *Lab) unmade(trace *Trace) string {
	for i, step := range trace.Steps {
		if steps := trace.Steps[:i+1]; !l.isBase(steps) {
			return ""
		} else if !Done(l.File, step.Command, &trace.Answers[i]) && l.expected(steps) {
			return fmt.Sprintf("%s was done from the same beginning, and is answered %s now",
				l.File.FormatStep(step), l.answered(step.Command, &trace.Answers[i]))
		}
	}
	return ""
}

// isBase reports whether steps are requests as the file has them. Where commands undo what
// experiments have done, only logins are: others may show what was left behind.
func (l *Lab) isBase(steps []experiment.Step) bool {
	return !slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || step.HTTPForm != "" || len(step.Changes) > 0 ||
			l.File.Reset.Kind == experiment.ResetCommands && l.verb(step) != experiment.VerbLogin
	})
}

// mayLock reports whether steps have failed logins that nothing undoes: they are not made
// again without need.
func (l *Lab) mayLock(steps []experiment.Step) bool {
	return l.File.Reset.Kind != experiment.ResetURL && slices.ContainsFunc(steps, l.wrongLogin)
}

// setBack notes that a try ends at the last of its steps. It is made again at once; if the
// answer comes again there is a doubt to be settled.
func (l *Lab) setBack(past *transportTracker, steps []experiment.Step, answer *Answer) {
	word := l.answered(steps[len(steps)-1].Command, answer)
	line := [2]string{l.Key(steps, 0), word}
	limit := l.sighting(steps[len(steps)-1].Command, word, answer.ID)
	if len(past.seen) == 0 {
		limit.Times++
	}
	if past.seen[line]++; past.seen[line] > 1 {
		past.doubt = &suspectedLimit{steps: steps, line: line, limit: limit, since: l.now, after: answer.RetryAfter}
	}
}

// sighting is the limit that an answer tells of.
func (l *Lab) sighting(command, word, id string) *Limit {
	for _, limit := range l.limit.found {
		if limit.Answer == word {
			return limit
		}
	}
	limit := &Limit{ID: id, Command: command, Answer: word}
	l.limit.found = append(l.limit.found, limit)
	return limit
}

// settle makes up its mind about an answer that may be that of a limit. If the server does
// what it has done before, the answer is its way; else the limit is waited for.
func (l *Lab) settle(ctx context.Context, d *suspectedLimit) error {
	limitTracker, control, others := &l.limit, l.controlFor(d.steps), false
	l.held = nil
	works, err := l.works(ctx, control)
	switch {
	case err != nil:
		return err
	case works && l.held != nil:
		return nil
	case works:
		l.believe(d)
		return nil
	case limitTracker.most > 0:
		limitTracker.per = limitTracker.per * 13 / 10 // it was met though it was kept to
		for _, limit := range limitTracker.found {
			if limit.Per > 0 {
				limit.Per = limitTracker.per
			}
		}
	}
	for wait := max(firstWait, d.after); !works; wait = max(firstWait, l.since(d.since)/5) {
		waited := l.since(d.since)
		if waited > longestDoubt && !others {
			if others, err = l.othersWork(ctx); err != nil || others {
				l.believe(d) // one request is refused, and stays so
				return err
			}
			others = true
			if l.File.Clock.URL != "" && l.Instead == nil {
				limitTracker.real, d.since = true, l.now // it may go by the real clock, though there is another
			}
		}
		if waited > longestWait {
			return l.brokenf("%s answers %q, whatever is asked and waited", l.server, d.line[1])
		}
		l.toWait = wait
		if works, err = l.works(ctx, control); err != nil {
			return err
		}
	}
	l.learn(d)
	return nil
}

// believe takes an answer for the server's way.
func (l *Lab) believe(d *suspectedLimit) {
	limitTracker := &l.limit
	limitTracker.settled[d.line], limitTracker.codes[d.line[1]] = true, true
	delete(limitTracker.answers, d.line[1])
	limitTracker.found = slices.DeleteFunc(limitTracker.found, func(limit *Limit) bool { return limit == d.limit && limit.Per == 0 })
}

// othersWork reports whether anything that was done before is done now.
func (l *Lab) othersWork(ctx context.Context) (bool, error) {
	inOrder := func(x, y [2]string) int { return slices.Compare(x[:], y[:]) }
	for _, at := range slices.SortedFunc(maps.Keys(l.known), inOrder) {
		if works, err := l.works(ctx, l.known[at]); works || err != nil {
			return works, err
		}
	}
	return false, nil
}

// know keeps an experiment in which all requests are as the file has them, and the last was
// done.
func (l *Lab) know(steps []experiment.Step) {
	at := [2]string{steps[len(steps)-1].Role, steps[len(steps)-1].Command}
	if steps[0].Wait > 0 {
		steps = steps[1:]
	}
	if known := l.known[at]; known != nil && len(known) <= len(steps) || !l.isBase(steps) {
		return
	}
	l.known[at] = steps
	if l.known[[2]string{}] == nil {
		l.known[[2]string{}] = steps
	}
}

// controlFor is an experiment that was done before, to tell a limit by: that in question
// itself, one with the same command, or any.
func (l *Lab) controlFor(steps []experiment.Step) []experiment.Step {
	step := steps[len(steps)-1]
	if l.expected(steps) {
		return steps
	}
	if known := l.known[[2]string{step.Role, step.Command}]; known != nil {
		return known
	}
	return l.known[[2]string{}]
}

// works reports whether an experiment that was done is done now. Nothing can be said if
// there is none: then it is believed to.
func (l *Lab) works(ctx context.Context, control []experiment.Step) (bool, error) {
	if control == nil {
		return true, nil
	}
	e := experimentKey{steps: control}
	for past := newAttempts(len(control)); ; {
		trace, err := l.try(ctx, "control: "+l.Key(control, 0), e, past)
		switch {
		case err != nil:
			return false, err
		case trace != nil:
			return Done(l.File, control[len(control)-1].Command, &trace.Answers[len(control)-1]), nil
		case len(past.seen) > 0:
			return false, nil
		}
	}
}

// learn takes in what a wait has shown.
func (l *Lab) learn(d *suspectedLimit) {
	limitTracker, limit := &l.limit, d.limit
	if !limitTracker.codes[limit.Answer] {
		limitTracker.answers[limit.Answer] = true
	}
	// A lock for failed logins looks alike, where nothing undoes it.
	locked := !strings.HasPrefix(limit.Answer, "status") && l.File.Reset.Kind != experiment.ResetURL && len(l.failed) > 0
	if limitTracker.most > 0 || locked {
		return
	}
	limitTracker.per = l.since(d.since)
	for _, experimentTime := range limitTracker.served {
		if before := l.between(experimentTime, d.since); before >= 0 && before < limitTracker.per {
			limitTracker.most++
		}
	}
	limitTracker.most = max(1, limitTracker.most)
	limit.Requests, limit.Per = limitTracker.most, limitTracker.per
}

// between is how much time went by on the clock that the limit goes by.
func (l *Lab) between(from, to experimentTime) time.Duration {
	if l.limit.real {
		return to.at - from.at
	}
	return to.at - from.at + to.moved - from.moved
}

func (l *Lab) since(from experimentTime) time.Duration { return l.between(from, l.now) }

// serve notes that a request was answered.
func (m *limitTracker) serve(now experimentTime) {
	const most = 4096
	if len(m.served) == most {
		m.served = slices.Delete(m.served, 0, most/2)
	}
	m.served = append(m.served, now)
}

// room is how long to wait until so many requests can be sent.
func (l *Lab) room(requests int) time.Duration {
	limitTracker := &l.limit
	if limitTracker.most == 0 {
		return 0
	}
	free := limitTracker.most - min(requests, limitTracker.most)
	if len(limitTracker.served) <= free {
		return 0
	}
	now := experimentTime{at: seconds(l.t()), moved: l.now.moved}
	// The latest of those that have to be out of the period.
	return max(0, limitTracker.per+time.Millisecond-l.between(limitTracker.served[len(limitTracker.served)-1-free], now))
}

// fits fails for an experiment that needs more requests in a row than the server answers,
// if pauses in it would change what it shows.
func (l *Lab) fits(steps []experiment.Step) error {
	limitTracker := &l.limit
	if n := requests(steps); limitTracker.most > 0 && n > limitTracker.most && keepsTime(steps) {
		return &LimitedError{Requests: n, Most: limitTracker.most, Per: limitTracker.per}
	}
	return nil
}

// keepsTime reports whether a pause could change what steps show: those that wait, and
// those that use a mark again.
func keepsTime(steps []experiment.Step) bool {
	return slices.ContainsFunc(steps, func(step experiment.Step) bool {
		return step.Wait > 0 || slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool {
			return strings.Contains(change.Value, "{seq:")
		})
	})
}

// pause lets the time go by that a limit needs. It is no step of the experiment.
func (t *attempt) pause(ctx context.Context, d time.Duration) error {
	lab := t.lab
	if d <= 0 || t.archived {
		return nil
	}
	if lab.File.Clock.URL == "" || lab.limit.real {
		return lab.pauseReally(ctx, d)
	}
	if err := lab.letGoBy(ctx, d); err != nil {
		return err
	}
	return t.write(journal.Entry{Elapsed: lab.t(), StepText: lab.File.FormatStep(experiment.Step{Wait: d}), WaitSeconds: d.Seconds()})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

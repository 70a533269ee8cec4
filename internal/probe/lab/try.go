package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// A try is one attempt at an experiment.
type attempt struct {
	lab             *Lab
	key             string
	number          int
	nonce           uint64
	accounts        []experiment.Account // who plays the roles
	marks           []string             // by step; step 0 holds those of the reset
	texts           []string
	hasEntries      bool            // something was written of it
	skipsReset      bool            // there is no reset before it
	archivedEntries []journal.Entry // what the archive has of it that was not looked at yet
	isArchived      bool
	steps           []experiment.Step
	history         *attemptHistory
	mustRepeat      bool // it ended, and is to be made again
	stopsAtLock     bool // it ended at a right login that is refused, before more wrong ones
	// unansweredResets is how often what is no step was sent in vain.
	unansweredResets int
}

// nextAttempt makes a try: the next one of the archive, if it has one of this
// experiment.
func (l *Lab) nextAttempt(key string, nonce uint64) *attempt {
	t := &attempt{lab: l, key: key, nonce: nonce, accounts: l.File.Accounts}
	for {
		archived, ok := l.Archive.nextAttempt(key)
		if !ok {
			break
		}
		l.attempts++
		if archived.isComplete {
			t.archivedEntries, t.isArchived, t.number = archived.entries, true, archived.entries[0].TryNumber
			return t
		}
		l.countIncompleteAttempt(archived)
	}
	l.attempts++
	l.lastAttempt++
	t.number = l.lastAttempt
	return t
}

// countIncompleteAttempt counts a try that was cut off: it was made, and nobody knows how far it
// came.
func (l *Lab) countIncompleteAttempt(attempt *archivedAttempt) {
	sent, faults := attempt.countRequests()
	l.sentRequests += sent
	l.transportFaults += faults
	l.residue = accountResidue{}
	if l.File.Reset.Kind == experiment.ResetPool {
		l.nextPoolAccount += uint64(len(l.File.Accounts))
	}
}

// attempt makes one attempt. There is no trace if it ended early, which past says more of.
func (l *Lab) makeAttempt(ctx context.Context, key string, planned plannedExperiment, history *attemptHistory) (*Trace, error) {
	t := l.nextAttempt(key, planned.nonce)
	t.skipsReset, t.history, t.steps = planned.skipsReset, history, planned.steps
	if err := t.checkReady(ctx, countRequests(planned.steps)); err != nil {
		return nil, err
	}
	if err := t.prepareServer(ctx); err != nil {
		return nil, err
	}
	l.currentAccounts = t.accounts
	trace := &Trace{ID: fmt.Sprintf("%s%d", l.Name, t.number), Steps: planned.steps}
	for i, step := range planned.steps {
		answer, err := t.runStep(ctx, step, i+1)
		if err != nil {
			return nil, err
		}
		if t.mustRepeat {
			if !answer.Lost && history.discarded == nil {
				history.discarded = &Trace{ID: trace.ID, Steps: planned.steps[:i+1], Answers: append(trace.Answers, answer)}
			}
			return nil, nil
		}
		trace.Answers = append(trace.Answers, answer)
		t.noteResidue(step, &answer)
		if t.stopsAtLock {
			trace.Steps = planned.steps[:i+1]
			return nil, &LockedError{Partial: trace, Unsent: planned.steps[i+1:]}
		}
	}
	return trace, nil
}

// mustEndAt reports whether the try ends with the answer to a step, and is to be made again.
func (t *attempt) mustEndAt(number int, answer *Answer) bool {
	history, i := t.history, number-1
	if answer.Lost {
		history.unanswered[i]++
		history.faults++
		return history.unanswered[i] <= 2 && history.faults < maxAttempts
	}
	history.unanswered[i] = 0
	steps := t.steps[:number]
	if t.lab.mayComeFromLimit(steps, answer) {
		t.lab.recordSuspiciousAnswer(history, steps, answer)
		return true
	}
	if !t.skipsReset && IsDone(t.lab.File, t.steps[i].Command, answer) {
		t.lab.rememberControl(steps)
	}
	return false
}

// checkReady fails if the try cannot be made any more.
func (t *attempt) checkReady(ctx context.Context, requests int) error {
	l := t.lab
	switch {
	case t.isArchived:
		return nil
	case l.Offline:
		return stoppedf("%s", l.archiveEndReason())
	}
	if err := l.checkStopped(ctx, requests); err != nil {
		return err
	}
	if !l.isOnline {
		l.isOnline, l.residue = true, accountResidue{} // whatever was before us, ourselves included
	}
	return nil
}

func (l *Lab) archiveEndReason() string {
	if l.Archive != nil && l.Archive.EndReason != "" {
		return l.Archive.EndReason
	}
	return "the transcript ends here"
}

func countRequests(steps []experiment.Step) int {
	n := 0
	for _, step := range steps {
		if step.Wait == 0 {
			n++
		}
	}
	return n
}

// runStep takes one step: on the server, or from the archive.
func (t *attempt) runStep(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	t.addMarks(number)
	if step.Wait > 0 {
		return t.wait(ctx, step, number)
	}
	if err := t.waitForLimit(ctx, t.lab.limitDelay(1)); err != nil {
		return Answer{}, err
	}
	return t.exchange(ctx, step, number)
}

// wait lets time go by.
func (t *attempt) wait(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	answer := Answer{IsWait: true, ID: t.stepID(number)}
	t.lab.clockOffset += step.Wait
	if t.isArchived {
		t.nextArchivedEntry()
		return answer, nil
	}
	if err := t.lab.advanceTime(ctx, step.Wait); err != nil {
		return answer, err
	}
	return answer, t.writeEntry(journal.Entry{
		StepNumber: number, StepText: t.lab.File.FormatStep(step), WaitSeconds: step.Wait.Seconds(), EndsTry: number == len(t.steps), Elapsed: t.lab.elapsedSeconds(),
	})
}

// stepID is how the transcript names a step of the try.
func (t *attempt) stepID(number int) string {
	return fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number)
}

// mostUnheard is how many requests may stay without an answer before a server has given
// any: then it is none of the kind, and waiting for more would only take longer.
const maxInitialFaults = 2

// exchange sends the request of a step and takes the answer.
func (t *attempt) exchange(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	l := t.lab
	record, hidden, err := t.buildRecord(step)
	if err != nil {
		return Answer{}, err
	}
	if t.isArchived {
		return t.replayAnswer(step, number)
	}
	if err := l.waitForTurn(ctx); err != nil {
		return Answer{}, err
	}
	raw, keep := t.buildRequest(step, number, record)
	if err := l.connect(ctx, l.File.Places[step.Place], keep); err != nil {
		return Answer{}, err
	}
	entry := journal.Entry{StepNumber: number, StepText: l.File.FormatStep(step), Role: step.Role}
	entry.Request, _ = t.buildRequest(step, number, hidden)
	l.sentRequests++
	began := time.Now()
	response, answer, err := t.sendRequest(ctx, step, record, raw, keep)
	took := time.Since(began)
	entry.Milliseconds, entry.Elapsed, entry.Response = float64(took.Microseconds())/1000, l.elapsedSeconds(), response
	switch {
	case err != nil && ctx.Err() != nil:
		entry.Fault = journal.Interrupted
		return answer, errors.Join(l.checkStopped(ctx, 0), t.writeEntry(entry))
	case err != nil:
		if l.transportFaults++; !l.hasAnswered && l.transportFaults >= maxInitialFaults {
			return answer, errors.Join(t.writeEntry(entry), l.brokenf("%s takes connections and answers nothing (%s)", l.serverAddr, faultText(err)))
		}
		answer = Answer{Lost: true, Fault: faultText(err)}
		entry.Fault = answer.Fault
	default:
		l.hasAnswered = true
		l.pacer.recordAnswerTime(step.Command, took)
	}
	l.latestTime.elapsed = toDuration(entry.Elapsed)
	t.completeAnswer(step, number, &answer, hidden)
	entry.EndsTry = number > 0 && (t.mustRepeat || t.stopsAtLock || number == len(t.steps))
	return answer, t.writeEntry(entry)
}

// completeAnswer completes an answer, and looks whether the try ends with it.
func (t *attempt) completeAnswer(step experiment.Step, number int, answer *Answer, sent []byte) {
	answer.Request, answer.ID = sent, t.stepID(number)
	if !answer.Lost {
		if step.HTTPForm == formTogether {
			answer.SecondAnswer = describeSecondAnswer([]byte(t.marks[number]), answer.rawResponse)
		}
		answer.parseBody(t.lab.File.Syntax, t.sentValueNames(step))
	}
	if t.mustRepeat = number > 0 && t.mustEndAt(number, answer); !t.mustRepeat || answer.Lost {
		t.lab.limiter.recordAnswered(t.lab.latestTime)
	}
	t.stopsAtLock = number > 0 && !t.mustRepeat && t.isLockAnswer(number, answer)
}

// isLockAnswer reports whether the answer to a step is that of a lock, and more wrong logins were
// to come: these would show nothing, and make the lock longer.
func (t *attempt) isLockAnswer(number int, answer *Answer) bool {
	l, step := t.lab, t.steps[number-1]
	if answer.Lost || l.File.VerbOf(step) != experiment.VerbLogin || l.isChangedLogin(step) || IsDone(l.File, step.Command, answer) {
		return false
	}
	// failed is empty where a control URL undoes failed logins.
	return len(l.failedLogins) > 0 && slices.ContainsFunc(t.steps[number:], l.isChangedLogin)
}

// waitForTurn waits until the next request may be sent, and fails if none may be any
// more: what a reset takes counts, so that an experiment may be cut off.
func (l *Lab) waitForTurn(ctx context.Context) error {
	if l.sentRequests >= l.usableBudget {
		return stoppedf("the budget of %d requests is used up", l.totalBudget)
	}
	if l.Simulator == nil && l.pacer.wait(ctx) != nil {
		return l.checkStopped(ctx, 0)
	}
	return nil
}

// replayAnswer is the answer that the archive has.
func (t *attempt) replayAnswer(step experiment.Step, number int) (answer Answer, err error) {
	l := t.lab
	l.sentRequests++
	entry := t.nextArchivedEntry()
	l.latestTime.elapsed = toDuration(entry.Elapsed)
	if entry.Fault != "" {
		if entry.IsTransportFault() {
			l.transportFaults++
		}
		answer = Answer{Lost: true, Fault: entry.Fault}
	} else if answer, err = parseArchivedAnswer(entry, httpMethod(step.HTTPForm)); err != nil {
		return answer, fmt.Errorf("the transcript's entry %s cannot be read: %w", entry.ID(), err)
	} else {
		l.hasAnswered = true
	}
	t.completeAnswer(step, number, &answer, extractRecord(step.HTTPForm, entry.Request)) // what was sent may have had the time in it
	return answer, nil
}

// sendRequest asks the server, or what stands in its place. Whatever comes back is
// written down and looked at without hidden secrets.
func (t *attempt) sendRequest(ctx context.Context, step experiment.Step, record, raw []byte, keep bool) (response []byte, answer Answer, err error) {
	l, method := t.lab, httpMethod(step.HTTPForm)
	if l.Simulator == nil {
		request := preparedRequest{method: method, raw: raw, keepsConnection: keep, hasTwoRequests: step.HTTPForm == formTogether, timeout: t.answerTimeout(step), identity: l.identifyRequest(step.Command, record)}
		response, answer, err = l.exchangeFrom(ctx, l.File.Places[step.Place], request)
	} else if response = l.Simulator.Respond(step, t.accountOf(step.Role).Number, record); response == nil {
		return nil, answer, errors.New("no answer")
	} else {
		answer, err = parseResponse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	if err == nil && l.concealSecrets(response) {
		answer, err = parseResponse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	answer.rawResponse = response
	return response, answer, err
}

// firstPatience is for the very first request: a server that is not there shall be noticed
// soon, and a slow one is asked again.
const firstAnswerTimeout = 3 * time.Second

// answerTimeout is how long the answer to a step is waited for: as long as the server's answers
// suggest, but once with all patience before it counts as silence.
func (t *attempt) answerTimeout(step experiment.Step) time.Duration {
	l := t.lab
	number := len(t.marks) - 1
	unanswered := t.unansweredResets // of what is no step
	if number > 0 {
		unanswered = t.history.unanswered[number-1]
	}
	switch {
	case unanswered == 1:
		return l.AnswerTimeout
	case !l.hasAnswered:
		return min(firstAnswerTimeout, l.AnswerTimeout)
	}
	return l.pacer.answerTimeout(step.Command, l.AnswerTimeout)
}

// faultText is what a fault was, without ports that differ each time.
func faultText(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errOtherAnswer):
		return err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case strings.Contains(err.Error(), "refused"):
		return "connection refused"
	}
	return "the connection ended without an answer"
}

func httpMethod(way string) string {
	switch way {
	case "get":
		return "GET"
	case "put":
		return "PUT"
	}
	return "POST"
}

// nextArchivedEntry is the archive's next entry of this try. Pauses are passed over.
func (t *attempt) nextArchivedEntry() *journal.Entry {
	for len(t.archivedEntries) > 0 {
		entry := &t.archivedEntries[0]
		t.archivedEntries = t.archivedEntries[1:]
		t.lab.noteTime(entry)
		if entry.StepNumber > 0 || entry.Request != nil {
			return entry
		}
	}
	return &journal.Entry{Fault: "it is not in the transcript"}
}

func (t *attempt) writeEntry(entry journal.Entry) error {
	if entry.Server, entry.TryNumber = t.lab.Name, t.number; entry.Request == nil {
		t.lab.noteTime(&entry)
	}
	if t.lab.Journal == nil {
		return nil
	}
	if !t.hasEntries {
		entry.TryKey, t.hasEntries = t.key, true
	}
	if err := t.lab.Journal.Append(entry); err != nil {
		return fmt.Errorf("cannot write the transcript: %w", err)
	}
	return nil
}

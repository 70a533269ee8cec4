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

// attempt is one attempt at an experiment, sent to the server or replayed from the archive.
type attempt struct {
	lab      *Lab
	key      string
	number   int
	nonce    uint64
	accounts []experiment.Account // that play the roles
	marks    []string             // values of {seq}, by step number; 0 is for reset requests
	texts    []string             // values of {text}, by step number
	steps    []experiment.Step
	history  *attemptHistory

	skipsReset      bool
	hasEntries      bool            // an entry was written to the transcript
	isArchived      bool            // replayed from the archive
	archivedEntries []journal.Entry // not replayed yet
	mustRepeat      bool            // the latest answer was lost or suspicious: a new attempt is needed
	stopsAtLock     bool            // a correct login was refused, and the remaining failing ones stay unsent
	// unansweredResets counts the unanswered sends of the current reset request.
	unansweredResets int
}

// nextAttempt returns the archive's next complete attempt at the experiment, or a new one.
func (l *Lab) nextAttempt(key string, nonce uint64) *attempt {
	t := &attempt{lab: l, key: key, nonce: nonce, accounts: l.File.Accounts}
	for {
		archived, ok := l.Archive.nextAttempt(key)
		if !ok {
			break
		}
		l.attempts++
		if archived.isComplete {
			t.archivedEntries, t.isArchived, t.number = archived.entries, true, archived.entries[0].AttemptNumber
			return t
		}
		l.countIncompleteAttempt(archived)
	}
	l.attempts++
	l.lastAttempt++
	t.number = l.lastAttempt
	return t
}

// countIncompleteAttempt adds the requests of an archived attempt that was cut off to the lab's
// totals. It also marks the residue as unknown and skips the pool accounts that the attempt used.
func (l *Lab) countIncompleteAttempt(attempt *archivedAttempt) {
	sent, faults := attempt.countRequests()
	l.sentRequests += sent
	l.transportFaults += faults
	l.residue = accountResidue{}
	if l.File.Reset.Kind == experiment.ResetPool {
		l.nextPoolAccount += uint64(len(l.File.Accounts))
	}
}

// makeAttempt makes one attempt. It returns (nil, nil) if the attempt must be repeated, and then
// history says why.
func (l *Lab) makeAttempt(
	ctx context.Context,
	key string,
	planned plannedExperiment,
	history *attemptHistory,
) (*Trace, error) {
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
				history.discarded = &Trace{
					ID:      trace.ID,
					Steps:   planned.steps[:i+1],
					Answers: append(trace.Answers, answer),
				}
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

// recordStepAnswer records the answer to a step in the history. It reports whether the attempt
// ends here and must be repeated: the answer was lost or may come from a limit.
func (t *attempt) recordStepAnswer(number int, answer *Answer) bool {
	history, i := t.history, number-1
	if answer.Lost {
		// The third silence in a row is accepted as the server's answer.
		history.unansweredCounts[i]++
		history.faults++
		return history.unansweredCounts[i] <= 2 && history.faults < maxAttempts
	}
	history.unansweredCounts[i] = 0
	steps := t.steps[:number]
	if t.lab.checkForLimit(steps, answer) {
		t.lab.recordSuspiciousAnswer(history, steps, answer)
		return true
	}
	if !t.skipsReset && IsDone(t.lab.File, t.steps[i].Command, answer) {
		t.lab.rememberControl(steps)
	}
	return false
}

// checkReady returns a StoppedError if no further attempt with that many requests can be made. An
// archived attempt is always ready.
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
		l.isOnline, l.residue = true, accountResidue{} // earlier runs may have left anything behind
	}
	return nil
}

// archiveEndReason says why the archive has no further attempts.
func (l *Lab) archiveEndReason() string {
	if l.Archive != nil && l.Archive.EndReason != "" {
		return l.Archive.EndReason
	}
	return "the transcript ends here"
}

// countRequests returns the number of steps that are not waits.
func countRequests(steps []experiment.Step) int {
	count := 0
	for _, step := range steps {
		if step.Wait == 0 {
			count++
		}
	}
	return count
}

// runStep makes one step, on the server or from the archive.
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

// wait makes a step that is a wait.
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
		StepNumber: number, StepText: t.lab.File.FormatStep(step), WaitSeconds: step.Wait.Seconds(),
		EndsAttempt: number == len(t.steps), Elapsed: t.lab.elapsedSeconds(),
	})
}

// stepID returns the name of a step in transcripts, such as a17.3.
func (t *attempt) stepID(number int) string {
	return fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number)
}

// maxInitialFaults is how many requests may stay unanswered before the first answer. A server that
// never answers is given up early, because each further request costs a full timeout.
const maxInitialFaults = 2

// exchange sends the request of a step and writes request and answer to the transcript. number
// counts the steps of the experiment from 1 and is 0 for requests of the reset. A lost answer is
// not an error: it has Lost set.
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
			return answer, errors.Join(t.writeEntry(entry),
				l.brokenf("%s takes connections and answers nothing (%s)", l.serverAddr, faultText(err)))
		}
		answer = Answer{Lost: true, Fault: faultText(err)}
		entry.Fault = answer.Fault
	default:
		l.hasAnswered = true
		l.pacer.recordAnswerTime(step.Command, took)
	}
	l.latestTime.elapsed = toDuration(entry.Elapsed)
	t.completeAnswer(step, number, &answer, hidden)
	entry.EndsAttempt = number > 0 && (t.mustRepeat || t.stopsAtLock || number == len(t.steps))
	return answer, t.writeEntry(entry)
}

// completeAnswer parses an answer and decides whether the attempt ends with it. sent is the record
// without hidden secrets.
func (t *attempt) completeAnswer(step experiment.Step, number int, answer *Answer, sent []byte) {
	answer.Request, answer.ID = sent, t.stepID(number)
	if !answer.Lost {
		if step.HTTPForm == formPipelined {
			answer.SecondAnswer = describeSecondAnswer([]byte(t.marks[number]), answer.rawResponse)
		}
		answer.parseBody(t.lab.File.Syntax, t.sentValueNames(step))
	}
	if t.mustRepeat = number > 0 && t.recordStepAnswer(number, answer); !t.mustRepeat || answer.Lost {
		t.lab.limiter.recordAnswered(t.lab.latestTime)
	}
	t.stopsAtLock = number > 0 && !t.mustRepeat && t.isLockAnswer(number, answer)
}

// isLockAnswer reports whether a correct login was refused after failed ones while the experiment
// has further failing logins. Sending those would show nothing new and could extend the lock.
func (t *attempt) isLockAnswer(number int, answer *Answer) bool {
	l, step := t.lab, t.steps[number-1]
	if answer.Lost || l.File.VerbOf(step) != experiment.VerbLogin || l.isChangedLogin(step) ||
		IsDone(l.File, step.Command, answer) {
		return false
	}
	// failedLogins is empty if a control URL resets the server.
	return len(l.failedLogins) > 0 && slices.ContainsFunc(t.steps[number:], l.isChangedLogin)
}

// waitForTurn waits until the pacer allows the next request. It fails if the budget is used up,
// which can happen within an experiment because the size of a reset is not known in advance.
func (l *Lab) waitForTurn(ctx context.Context) error {
	if l.sentRequests >= l.usableBudget {
		return stoppedf("the budget of %d requests is used up", l.totalBudget)
	}
	if l.Simulator == nil && l.pacer.wait(ctx) != nil {
		return l.checkStopped(ctx, 0)
	}
	return nil
}

// replayAnswer takes the answer to a step from the archive.
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
	t.completeAnswer(
		step,
		number,
		&answer,
		extractRecord(step.HTTPForm, entry.Request),
	) // a new record could hold another {time}
	return answer, nil
}

// sendRequest sends a request to the server or the simulator. Hidden secrets in the response are
// overwritten.
func (t *attempt) sendRequest(
	ctx context.Context,
	step experiment.Step,
	record, raw []byte,
	keep bool,
) (response []byte, answer Answer, err error) {
	l, method := t.lab, httpMethod(step.HTTPForm)
	if l.Simulator == nil {
		request := preparedRequest{
			method:          method,
			raw:             raw,
			keepsConnection: keep,
			hasTwoRequests:  step.HTTPForm == formPipelined,
			timeout:         t.answerTimeout(step),
			identity:        l.identifyRequest(step.Command, record),
		}
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

// firstAnswerTimeout limits the wait for the very first answer, so that an absent server is
// noticed soon.
const firstAnswerTimeout = 3 * time.Second

// answerTimeout returns how long to wait for the answer to the current step. After one missing
// answer it is the full AnswerTimeout, so that a slow server is not taken for a silent one.
func (t *attempt) answerTimeout(step experiment.Step) time.Duration {
	l := t.lab
	number := len(t.marks) - 1
	unanswered := t.unansweredResets
	if number > 0 {
		unanswered = t.history.unansweredCounts[number-1]
	}
	switch {
	case unanswered == 1:
		return l.AnswerTimeout
	case !l.hasAnswered:
		return min(firstAnswerTimeout, l.AnswerTimeout)
	}
	return l.pacer.answerTimeout(step.Command, l.AnswerTimeout)
}

// faultText describes a network error without addresses, which would differ each time.
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

// httpMethod returns the method of requests in an HTTP form.
func httpMethod(form string) string {
	switch form {
	case "get":
		return "GET"
	case "put":
		return "PUT"
	}
	return "POST"
}

// nextArchivedEntry returns the archive's next request or wait of this attempt. Entries in between
// are pauses for limits: it updates the lab's time from them and skips them. After the last entry
// it returns one with a fault.
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

// writeEntry completes an entry with the run, the attempt and, if it is the attempt's first, the
// key, and appends it to the transcript.
func (t *attempt) writeEntry(entry journal.Entry) error {
	if entry.Server, entry.AttemptNumber = t.lab.Name, t.number; entry.Request == nil {
		t.lab.noteTime(&entry)
	}
	if t.lab.Journal == nil {
		return nil
	}
	if !t.hasEntries {
		entry.ExperimentKey, t.hasEntries = t.key, true
	}
	if err := t.lab.Journal.Append(entry); err != nil {
		return fmt.Errorf("cannot write the transcript: %w", err)
	}
	return nil
}

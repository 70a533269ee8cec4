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
	lab      *Lab
	key      string
	number   int
	nonce    uint64
	accounts []experiment.Account // who plays the roles
	marks    []string             // by step; step 0 holds those of the reset
	texts    []string
	begun    bool            // something was written of it
	asIs     bool            // there is no reset before it
	archive  []journal.Entry // what the archive has of it that was not looked at yet
	archived bool
	steps    []experiment.Step
	past     *transportTracker
	over     bool // it ended, and is to be made again
	locked   bool // it ended at a right login that is refused, before more wrong ones
	// unanswered is how often what is no step was sent in vain.
	unanswered int
}

// newTry makes a try: the next one of the archive, if it has one of this
// experiment.
func (l *Lab) newTry(key string, nonce uint64) *attempt {
	t := &attempt{lab: l, key: key, nonce: nonce, accounts: l.File.Accounts}
	for {
		archivedTry, ok := l.Archive.take(key)
		if !ok {
			break
		}
		l.tries++
		if archivedTry.whole {
			t.archive, t.archived, t.number = archivedTry.entries, true, archivedTry.entries[0].TryNumber
			return t
		}
		l.passOver(archivedTry)
	}
	l.tries++
	l.number++
	t.number = l.number
	return t
}

// passOver counts a try that was cut off: it was made, and nobody knows how far it
// came.
func (l *Lab) passOver(p *archivedTry) {
	sent, faults := p.sent()
	l.sent += sent
	l.faults += faults
	l.residue = accountResidue{}
	if l.File.Reset.Kind == experiment.ResetPool {
		l.pool += uint64(len(l.File.Accounts))
	}
}

// attempt makes one attempt. There is no trace if it ended early, which past says more of.
func (l *Lab) try(ctx context.Context, key string, e experimentKey, past *transportTracker) (*Trace, error) {
	attempt := l.newTry(key, e.nonce)
	attempt.asIs, attempt.past, attempt.steps = e.asIs, past, e.steps
	if err := attempt.ready(ctx, requests(e.steps)); err != nil {
		return nil, err
	}
	if err := attempt.begin(ctx); err != nil {
		return nil, err
	}
	l.roles = attempt.accounts
	trace := &Trace{ID: fmt.Sprintf("%s%d", l.Name, attempt.number), Steps: e.steps}
	for i, step := range e.steps {
		answer, err := attempt.take(ctx, step, i+1)
		if err != nil {
			return nil, err
		}
		if attempt.over {
			if !answer.Lost && past.refused == nil {
				past.refused = &Trace{ID: trace.ID, Steps: e.steps[:i+1], Answers: append(trace.Answers, answer)}
			}
			return nil, nil
		}
		trace.Answers = append(trace.Answers, answer)
		attempt.note(step, &answer)
		if attempt.locked {
			trace.Steps = e.steps[:i+1]
			return nil, &LockedError{Part: trace, Left: e.steps[i+1:]}
		}
	}
	return trace, nil
}

// ends reports whether the try ends with the answer to a step, and is to be made again.
func (t *attempt) ends(number int, answer *Answer) bool {
	past, i := t.past, number-1
	if answer.Lost {
		past.silent[i]++
		past.faults++
		return past.silent[i] <= 2 && past.faults < mostTries
	}
	past.silent[i] = 0
	steps := t.steps[:number]
	if t.lab.unsettled(steps, answer) {
		t.lab.setBack(past, steps, answer)
		return true
	}
	if !t.asIs && Done(t.lab.File, t.steps[i].Command, answer) {
		t.lab.know(steps)
	}
	return false
}

// ready fails if the try cannot be made any more.
func (t *attempt) ready(ctx context.Context, requests int) error {
	lab := t.lab
	switch {
	case t.archived:
		return nil
	case lab.Offline:
		return stoppedf("%s", lab.archiveEnd())
	}
	if err := lab.stopped(ctx, requests); err != nil {
		return err
	}
	if !lab.asked {
		lab.asked, lab.residue = true, accountResidue{} // whatever was before us, ourselves included
	}
	return nil
}

func (l *Lab) archiveEnd() string {
	if l.Archive != nil && l.Archive.End != "" {
		return l.Archive.End
	}
	return "the transcript ends here"
}

func requests(steps []experiment.Step) int {
	n := 0
	for _, step := range steps {
		if step.Wait == 0 {
			n++
		}
	}
	return n
}

// take takes one step: on the server, or from the archive.
func (t *attempt) take(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	t.name(number)
	if step.Wait > 0 {
		return t.wait(ctx, step, number)
	}
	if err := t.pause(ctx, t.lab.room(1)); err != nil {
		return Answer{}, err
	}
	return t.exchange(ctx, step, number)
}

// wait lets time go by.
func (t *attempt) wait(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	answer := Answer{Wait: true, ID: t.id(number)}
	t.lab.moved += step.Wait
	if t.archived {
		t.next()
		return answer, nil
	}
	if err := t.lab.letGoBy(ctx, step.Wait); err != nil {
		return answer, err
	}
	return answer, t.write(journal.Entry{
		StepNumber: number, StepText: t.lab.File.FormatStep(step), WaitSeconds: step.Wait.Seconds(), EndsTry: number == len(t.steps), Elapsed: t.lab.t(),
	})
}

// id is how the transcript names a step of the try.
func (t *attempt) id(number int) string { return fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number) }

// mostUnheard is how many requests may stay without an answer before a server has given
// any: then it is none of the kind, and waiting for more would only take longer.
const mostUnheard = 2

// exchange sends the request of a step and takes the answer.
func (t *attempt) exchange(ctx context.Context, step experiment.Step, number int) (Answer, error) {
	lab := t.lab
	record, hidden, err := t.record(step)
	if err != nil {
		return Answer{}, err
	}
	if t.archived {
		return t.remember(step, number)
	}
	if err := lab.mayGoOn(ctx); err != nil {
		return Answer{}, err
	}
	raw, keep := t.request(step, number, record)
	if err := lab.connect(ctx, lab.File.Places[step.Place], keep); err != nil {
		return Answer{}, err
	}
	entry := journal.Entry{StepNumber: number, StepText: lab.File.FormatStep(step), Role: step.Role}
	entry.Request, _ = t.request(step, number, hidden)
	lab.sent++
	began := time.Now()
	response, answer, err := t.send(ctx, step, record, raw, keep)
	took := time.Since(began)
	entry.Milliseconds, entry.Elapsed, entry.Response = float64(took.Microseconds())/1000, lab.t(), response
	switch {
	case err != nil && ctx.Err() != nil:
		entry.Fault = journal.Interrupted
		return answer, errors.Join(lab.stopped(ctx, 0), t.write(entry))
	case err != nil:
		if lab.faults++; !lab.heard && lab.faults >= mostUnheard {
			return answer, errors.Join(t.write(entry), lab.brokenf("%s takes connections and answers nothing (%s)", lab.server, plainFault(err)))
		}
		answer = Answer{Lost: true, Fault: plainFault(err)}
		entry.Fault = answer.Fault
	default:
		lab.heard = true
		lab.pace.heard(step.Command, took)
	}
	lab.now.at = seconds(entry.Elapsed)
	t.answer(step, number, &answer, hidden)
	entry.EndsTry = number > 0 && (t.over || t.locked || number == len(t.steps))
	return answer, t.write(entry)
}

// answer completes an answer, and looks whether the try ends with it.
func (t *attempt) answer(step experiment.Step, number int, answer *Answer, sent []byte) {
	answer.Sent, answer.Request, answer.ID = sent, sent, t.id(number)
	if !answer.Lost {
		if step.HTTPForm == together {
			answer.Second = second([]byte(t.marks[number]), answer.response)
		}
		answer.read(t.lab.File.Syntax, t.naming(step))
	}
	if t.over = number > 0 && t.ends(number, answer); !t.over || answer.Lost {
		t.lab.limit.serve(t.lab.now)
	}
	t.locked = number > 0 && !t.over && t.locks(number, answer)
}

// locks reports whether the answer to a step is that of a lock, and more wrong logins were
// to come: these would show nothing, and make the lock longer.
func (t *attempt) locks(number int, answer *Answer) bool {
	lab, step := t.lab, t.steps[number-1]
	if answer.Lost || lab.verb(step) != experiment.VerbLogin || lab.wrongLogin(step) || Done(lab.File, step.Command, answer) {
		return false
	}
	// failed is empty where a control URL undoes failed logins.
	return len(lab.failed) > 0 && slices.ContainsFunc(t.steps[number:], lab.wrongLogin)
}

// mayGoOn waits until the next request may be sent, and fails if none may be any
// more: what a reset takes counts, so that an experiment may be cut off.
func (l *Lab) mayGoOn(ctx context.Context) error {
	if l.sent >= l.most {
		return stoppedf("the budget of %d requests is used up", l.budget)
	}
	if l.Instead == nil && l.pace.wait(ctx) != nil {
		return l.stopped(ctx, 0)
	}
	return nil
}

// remember is the answer that the archive has.
func (t *attempt) remember(step experiment.Step, number int) (answer Answer, err error) {
	lab := t.lab
	lab.sent++
	entry := t.next()
	lab.now.at = seconds(entry.Elapsed)
	if entry.Fault != "" {
		if entry.IsTransportFault() {
			lab.faults++
		}
		answer = Answer{Lost: true, Fault: entry.Fault}
	} else if answer, err = answerOf(entry, methodOf(step.HTTPForm)); err != nil {
		return answer, fmt.Errorf("the transcript's entry %s cannot be read: %w", entry.ID(), err)
	} else {
		lab.heard = true
	}
	t.answer(step, number, &answer, bodyOf(step.HTTPForm, entry.Request)) // what was sent may have had the time in it
	return answer, nil
}

// send asks the server, or what stands in its place. Whatever comes back is
// written down and looked at without hidden secrets.
func (t *attempt) send(ctx context.Context, step experiment.Step, record, raw []byte, keep bool) (response []byte, answer Answer, err error) {
	lab, method := t.lab, methodOf(step.HTTPForm)
	if lab.Instead == nil {
		r := httpRequest{method: method, raw: raw, keep: keep, together: step.HTTPForm == together, patience: t.patience(step), identity: lab.identify(step.Command, record)}
		response, answer, err = lab.exchange(ctx, lab.File.Places[step.Place], r)
	} else if response = lab.Instead.Answer(step, t.role(step.Role).Number, record); response == nil {
		return nil, answer, errors.New("no answer")
	} else {
		answer, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	if err == nil && lab.conceal(response) {
		answer, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	answer.response = response
	return response, answer, err
}

// firstPatience is for the very first request: a server that is not there shall be noticed
// soon, and a slow one is asked again.
const firstPatience = 3 * time.Second

// patience is how long the answer to a step is waited for: as long as the server's answers
// suggest, but once with all patience before it counts as silence.
func (t *attempt) patience(step experiment.Step) time.Duration {
	lab := t.lab
	number := len(t.marks) - 1
	unanswered := t.unanswered // of what is no step
	if number > 0 {
		unanswered = t.past.silent[number-1]
	}
	switch {
	case unanswered == 1:
		return lab.Patience
	case !lab.heard:
		return min(firstPatience, lab.Patience)
	}
	return lab.pace.patience(step.Command, lab.Patience)
}

// plainFault is what a fault was, without ports that differ each time.
func plainFault(err error) string {
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

func methodOf(way string) string {
	switch way {
	case "get":
		return "GET"
	case "put":
		return "PUT"
	}
	return "POST"
}

// next is the archive's next entry of this try. Pauses are passed over.
func (t *attempt) next() *journal.Entry {
	for len(t.archive) > 0 {
		entry := &t.archive[0]
		t.archive = t.archive[1:]
		t.lab.waited(entry)
		if entry.StepNumber > 0 || entry.Request != nil {
			return entry
		}
	}
	return &journal.Entry{Fault: "it is not in the transcript"}
}

func (t *attempt) write(entry journal.Entry) error {
	if entry.Server, entry.TryNumber = t.lab.Name, t.number; entry.Request == nil {
		t.lab.waited(&entry)
	}
	if t.lab.Journal == nil {
		return nil
	}
	if !t.begun {
		entry.TryKey, t.begun = t.key, true
	}
	if err := t.lab.Journal.Append(entry); err != nil {
		return fmt.Errorf("cannot write the transcript: %w", err)
	}
	return nil
}

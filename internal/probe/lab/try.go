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
		p, ok := l.Archive.take(key)
		if !ok {
			break
		}
		l.tries++
		if p.whole {
			t.archive, t.archived, t.number = p.entries, true, p.entries[0].Exp
			return t
		}
		l.passOver(p)
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
	t := l.newTry(key, e.nonce)
	t.asIs, t.past, t.steps = e.asIs, past, e.steps
	if err := t.ready(ctx, requests(e.steps)); err != nil {
		return nil, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	l.roles = t.accounts
	trace := &Trace{ID: fmt.Sprintf("%s%d", l.Name, t.number), Steps: e.steps}
	for i, s := range e.steps {
		a, err := t.take(ctx, s, i+1)
		if err != nil {
			return nil, err
		}
		if t.over {
			if !a.Lost && past.refused == nil {
				past.refused = &Trace{ID: trace.ID, Steps: e.steps[:i+1], Answers: append(trace.Answers, a)}
			}
			return nil, nil
		}
		trace.Answers = append(trace.Answers, a)
		t.note(s, &a)
		if t.locked {
			trace.Steps = e.steps[:i+1]
			return nil, &LockedError{Part: trace, Left: e.steps[i+1:]}
		}
	}
	return trace, nil
}

// ends reports whether the try ends with the answer to a step, and is to be made again.
func (t *attempt) ends(number int, a *Answer) bool {
	past, i := t.past, number-1
	if a.Lost {
		past.silent[i]++
		past.faults++
		return past.silent[i] <= 2 && past.faults < mostTries
	}
	past.silent[i] = 0
	steps := t.steps[:number]
	if t.lab.unsettled(steps, a) {
		t.lab.setBack(past, steps, a)
		return true
	}
	if !t.asIs && Done(t.lab.File, t.steps[i].Command, a) {
		t.lab.know(steps)
	}
	return false
}

// ready fails if the try cannot be made any more.
func (t *attempt) ready(ctx context.Context, requests int) error {
	l := t.lab
	switch {
	case t.archived:
		return nil
	case l.Offline:
		return stoppedf("%s", l.archiveEnd())
	}
	if err := l.stopped(ctx, requests); err != nil {
		return err
	}
	if !l.asked {
		l.asked, l.residue = true, accountResidue{} // whatever was before us, ourselves included
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
	for _, s := range steps {
		if s.Wait == 0 {
			n++
		}
	}
	return n
}

// take takes one step: on the server, or from the archive.
func (t *attempt) take(ctx context.Context, s experiment.Step, number int) (Answer, error) {
	t.name(number)
	if s.Wait > 0 {
		return t.wait(ctx, s, number)
	}
	if err := t.pause(ctx, t.lab.room(1)); err != nil {
		return Answer{}, err
	}
	return t.exchange(ctx, s, number)
}

// wait lets time go by.
func (t *attempt) wait(ctx context.Context, s experiment.Step, number int) (Answer, error) {
	a := Answer{Wait: true, ID: t.id(number)}
	t.lab.moved += s.Wait
	if t.archived {
		t.next()
		return a, nil
	}
	if err := t.lab.letGoBy(ctx, s.Wait); err != nil {
		return a, err
	}
	return a, t.write(journal.Entry{
		Step: number, Line: t.lab.File.FormatStep(s), Wait: s.Wait.Seconds(), Last: number == len(t.steps), T: t.lab.t(),
	})
}

// id is how the transcript names a step of the try.
func (t *attempt) id(number int) string { return fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number) }

// mostUnheard is how many requests may stay without an answer before a server has given
// any: then it is none of the kind, and waiting for more would only take longer.
const mostUnheard = 2

// exchange sends the request of a step and takes the answer.
func (t *attempt) exchange(ctx context.Context, s experiment.Step, number int) (Answer, error) {
	l := t.lab
	record, hidden, err := t.record(s)
	if err != nil {
		return Answer{}, err
	}
	if t.archived {
		return t.remember(s, number)
	}
	if err := l.mayGoOn(ctx); err != nil {
		return Answer{}, err
	}
	raw, keep := t.request(s, number, record)
	if err := l.connect(ctx, l.File.Places[s.Place], keep); err != nil {
		return Answer{}, err
	}
	e := journal.Entry{Step: number, Line: l.File.FormatStep(s), Role: s.Role}
	e.Request, _ = t.request(s, number, hidden)
	l.sent++
	began := time.Now()
	response, a, err := t.send(ctx, s, record, raw, keep)
	took := time.Since(began)
	e.Took, e.T, e.Response = float64(took.Microseconds())/1000, l.t(), response
	switch {
	case err != nil && ctx.Err() != nil:
		e.Fault = journal.Interrupted
		return a, errors.Join(l.stopped(ctx, 0), t.write(e))
	case err != nil:
		if l.faults++; !l.heard && l.faults >= mostUnheard {
			return a, errors.Join(t.write(e), l.brokenf("%s takes connections and answers nothing (%s)", l.server, plainFault(err)))
		}
		a = Answer{Lost: true, Fault: plainFault(err)}
		e.Fault = a.Fault
	default:
		l.heard = true
		l.pace.heard(s.Command, took)
	}
	l.now.at = seconds(e.T)
	t.answer(s, number, &a, hidden)
	e.Last = number > 0 && (t.over || t.locked || number == len(t.steps))
	return a, t.write(e)
}

// answer completes an answer, and looks whether the try ends with it.
func (t *attempt) answer(s experiment.Step, number int, a *Answer, sent []byte) {
	a.Sent, a.Request, a.ID = sent, sent, t.id(number)
	if !a.Lost {
		if s.Way == together {
			a.Second = second([]byte(t.marks[number]), a.response)
		}
		a.read(t.lab.File.Syntax, t.naming(s))
	}
	if t.over = number > 0 && t.ends(number, a); !t.over || a.Lost {
		t.lab.limit.serve(t.lab.now)
	}
	t.locked = number > 0 && !t.over && t.locks(number, a)
}

// locks reports whether the answer to a step is that of a lock, and more wrong logins were
// to come: these would show nothing, and make the lock longer.
func (t *attempt) locks(number int, a *Answer) bool {
	l, s := t.lab, t.steps[number-1]
	if a.Lost || l.verb(s) != experiment.Login || l.wrongLogin(s) || Done(l.File, s.Command, a) {
		return false
	}
	// failed is empty where a control URL undoes failed logins.
	return len(l.failed) > 0 && slices.ContainsFunc(t.steps[number:], l.wrongLogin)
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
func (t *attempt) remember(s experiment.Step, number int) (a Answer, err error) {
	l := t.lab
	l.sent++
	e := t.next()
	l.now.at = seconds(e.T)
	if e.Fault != "" {
		if e.Failed() {
			l.faults++
		}
		a = Answer{Lost: true, Fault: e.Fault}
	} else if a, err = answerOf(e, methodOf(s.Way)); err != nil {
		return a, fmt.Errorf("the transcript's entry %s cannot be read: %w", e.ID(), err)
	} else {
		l.heard = true
	}
	t.answer(s, number, &a, bodyOf(s.Way, e.Request)) // what was sent may have had the time in it
	return a, nil
}

// send asks the server, or what stands in its place. Whatever comes back is
// written down and looked at without hidden secrets.
func (t *attempt) send(ctx context.Context, s experiment.Step, record, raw []byte, keep bool) (response []byte, a Answer, err error) {
	l, method := t.lab, methodOf(s.Way)
	if l.Instead == nil {
		r := httpRequest{method: method, raw: raw, keep: keep, together: s.Way == together, patience: t.patience(s), identity: l.identify(s.Command, record)}
		response, a, err = l.exchange(ctx, l.File.Places[s.Place], r)
	} else if response = l.Instead.Answer(s, t.role(s.Role).Number, record); response == nil {
		return nil, a, errors.New("no answer")
	} else {
		a, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	if err == nil && l.conceal(response) {
		a, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	a.response = response
	return response, a, err
}

// firstPatience is for the very first request: a server that is not there shall be noticed
// soon, and a slow one is asked again.
const firstPatience = 3 * time.Second

// patience is how long the answer to a step is waited for: as long as the server's answers
// suggest, but once with all patience before it counts as silence.
func (t *attempt) patience(s experiment.Step) time.Duration {
	l := t.lab
	number := len(t.marks) - 1
	unanswered := t.unanswered // of what is no step
	if number > 0 {
		unanswered = t.past.silent[number-1]
	}
	switch {
	case unanswered == 1:
		return l.Patience
	case !l.heard:
		return min(firstPatience, l.Patience)
	}
	return l.pace.patience(s.Command, l.Patience)
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
		e := &t.archive[0]
		t.archive = t.archive[1:]
		t.lab.waited(e)
		if e.Step > 0 || e.Request != nil {
			return e
		}
	}
	return &journal.Entry{Fault: "it is not in the transcript"}
}

func (t *attempt) write(e journal.Entry) error {
	if e.Run, e.Exp = t.lab.Name, t.number; e.Request == nil {
		t.lab.waited(&e)
	}
	if t.lab.Journal == nil {
		return nil
	}
	if !t.begun {
		e.Key, t.begun = t.key, true
	}
	if err := t.lab.Journal.Append(e); err != nil {
		return fmt.Errorf("cannot write the transcript: %w", err)
	}
	return nil
}

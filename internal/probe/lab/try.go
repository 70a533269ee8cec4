package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// A try is one attempt at an experiment.
type try struct {
	lab      *Lab
	key      string
	number   int
	nonce    uint64
	accounts []experiment.Account // who plays the roles
	marks    []string             // by step; step 0 holds those of the reset
	texts    []string
	begun    bool            // something was written of it
	asIs     bool            // there is no reset before it
	past     []journal.Entry // what the archive has of it that was not looked at yet
	entry    *journal.Entry  // the one that was looked at last
	archived bool
}

// newTry makes a try: the next one of the archive, if it has one of this
// experiment.
func (l *Lab) newTry(key string, nonce uint64) *try {
	t := &try{lab: l, key: key, nonce: nonce, accounts: l.File.Accounts}
	for {
		p, ok := l.Archive.take(key)
		if !ok {
			break
		}
		l.tries++
		if p.whole {
			t.past, t.archived, t.number = p.entries, true, p.entries[0].Exp
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
func (l *Lab) passOver(p *past) {
	sent, faults := p.sent()
	l.sent += sent
	l.faults += faults
	l.residue = residue{}
	if l.File.Reset.Kind == experiment.ResetPool {
		l.pool += uint64(len(l.File.Accounts))
	}
}

// try makes one attempt. At is the step whose answer was lost, -1 if all came.
func (l *Lab) try(ctx context.Context, key string, e experimentOf, silent []int, last bool) (trace *Trace, at int, err error) {
	t := l.newTry(key, e.nonce)
	t.asIs = e.asIs
	if err := t.ready(ctx, requests(e.steps)); err != nil {
		return nil, 0, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, 0, err
	}
	l.roles = t.accounts
	trace = &Trace{ID: fmt.Sprintf("%s%d", l.Name, t.number), Steps: e.steps}
	for i, s := range e.steps {
		believe := silent[i] >= 2 || last
		a, err := t.take(ctx, s, i+1, i+1 == len(e.steps), believe)
		if err != nil {
			return nil, 0, err
		}
		if a.Lost && !believe {
			silent[i]++
			return nil, i, nil
		}
		if !a.Lost {
			silent[i] = 0
		}
		trace.Answers = append(trace.Answers, a)
		t.note(s, &a)
	}
	return trace, -1, nil
}

// ready fails if the try cannot be made any more.
func (t *try) ready(ctx context.Context, requests int) error {
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
		l.asked, l.residue = true, residue{} // whatever was before us, ourselves included
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
func (t *try) take(ctx context.Context, s experiment.Step, number int, last, believe bool) (Answer, error) {
	t.name(number)
	if s.Wait > 0 {
		return t.wait(ctx, s, number, last)
	}
	record, hidden, err := t.record(s)
	if err != nil {
		return Answer{}, err
	}
	a, err := t.exchange(ctx, s, number, record, hidden, last || !believe, last)
	if err != nil {
		return a, err
	}
	if t.archived {
		// What was sent may have had the time in it.
		hidden = bodyOf(s.Way, t.entry.Request)
	}
	a.Sent, a.Request = hidden, hidden
	a.ID = fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number)
	if !a.Lost {
		a.read(t.lab.File.Syntax, t.naming(s))
	}
	return a, nil
}

// wait lets time go by.
func (t *try) wait(ctx context.Context, s experiment.Step, number int, last bool) (Answer, error) {
	a := Answer{Wait: true, ID: fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number)}
	t.lab.moved += s.Wait
	if t.archived {
		t.next()
		return a, nil
	}
	if err := t.lab.letGoBy(ctx, s.Wait); err != nil {
		return a, err
	}
	return a, t.write(journal.Entry{Step: number, Line: t.lab.File.FormatStep(s), Wait: s.Wait.Seconds(), Last: last})
}

// mostUnheard is how many requests may stay without an answer before a server has given
// any: then it is none of the kind, and waiting for more would only take longer.
const mostUnheard = 2

// exchange sends a record and takes the answer. EndsHere says that a fault ends
// the try.
func (t *try) exchange(ctx context.Context, s experiment.Step, number int, record, hidden []byte, endsHere, last bool) (Answer, error) {
	l := t.lab
	if t.archived {
		return t.remember(s)
	}
	if err := l.mayGoOn(ctx); err != nil {
		return Answer{}, err
	}
	raw, keep := request(s.Way, l.File.Syntax, l.server, record)
	if err := l.connect(ctx, l.File.Places[s.Place], keep); err != nil {
		return Answer{}, err
	}
	e := journal.Entry{Step: number, Line: l.File.FormatStep(s), Role: s.Role}
	e.Request, _ = request(s.Way, l.File.Syntax, l.server, hidden)
	l.sent++
	began := time.Now()
	response, a, err := t.send(ctx, s, record, raw, keep)
	took := time.Since(began)
	e.Took = float64(took.Microseconds()) / 1000
	switch {
	case err != nil && ctx.Err() != nil:
		e.Fault = journal.Interrupted
		return a, errors.Join(l.stopped(ctx, 0), t.write(e))
	case err != nil:
		if l.faults++; !l.heard && l.faults >= mostUnheard {
			return a, errors.Join(t.write(e), l.brokenf("%s takes connections and answers nothing (%s)", l.server, plainFault(err)))
		}
		a = Answer{Lost: true, Fault: plainFault(err)}
		e.Response, e.Fault, e.Last = response, a.Fault, endsHere
	default:
		l.heard = true
		l.pace.heard(took)
		e.Response, e.Last = response, last
	}
	return a, t.write(e)
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
func (t *try) remember(s experiment.Step) (Answer, error) {
	t.lab.sent++
	e := t.next()
	if e.Fault != "" {
		if e.Failed() {
			t.lab.faults++
		}
		return Answer{Lost: true, Fault: e.Fault}, nil
	}
	t.lab.heard = true
	a, err := answerOf(e, methodOf(s.Way))
	if err != nil {
		return a, fmt.Errorf("the transcript's entry %s cannot be read: %w", e.ID(), err)
	}
	return a, nil
}

// send asks the server, or what stands in its place. Whatever comes back is
// written down and looked at without hidden secrets.
func (t *try) send(ctx context.Context, s experiment.Step, record, raw []byte, keep bool) (response []byte, a Answer, err error) {
	l, method := t.lab, methodOf(s.Way)
	if l.Instead == nil {
		r := httpRequest{method: method, raw: raw, keep: keep, patience: l.Patience, identity: l.identify(s.Command, record)}
		if s.Way != "" {
			r.patience = l.pace.patience(l.Patience)
		}
		response, a, err = l.exchange(ctx, l.File.Places[s.Place], r)
	} else if response = l.Instead.Answer(s, t.role(s.Role).Number, record); response == nil {
		return nil, a, errors.New("no answer")
	} else {
		a, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	if err == nil && l.conceal(response) {
		a, err = parse(bufio.NewReader(bytes.NewReader(response)), method)
	}
	return response, a, err
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

// next is the archive's next entry of this try.
func (t *try) next() *journal.Entry {
	if len(t.past) == 0 {
		t.entry = &journal.Entry{Fault: "it is not in the transcript"}
		return t.entry
	}
	e := &t.past[0]
	t.past, t.entry = t.past[1:], e
	return e
}

func (t *try) write(e journal.Entry) error {
	if t.lab.Journal == nil {
		return nil
	}
	e.Run, e.Exp, e.T = t.lab.Name, t.number, t.lab.t()
	if !t.begun {
		e.Key, t.begun = t.key, true
	}
	if err := t.lab.Journal.Append(e); err != nil {
		return fmt.Errorf("cannot write the transcript: %w", err)
	}
	return nil
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	marks    []string             // by step; step 0 holds those of beginning anew
	texts    []string
	begun    bool            // something was written of it
	past     []journal.Entry // what the archive has of it that was not looked at yet
	archived bool
}

// try makes one attempt. At is the step whose answer was lost, -1 if all came.
func (l *Lab) try(ctx context.Context, key string, steps []experiment.Step, nonce uint64, silent []int, last bool) (trace *Trace, at int, err error) {
	l.tries++
	t := &try{lab: l, key: key, number: l.tries, nonce: nonce, accounts: l.File.Accounts}
	t.past, t.archived = l.Archive.take(key)
	if !t.archived {
		if err := l.stopped(ctx, requests(steps)); err != nil {
			return nil, 0, err
		}
		if l.Offline {
			return nil, 0, stoppedf("%s", l.archiveEnd())
		}
	}
	if err := t.begin(ctx); err != nil {
		return nil, 0, err
	}
	trace = &Trace{ID: fmt.Sprintf("%s%d", l.Name, t.number), Steps: steps}
	for i, s := range steps {
		believe := silent[i] >= 2 || last
		a, err := t.take(ctx, s, i+1, i+1 == len(steps), believe)
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
	a.Sent, a.Request = record, hidden
	a.ID = fmt.Sprintf("%s%d.%d", t.lab.Name, t.number, number)
	if !a.Lost {
		a.read(t.lab.File.Syntax, t.naming(s))
	}
	return a, nil
}

// name draws the mark and the words of a step.
func (t *try) name(number int) {
	for len(t.marks) <= number {
		i := len(t.marks)
		t.marks = append(t.marks, t.lab.mark(t.nonce, t.number, i))
		t.texts = append(t.texts, fmt.Sprintf("hello %d", i))
	}
}

// mark is the mark of a step: eight digits. Where every experiment begins with a
// clean slate it is the same in each, so that equal experiments are equal to the
// byte; else it is fresh.
func (l *Lab) mark(nonce uint64, number, step int) string {
	n := l.Seed*7919 + nonce*977 + uint64(step)
	if l.File.Reset.Kind != experiment.ResetURL {
		n += uint64(number) * 104_729
	}
	return strconv.FormatUint(10_000_000+(n*2_654_435_761)%89_999_999, 10)
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

// exchange sends a record and takes the answer. EndsHere says that a fault ends
// the try.
func (t *try) exchange(ctx context.Context, s experiment.Step, number int, record, hidden []byte, endsHere, last bool) (Answer, error) {
	l := t.lab
	l.sent++
	method := methodOf(s.Way)
	if t.archived {
		e := t.next()
		if e.Fault != "" {
			l.faults++
			return Answer{Lost: true, Fault: e.Fault}, nil
		}
		a, err := answerOf(e, method)
		if err != nil {
			return a, fmt.Errorf("the transcript's entry %s cannot be read: %w", e.ID(), err)
		}
		return a, nil
	}
	e := journal.Entry{Step: number, Line: l.File.FormatStep(s), Role: s.Role}
	raw, keep := request(s.Way, l.File.Syntax, l.server, record)
	e.Request, _ = request(s.Way, l.File.Syntax, l.server, hidden)
	if err := l.pace.wait(ctx); err != nil {
		return Answer{}, stoppedf("interrupted")
	}
	began := time.Now()
	response, a, err := l.exchange(ctx, l.File.Places[s.Place], method, raw, keep)
	took := time.Since(began)
	e.Took = float64(took.Microseconds()) / 1000
	switch {
	case err != nil && ctx.Err() != nil:
		return a, l.stopped(ctx, 0)
	case err != nil:
		l.faults++
		a = Answer{Lost: true, Fault: plainFault(err)}
		e.Fault, e.Last = a.Fault, endsHere
	default:
		l.pace.heard(took)
		e.Response, e.Last = response, last
	}
	return a, t.write(e)
}

// plainFault is what a fault was, without ports that differ each time.
func plainFault(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
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

func (l *Lab) exchange(ctx context.Context, place, method string, raw []byte, keep bool) (response []byte, a Answer, err error) {
	if !keep {
		l.hangUp(place)
	}
	c := l.conns[place]
	if c == nil {
		if c, err = dial(ctx, place, l.server); err != nil {
			return nil, a, err
		}
		l.conns[place] = c
	}
	response, a, err = c.exchange(ctx, method, raw, l.Patience)
	if err != nil || !keep || a.Closed {
		l.hangUp(place)
	}
	return response, a, err
}

// next is the archive's next entry of this try.
func (t *try) next() *journal.Entry {
	if len(t.past) == 0 {
		return &journal.Entry{Fault: "it is not in the transcript"}
	}
	e := &t.past[0]
	t.past = t.past[1:]
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

// record is what a step sends, and the same without hidden secrets.
func (t *try) record(s experiment.Step) (record, hidden []byte, err error) {
	pairs, err := t.lab.File.Pairs(s)
	if err != nil {
		return nil, nil, err
	}
	shown := make([]experiment.Pair, len(pairs))
	for i, p := range pairs {
		value, hide, err := t.expand(s, p.Value)
		if err != nil {
			return nil, nil, err
		}
		shown[i] = experiment.Pair{Key: p.Key, Value: value}
		if hide {
			shown[i].Value = p.Value
		}
		pairs[i].Value = value
	}
	return t.lab.File.Encode(pairs), t.lab.File.Encode(shown), nil
}

// expand fills in the placeholders of a value. Hide says that it then holds a
// secret that must not be written down.
func (t *try) expand(s experiment.Step, value string) (expanded string, hide bool, err error) {
	me := t.role(s.Role)
	expanded, err = experiment.Expand(value, func(name string) (string, bool) {
		if strings.Contains(name, "secret") {
			hide = hide || me.Hidden
		}
		return t.lookup(s, me, name)
	})
	return expanded, hide, err
}

func (t *try) lookup(s experiment.Step, me experiment.Account, name string) (string, bool) {
	word, number, numbered := strings.Cut(name, ":")
	step := len(t.marks) - 1
	if numbered {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n >= len(t.marks) {
			return "", false
		}
		step = n
	}
	switch word {
	case "seq":
		return t.marks[step], true
	case "text":
		return t.texts[step], true
	case "me":
		return me.Number, true
	case "to":
		return t.role(t.to(s)).Number, true
	case "command":
		return s.Command, true
	case "time":
		return strconv.FormatInt(t.lab.Began.Add(time.Duration(t.lab.t()*float64(time.Second))+t.lab.moved).Unix(), 10), true
	case "secret":
		return t.lab.File.Syntax.EscapeValue(me.Secret), true
	}
	if proof, ok := experiment.Proof(word, me.Secret); ok {
		return proof, true
	}
	if a := t.role(word); a.Number != "" {
		return a.Number, true
	}
	return "", false
}

// to is whom a step is about.
func (t *try) to(s experiment.Step) string {
	if s.To != "" {
		return s.To
	}
	return t.lab.File.Peer(s.Role)
}

func (t *try) role(role string) experiment.Account {
	for _, a := range t.accounts {
		if a.Role == role {
			return a
		}
	}
	return experiment.Account{}
}

// naming is how what was sent until now is named where it is found in the answer
// to a step.
func (t *try) naming(s experiment.Step) naming {
	step := len(t.marks) - 1
	n := naming{{Key: t.marks[step], Value: "{seq}"}}
	for i, m := range t.marks[:step] {
		if i > 0 {
			n = append(n, experiment.Pair{Key: m, Value: fmt.Sprintf("{seq:%d}", i)})
		}
	}
	for i, text := range t.texts {
		if i > 0 {
			n = append(n, experiment.Pair{Key: text, Value: fmt.Sprintf("{text:%d}", i)})
		}
	}
	for _, a := range t.accounts {
		n = append(n, experiment.Pair{Key: a.Number, Value: "{" + a.Role + "}"})
	}
	return n
}

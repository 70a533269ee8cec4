package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// The verbs that scenarios are made of, in short.
const (
	vLogin   = experiment.VerbLogin
	vLogout  = experiment.VerbLogout
	vStatus  = experiment.VerbStatus
	vFriends = experiment.VerbFriends
	vOnline  = experiment.VerbOnline
	vInfo    = experiment.VerbInfo
	vFind    = experiment.VerbFind
	vAdd     = experiment.VerbAdd
	vRequest = experiment.VerbRequest
	vAccept  = experiment.VerbAccept
	vReject  = experiment.VerbReject
	vDelete  = experiment.VerbDelete
	vSend    = experiment.VerbSend
	vReceive = experiment.VerbReceive
)

// messages finds out what becomes of messages: whether they arrive, once, in
// order, and to whom.
func (s *study) messages() error {
	a, b, c := s.a, s.b, s.c
	if err := s.arrivals(); err != nil {
		return err
	}
	if err := s.batches(); err != nil {
		return err
	}
	if err := all(
		// A message that was collected does not come back, whatever happens between.
		s.row().login(a, b).do(a, vSend, b).look(b, vReceive).do(b, vLogout, "").login(b).look(b, vReceive),
		s.row().login(a, b).do(a, vSend, b).do(b, vLogout, "").login(b).look(b, vReceive, vReceive),
		s.row().login(a, b).do(a, vSend, b).login(b).look(b, vReceive, vReceive),
		s.row().login(a, b).do(a, vSend, b).do(b, vLogin, "").at(1).do(b, vReceive, "").at(1).do(b, vReceive, "").at(1),
		s.row().login(a, b).do(a, vSend, b).do(a, vLogout, "").look(b, vReceive, vReceive),
		s.row().login(a, b).do(a, vSend, b).do(b, vStatus, "").look(b, vReceive),
		// Several, of one and of two senders.
		s.row().login(a, b).do(a, vSend, b).do(a, vSend, b).do(a, vSend, b).look(b, vReceive, vReceive),
		s.row().login(a).do(a, vSend, b).do(a, vSend, b).do(a, vSend, b).login(b).look(b, vReceive, vReceive),
		s.row().login(a, b, c).do(a, vSend, b).do(c, vSend, b).do(a, vSend, b).do(c, vSend, b).look(b, vReceive, vReceive),
		s.row().login(a, b).do(a, vSend, b).look(b, vReceive).do(a, vSend, b).look(b, vReceive, vReceive),
		s.row().login(a, b).do(a, vSend, b).do(b, vSend, a).look(a, vReceive).look(b, vReceive),
		s.row().login(a, c).do(a, vSend, c).look(c, vReceive).do(c, vSend, a).look(a, vReceive),
		s.row().login(a).do(a, vSend, c).login(c).look(c, vReceive, vReceive),
	); err != nil {
		return err
	}
	for _, status := range s.statusSteps(b) {
		if err := all(s.row().login(a, b).add(status).do(a, vSend, b).look(b, vReceive, vReceive)); err != nil {
			return err
		}
	}
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):] {
		if err := all(s.row().login(a).do(a, vSend, other.Role).login(other.Role).look(other.Role, vReceive)); err != nil {
			return err
		}
	}
	return nil
}

// arrivals states whether a message arrives at a receiver who is there, and at
// one who comes later; and whether it comes a second time.
func (s *study) arrivals() error {
	a, b := s.a, s.b
	for _, way := range []struct {
		name string
		row  *stepBuilder
	}{
		{"to who is logged in", s.row().login(a, b).do(a, vSend, b).look(b, vReceive, vReceive)},
		{"to who is away", s.row().login(a).do(a, vSend, b).login(b).look(b, vReceive, vReceive)},
		{"to oneself", s.row().login(a).do(a, vSend, a).look(a, vReceive, vReceive)},
		{"to a stranger", s.row().login(a, s.c).do(a, vSend, s.c).look(s.c, vReceive, vReceive)},
	} {
		trace, err := way.row.run()
		if err != nil {
			return err
		}
		if trace == nil || len(trace.Answers) < 3 {
			continue
		}
		value := fmt.Sprintf("%d and then %d times", s.copies(trace, last(trace)-1), s.copies(trace, last(trace)))
		statement := fmt.Sprintf("A message %s comes %s", way.name, value)
		if value == "1 and then 0 times" {
			statement = fmt.Sprintf("A message %s arrives once", way.name)
		}
		s.claim(finding.Fact{
			Command: trace.Steps[last(trace)].Command, Aspect: finding.AspectMessage, Name: way.name, Claim: "arrives", Value: value, Statement: statement,
		}, trace, last(trace))
	}
	return nil
}

// copies counts the words that were sent in an answer.
func (s *study) copies(trace *lab.Trace, at int) int {
	n := 0
	for i, step := range trace.Steps {
		if s.File.VerbOf(step) != vSend {
			continue
		}
		name := fmt.Sprintf("{text:%d}", i+1)
		for _, field := range trace.Answers[at].Fields {
			if field.IsList {
				for _, e := range field.List {
					if e == name {
						n++
					}
				}
			} else if strings.Contains(field.Value, name) {
				n++
			}
		}
	}
	return n
}

// batchSize is how many messages are sent to see how many come at once.
const batchSize = 54

// batches sends many messages, short and long, and collects them.
func (s *study) batches() error {
	many := s.row().login(s.a, s.b)
	for range batchSize {
		many.do(s.a, vSend, s.b)
	}
	trace, err := many.look(s.b, vReceive, vReceive, vReceive).run()
	if err != nil {
		return err
	}
	if trace != nil {
		at := last(trace) - 2
		if n := s.copies(trace, at); n > 0 && n < batchSize {
			s.claim(finding.Fact{
				Command: trace.Steps[at].Command, Aspect: finding.AspectMessage, Name: "batch", Claim: "most", Value: fmt.Sprint(n),
				Statement: fmt.Sprintf("At most %d messages come at once", n),
			}, trace, at)
		}
	}
	send, ok := s.verb(s.a, vSend, s.b)
	if !ok {
		return nil
	}
	key := s.keyOf(send.Command, experiment.TypeText)
	if key == "" {
		return nil
	}
	long := s.row().login(s.a, s.b)
	for i := range 6 {
		long.do(s.a, vSend, s.b, set(key, strings.Repeat(string(rune('a'+i)), 1900)))
	}
	return all(long.look(s.b, vReceive, vReceive, vReceive))
}

// statusSteps are the steps in which a role takes each status that the file lists.
func (s *study) statusSteps(role string) []experiment.Step {
	step, ok := s.verb(role, vStatus, "")
	if !ok {
		return nil
	}
	return s.statuses(step)
}

func (s *study) statuses(step experiment.Step) []experiment.Step {
	command, _ := s.File.Command(step.Command)
	var all []experiment.Step
	for _, pair := range s.enumsOf(command) {
		one := step
		one.Changes = []experiment.PairChange{set(pair.Key, pair.Value)}
		all = append(all, one)
	}
	if len(all) == 0 {
		all = append(all, step)
	}
	return all
}

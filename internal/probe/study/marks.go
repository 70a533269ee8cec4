package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// marks finds out what a request's mark protects: what is sent twice with the
// same one.
func (s *study) marks() error {
	send, ok := s.verb(s.a, vSend, s.b)
	if !ok || s.markKey(send) == "" {
		s.gap("marks", "no command that sends has a parameter of type mark")
		return nil
	}
	s.waiting = append(s.waiting, func() error { return s.markMemory(send) }, s.collectingLater)
	if err := s.repeats(send, "{seq}", "a long mark", false); err != nil {
		return err
	}
	if err := s.repeats(send, "7", "a short mark", true); err != nil {
		return err
	}
	if err := s.repeats(send, "", "an empty mark", true); err != nil {
		return err
	}
	if err := s.collectingAgain(); err != nil {
		return err
	}
	return s.otherChanges()
}

// repeats sends a message twice with one mark, in several situations. Literal
// says that the mark is what it is; else the one of the first time is used again.
func (s *study) repeats(send experiment.Step, mark, kind string, literal bool) error {
	a, b, c := s.a, s.b, s.c
	key := s.keyOf(send.Command, experiment.TypeText)
	first := send
	if literal {
		first = s.marked(send, mark)
	}
	if key != "" {
		first.Changes = append(slices.Clone(first.Changes), set(key, "one"))
	}
	again := func(step experiment.Step, at int) experiment.Step {
		if literal {
			return s.marked(step, mark)
		}
		return s.marked(step, fmt.Sprintf("{seq:%d}", at))
	}
	twice := send
	if key != "" {
		twice.Changes = append(slices.Clone(twice.Changes), set(key, "one"))
	}
	otherText, otherTarget := send, twice
	otherTarget.TargetRole = c
	fromB := twice
	fromB.Role, fromB.TargetRole = b, a
	fromC := twice
	fromC.Role = c
	// In each row the first message is step 3.
	begin := func() *stepBuilder { return s.row().login(a, b).add(first) }
	if err := s.claimRepeat(kind, "at once", begin().add(again(twice, 3)).look(b, vReceive, vReceive)); err != nil {
		return err
	}
	if mark == "" {
		return nil
	}
	few := []*stepBuilder{
		begin().add(again(otherText, 3)).look(b, vReceive, vReceive),
		begin().add(send).add(again(twice, 3)).look(b, vReceive),
		begin().login(a).add(again(twice, 3)).look(b, vReceive),
	}
	if literal {
		return all(few...)
	}
	rows := []*stepBuilder{
		begin().look(a, vFriends).add(again(twice, 3)).look(b, vReceive, vReceive),
		begin().look(b, vReceive).add(again(twice, 3)).look(b, vReceive),
		begin().add(again(otherTarget, 3)).login(c).look(c, vReceive).look(b, vReceive),
		begin().add(again(fromB, 3)).look(a, vReceive).look(b, vReceive),
		begin().login(c).add(again(fromC, 3)).look(b, vReceive),
		begin().do(a, vLogout, "").login(a).add(again(twice, 3)).look(b, vReceive),
	}
	if status, ok := s.verb(a, vStatus, ""); ok {
		rows = append(rows, begin().add(again(status, 3)).look(b, vReceive, vOnline),
			begin().add(again(status, 3)).add(again(twice, 3)).look(b, vReceive))
	}
	if moved := again(twice, 3); len(s.File.Places) > 1 {
		moved.Place = 1
		rows = append(rows, begin().do(a, vLogin, "").at(1).add(moved).look(b, vReceive))
	}
	for _, verb := range []experiment.Verb{vAdd, vRequest, vDelete} {
		if other, ok := s.verb(a, verb, c); ok {
			rows = append(rows, begin().add(again(other, 3)).look(a, vFriends))
		}
	}
	if read, ok := s.verb(a, vFriends, ""); ok {
		rows = append(rows, s.row().login(a, b).add(read).add(again(read, 3)).add(again(send, 3)).look(b, vReceive))
	}
	return all(append(few, rows...)...)
}

func (s *study) claimRepeat(kind, when string, r *stepBuilder) error {
	trace, err := r.run()
	if err != nil || trace == nil {
		return err
	}
	at := last(trace) - 1
	n := ones(&trace.Answers[at])
	s.claim(finding.Fact{
		Command: trace.Steps[at].Command, Aspect: finding.AspectMessage, Name: "repeat with " + kind, Claim: when, Value: fmt.Sprintf("%d of 2", n),
		Statement: fmt.Sprintf("Of two equal messages with %s, the second sent %s, %d arrive", kind, when, n),
	}, trace, at)
	return nil
}

// ones counts the messages in which repeats are recognised.
func ones(answer *lab.Answer) int {
	n := 0
	for _, field := range answer.Fields {
		for _, e := range field.List {
			if e == "one" {
				n++
			}
		}
	}
	return n
}

// collectingAgain collects twice with one mark.
func (s *study) collectingAgain() error {
	a, b := s.a, s.b
	receive, ok := s.verb(b, vReceive, "")
	if !ok || s.markKey(receive) == "" {
		return nil
	}
	again := func(at int) experiment.Step { return s.marked(receive, fmt.Sprintf("{seq:%d}", at)) }
	short := func(mark string) experiment.Step { return s.marked(receive, mark) }
	trace, err := s.row().login(a, b).do(a, vSend, b).add(receive, again(4), receive, again(4)).run()
	if err != nil {
		return err
	}
	if trace != nil {
		value := fmt.Sprintf("%d, %d, %d", s.copies(trace, 3), s.copies(trace, 4), s.copies(trace, 5))
		s.claim(finding.Fact{
			Command: receive.Command, Aspect: finding.AspectMessage, Name: "collecting", Claim: "again with the same mark", Value: value,
			Statement: fmt.Sprintf("A message that was collected with a mark, then with the same mark, then with another, comes %s times", value),
		}, trace, 5)
	}
	return all(
		s.row().login(a, b).do(a, vSend, b).add(receive).look(b, vFriends).add(again(4)),
		s.row().login(a, b).do(a, vSend, b).add(receive, receive, again(4)).do(a, vSend, b).add(again(4), again(5), receive),
		s.row().login(a, b).add(receive).do(a, vSend, b).add(again(3), receive),
		s.row().login(a, b).do(a, vSend, b).add(short("7"), short("7"), short("8"), short("7")),
		s.row().login(a, b).do(a, vSend, b).add(short(""), short("")),
		s.row().login(a, b).do(a, vSend, b).add(receive).login(b).add(again(4)),
		s.row().login(a, b).do(a, vSend, b).add(short("7")).login(b).add(short("7")),
		s.row().login(a, b).do(a, vSend, b).add(receive).do(a, vSend, b).add(again(4), receive),
	)
}

// collectingLater collects twice with one mark, with time between.
func (s *study) collectingLater() error {
	receive, ok := s.verb(s.b, vReceive, "")
	if !ok || s.markKey(receive) == "" {
		return nil
	}
	return all(
		s.row().login(s.a, s.b).do(s.a, vSend, s.b).add(s.marked(receive, "7")).wait(seconds(20)).add(s.marked(receive, "7")),
		s.row().login(s.a, s.b).do(s.a, vSend, s.b).add(receive).wait(seconds(130)).add(s.marked(receive, "{seq:4}")),
	)
}

// markMemory finds out how long a mark is remembered.
func (s *study) markMemory(send experiment.Step) error {
	key := s.keyOf(send.Command, experiment.TypeText)
	if key == "" {
		return nil
	}
	text := set(key, "one")
	for _, m := range []struct{ name, first, again string }{{"long mark", "{seq}", "{seq:3}"}, {"short mark", "7", "7"}} {
		first, again := s.marked(send, m.first), s.marked(send, m.again)
		first.Changes, again.Changes = append(first.Changes, text), append(again.Changes, text)
		remembered := func(after float64) (bool, *lab.Trace, error) {
			trace, err := s.row().login(s.a, s.b).add(first).wait(seconds(after)).add(again).look(s.b, vReceive).run()
			if err != nil || trace == nil {
				return false, nil, err
			}
			return ones(&trace.Answers[last(trace)]) == 1, trace, nil
		}
		if err := s.timer("memory of a "+m.name, 250, remembered); err != nil {
			return err
		}
	}
	return nil
}

// otherChanges repeats other commands that change something.
func (s *study) otherChanges() error {
	a, b, c := s.a, s.b, s.c
	var rows []*stepBuilder
	for _, verb := range []experiment.Verb{vRequest, vAdd, vDelete} {
		to := c
		if verb == vDelete {
			to = b
		}
		if step, ok := s.verb(a, verb, to); ok {
			rows = append(rows, s.row().login(a, to).add(step, s.marked(step, "{seq:3}")).look(to, vFriends, vReceive))
		}
	}
	if accept, ok := s.verb(a, vAccept, c); ok {
		rows = append(rows, s.row().login(a, c).do(c, vRequest, a).add(accept, s.marked(accept, "{seq:4}")).look(c, vReceive))
	}
	if status, ok := s.verb(a, vStatus, ""); ok {
		for _, other := range s.statusSteps(a) {
			rows = append(rows, s.row().login(a, b).add(status, other, s.marked(status, "{seq:3}")).look(b, vOnline, vReceive))
		}
	}
	return all(rows...)
}

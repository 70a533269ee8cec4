package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// counts sends much of one kind: long queues for who is there and for who is away,
// and the same request many times.
func (s *study) counts() error {
	// A longer row is lost more often on its way, and begun anew.
	queue := min(max(s.Requests/30, batchSize), 100)
	if s.Requests >= roomForDepth {
		queue = 300
	}
	if err := s.queue("who is away", queue, s.row().login(s.a), s.b); err != nil {
		return err
	}
	if err := s.repeated(min(max(s.Requests/55, 10), 54)); err != nil {
		return err
	}
	if s.Requests < roomForDepth {
		return nil // those who are there were sent a batch and more
	}
	return s.queue("who is logged in", queue, s.row().login(s.a, s.b), s.b)
}

// queue sends n messages before any is collected, and collects all.
func (s *study) queue(to string, n int, r *stepBuilder, role string) error {
	for range n {
		r.do(s.a, vSend, role)
	}
	sent := len(r.steps)
	r.login(role)
	for range n/batchSize + 3 {
		r.look(role, vReceive)
	}
	trace, err := r.run()
	if err != nil || trace == nil {
		return err
	}
	arrived := 0
	for i := sent; i < len(trace.Steps); i++ {
		arrived += s.copies(trace, i)
	}
	value := "all"
	if arrived != n {
		value = fmt.Sprintf("%d of %d", arrived, n)
	}
	s.claim(finding.Fact{
		Command: trace.Steps[last(trace)].Command, Aspect: finding.AspectMessage, Name: "a long queue", Claim: "for " + to,
		Value:     value,
		Statement: fmt.Sprintf("Of %d messages to %s that wait at once, %s arrive", n, to, value),
	}, trace, last(trace))
	return nil
}

// repeated sends each request that may be made again and again many times: the first
// that lists friends, who is online and messages n times, the others a third as often.
func (s *study) repeated(n int) error {
	for _, step := range s.purposes() {
		verb := s.File.VerbOf(step)
		if !s.isRead(step) && verb != vReceive && verb != vStatus && verb != vLogin {
			continue
		}
		times := n / 3
		if first, _ := s.verb(s.a, verb, ""); first.Command == step.Command && (verb == vFriends || verb == vOnline || verb == vReceive) {
			times = n
		}
		stepBuilder := s.row().login(s.a)
		for range times {
			stepBuilder.add(step)
		}
		trace, err := stepBuilder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		first := s.form(step, &trace.Answers[1])
		at := slices.IndexFunc(trace.Answers[1:], func(answer lab.Answer) bool { return s.form(step, &answer) != first })
		value, statement := "alike", fmt.Sprintf("%s is answered alike %d times in a row", step.Command, times)
		if at >= 0 {
			value = fmt.Sprintf("alike %d times", at)
			statement = fmt.Sprintf("%s is answered alike %d times in a row, and then otherwise", step.Command, at)
		}
		s.claim(finding.Fact{
			Command: step.Command, Aspect: finding.AspectLimit, Name: "the same request", Claim: "in a row",
			Value: value, Statement: statement,
		}, trace, last(trace))
	}
	return nil
}

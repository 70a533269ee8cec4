package study

import (
	"fmt"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// transport sends the same record in other forms of HTTP.
func (s *study) transport() error {
	read, ok := s.verb(s.a, vFriends, "")
	if !ok {
		read, ok = s.verb(s.a, vReceive, "")
	}
	if !ok {
		s.gap("transport", "there is no command that reads something")
		return nil
	}
	for _, way := range lab.Ways() {
		step := read
		step.HTTPForm = way
		trace, err := s.row().login(s.a).add(read, step, read).run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		at := last(trace) - 1
		value := "answered otherwise: " + s.code(step.Command, &trace.Answers[at])
		if s.form(step, &trace.Answers[at]) == s.form(step, &trace.Answers[at-1]) {
			value = "answered as usual"
		}
		if way != "" {
			s.claim(finding.Fact{
				Command: "*", Aspect: finding.AspectTransport, Name: way, Claim: "is", Value: value,
				Statement: fmt.Sprintf("A request in the form %q is %s", way, value),
			}, trace, at)
		}
		login, ok := s.verb(s.a, experiment.VerbLogin, "")
		if login.HTTPForm = way; !ok {
			continue
		}
		if err := all(s.row().add(login, read)); err != nil {
			return err
		}
	}
	return s.claimHead(read)
}

// claimHead states what stands around the records of answers.
func (s *study) claimHead(read experiment.Step) error {
	trace, err := s.row().login(s.a).add(read).run()
	if err != nil || trace == nil {
		return err
	}
	answer := &trace.Answers[1]
	for _, f := range []struct{ name, value string }{
		{"Content-Type", answer.Type}, {"status", fmt.Sprint(answer.Status)}, {"line end behind a record", fmt.Sprintf("%q", answer.End)},
	} {
		s.claim(finding.Fact{
			Command: "*", Aspect: finding.AspectTransport, Name: f.name, Claim: "of answers", Value: f.value,
			Statement: fmt.Sprintf("%s of answers: %s", f.name, f.value),
		}, trace, 1)
	}
	return nil
}

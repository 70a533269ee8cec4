package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// presence finds out who sees what of whom.
func (s *study) presence() error {
	a, b, c := s.a, s.b, s.c
	if err := s.shown(); err != nil {
		return err
	}
	watch := func(r *stepBuilder) *stepBuilder { return r.look(b, vOnline, vReceive) }
	rows := []*stepBuilder{
		watch(s.row().login(b).look(b, vOnline, vReceive).login(a)),
		watch(s.row().login(a, b).look(b, vReceive).do(a, vLogout, "")),
		watch(s.row().login(a, b).look(b, vReceive).login(a)),
		watch(s.row().login(a, b).look(b, vReceive).do(a, vLogin, "").at(1)),
		watch(s.row().login(a, b).look(b, vReceive).do(a, vLogout, "").login(a)),
		watch(s.row().login(a, b).look(b, vReceive).do(a, vLogin, "", s.wrongSecret()...)),
		s.row().login(a, b, c).look(c, vOnline, vReceive, vFind).do(c, vInfo, a).look(a, vOnline, vReceive),
		s.row().login(a, b).do(b, vInfo, a).look(b, vFind).look(a, vFind),
		s.row().login(a).do(a, vInfo, b).do(a, vInfo, c).do(a, vInfo, a).look(a, vOnline, vFind),
		// Collecting news twice, and by who has just come.
		s.row().login(b, a).look(b, vReceive, vReceive),
		s.row().login(a, b).look(b, vReceive, vReceive),
	}
	if c != "" {
		rows = append(rows, s.row().login(a, c).do(a, vRequest, c).look(a, vOnline).look(c, vOnline))
	}
	for i, status := range s.statusSteps(a) {
		rows = append(rows, s.row().login(a, b).add(status).look(a, vOnline))
		// What a status looks like to who comes later matters most, and comes first.
		rows = slices.Insert(rows, i,
			s.row().login(a).add(status).login(b, c).look(b, vOnline, vFind).do(b, vInfo, a).look(c, vOnline, vFind).do(c, vInfo, a))
		rows = append(rows, watch(s.row().login(a, b).add(status).login(a)))
		anew := watch(s.row().login(a, b).add(status).do(a, vLogout, "").login(a))
		if i == 1 { // whether a login begins with the usual status shows with any other
			rows = slices.Insert(rows, 0, anew)
		} else {
			rows = append(rows, anew)
		}
		if back, ok := s.verb(a, vStatus, ""); ok && i > 0 {
			rows = append(rows, watch(s.row().login(a, b).add(status).look(b, vReceive).add(back)))
		}
	}
	return all(rows...)
}

// shown states what a friend sees of each status: whether it is as if the account
// were away.
func (s *study) shown() error {
	a, b := s.a, s.b
	away, err := s.row().login(b).look(b, vOnline).run()
	if err != nil || away == nil {
		return err
	}
	for _, status := range s.statusSteps(a) {
		trace, err := s.row().login(a, b).look(b, vReceive).add(status).look(b, vOnline, vReceive).run()
		if err != nil || trace == nil {
			return err
		}
		if len(status.Changes) == 0 {
			continue
		}
		name := status.Changes[0].Key + "=" + status.Changes[0].Value
		for i, step := range away.Steps[1:] {
			at := s.indexOf(trace, step)
			sees := "as there"
			if s.form(step, &trace.Answers[at]) == s.form(step, &away.Answers[i+1]) {
				sees = "as away"
			}
			s.claim(finding.Fact{
				Command: step.Command, Aspect: finding.AspectPresence, Name: name, Claim: "a friend sees", Value: sees,
				Statement: fmt.Sprintf("%s shows who has set %s %s", step.Command, name, sees),
			}, trace, at)
		}
		if news := s.latest(trace, vReceive); news >= 0 {
			s.claim(finding.Fact{
				Command: trace.Steps[news].Command, Aspect: finding.AspectPresence, Name: name, Claim: "a friend is told", Value: s.news(trace, news),
				Statement: fmt.Sprintf("Of %s a friend is told: %s", name, s.news(trace, news)),
			}, trace, news)
		}
	}
	return nil
}

// indexOf is where a trace has a step.
func (s *study) indexOf(trace *lab.Trace, step experiment.Step) int {
	line := s.File.FormatStep(step)
	return slices.IndexFunc(trace.Steps, func(other experiment.Step) bool { return s.File.FormatStep(other) == line })
}

// latest is the index of the latest step with a verb, -1 for none.
func (s *study) latest(trace *lab.Trace, verb experiment.Verb) int {
	for i := last(trace); i >= 0; i-- {
		if s.File.VerbOf(trace.Steps[i]) == verb {
			return i
		}
	}
	return -1
}

// hasRole reports whether an answer lists a role.
func (s *study) hasRole(trace *lab.Trace, at int, role string) bool {
	for _, field := range trace.Answers[at].Fields {
		if slices.Contains(field.List, "{"+role+"}") {
			return true
		}
	}
	return false
}

// news is what an answer's lists hold, in short.
func (s *study) news(trace *lab.Trace, at int) string {
	text := ""
	for _, field := range trace.Answers[at].Fields {
		if len(field.List) > 0 {
			text += field.Key + "=" + field.Value + " "
		}
	}
	if text == "" {
		return "nothing"
	}
	return text[:len(text)-1]
}

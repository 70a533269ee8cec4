package study

import (
	"fmt"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// introduction sends each command as the file has it, without a session and with one. Before,
// between and behind it repeats all of them, to see what differs between equal requests.
func (s *study) introduction() error {
	repeated := s.repetitions()
	if err := s.repeat(repeated); err != nil {
		return err
	}
	if err := s.notLoggedInCode(); err != nil {
		return err
	}
	if err := s.repeat(repeated); err != nil {
		return err
	}
	for _, c := range s.File.Commands {
		if err := s.introduceCommand(c); err != nil {
			return err
		}
	}
	if !s.Confirm {
		return nil // two servers are compared: a field that one fills differently is no difference
	}
	return s.repeat(repeated)
}

// notLoggedInCode sends each command without a login: what most say is the code of
// who is not logged in.
func (s *study) notLoggedInCode() error {
	counts := make(map[string]int)
	var order []string
	for _, c := range s.File.Commands {
		if !c.Session {
			continue
		}
		t, err := s.run(experiment.Step{Role: s.a, Command: c.Name})
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		a := &t.Answers[0]
		code := a.Value(s.File.Answer.Code)
		if counts[code]++; counts[code] == 1 {
			order = append(order, code)
		}
	}
	for _, code := range order {
		if code != "" && counts[code] > counts[s.notLoggedIn] {
			s.notLoggedIn = code
		}
	}
	if len(s.File.Answer.NotLoggedIn) == 0 && s.contains(s.File.Answer.Done, s.notLoggedIn) {
		s.notLoggedIn = ""
	}
	return nil
}

func (s *study) contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// introduceCommand sends the base request of a command in its usual place: behind the
// logins of whom it concerns.
func (s *study) introduceCommand(c *experiment.Command) error {
	step := experiment.Step{Role: s.a, Command: c.Name}
	u := s.unitOf(step)
	t, err := s.run(append(u.before, u.step)...)
	if err != nil || t == nil {
		return err
	}
	at := len(u.before)
	first := &t.Answers[at]
	works := lab.Done(s.File, c.Name, first)
	s.describe(c, first, works)
	s.claim(finding.Fact{
		Command: c.Name, Aspect: finding.FieldOf, Name: "base request", Claim: "answer", Value: s.code(c.Name, first),
		Statement: fmt.Sprintf("%s, as the file has it, is answered %s", c.Name, s.code(c.Name, first)),
	}, t, at)
	return nil
}

// describe adds a command to the table of commands.
func (s *study) describe(c *experiment.Command, a *lab.Answer, works bool) {
	d := finding.Command{Name: c.Name, Works: works, Session: "not known", Example: exchange(a)}
	for _, p := range c.Does {
		d.Does = append(d.Does, string(p.Verb))
	}
	for _, p := range s.parametersOf(c) {
		d.Parameters = append(d.Parameters, p.Key)
	}
	for _, f := range a.Fields {
		d.Fields = append(d.Fields, f.Key)
	}
	s.out.Commands = append(s.out.Commands, d)
}

func exchange(a *lab.Answer) finding.Exchange {
	response := string(a.Body)
	if a.Kind() != "record" && a.Kind() != "text" {
		response = a.Kind()
		if a.Status != 0 {
			response = fmt.Sprintf("status %d: %s", a.Status, a.Body)
		}
	}
	return finding.Exchange{ID: a.ID, Request: string(a.Request), Response: response}
}

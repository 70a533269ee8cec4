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
	for _, command := range s.File.Commands {
		if err := s.introduceCommand(command); err != nil {
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
	for _, command := range s.File.Commands {
		if !command.NeedsSession {
			continue
		}
		trace, err := s.run(experiment.Step{Role: s.a, Command: command.Name})
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		answer := &trace.Answers[0]
		code := answer.Value(s.File.Answer.CodeKey)
		if counts[code]++; counts[code] == 1 {
			order = append(order, code)
		}
	}
	for _, code := range order {
		if code != "" && counts[code] > counts[s.notLoggedIn] {
			s.notLoggedIn = code
		}
	}
	if len(s.File.Answer.NotLoggedInCodes) == 0 && s.contains(s.File.Answer.SuccessCodes, s.notLoggedIn) {
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
func (s *study) introduceCommand(command *experiment.Command) error {
	step := experiment.Step{Role: s.a, Command: command.Name}
	commandContext := s.unitOf(step)
	trace, err := s.run(append(commandContext.before, commandContext.step)...)
	if err != nil || trace == nil {
		return err
	}
	at := len(commandContext.before)
	first := &trace.Answers[at]
	works := lab.Done(s.File, command.Name, first)
	s.describe(command, first, works)
	s.claim(finding.Fact{
		Command: command.Name, Aspect: finding.AspectField, Name: "base request", Claim: "answer", Value: s.code(command.Name, first),
		Statement: fmt.Sprintf("%s, as the file has it, is answered %s", command.Name, s.code(command.Name, first)),
	}, trace, at)
	return nil
}

// describe adds a command to the table of commands.
func (s *study) describe(c *experiment.Command, answer *lab.Answer, works bool) {
	d := finding.CommandSummary{Name: c.Name, Works: works, Session: "not known", Example: exchange(answer)}
	for _, purpose := range c.Purposes {
		d.Purposes = append(d.Purposes, string(purpose.Verb))
	}
	for _, parameter := range s.parametersOf(c) {
		d.RequestKeys = append(d.RequestKeys, parameter.Key)
	}
	for _, field := range answer.Fields {
		d.AnswerKeys = append(d.AnswerKeys, field.Key)
	}
	s.out.Commands = append(s.out.Commands, d)
}

func exchange(answer *lab.Answer) finding.Exchange {
	response := string(answer.Body)
	if answer.Kind() != "record" && answer.Kind() != "text" {
		response = answer.Kind()
		if answer.Status != 0 {
			response = fmt.Sprintf("status %d: %s", answer.Status, answer.Body)
		}
	}
	return finding.Exchange{ID: answer.ID, Request: string(answer.Request), Response: response}
}

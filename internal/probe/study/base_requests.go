package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// sendBaseRequests sends each command as the file declares it, without and with a session. In
// between it repeats all of them three times to find fields that differ between equal requests.
func (s *study) sendBaseRequests() error {
	repeated := s.newRepetitions()
	repeat := func() error { return s.runRepetitions(repeated) }
	if err := runInOrder(repeat, s.findNotLoggedInCode, repeat); err != nil {
		return err
	}
	for _, command := range s.File.Commands {
		if err := s.sendBaseRequest(command); err != nil {
			return err
		}
	}
	if !s.ConfirmFacts {
		return nil // in a comparison, a field that one server fills differently is a difference
	}
	return repeat()
}

// findNotLoggedInCode sends each command without a login. The most frequent code means that no one
// is logged in.
func (s *study) findNotLoggedInCode() error {
	counts := make(map[string]int)
	var order []string
	for _, command := range s.File.Commands {
		if !command.NeedsSession {
			continue
		}
		trace, err := s.runExperiment(experiment.Step{Role: s.actor, Command: command.Name})
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
		if code != "" && counts[code] > counts[s.notLoggedInCode] {
			s.notLoggedInCode = code
		}
	}
	if len(s.File.Answer.NotLoggedInCodes) == 0 && slices.Contains(s.File.Answer.SuccessCodes, s.notLoggedInCode) {
		s.notLoggedInCode = ""
	}
	return nil
}

// sendBaseRequest sends the base request of a command after the logins that it needs.
func (s *study) sendBaseRequest(command *experiment.Command) error {
	step := experiment.Step{Role: s.actor, Command: command.Name}
	plan := s.planTrial(step)
	trace, err := s.runExperiment(append(plan.setup, plan.request)...)
	if err != nil || trace == nil {
		return err
	}
	index := len(plan.setup)
	first := &trace.Answers[index]
	isDone := lab.IsDone(s.File, command.Name, first)
	s.describeCommand(command, first, isDone)
	s.stateFact(finding.Fact{
		Command: command.Name, Aspect: finding.AspectField, Name: "base request", Claim: "answer",
		Value:     s.codeOf(command.Name, first),
		Statement: fmt.Sprintf("%s, as the file has it, is answered %s", command.Name, s.codeOf(command.Name, first)),
	}, trace, index)
	return nil
}

// describeCommand adds a command to the table of commands.
func (s *study) describeCommand(declared *experiment.Command, answer *lab.Answer, isDone bool) {
	d := finding.CommandSummary{
		Name: declared.Name, Works: isDone, Session: "not known", Example: exchangeOf(answer),
		AnswerKeys: keysOf(answer),
	}
	for _, purpose := range declared.Purposes {
		d.Purposes = append(d.Purposes, string(purpose.Verb))
	}
	for _, parameter := range s.parametersOf(declared) {
		d.RequestKeys = append(d.RequestKeys, parameter.Key)
	}
	s.findings.Commands = append(s.findings.Commands, d)
}

func exchangeOf(answer *lab.Answer) finding.Exchange {
	response := string(answer.Body)
	if answer.Kind() != "record" && answer.Kind() != "text" {
		response = answer.Kind()
		if answer.Status != 0 {
			response = fmt.Sprintf("status %d: %s", answer.Status, answer.Body)
		}
	}
	return finding.Exchange{ID: answer.ID, Request: string(answer.Request), Response: response}
}

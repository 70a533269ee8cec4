package study

import (
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// volatileFields holds examples of the values of volatile fields, by command and key. A field is
// volatile if it differs between equal requests in the same state. Comparisons mask such fields.
type volatileFields map[[2]string][]string

// anyCommand stands for all commands.
const anyCommand = "*"

// masks reports whether a field of a command is volatile.
func (n volatileFields) masks(command, key string) bool {
	return len(n[[2]string{command, key}]) > 0 || len(n[[2]string{anyCommand, key}]) > 0
}

// values returns the seen values of a volatile field.
func (n volatileFields) values(command, key string) []string {
	if own := n[[2]string{command, key}]; len(own) > 0 {
		return own
	}
	return n[[2]string{anyCommand, key}]
}

// addValues records values of a volatile field. A field that is volatile for two commands is
// volatile for all.
func (n volatileFields) addValues(command, key string, values ...string) {
	for position := range n {
		if position[1] == key && position[0] != command && position[0] != anyCommand {
			n.appendValues([2]string{anyCommand, key}, values)
		}
	}
	n.appendValues([2]string{command, key}, values)
}

func (n volatileFields) appendValues(position [2]string, values []string) {
	for _, value := range values {
		if !slices.Contains(n[position], value) && len(n[position]) < 5 {
			n[position] = append(n[position], value)
		}
	}
}

// repeatedSteps is an experiment that is repeated with the same requests from the same state.
// Whatever differs in the answers is volatile.
type repeatedSteps struct {
	steps  []experiment.Step
	traces []*lab.Trace
}

// newRepetitions returns two experiments with the base request of each command: one in which they
// succeed, and one in which they are refused without a login.
func (s *study) newRepetitions() []*repeatedSteps {
	done := s.newSteps().login(s.actor, s.friend)
	refused := s.newSteps()
	var last []experiment.Step
	for _, command := range s.File.Commands {
		step := s.planTrial(experiment.Step{Role: s.actor, Command: command.Name}).request
		step.Role = s.actor
		switch verb := s.File.VerbOf(step); {
		case command.Destructive && !s.File.Allow.Destructive:
			continue
		case verb == verbLogin:
		case verb == verbLogout:
			last = append(last, step)
		default:
			done.append(step)
		}
		if command.NeedsSession {
			refused.append(step)
		}
	}
	repetitions := []*repeatedSteps{{steps: done.append(last...).steps}}
	if len(refused.steps) > 0 {
		repetitions = append(repetitions, &repeatedSteps{steps: refused.steps})
	}
	return repetitions
}

// repetitionWaits are the waits before each repetition if the server's clock can be moved. They
// change clocks in answers without ending a session.
var repetitionWaits = []time.Duration{time.Second, 3 * time.Second, 64 * time.Second}

// runRepetitions runs each experiment once more.
func (s *study) runRepetitions(repetitions []*repeatedSteps) error {
	for _, repetition := range repetitions {
		steps := repetition.steps
		if s.File.Clock.URL != "" {
			wait := repetitionWaits[min(len(repetition.traces), len(repetitionWaits)-1)]
			steps = append([]experiment.Step{{Wait: wait}}, steps...)
		}
		trace, err := s.runExperiment(steps...)
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		if repetition.traces = append(repetition.traces, trace); len(repetition.traces) > 1 {
			s.compareRepeated(repetition.traces)
		}
	}
	if s.Pause != nil {
		s.Pause(1100 * time.Millisecond)
	}
	return nil
}

// compareRepeated records the fields that differ between the two latest repetitions. A list counts
// only if all repetitions differ, because an earlier experiment may have changed one of them. The
// same holds for a short value that the first two repetitions share.
func (s *study) compareRepeated(traces []*lab.Trace) {
	first, before, now := traces[0], traces[len(traces)-2], traces[len(traces)-1]
	for i, step := range now.Steps {
		for _, field := range now.Answers[i].Fields {
			otherField, ok := before.Answers[i].Field(field.Key)
			if !ok || otherField.Value == field.Value || field.Key == s.File.Answer.CodeKey {
				continue
			}
			firstField, ok := first.Answers[i].Field(field.Key)
			different := len(traces) > 2 && ok && firstField.Value != field.Value &&
				firstField.Value != otherField.Value
			if field.IsList && !different || len(traces) > 2 && !different && len(field.Value) < minClockLength {
				continue
			}
			s.volatile.addValues(step.Command, field.Key, otherField.Value, field.Value)
		}
	}
}

// minClockLength is the length of the shortest time of day, such as 10:05.
const minClockLength = 5

// reportVolatileFields adds the volatile fields to the findings.
func (s *study) reportVolatileFields() {
	for _, command := range s.findings.Commands {
		for _, key := range command.AnswerKeys {
			if s.volatile.masks(command.Name, key) {
				values := s.volatile.values(command.Name, key)
				s.findings.Noise = append(s.findings.Noise,
					finding.VolatileField{Command: command.Name, Key: key, Values: values})
			}
		}
	}
}

package study

import (
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// volatileFields holds the volatile fields, which differ between equal requests that were sent
// in the same state. They are masked, field by field.
type volatileFields map[[2]string][]string // command and key: values that were seen

// anyCommand stands for all commands.
const anyCommand = "*"

func (n volatileFields) masks(command, key string) bool {
	return len(n[[2]string{command, key}]) > 0 || len(n[[2]string{anyCommand, key}]) > 0
}

// values are those of a field that is volatile.
func (n volatileFields) values(command, key string) []string {
	if own := n[[2]string{command, key}]; len(own) > 0 {
		return own
	}
	return n[[2]string{anyCommand, key}]
}

// addValues keeps values of a volatile field. A field that is volatile in the answers of two
// commands is so in all.
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

// A repetition is an experiment that is made over and over. Its requests are the same to
// the byte where a control URL resets the server, and so is the state of the server.
// What differs in the answers then is volatile.
type repeatedSteps struct {
	steps  []experiment.Step
	traces []*lab.Trace
}

// newRepetitions have the base request of each command, where it is done and where it is
// refused because nobody is logged in.
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

// waits are what goes by before each repetition where the server's clock can be moved. A
// clock in an answer shows it; no session should end in it.
var repetitionWaits = []time.Duration{time.Second, 3 * time.Second, 64 * time.Second}

// runRepetitions makes the experiments that are repeated once more, after some time.
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

// compareRepeated notes the fields in which the latest of equal experiments differs from
// the one before. A list is volatile only if it is another in all of them: what an earlier
// experiment has left behind may show in one. So it is with a short value that the first two
// had alike: what became of somebody meanwhile may show in it.
func (s *study) compareRepeated(traces []*lab.Trace) {
	first, before, now := traces[0], traces[len(traces)-2], traces[len(traces)-1]
	for index, step := range now.Steps {
		for _, field := range now.Answers[index].Fields {
			otherField, ok := before.Answers[index].Field(field.Key)
			if !ok || otherField.Value == field.Value || field.Key == s.File.Answer.CodeKey {
				continue
			}
			firstField, ok := first.Answers[index].Field(field.Key)
			different := len(traces) > 2 && ok && firstField.Value != field.Value && firstField.Value != otherField.Value
			if field.IsList && !different || len(traces) > 2 && !different && len(field.Value) < minClockLength {
				continue
			}
			s.volatile.addValues(step.Command, field.Key, otherField.Value, field.Value)
		}
	}
}

// shortestClock is how long a time in minutes is at least, such as 10:05.
const minClockLength = 5

// reportVolatileFields puts the volatile fields into the findings.
func (s *study) reportVolatileFields() {
	for _, command := range s.findings.Commands {
		for _, key := range command.AnswerKeys {
			if s.volatile.masks(command.Name, key) {
				values := s.volatile.values(command.Name, key)
				s.findings.Noise = append(s.findings.Noise, finding.VolatileField{Command: command.Name, Key: key, Values: values})
			}
		}
	}
}

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

// note keeps values of a volatile field. A field that is volatile in the answers of two
// commands is so in all.
func (n volatileFields) note(command, key string, values ...string) {
	for at := range n {
		if at[1] == key && at[0] != command && at[0] != anyCommand {
			n.keep([2]string{anyCommand, key}, values)
		}
	}
	n.keep([2]string{command, key}, values)
}

func (n volatileFields) keep(at [2]string, values []string) {
	for _, v := range values {
		if !slices.Contains(n[at], v) && len(n[at]) < 5 {
			n[at] = append(n[at], v)
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

// repetitions have the base request of each command, where it is done and where it is
// refused because nobody is logged in.
func (s *study) repetitions() []*repeatedSteps {
	done := s.row().login(s.a, s.b)
	refused := s.row()
	var last []experiment.Step
	for _, command := range s.File.Commands {
		step := s.unitOf(experiment.Step{Role: s.a, Command: command.Name}).step
		step.Role = s.a
		switch verb := s.File.VerbOf(step); {
		case command.Destructive && !s.File.Allow.Destructive:
			continue
		case verb == vLogin:
		case verb == vLogout:
			last = append(last, step)
		default:
			done.add(step)
		}
		if command.NeedsSession {
			refused.add(step)
		}
	}
	all := []*repeatedSteps{{steps: done.add(last...).steps}}
	if len(refused.steps) > 0 {
		all = append(all, &repeatedSteps{steps: refused.steps})
	}
	return all
}

// waits are what goes by before each repetition where the server's clock can be moved. A
// clock in an answer shows it; no session should end in it.
var waits = []time.Duration{time.Second, 3 * time.Second, 64 * time.Second}

// repeat makes the experiments that are repeated once more, after some time.
func (s *study) repeat(all []*repeatedSteps) error {
	for _, repeatedSteps := range all {
		steps := repeatedSteps.steps
		if s.File.Clock.URL != "" {
			wait := waits[min(len(repeatedSteps.traces), len(waits)-1)]
			steps = append([]experiment.Step{{Wait: wait}}, steps...)
		}
		trace, err := s.run(steps...)
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		if repeatedSteps.traces = append(repeatedSteps.traces, trace); len(repeatedSteps.traces) > 1 {
			s.compareRepeated(repeatedSteps.traces)
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
	for i, step := range now.Steps {
		for _, f := range now.Answers[i].Fields {
			g, ok := before.Answers[i].Field(f.Key)
			if !ok || g.Value == f.Value || f.Key == s.File.Answer.CodeKey {
				continue
			}
			h, ok := first.Answers[i].Field(f.Key)
			different := len(traces) > 2 && ok && h.Value != f.Value && h.Value != g.Value
			if f.IsList && !different || len(traces) > 2 && !different && len(f.Value) < shortestClock {
				continue
			}
			s.noise.note(step.Command, f.Key, g.Value, f.Value)
		}
	}
}

// shortestClock is how long a time in minutes is at least, such as 10:05.
const shortestClock = 5

// tellNoise puts the volatile fields into the findings.
func (s *study) tellNoise() {
	for _, command := range s.out.Commands {
		for _, key := range command.AnswerKeys {
			if s.noise.masks(command.Name, key) {
				values := s.noise.values(command.Name, key)
				s.out.Noise = append(s.out.Noise, finding.VolatileField{Command: command.Name, Key: key, Values: values})
			}
		}
	}
}

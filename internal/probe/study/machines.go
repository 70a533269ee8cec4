package study

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/learn"
)

// An aspect is a part of the protocol that is learned as one machine: some
// inputs, with what is done before each word.
type machineAspect struct {
	name   string
	before []experiment.Step
	inputs []experiment.Step
}

// machines learns the protocol's state machines, one for each aspect: a single one
// of everything would be too large to be learned, and to be read.
func (s *study) machines() error {
	for _, machineAspect := range s.aspects() {
		if err := s.learn(s.systemUnderTest(machineAspect)); err != nil {
			return err
		}
	}
	return nil
}

func (s *study) aspects() []machineAspect {
	a, b, c := s.a, s.b, s.c
	session := s.row().look(a, vLogin, vLogout, vFriends)
	if len(s.File.Places) > 1 {
		session.do(a, vLogin, "").at(1).look(a, vFriends).at(1)
	}
	session.look(b, vOnline)
	visible := s.row().look(a, vLogin, vLogout).add(s.statusSteps(a)...).look(b, vOnline)
	all := []machineAspect{
		{"session", s.row().look(b, vLogin).steps, session.steps},
		{"failed logins", nil, s.row().look(a, vLogin).do(a, vLogin, "", s.wrongSecret()...).look(a, vFriends).steps},
		{"visibility", s.row().look(b, vLogin).steps, visible.steps},
	}
	if c != "" {
		bonds := s.row()
		for _, pair := range [][2]string{{a, c}, {c, a}} {
			for _, verb := range []experiment.Verb{vAdd, vRequest, vAccept, vReject, vDelete} {
				bonds.do(pair[0], verb, pair[1])
			}
		}
		bonds.look(a, vFriends).look(c, vFriends)
		all = append(all, machineAspect{"friendship", s.row().look(a, vLogin).look(c, vLogin).steps, bonds.steps})
	}
	// Messages wait in queues, and such a machine may have no end: it comes last.
	return append(all, machineAspect{"messages", s.row().look(a, vLogin).look(b, vLogin).steps,
		s.row().do(a, vSend, b).look(b, vReceive, vLogin, vLogout).look(a, vLogout, vLogin).steps})
}

// A systemUnderTest is the learner's system under test: words are experiments, answers are
// abstracted to outputs.
type systemUnderTest struct {
	study *study
	machineAspect
	names  []string
	inputs map[string]experiment.Step
	// machine is what was learned, nil if nothing was.
	machine *learn.Result
}

func (s *study) systemUnderTest(a machineAspect) *systemUnderTest {
	p := &systemUnderTest{study: s, machineAspect: a, inputs: make(map[string]experiment.Step)}
	for _, step := range a.inputs {
		name := s.File.FormatStep(step)
		if _, twice := p.inputs[name]; !twice {
			p.inputs[name] = step
			p.names = append(p.names, name)
		}
	}
	return p
}

// testsPerInput is how many random tests a machine must pass, by its inputs.
const testsPerInput = 10

// least is how many requests a machine takes at least, its tests included.
func (p *systemUnderTest) least() int {
	const wordLength = 4
	return (1 + testsPerInput) * len(p.names) * (len(p.before) + wordLength)
}

func (p *systemUnderTest) Ask(_ context.Context, word []string) ([]string, error) {
	steps := slices.Clone(p.before)
	for _, name := range word {
		steps = append(steps, p.inputs[name])
	}
	trace, err := p.study.ask(0, steps...)
	if err != nil {
		return nil, err
	}
	if trace == nil {
		return nil, lab.ErrForbidden
	}
	var outputs []string
	for i := len(p.before); i < len(trace.Answers); i++ {
		outputs = append(outputs, p.study.output(trace.Steps[i], &trace.Answers[i]))
	}
	return outputs, nil
}

// output is what counts of an answer in a machine: how it went, and what its
// fields say apart from counts, marks and the words of messages.
func (s *study) output(step experiment.Step, answer *lab.Answer) string {
	if answer.Kind() != "record" {
		return s.code(step.Command, answer)
	}
	parts := []string{}
	if s.isNotLoggedIn(answer) {
		return "not logged in"
	}
	if s.File.Answer.CodeKey != "" && !s.contains(s.File.Answer.SuccessCodes, answer.Value(s.File.Answer.CodeKey)) {
		return s.code(step.Command, answer)
	}
	sizes := make(map[string]bool)
	for _, field := range answer.Fields {
		sizes[strconv.Itoa(len(field.List))] = true
	}
	for _, field := range answer.Fields {
		switch {
		case field.Key == s.File.Answer.CodeKey, s.noise.masks(step.Command, field.Key), slices.Contains(s.File.Answer.ProseKeys, field.Key):
		case strings.HasPrefix(field.Value, "{seq") || s.isEchoed(step, field):
		case field.IsList:
			parts = append(parts, field.Key+":"+strings.Join(s.members(field.List), ","))
		case field.Value != "" && !sizes[field.Value]:
			parts = append(parts, field.Key+"="+field.Value)
		}
	}
	if len(parts) == 0 {
		return "ok"
	}
	return "ok " + strings.Join(parts, " ")
}

// isEchoed reports whether a field only says again what the base request says.
func (s *study) isEchoed(step experiment.Step, field lab.Field) bool {
	command, ok := s.File.Command(step.Command)
	if !ok {
		return false
	}
	base, ok := baseValue(command, field.Key)
	return ok && (base == field.Value || strings.HasPrefix(base, "{") && strings.HasPrefix(field.Value, "{"))
}

// members are the different elements of a list, the words of messages as one.
func (s *study) members(list []string) []string {
	var all []string
	for _, e := range list {
		if strings.HasPrefix(e, "{text") {
			e = "text"
		}
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	slices.Sort(all)
	return all
}

// maxStates is where an aspect counts as one that grows without end.
const maxStates = 40

// learn learns the machine of one aspect, if the budget lets it be tested.
func (s *study) learn(p *systemUnderTest) error {
	what := "state machine: " + p.name
	if len(p.names) < 2 {
		s.gap(what, "the file has not the commands for it")
		return nil
	}
	if least := p.least(); s.limit-s.Subject.Sent() < least {
		s.gapOf(what, "a machine is shown once it was tested; the budget does not reach so far", least)
		return nil
	}
	before := s.Subject.Sent()
	result, err := learn.Learn(s.ctx, p, learn.Config{
		Inputs: p.names, Seed: s.Seed, Traces: s.known(p), Scenarios: s.words(p), MaxStates: maxStates, Tests: testsPerInput * len(p.names),
	})
	if err != nil {
		return err
	}
	var stopped *lab.Stopped
	switch {
	case errors.As(result.Stopped, &stopped):
		return stopped
	case errors.Is(result.Stopped, errShare):
		perQuery := (s.Subject.Sent()-before)/max(1, result.Queries) + 1
		s.gapOf(what, "a machine is shown once it was tested, and the budget ended before", result.Remaining*perQuery)
	case result.Stopped != nil:
		s.gap(what, result.Stopped.Error())
	default:
		p.machine = result
		s.learned = append(s.learned, p)
	}
	return nil
}

// showMachines puts those machines into the findings that say something, and nothing
// that the study saw otherwise.
func (s *study) showMachines() {
	for _, p := range s.learned {
		what := "state machine: " + p.name
		if len(p.machine.Machine.States) == 1 {
			s.gap(what, "no answer depended on what came before")
		} else if word := s.contradicted(p); word != nil {
			s.gap(what, "what was learned contradicts what was seen elsewhere: "+strings.Join(word, "; "))
		} else {
			s.keepMachine(p)
		}
	}
}

// contradicted is a word that the study saw answered otherwise than the machine
// says, more often than so.
func (s *study) contradicted(p *systemUnderTest) []string {
	balance := make(map[string]int)
	traces := s.known(p)
	for _, trace := range traces {
		if slices.Equal(p.machine.Machine.Run(trace.Inputs), trace.Outputs) {
			balance[strings.Join(trace.Inputs, "; ")]++
		} else {
			balance[strings.Join(trace.Inputs, "; ")]--
		}
	}
	for _, trace := range traces {
		if balance[strings.Join(trace.Inputs, "; ")] < 0 {
			return trace.Inputs
		}
	}
	return nil
}

// known are the traces that were made before, as far as they are words of the
// machineAspect.
func (s *study) known(p *systemUnderTest) []learn.Trace {
	var all []learn.Trace
	for _, t := range s.traces {
		if trace, ok := s.asWord(p, t); ok {
			all = append(all, trace)
		}
	}
	return all
}

// asWord is the part of a trace that is a word of the aspect: behind what is done
// before each, up to a step that is no input.
func (s *study) asWord(p *systemUnderTest, t *lab.Trace) (learn.Trace, bool) {
	var w learn.Trace
	for i, step := range t.Steps {
		line := s.File.FormatStep(step)
		if i < len(p.before) {
			if line != s.File.FormatStep(p.before[i]) {
				return w, false
			}
			continue
		}
		if _, ok := p.inputs[line]; !ok {
			break
		}
		w.Inputs = append(w.Inputs, line)
		w.Outputs = append(w.Outputs, s.output(step, &t.Answers[i]))
	}
	return w, len(w.Inputs) > 0
}

// textCase are the user's scenarios, as far as they are words of the aspect.
func (s *study) words(p *systemUnderTest) [][]string {
	var all [][]string
	for _, scenario := range s.File.Scenarios {
		var word []string
		for _, step := range scenario.Steps {
			if line := s.File.FormatStep(step); p.inputs[line].Command != "" {
				word = append(word, line)
			}
		}
		if len(word) > 1 {
			all = append(all, word)
		}
	}
	return all
}

// keepMachine puts a machine into the findings.
func (s *study) keepMachine(p *systemUnderTest) {
	learned := p.machine.Machine
	machine := finding.StateMachine{Aspect: p.name, Inputs: p.names, Queries: p.machine.Queries, Guarantee: p.machine.Guarantee()}
	var dot bytes.Buffer
	if err := learned.WriteDOT(&dot); err == nil {
		machine.DOT = dot.String()
	}
	for i, state := range learned.States {
		machine.States = append(machine.States, finding.MachineState{Name: fmt.Sprintf("s%d", i), Access: state.Access})
		for j, transition := range state.Edges {
			machine.Transitions = append(machine.Transitions, finding.MachineTransition{
				From: fmt.Sprintf("s%d", i), Input: p.names[j], Output: transition.Output, To: fmt.Sprintf("s%d", transition.To),
			})
		}
	}
	s.out.Machines = append(s.out.Machines, machine)
}

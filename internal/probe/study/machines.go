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

// machineAspect is a part of the protocol that is learned as one state machine. The inputs are the
// machine's alphabet, a word is a sequence of inputs, and the setup runs before each word.
type machineAspect struct {
	name   string
	setup  []experiment.Step
	inputs []experiment.Step
}

// learnMachines learns a state machine for each aspect. A single machine of everything would be too
// large to learn and to read.
func (s *study) learnMachines() error {
	for _, aspect := range s.machineAspects() {
		if err := s.learnMachine(s.newSystemUnderTest(aspect)); err != nil {
			return err
		}
	}
	return nil
}

func (s *study) machineAspects() []machineAspect {
	a, b, c := s.actor, s.friend, s.stranger
	session := s.newSteps().observe(a, verbLogin, verbLogout, verbFriends)
	if len(s.File.Places) > 1 {
		session.perform(a, verbLogin, "").fromPlace(1).observe(a, verbFriends).fromPlace(1)
	}
	session.observe(b, verbOnline)
	visible := s.newSteps().observe(a, verbLogin, verbLogout).append(s.statusSteps(a)...).observe(b, verbOnline)
	aspects := []machineAspect{
		{"session", s.newSteps().observe(b, verbLogin).steps, session.steps},
		{"failed logins", nil, s.newSteps().observe(a, verbLogin).perform(a, verbLogin, "",
			s.wrongSecretChanges()...).observe(a, verbFriends).steps},
		{"visibility", s.newSteps().observe(b, verbLogin).steps, visible.steps},
	}
	if c != "" {
		bonds := s.newSteps()
		for _, pair := range [][2]string{{a, c}, {c, a}} {
			for _, verb := range []experiment.Verb{verbAdd, verbRequest, verbAccept, verbReject, verbDelete} {
				bonds.perform(pair[0], verb, pair[1])
			}
		}
		bonds.observe(a, verbFriends).observe(c, verbFriends)
		aspects = append(aspects, machineAspect{"friendship",
			s.newSteps().observe(a, verbLogin).observe(c, verbLogin).steps, bonds.steps})
	}
	// Messages wait in queues, so this machine may have no end. It comes last.
	return append(aspects, machineAspect{"messages", s.newSteps().observe(a, verbLogin).observe(b, verbLogin).steps,
		s.newSteps().perform(a, verbSend, b).observe(b, verbReceive, verbLogin, verbLogout).observe(a, verbLogout,
			verbLogin).steps})
}

// systemUnderTest is the learner's view of an aspect: words become experiments, and answers become
// outputs.
type systemUnderTest struct {
	study *study
	machineAspect
	inputNames []string
	inputSteps map[string]experiment.Step
	// learned is nil until learning succeeds.
	learned *learn.Result
}

func (s *study) newSystemUnderTest(aspect machineAspect) *systemUnderTest {
	system := &systemUnderTest{study: s, machineAspect: aspect, inputSteps: make(map[string]experiment.Step)}
	for _, step := range aspect.inputs {
		name := s.File.FormatStep(step)
		if _, twice := system.inputSteps[name]; !twice {
			system.inputSteps[name] = step
			system.inputNames = append(system.inputNames, name)
		}
	}
	return system
}

// testsPerInput is how many random tests a machine must pass for each of its inputs.
const testsPerInput = 10

// minRequests estimates how many requests learning and testing take at least, with words of four
// inputs on average.
func (p *systemUnderTest) minRequests() int {
	const wordLength = 4
	return (1 + testsPerInput) * len(p.inputNames) * (len(p.setup) + wordLength)
}

// Ask implements [learn.SystemUnderTest]: it runs one experiment and returns the outputs to word. The
// error is [lab.ErrForbidden] if the experiment could not run.
func (p *systemUnderTest) Ask(_ context.Context, word []string) ([]string, error) {
	steps := slices.Clone(p.setup)
	for _, name := range word {
		steps = append(steps, p.inputSteps[name])
	}
	trace, err := p.study.runComplete(0, steps...)
	if err != nil {
		return nil, err
	}
	if trace == nil {
		return nil, lab.ErrForbidden
	}
	var outputs []string
	for i := len(p.setup); i < len(trace.Answers); i++ {
		outputs = append(outputs, p.study.machineOutput(trace.Steps[i], &trace.Answers[i]))
	}
	return outputs, nil
}

// machineOutput reduces an answer to a code and the fields that depend on the server's state. It drops
// counts, marks, echoes and prose, and the wording of messages, with which no machine would be finite.
func (s *study) machineOutput(step experiment.Step, answer *lab.Answer) string {
	if answer.Kind() != "record" {
		return s.codeOf(step.Command, answer)
	}
	parts := []string{}
	if s.isNotLoggedIn(answer) {
		return "not logged in"
	}
	if s.File.Answer.CodeKey != "" && !slices.Contains(s.File.Answer.SuccessCodes,
		answer.Value(s.File.Answer.CodeKey)) {
		return s.codeOf(step.Command, answer)
	}
	sizes := make(map[string]bool)
	for _, field := range answer.Fields {
		sizes[strconv.Itoa(len(field.List))] = true
	}
	for _, field := range answer.Fields {
		switch {
		case field.Key == s.File.Answer.CodeKey, s.volatile.masks(step.Command, field.Key),
			slices.Contains(s.File.Answer.ProseKeys, field.Key):
		case strings.HasPrefix(field.Value, "{seq") || s.echoesBaseRequest(step, field):
		case field.IsList:
			parts = append(parts, field.Key+":"+strings.Join(s.distinctElements(field.List), ","))
		case field.Value != "" && !sizes[field.Value]:
			parts = append(parts, field.Key+"="+field.Value)
		}
	}
	if len(parts) == 0 {
		return "ok"
	}
	return "ok " + strings.Join(parts, " ")
}

// echoesBaseRequest reports whether a field repeats a value of the base request.
func (s *study) echoesBaseRequest(step experiment.Step, field lab.Field) bool {
	command, ok := s.File.Command(step.Command)
	if !ok {
		return false
	}
	base, ok := baseValue(command, field.Key)
	return ok && (base == field.Value || strings.HasPrefix(base, "{") && strings.HasPrefix(field.Value, "{"))
}

// distinctElements returns the different elements of a list in order. All texts of messages count
// as one element.
func (s *study) distinctElements(list []string) []string {
	var found []string
	for _, element := range list {
		if strings.HasPrefix(element, "{text") {
			element = "text"
		}
		if !slices.Contains(found, element) {
			found = append(found, element)
		}
	}
	slices.Sort(found)
	return found
}

// maxStates is the number of states at which learning gives up, because the machine may be infinite.
const maxStates = 40

// learnMachine learns the machine of one aspect if the budget suffices for testing the machine too.
// Otherwise it records the aspect as untested.
func (s *study) learnMachine(system *systemUnderTest) error {
	what := "state machine: " + system.name
	if len(system.inputNames) < 2 {
		s.noteUntested(what, "the experiment file defines no command for it")
		return nil
	}
	if minRequests := system.minRequests(); s.requestLimit-s.Subject.Sent() < minRequests {
		s.noteUntestedRequests(what,
			"a machine is reported only after it is tested, and the budget is too small for that", minRequests)
		return nil
	}
	before := s.Subject.Sent()
	result, err := learn.Learn(s.ctx, system, learn.Config{
		Inputs: system.inputNames, Seed: s.Seed, Traces: s.knownTraces(system), Scenarios: s.scenarioWords(system),
		MaxStates: maxStates, RandomTests: testsPerInput * len(system.inputNames),
	})
	if err != nil {
		return err
	}
	var stopped *lab.StoppedError
	switch {
	case errors.As(result.StopErr, &stopped):
		return stopped
	case errors.Is(result.StopErr, errShareUsed):
		requestsPerQuery := (s.Subject.Sent()-before)/max(1, result.Queries) + 1
		s.noteUntestedRequests(what, "a machine is reported only after it is tested, and the budget ended before that",
			result.RemainingQueries*requestsPerQuery)
	case result.StopErr != nil:
		s.noteUntested(what, result.StopErr.Error())
	default:
		system.learned = result
		s.learnedSystems = append(s.learnedSystems, system)
	}
	return nil
}

// reportMachines adds the machines to the findings. It leaves out those with one state, and those
// that contradict other traces.
func (s *study) reportMachines() {
	for _, system := range s.learnedSystems {
		what := "state machine: " + system.name
		if len(system.learned.Machine.States) == 1 {
			s.noteUntested(what, "no answer depended on what came before")
		} else if word := s.contradictedWord(system); word != nil {
			s.noteUntested(what, "the learned machine contradicts other traces: "+strings.Join(word, "; "))
		} else {
			s.addMachine(system)
		}
	}
}

// contradictedWord returns a word that the traces contradict more often than they agree, nil if
// there is none.
func (s *study) contradictedWord(system *systemUnderTest) []string {
	balance := make(map[string]int)
	traces := s.knownTraces(system)
	for _, trace := range traces {
		if slices.Equal(system.learned.Machine.Run(trace.Inputs), trace.Outputs) {
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

// knownTraces returns the earlier traces that are words of the aspect.
func (s *study) knownTraces(system *systemUnderTest) []learn.Trace {
	var traces []learn.Trace
	for _, t := range s.traces {
		if trace, ok := s.asWord(system, t); ok {
			traces = append(traces, trace)
		}
	}
	return traces
}

// asWord returns the part of a trace that is a word of the aspect: after the setup, up to the first
// step that is not an input. It returns false if the trace does not begin with the setup, or if the word
// is empty.
func (s *study) asWord(system *systemUnderTest, trace *lab.Trace) (learn.Trace, bool) {
	var word learn.Trace
	for i, step := range trace.Steps {
		line := s.File.FormatStep(step)
		if i < len(system.setup) {
			if line != s.File.FormatStep(system.setup[i]) {
				return word, false
			}
			continue
		}
		if _, ok := system.inputSteps[line]; !ok {
			break
		}
		word.Inputs = append(word.Inputs, line)
		word.Outputs = append(word.Outputs, s.machineOutput(step, &trace.Answers[i]))
	}
	return word, len(word.Inputs) > 0
}

// scenarioWords returns the inputs of the aspect in each scenario of the file.
func (s *study) scenarioWords(system *systemUnderTest) [][]string {
	var words [][]string
	for _, scenario := range s.File.Scenarios {
		var word []string
		for _, step := range scenario.Steps {
			if line := s.File.FormatStep(step); system.inputSteps[line].Command != "" {
				word = append(word, line)
			}
		}
		if len(word) > 1 {
			words = append(words, word)
		}
	}
	return words
}

// addMachine adds a machine to the findings.
func (s *study) addMachine(system *systemUnderTest) {
	learned := system.learned.Machine
	machine := finding.StateMachine{Aspect: system.name, Inputs: system.inputNames, Queries: system.learned.Queries,
		Guarantee: system.learned.Guarantee()}
	var dot bytes.Buffer
	if err := learned.WriteDOT(&dot); err == nil {
		machine.DOT = dot.String()
	}
	for i, state := range learned.States {
		machine.States = append(machine.States, finding.MachineState{Name: fmt.Sprintf("s%d", i),
			Access: state.AccessWord})
		for other, transition := range state.Transitions {
			machine.Transitions = append(machine.Transitions, finding.MachineTransition{
				From: fmt.Sprintf("s%d", i), Input: system.inputNames[other], Output: transition.Output,
				To: fmt.Sprintf("s%d", transition.Target),
			})
		}
	}
	s.findings.Machines = append(s.findings.Machines, machine)
}

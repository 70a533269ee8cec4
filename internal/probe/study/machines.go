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
type aspect struct {
	name   string
	before []experiment.Step
	inputs []experiment.Step
}

// machines learns the protocol's state machines, one for each aspect: a single one
// of everything would be too large to be learned, and to be read.
func (s *study) machines() error {
	aspects := s.aspects()
	for i, a := range aspects {
		limit := s.limit
		s.limit = s.Subject.Sent() + (limit-s.Subject.Sent())/(len(aspects)-i)
		err := s.learn(a)
		s.limit = limit
		if err != nil && !errors.Is(err, errShare) {
			return err
		}
	}
	return nil
}

func (s *study) aspects() []aspect {
	a, b, c := s.a, s.b, s.c
	session := s.row().look(a, vLogin, vLogout, vFriends)
	if len(s.File.Places) > 1 {
		session.do(a, vLogin, "").at(1).look(a, vFriends).at(1)
	}
	session.look(b, vOnline)
	visible := s.row().look(a, vLogin, vLogout).add(s.statusSteps(a)...).look(b, vOnline)
	all := []aspect{
		{"session", s.row().look(b, vLogin).steps, session.steps},
		{"failed logins", nil, s.row().look(a, vLogin).do(a, vLogin, "", s.wrongSecret()...).look(a, vFriends).steps},
		{"visibility", s.row().look(b, vLogin).steps, visible.steps},
		{"messages", s.row().look(a, vLogin).look(b, vLogin).steps,
			s.row().do(a, vSend, b).look(b, vReceive, vLogin, vLogout).look(a, vLogout, vLogin).steps},
	}
	if c != "" {
		bonds := s.row()
		for _, pair := range [][2]string{{a, c}, {c, a}} {
			for _, verb := range []experiment.Verb{vAdd, vRequest, vAccept, vReject, vDelete} {
				bonds.do(pair[0], verb, pair[1])
			}
		}
		bonds.look(a, vFriends).look(c, vFriends)
		all = append(all, aspect{"friendship", s.row().look(a, vLogin).look(c, vLogin).steps, bonds.steps})
	}
	return all
}

// A pupil is a subject of the learner: words are experiments, answers are
// abstracted to outputs.
type pupil struct {
	study *study
	aspect
	inputs map[string]experiment.Step
}

func (p *pupil) Ask(_ context.Context, word []string) ([]string, error) {
	steps := slices.Clone(p.before)
	for _, name := range word {
		steps = append(steps, p.inputs[name])
	}
	t, err := p.study.ask(0, steps...)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, lab.ErrForbidden
	}
	var outputs []string
	for i := len(p.before); i < len(t.Answers); i++ {
		outputs = append(outputs, p.study.output(t.Steps[i], &t.Answers[i]))
	}
	return outputs, nil
}

// output is what counts of an answer in a machine: how it went, and what its
// fields say apart from counts, marks and the words of messages.
func (s *study) output(step experiment.Step, a *lab.Answer) string {
	if a.Kind() != "record" {
		return s.code(step.Command, a)
	}
	parts := []string{}
	if s.isNotLoggedIn(a) {
		return "not logged in"
	}
	if s.File.Answer.Code != "" && !s.contains(s.File.Answer.Done, a.Value(s.File.Answer.Code)) {
		return s.code(step.Command, a)
	}
	sizes := make(map[string]bool)
	for _, f := range a.Fields {
		sizes[strconv.Itoa(len(f.List))] = true
	}
	for _, f := range a.Fields {
		switch {
		case f.Key == s.File.Answer.Code, s.noise.masks(step.Command, f.Key), slices.Contains(s.File.Answer.Prose, f.Key):
		case strings.HasPrefix(f.Value, "{seq") || s.isEchoed(step, f):
		case f.IsList:
			parts = append(parts, f.Key+":"+strings.Join(s.members(f.List), ","))
		case f.Value != "" && !sizes[f.Value]:
			parts = append(parts, f.Key+"="+f.Value)
		}
	}
	if len(parts) == 0 {
		return "ok"
	}
	return "ok " + strings.Join(parts, " ")
}

// isEchoed reports whether a field only says again what the base request says.
func (s *study) isEchoed(step experiment.Step, f lab.Field) bool {
	c, ok := s.File.Command(step.Command)
	if !ok {
		return false
	}
	base, ok := baseValue(c, f.Key)
	return ok && (base == f.Value || strings.HasPrefix(base, "{") && strings.HasPrefix(f.Value, "{"))
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

// learn learns the machine of one aspect.
func (s *study) learn(a aspect) error {
	p := &pupil{study: s, aspect: a, inputs: make(map[string]experiment.Step)}
	var names []string
	for _, step := range a.inputs {
		name := s.File.FormatStep(step)
		if _, twice := p.inputs[name]; !twice {
			p.inputs[name] = step
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		s.gap("state machine: "+a.name, "the file has not the commands for it")
		return nil
	}
	config := learn.Config{
		Inputs: names, Seed: s.Seed, Traces: s.known(p), Scenarios: s.words(p), MaxStates: maxStates, Tests: 120, HSI: true,
	}
	result, err := learn.Learn(s.ctx, p, config)
	if err != nil {
		return err
	}
	s.keepMachine(a, result)
	if result.Stopped != nil {
		s.gap("state machine: "+a.name+", to the end", result.Stopped.Error())
	}
	var stopped *lab.Stopped
	if errors.As(result.Stopped, &stopped) {
		return stopped
	}
	return nil
}

// known are the traces that were made before, as far as they are words of the
// aspect.
func (s *study) known(p *pupil) []learn.Trace {
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
func (s *study) asWord(p *pupil, t *lab.Trace) (learn.Trace, bool) {
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

// words are the user's scenarios, as far as they are words of the aspect.
func (s *study) words(p *pupil) [][]string {
	var all [][]string
	for _, sc := range s.File.Scenarios {
		var word []string
		for _, step := range sc.Steps {
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
func (s *study) keepMachine(a aspect, r *learn.Result) {
	m := finding.Machine{Aspect: a.name, Inputs: r.Machine.Inputs, Queries: r.Queries, Guarantee: r.Guarantee()}
	var dot bytes.Buffer
	if err := r.Machine.WriteDOT(&dot); err == nil {
		m.DOT = dot.String()
	}
	for i, state := range r.Machine.States {
		m.States = append(m.States, finding.State{Name: fmt.Sprintf("s%d", i), Access: state.Access})
		for j, e := range state.Edges {
			if e.To < 0 {
				continue
			}
			m.Transitions = append(m.Transitions, finding.Transition{
				From: fmt.Sprintf("s%d", i), Input: r.Machine.Inputs[j], Output: e.Output, To: fmt.Sprintf("s%d", e.To),
				Unsure: e.Nondeterministic || e.Guess,
			})
		}
	}
	s.out.Machines = append(s.out.Machines, m)
}

package study

import (
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// verb is the step in which a role does what a verb says; ok is false if the file has
// no command for it.
func (s *study) verb(role string, verb experiment.Verb, to string, changes ...experiment.PairChange) (experiment.Step, bool) {
	step, ok := s.File.StepOf(verb, role, to)
	step.Changes = changes
	return step, ok && role != ""
}

// stepBuilder makes steps of the verbs that the file has; those that it has not, and
// those of roles that there are not, are left out.
type stepBuilder struct {
	s     *study
	steps []experiment.Step
	short bool // something that was wanted is missing
}

func (s *study) row() *stepBuilder { return &stepBuilder{s: s} }

// do adds a step.
func (r *stepBuilder) do(role string, verb experiment.Verb, to string, changes ...experiment.PairChange) *stepBuilder {
	step, ok := r.s.verb(role, verb, to, changes...)
	if !ok || (to == "" && needsTarget(verb)) {
		r.short = true
		return r
	}
	r.steps = append(r.steps, step)
	return r
}

// look adds steps that are left out without regret: one for each command that does
// what a verb says.
func (r *stepBuilder) look(role string, verbs ...experiment.Verb) *stepBuilder {
	if role == "" {
		return r
	}
	for _, verb := range verbs {
		r.steps = append(r.steps, r.s.File.StepsOf(verb, role, "")...)
	}
	return r
}

// at moves the latest step to another place.
func (r *stepBuilder) at(place int) *stepBuilder {
	if len(r.s.File.Places) <= place {
		r.short = true
	} else if len(r.steps) > 0 {
		r.steps[len(r.steps)-1].Place = place
	}
	return r
}

// login adds logins.
func (r *stepBuilder) login(roles ...string) *stepBuilder {
	for _, role := range roles {
		r.do(role, experiment.VerbLogin, "")
	}
	return r
}

// wait adds a wait.
func (r *stepBuilder) wait(d time.Duration) *stepBuilder {
	r.steps = append(r.steps, experiment.Step{Wait: d})
	return r
}

// add adds steps as they are.
func (r *stepBuilder) add(steps ...experiment.Step) *stepBuilder {
	r.steps = append(r.steps, steps...)
	return r
}

// run makes the experiment, unless something that it needs is missing: then the
// trace is nil.
func (r *stepBuilder) run() (*lab.Trace, error) {
	if r.short || len(r.steps) == 0 {
		return nil, nil
	}
	return r.s.run(r.steps...)
}

func needsTarget(verb experiment.Verb) bool {
	switch verb {
	case experiment.VerbSend, experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete, experiment.VerbInfo:
		return true
	}
	return false
}

// all runs rows until one fails.
func all(rows ...*stepBuilder) error {
	for _, stepBuilder := range rows {
		if _, err := stepBuilder.run(); err != nil {
			return err
		}
	}
	return nil
}

// set is a change of a key's value.
func set(key, value string) experiment.PairChange {
	return experiment.PairChange{Kind: experiment.SetValue, Key: key, Value: value}
}

// keyOf is the key of a command's parameter of a type, "" if it has none.
func (s *study) keyOf(command string, types ...experiment.ParameterType) string {
	c, ok := s.File.Command(command)
	if !ok {
		return ""
	}
	for _, parameter := range s.parametersOf(c) {
		if slices.Contains(types, parameter.Type) {
			return parameter.Key
		}
	}
	return ""
}

// parametersOf are the parameters of a command: those of its base request in
// their order, then those that the file declares beside.
func (s *study) parametersOf(command *experiment.Command) []experiment.Parameter {
	var all []experiment.Parameter
	for _, pair := range command.Request {
		if !slices.ContainsFunc(all, func(parameter experiment.Parameter) bool { return parameter.Key == pair.Key }) {
			all = append(all, s.File.TypeOf(command, pair.Key))
		}
	}
	for _, p := range command.Parameters {
		if !slices.ContainsFunc(all, func(parameter experiment.Parameter) bool { return parameter.Key == p.Key }) {
			all = append(all, p)
		}
	}
	return all
}

// markKey is the key of the mark in the command of a step.
func (s *study) markKey(step experiment.Step) string {
	return s.keyOf(step.Command, experiment.TypeMark)
}

// marked is a step with another value as its mark.
func (s *study) marked(step experiment.Step, value string) experiment.Step {
	if key := s.markKey(step); key != "" {
		step.Changes = append(slices.Clone(step.Changes), set(key, value))
	}
	return step
}

// isCommon reports whether a type is of keys that every request has.
func isCommon(t experiment.ParameterType) bool {
	switch t {
	case experiment.TypeVersion, experiment.TypeCommandName, experiment.TypeMark, experiment.TypeSelf:
		return true
	}
	return false
}

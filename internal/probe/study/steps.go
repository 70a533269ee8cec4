package study

import (
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// stepFor is the step in which a role does what a verb says; ok is false if the file has
// no command for it.
func (s *study) stepFor(role string, verb experiment.Verb, to string, changes ...experiment.PairChange) (experiment.Step, bool) {
	step, ok := s.File.StepOf(verb, role, to)
	step.Changes = changes
	return step, ok && role != ""
}

// stepBuilder makes steps of the verbs that the file has; those that it has not, and
// those of roles that there are not, are left out.
type stepBuilder struct {
	study        *study
	steps        []experiment.Step
	isIncomplete bool // something that was wanted is missing
}

func (s *study) newSteps() *stepBuilder { return &stepBuilder{study: s} }

// perform adds a step.
func (r *stepBuilder) perform(role string, verb experiment.Verb, to string, changes ...experiment.PairChange) *stepBuilder {
	step, ok := r.study.stepFor(role, verb, to, changes...)
	if !ok || (to == "" && needsTarget(verb)) {
		r.isIncomplete = true
		return r
	}
	r.steps = append(r.steps, step)
	return r
}

// observe adds steps that are left out without regret: one for each command that does
// what a verb says.
func (r *stepBuilder) observe(role string, verbs ...experiment.Verb) *stepBuilder {
	if role == "" {
		return r
	}
	for _, verb := range verbs {
		r.steps = append(r.steps, r.study.File.StepsOf(verb, role, "")...)
	}
	return r
}

// fromPlace moves the latest step to another place.
func (r *stepBuilder) fromPlace(place int) *stepBuilder {
	if len(r.study.File.Places) <= place {
		r.isIncomplete = true
	} else if len(r.steps) > 0 {
		r.steps[len(r.steps)-1].Place = place
	}
	return r
}

// login adds logins.
func (r *stepBuilder) login(roles ...string) *stepBuilder {
	for _, role := range roles {
		r.perform(role, experiment.VerbLogin, "")
	}
	return r
}

// wait adds a wait.
func (r *stepBuilder) wait(duration time.Duration) *stepBuilder {
	r.steps = append(r.steps, experiment.Step{Wait: duration})
	return r
}

// append adds steps as they are.
func (r *stepBuilder) append(steps ...experiment.Step) *stepBuilder {
	r.steps = append(r.steps, steps...)
	return r
}

// run makes the experiment, unless something that it needs is missing: then the
// trace is nil.
func (r *stepBuilder) run() (*lab.Trace, error) {
	if r.isIncomplete || len(r.steps) == 0 {
		return nil, nil
	}
	return r.study.runExperiment(r.steps...)
}

func needsTarget(verb experiment.Verb) bool {
	switch verb {
	case experiment.VerbSend, experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete, experiment.VerbInfo:
		return true
	}
	return false
}

// runAll runs rows until one fails.
func runAll(experiments ...*stepBuilder) error {
	for _, builder := range experiments {
		if _, err := builder.run(); err != nil {
			return err
		}
	}
	return nil
}

// setKey is a change of a key's value.
func setKey(key, value string) experiment.PairChange {
	return experiment.PairChange{Kind: experiment.SetValue, Key: key, Value: value}
}

// keyOfType is the key of a command's parameter of a type, "" if it has none.
func (s *study) keyOfType(command string, types ...experiment.ParameterType) string {
	declared, ok := s.File.Command(command)
	if !ok {
		return ""
	}
	for _, parameter := range s.parametersOf(declared) {
		if slices.Contains(types, parameter.Type) {
			return parameter.Key
		}
	}
	return ""
}

// parametersOf are the parameters of a command: those of its base request in
// their order, then those that the file declares beside.
func (s *study) parametersOf(command *experiment.Command) []experiment.Parameter {
	var parameters []experiment.Parameter
	for _, pair := range command.Request {
		if !slices.ContainsFunc(parameters, func(parameter experiment.Parameter) bool { return parameter.Key == pair.Key }) {
			parameters = append(parameters, s.File.TypeOf(command, pair.Key))
		}
	}
	for _, p := range command.Parameters {
		if !slices.ContainsFunc(parameters, func(parameter experiment.Parameter) bool { return parameter.Key == p.Key }) {
			parameters = append(parameters, p)
		}
	}
	return parameters
}

// markKey is the key of the mark in the command of a step.
func (s *study) markKey(step experiment.Step) string {
	return s.keyOfType(step.Command, experiment.TypeMark)
}

// withMark is a step with another value as its mark.
func (s *study) withMark(step experiment.Step, value string) experiment.Step {
	if key := s.markKey(step); key != "" {
		step.Changes = append(slices.Clone(step.Changes), setKey(key, value))
	}
	return step
}

// isCommonType reports whether a type is of keys that every request has.
func isCommonType(t experiment.ParameterType) bool {
	switch t {
	case experiment.TypeVersion, experiment.TypeCommandName, experiment.TypeMark, experiment.TypeSelf:
		return true
	}
	return false
}

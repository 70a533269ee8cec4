package study

import (
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// stepFor returns the step by which a role performs a verb on the role to, which is "" for verbs
// without a target. It returns false if the file has no command for the verb, or if role is "".
func (s *study) stepFor(
	role string, verb experiment.Verb, to string, changes ...experiment.PairChange,
) (experiment.Step, bool) {
	step, ok := s.File.StepOf(verb, role, to)
	step.Changes = changes
	return step, ok && role != ""
}

// stepBuilder builds the steps of an experiment. It leaves out steps with verbs or roles that the file
// lacks. Methods that add steps modify the builder and return it.
type stepBuilder struct {
	study        *study
	steps        []experiment.Step
	isIncomplete bool // a required step was left out, so the experiment is not run
}

func (s *study) newSteps() *stepBuilder { return &stepBuilder{study: s} }

// perform adds a step without which the experiment makes no sense.
func (r *stepBuilder) perform(
	role string, verb experiment.Verb, to string, changes ...experiment.PairChange,
) *stepBuilder {
	step, ok := r.study.stepFor(role, verb, to, changes...)
	if !ok || (to == "" && slices.Contains(targetedVerbs, verb)) {
		r.isIncomplete = true
		return r
	}
	r.steps = append(r.steps, step)
	return r
}

// observe adds optional steps: for each verb, one for each command with that verb.
func (r *stepBuilder) observe(role string, verbs ...experiment.Verb) *stepBuilder {
	if role == "" {
		return r
	}
	for _, verb := range verbs {
		r.steps = append(r.steps, r.study.File.StepsOf(verb, role, "")...)
	}
	return r
}

// fromPlace sends the latest step from another client address, an index into the file's Places.
func (r *stepBuilder) fromPlace(place int) *stepBuilder {
	if len(r.study.File.Places) <= place {
		r.isIncomplete = true
	} else if len(r.steps) > 0 {
		r.steps[len(r.steps)-1].Place = place
	}
	return r
}

// login adds a login of each role.
func (r *stepBuilder) login(roles ...string) *stepBuilder {
	for _, role := range roles {
		r.perform(role, verbLogin, "")
	}
	return r
}

// failLogins adds logins of the actor with a wrong secret.
func (r *stepBuilder) failLogins(count int) *stepBuilder {
	for range count {
		r.perform(r.study.actor, verbLogin, "", r.study.wrongSecretChanges()...)
	}
	return r
}

// wait adds a wait.
func (r *stepBuilder) wait(duration time.Duration) *stepBuilder {
	r.steps = append(r.steps, experiment.Step{Wait: duration})
	return r
}

// append adds steps unchanged.
func (r *stepBuilder) append(steps ...experiment.Step) *stepBuilder {
	r.steps = append(r.steps, steps...)
	return r
}

// run runs the experiment. The trace is nil, without an error, if a required step is missing or
// runExperiment returns none.
func (r *stepBuilder) run() (*lab.Trace, error) {
	if r.isIncomplete || len(r.steps) == 0 {
		return nil, nil
	}
	return r.study.runExperiment(r.steps...)
}

// targetedVerbs are the verbs that concern another account.
var targetedVerbs = []experiment.Verb{verbSend, verbAdd, verbRequest, verbAccept, verbReject, verbDelete, verbInfo}

// runAll runs experiments until one returns an error.
func runAll(experiments ...*stepBuilder) error {
	for _, builder := range experiments {
		if _, err := builder.run(); err != nil {
			return err
		}
	}
	return nil
}

// runInOrder calls functions until one returns an error.
func runInOrder(functions ...func() error) error {
	for _, function := range functions {
		if err := function(); err != nil {
			return err
		}
	}
	return nil
}

// setKey returns a change of a key's value.
func setKey(key, value string) experiment.PairChange {
	return experiment.PairChange{Kind: experiment.SetValue, Key: key, Value: value}
}

// keyOfType returns the first key of a command with one of the types, "" if there is none.
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

// parametersOf returns the parameters of a command: those of its base request in order, then the
// others that the file declares.
func (s *study) parametersOf(command *experiment.Command) []experiment.Parameter {
	var parameters []experiment.Parameter
	for _, pair := range command.Request {
		if !slices.ContainsFunc(parameters,
			func(parameter experiment.Parameter) bool { return parameter.Key == pair.Key }) {
			parameters = append(parameters, s.File.TypeOf(command, pair.Key))
		}
	}
	for _, p := range command.Parameters {
		if !slices.ContainsFunc(parameters,
			func(parameter experiment.Parameter) bool { return parameter.Key == p.Key }) {
			parameters = append(parameters, p)
		}
	}
	return parameters
}

// markKey returns the key of the mark in a step's command, "" if it has none.
func (s *study) markKey(step experiment.Step) string {
	return s.keyOfType(step.Command, experiment.TypeMark)
}

// withMark returns a step with another mark.
func (s *study) withMark(step experiment.Step, value string) experiment.Step {
	if key := s.markKey(step); key != "" {
		step.Changes = append(slices.Clone(step.Changes), setKey(key, value))
	}
	return step
}

// isCommonType reports whether every command has a key of this type.
func isCommonType(parameterType experiment.ParameterType) bool {
	return slices.Contains([]experiment.ParameterType{
		experiment.TypeVersion, experiment.TypeCommandName, experiment.TypeMark, experiment.TypeSelf,
	}, parameterType)
}

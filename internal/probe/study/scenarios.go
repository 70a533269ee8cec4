package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// runScenarios runs the scenarios of the file, each until a lock ends it, and compares the answers
// within each.
func (s *study) runScenarios() error {
	for _, scenario := range s.File.Scenarios {
		trace, err := s.runUntilLock(0, scenario.Steps...)
		if err != nil {
			return err
		}
		if trace == nil {
			continue // already recorded as untested
		}
		s.keepTrace(trace)
		out := finding.ScenarioRecord{Name: scenario.Name, Facts: s.compareSteps(trace)}
		for i, step := range trace.Steps {
			described := finding.ScenarioStep{Step: s.File.FormatStep(step), Wait: step.Wait.Seconds()}
			if step.Wait == 0 {
				described.Exchange = exchangeOf(&trace.Answers[i])
			}
			out.Steps = append(out.Steps, described)
		}
		s.findings.Scenarios = append(s.findings.Scenarios, out)
	}
	return nil
}

// compareSteps compares each changed request of a trace with the nearest unchanged request in the
// same login state, and with earlier requests that differ in one key. It returns the IDs of the
// facts that follow.
func (s *study) compareSteps(trace *lab.Trace) (facts []string) {
	states := s.sessionStates(trace)
	state := func(fact finding.Fact, i int) {
		if known := s.stateFact(fact, trace, i); !slices.Contains(facts, known.ID) {
			facts = append(facts, known.ID)
		}
	}
	for i, step := range trace.Steps {
		if step.Wait > 0 || len(step.Changes) == 0 || step.HTTPForm != "" {
			continue
		}
		if other := s.nearestBaseRequest(trace, states, i); other >= 0 {
			state(s.compareWithBase(trace, i, other), i)
		}
		for other := range i {
			if !s.areComparable(trace, states, i, other) {
				continue
			}
			if fact, ok := s.compareChanged(trace, i, other); ok {
				state(fact, i)
			}
		}
	}
	return facts
}

// sessionStates returns for each step whether its role was logged in before.
func (s *study) sessionStates(trace *lab.Trace) []bool {
	states, loggedIn := make([]bool, len(trace.Steps)), make(map[string]bool)
	for i, step := range trace.Steps {
		states[i] = loggedIn[step.Role]
		answer := &trace.Answers[i]
		switch verb := s.File.VerbOf(step); {
		case step.Wait > 0:
		case verb == verbLogin && s.isDone(step, answer):
			loggedIn[step.Role] = true
		case verb == verbLogout && s.isDone(step, answer):
			loggedIn[step.Role] = false
		case verb != verbLogin && len(step.Changes) == 0 && s.isNotLoggedIn(answer):
			loggedIn[step.Role], states[i] = false, false
		}
	}
	return states
}

// areComparable reports whether two requests differ only in their changes. The login state is
// irrelevant for a login.
func (s *study) areComparable(trace *lab.Trace, states []bool, i, j int) bool {
	step, other := trace.Steps[i], trace.Steps[j]
	return step.Command == other.Command && step.Verb == other.Verb && step.Role == other.Role &&
		step.TargetRole == other.TargetRole && step.Place == other.Place && step.HTTPForm == other.HTTPForm &&
		(states[i] == states[j] || s.File.VerbOf(step) == verbLogin)
}

// nearestBaseRequest returns the index of the unchanged request to compare with, -1 if there is
// none.
func (s *study) nearestBaseRequest(trace *lab.Trace, states []bool, index int) int {
	best := -1
	for j, otherStep := range trace.Steps {
		if len(otherStep.Changes) > 0 || !s.areComparable(trace, states, index, j) {
			continue
		}
		if best < 0 || max(index-j, j-index) < max(index-best, best-index) {
			best = j
		}
	}
	return best
}

// compareWithBase returns a fact about how the answer to a changed request differs from that to the
// base request.
func (s *study) compareWithBase(trace *lab.Trace, index, other int) finding.Fact {
	step := trace.Steps[index]
	var keys, changes []string
	for _, change := range step.Changes {
		if !slices.Contains(keys, change.Key) {
			keys = append(keys, change.Key)
		}
		changes = append(changes, describeChange(change))
	}
	slices.Sort(keys)
	how := strings.Join(changes, ", ")
	description := how
	if proof := s.describeProof(step, keys); proof != "" {
		description += ", " + proof
	}
	changedForm, baseForm := s.formWithoutEchoes(step, &trace.Answers[index], keys),
		s.formWithoutEchoes(step, &trace.Answers[other], keys)
	fact := finding.Fact{Command: step.Command, Aspect: finding.AspectParameter, Name: strings.Join(keys, " "),
		Claim: how}
	switch code := s.codeOf(step.Command, &trace.Answers[index]); {
	case changedForm == baseForm:
		fact.Value = "as usual"
		fact.Statement = fmt.Sprintf("%s %s gets the same answer as the request of the file: %s", step.Command,
			description,
			code)
	case code != s.codeOf(step.Command, &trace.Answers[other]):
		fact.Value = code
		fact.Statement = fmt.Sprintf("%s %s is answered %s instead of %s", step.Command, description, code,
			s.codeOf(step.Command, &trace.Answers[other]))
	default:
		fact.Value = differingParts(changedForm, baseForm)
		fact.Statement = fmt.Sprintf("%s %s is answered with %s instead of %s", step.Command, description,
			fact.Value, differingParts(baseForm, changedForm))
	}
	return fact
}

// describeChange describes a change in words.
func describeChange(change experiment.PairChange) string {
	switch change.Kind {
	case experiment.SetValue:
		return "with " + change.Key + "=" + change.Value
	case experiment.DropKey:
		return "without " + change.Key
	case experiment.AppendPair, experiment.PrependPair:
		return "with " + change.Key + "=" + change.Value + " besides"
	case experiment.RenameKey:
		return "with " + change.Key + " spelt " + change.Value
	}
	return "with " + change.Key + " moved"
}

// formWithoutEchoes returns the normal form of an answer without the values that it repeats for the
// keys.
func (s *study) formWithoutEchoes(step experiment.Step, answer *lab.Answer, keys []string) string {
	masked := *answer
	for _, key := range keys {
		masked.Fields = s.maskEchoes(&masked, key)
	}
	return s.normalForm(step, &masked)
}

// differingParts returns the fields of one normal form that another does not have.
func differingParts(form, other string) string {
	known := strings.Split(other, "&")
	parts := slices.DeleteFunc(strings.Split(form, "&"), func(part string) bool { return slices.Contains(known, part) })
	if len(parts) == 0 {
		return "less"
	}
	return strings.Join(parts, " ")
}

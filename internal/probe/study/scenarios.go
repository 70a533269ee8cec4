package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// scenarios makes those of the file, each whole if no lock ends it, and states what follows
// from comparing the answers within each.
func (s *study) scenarios() error {
	for _, scenario := range s.File.Scenarios {
		trace, err := s.askPart(0, scenario.Steps...)
		if err != nil {
			return err
		}
		if trace == nil {
			continue // what was not made is named among what was not tested
		}
		s.look(trace)
		out := finding.ScenarioRecord{Name: scenario.Name, Facts: s.compareSteps(trace)}
		for i, step := range trace.Steps {
			told := finding.ScenarioStep{Step: s.File.FormatStep(step), Wait: step.Wait.Seconds()}
			if step.Wait == 0 {
				told.Exchange = exchange(&trace.Answers[i])
			}
			out.Steps = append(out.Steps, told)
		}
		s.out.Scenarios = append(s.out.Scenarios, out)
	}
	return nil
}

// compareSteps compares each changed request of a trace with the nearest one of the
// same command, asked in the same state, that is as the file has it, and with those
// before it that differ from it in one key. It returns the IDs of the facts that follow.
func (s *study) compareSteps(trace *lab.Trace) (facts []string) {
	states := s.sessionsIn(trace)
	state := func(fact finding.Fact, i int) {
		if known := s.claim(fact, trace, i); !slices.Contains(facts, known.ID) {
			facts = append(facts, known.ID)
		}
	}
	for i, step := range trace.Steps {
		if step.Wait > 0 || len(step.Changes) == 0 || step.HTTPForm != "" {
			continue
		}
		if j := s.nearestBase(trace, states, i); j >= 0 {
			state(s.difference(trace, i, j), i)
		}
		for j := range i {
			if !s.comparable(trace, states, i, j) {
				continue
			}
			if fact, ok := s.contrast(trace, i, j); ok {
				state(fact, i)
			}
		}
	}
	return facts
}

// sessionsIn says of each step whether the role that acts was logged in before it.
func (s *study) sessionsIn(trace *lab.Trace) []bool {
	states, is := make([]bool, len(trace.Steps)), make(map[string]bool)
	for i, step := range trace.Steps {
		states[i] = is[step.Role]
		answer := &trace.Answers[i]
		switch verb := s.File.VerbOf(step); {
		case step.Wait > 0:
		case verb == experiment.VerbLogin && s.done(step, answer):
			is[step.Role] = true
		case verb == experiment.VerbLogout && s.done(step, answer):
			is[step.Role] = false
		case verb != experiment.VerbLogin && len(step.Changes) == 0 && s.isNotLoggedIn(answer):
			is[step.Role], states[i] = false, false
		}
	}
	return states
}

// comparable reports whether two requests differ at most in their changes. Who is logged
// in may log in: the state does not matter for that.
func (s *study) comparable(trace *lab.Trace, states []bool, i, j int) bool {
	x, y := trace.Steps[i], trace.Steps[j]
	return x.Command == y.Command && x.Verb == y.Verb && x.Role == y.Role && x.TargetRole == y.TargetRole && x.Place == y.Place && x.HTTPForm == y.HTTPForm &&
		(states[i] == states[j] || s.File.VerbOf(x) == experiment.VerbLogin)
}

// nearestBase is the index of the request that is as the file has it to compare one with,
// -1 if there is none.
func (s *study) nearestBase(trace *lab.Trace, states []bool, i int) int {
	best := -1
	for j, other := range trace.Steps {
		if len(other.Changes) > 0 || !s.comparable(trace, states, i, j) {
			continue
		}
		if best < 0 || distance(i, j) < distance(i, best) {
			best = j
		}
	}
	return best
}

func distance(i, j int) int { return max(i-j, j-i) }

// difference says how a changed request was answered, compared with one as the file
// has it.
func (s *study) difference(trace *lab.Trace, i, j int) finding.Fact {
	step := trace.Steps[i]
	var keys, changes []string
	for _, change := range step.Changes {
		if !slices.Contains(keys, change.Key) {
			keys = append(keys, change.Key)
		}
		changes = append(changes, changed(change))
	}
	slices.Sort(keys)
	how := strings.Join(changes, ", ")
	told := how
	if proof := s.proof(step, keys); proof != "" {
		told += ", " + proof
	}
	got, usual := s.withoutEchoes(step, &trace.Answers[i], keys), s.withoutEchoes(step, &trace.Answers[j], keys)
	fact := finding.Fact{Command: step.Command, Aspect: finding.AspectParameter, Name: strings.Join(keys, " "), Claim: how}
	switch code := s.code(step.Command, &trace.Answers[i]); {
	case got == usual:
		fact.Value = "as usual"
		fact.Statement = fmt.Sprintf("%s %s is answered like the request of the file: %s", step.Command, told, code)
	case code != s.code(step.Command, &trace.Answers[j]):
		fact.Value = code
		fact.Statement = fmt.Sprintf("%s %s is answered %s, and not %s", step.Command, told, code, s.code(step.Command, &trace.Answers[j]))
	default:
		fact.Value = otherParts(got, usual)
		fact.Statement = fmt.Sprintf("%s %s is answered with %s, and not with %s", step.Command, told, fact.Value, otherParts(usual, got))
	}
	return fact
}

// changed is a change in words.
func changed(change experiment.PairChange) string {
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

// withoutEchoes is the form of an answer, in which fields that repeat what was sent for
// the keys say no more than that.
func (s *study) withoutEchoes(step experiment.Step, a *lab.Answer, keys []string) string {
	b := *a
	for _, key := range keys {
		b.Fields = s.echoed(&b, key)
	}
	return s.form(step, &b)
}

// otherParts are the fields of one form that another does not have so.
func otherParts(form, other string) string {
	known := strings.Split(other, "&")
	parts := slices.DeleteFunc(strings.Split(form, "&"), func(part string) bool { return slices.Contains(known, part) })
	if len(parts) == 0 {
		return "less"
	}
	return strings.Join(parts, " ")
}

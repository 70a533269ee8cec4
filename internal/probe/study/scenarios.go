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
	for _, sc := range s.File.Scenarios {
		t, err := s.askPart(0, sc.Steps...)
		if err != nil {
			return err
		}
		if t == nil {
			continue // what was not made is named among what was not tested
		}
		s.look(t)
		out := finding.Scenario{Name: sc.Name, Facts: s.compareSteps(t)}
		for i, step := range t.Steps {
			told := finding.ScenarioStep{Step: s.File.FormatStep(step), Wait: step.Wait.Seconds()}
			if step.Wait == 0 {
				told.Exchange = exchange(&t.Answers[i])
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
func (s *study) compareSteps(t *lab.Trace) (facts []string) {
	states := s.sessionsIn(t)
	state := func(f finding.Fact, i int) {
		if known := s.claim(f, t, i); !slices.Contains(facts, known.ID) {
			facts = append(facts, known.ID)
		}
	}
	for i, step := range t.Steps {
		if step.Wait > 0 || len(step.Changes) == 0 || step.Way != "" {
			continue
		}
		if j := s.nearestBase(t, states, i); j >= 0 {
			state(s.difference(t, i, j), i)
		}
		for j := range i {
			if !s.comparable(t, states, i, j) {
				continue
			}
			if f, ok := s.contrast(t, i, j); ok {
				state(f, i)
			}
		}
	}
	return facts
}

// sessionsIn says of each step whether the role that acts was logged in before it.
func (s *study) sessionsIn(t *lab.Trace) []bool {
	states, is := make([]bool, len(t.Steps)), make(map[string]bool)
	for i, step := range t.Steps {
		states[i] = is[step.Role]
		a := &t.Answers[i]
		switch verb := s.File.VerbOf(step); {
		case step.Wait > 0:
		case verb == experiment.Login && s.done(step, a):
			is[step.Role] = true
		case verb == experiment.Logout && s.done(step, a):
			is[step.Role] = false
		case verb != experiment.Login && len(step.Changes) == 0 && s.isNotLoggedIn(a):
			is[step.Role], states[i] = false, false
		}
	}
	return states
}

// comparable reports whether two requests differ at most in their changes. Who is logged
// in may log in: the state does not matter for that.
func (s *study) comparable(t *lab.Trace, states []bool, i, j int) bool {
	x, y := t.Steps[i], t.Steps[j]
	return x.Command == y.Command && x.Verb == y.Verb && x.Role == y.Role && x.To == y.To && x.Place == y.Place && x.Way == y.Way &&
		(states[i] == states[j] || s.File.VerbOf(x) == experiment.Login)
}

// nearestBase is the index of the request that is as the file has it to compare one with,
// -1 if there is none.
func (s *study) nearestBase(t *lab.Trace, states []bool, i int) int {
	best := -1
	for j, other := range t.Steps {
		if len(other.Changes) > 0 || !s.comparable(t, states, i, j) {
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
func (s *study) difference(t *lab.Trace, i, j int) finding.Fact {
	step := t.Steps[i]
	var keys, changes []string
	for _, c := range step.Changes {
		if !slices.Contains(keys, c.Key) {
			keys = append(keys, c.Key)
		}
		changes = append(changes, changed(c))
	}
	slices.Sort(keys)
	how := strings.Join(changes, ", ")
	told := how
	if proof := s.proof(step, keys); proof != "" {
		told += ", " + proof
	}
	got, usual := s.withoutEchoes(step, &t.Answers[i], keys), s.withoutEchoes(step, &t.Answers[j], keys)
	f := finding.Fact{Command: step.Command, Aspect: finding.Parameter, Name: strings.Join(keys, " "), Claim: how}
	switch code := s.code(step.Command, &t.Answers[i]); {
	case got == usual:
		f.Value = "as usual"
		f.Statement = fmt.Sprintf("%s %s is answered like the request of the file: %s", step.Command, told, code)
	case code != s.code(step.Command, &t.Answers[j]):
		f.Value = code
		f.Statement = fmt.Sprintf("%s %s is answered %s, and not %s", step.Command, told, code, s.code(step.Command, &t.Answers[j]))
	default:
		f.Value = otherParts(got, usual)
		f.Statement = fmt.Sprintf("%s %s is answered with %s, and not with %s", step.Command, told, f.Value, otherParts(usual, got))
	}
	return f
}

// changed is a change in words.
func changed(c experiment.Change) string {
	switch c.Kind {
	case experiment.Set:
		return "with " + c.Key + "=" + c.Value
	case experiment.Drop:
		return "without " + c.Key
	case experiment.Append, experiment.Before:
		return "with " + c.Key + "=" + c.Value + " besides"
	case experiment.Rename:
		return "with " + c.Key + " spelt " + c.Value
	}
	return "with " + c.Key + " moved"
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

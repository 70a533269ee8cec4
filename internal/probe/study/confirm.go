package study

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// confirm makes the experiments that speak for facts again, with other marks, and
// then with somebody else coming and going before: what does not hold then is
// contested.
func (s *study) confirm() error {
	s.claimCodes()
	groups := s.witnesses()
	for i, factGroup := range groups {
		for round := range 3 {
			err := s.repeatGroup(factGroup, round)
			if errors.Is(err, errShare) {
				for _, left := range groups[i:] {
					s.unreached.add(left.facts[0].Command, "", 3*len(left.steps))
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// A group are facts that one experiment speaks for.
type factGroup struct {
	steps []experiment.Step
	facts []*factEvidence
}

// witnesses are the experiments behind the facts, each once: one that is the
// beginning of another is a part of that.
func (s *study) witnesses() []*factGroup {
	byLine := make(map[string]*factGroup)
	var all []*factGroup
	facts := slices.Clone(s.stated.facts)
	slices.SortStableFunc(facts, func(x, y *factEvidence) int { return len(y.steps) - len(x.steps) })
	for _, f := range facts {
		if len(f.steps) == 0 || f.Grade != finding.Observed {
			continue
		}
		line := s.line(f.steps)
		if factGroup := byLine[line]; factGroup != nil {
			factGroup.facts = append(factGroup.facts, f)
			continue
		}
		g := &factGroup{steps: f.steps, facts: []*factEvidence{f}}
		all = append(all, g)
		for n := range f.steps {
			part := s.line(f.steps[:n+1])
			if byLine[part] == nil {
				byLine[part] = g
			}
		}
	}
	// Those first that a scenario asked for, then those that say most for least; where time
	// is real, waiting costs most.
	slices.SortStableFunc(all, func(x, y *factGroup) int {
		if asked := s.asked(y) - s.asked(x); asked != 0 {
			return asked
		}
		if w := s.waits(x) - s.waits(y); w != 0 {
			return w
		}
		return len(x.steps)*len(y.facts) - len(y.steps)*len(x.facts)
	})
	return all
}

// asked is 1 for what a scenario shows, if there is room for it: a long one that does not
// fit must not keep others out.
func (s *study) asked(g *factGroup) int {
	if !s.hasRoom(4 * len(g.steps)) {
		return 0
	}
	for _, scenario := range s.out.Scenarios {
		if slices.ContainsFunc(g.facts, func(f *factEvidence) bool { return slices.Contains(scenario.Facts, f.ID) }) {
			return 1
		}
	}
	return 0
}

// waits is how many seconds an experiment takes for waiting.
func (s *study) waits(g *factGroup) int {
	total := 0.0
	for _, step := range g.steps {
		total += step.Wait.Seconds()
	}
	if s.File.Clock.URL != "" {
		return 0
	}
	return int(total)
}

func (s *study) line(steps []experiment.Step) string {
	out := ""
	for _, step := range steps {
		out += s.File.FormatStep(step) + "; "
	}
	return out
}

// repeatGroup makes an experiment once more. In the last round somebody else comes and
// goes before it.
func (s *study) repeatGroup(g *factGroup, round int) error {
	steps, shift := g.steps, 0
	if round == 2 {
		steps, shift = s.disturbed(g.steps)
	}
	trace, err := s.runAs(uint64(round+1), steps...)
	if err != nil || trace == nil {
		return err
	}
	for _, factEvidence := range g.facts {
		at := len(factEvidence.steps) - 1
		answer := &trace.Answers[at+shift]
		form := s.form(factEvidence.steps[at], answer)
		if shift > 0 {
			form = shiftBack(form, shift)
		}
		s.weigh(factEvidence, form, answer, shift > 0)
	}
	return nil
}

// weigh counts one more look at a fact.
func (s *study) weigh(f *factEvidence, form string, answer *lab.Answer, attack bool) {
	at := len(f.steps) - 1
	if form != s.form(f.steps[at], &f.answers[at]) {
		if attack {
			return // somebody who is there may well be seen: that is no contradiction
		}
		f.Grade = finding.Contested
		f.Against = append(f.Against, answer.ID)
		return
	}
	f.Observations++
	f.Sessions++
	if attack {
		f.Attacks++
	}
	if len(f.Evidence) < 8 {
		f.Evidence = append(f.Evidence, answer.ID)
	}
	if f.Grade == finding.Observed && f.Observations >= confirmedBy-1 && f.Attacks > 0 {
		f.Grade = finding.Confirmed
	}
}

var stepReference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// disturbed is an experiment with somebody else coming and going before. It
// returns by how much the steps are shifted.
func (s *study) disturbed(steps []experiment.Step) ([]experiment.Step, int) {
	other := ""
	for _, account := range s.File.Accounts {
		uses := slices.ContainsFunc(steps, func(step experiment.Step) bool {
			return step.Role == account.Role || step.TargetRole == account.Role
		})
		if !uses {
			other = account.Role
			break
		}
	}
	before := s.row().look(other, vLogin, vFriends, vLogout).steps
	out := slices.Clone(before)
	for _, step := range steps {
		step.Changes = slices.Clone(step.Changes)
		for i := range step.Changes {
			step.Changes[i].Value = moveReferences(step.Changes[i].Value, len(before))
		}
		out = append(out, step)
	}
	return out, len(before)
}

func moveReferences(text string, by int) string {
	return stepReference.ReplaceAllStringFunc(text, func(ref string) string {
		m := stepReference.FindStringSubmatch(ref)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return ref
		}
		return fmt.Sprintf("{%s:%d}", m[1], n+by)
	})
}

func shiftBack(form string, by int) string { return moveReferences(form, -by) }

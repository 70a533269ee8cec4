package study

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// confirmFacts repeats the experiments behind observed facts three times: twice with other marks,
// and once after another account has logged in and out. A fact that one of the first two
// repetitions does not show again becomes contested.
func (s *study) confirmFacts() error {
	s.stateCodes()
	groups := s.witnessGroups()
	for i, group := range groups {
		for round := range 3 {
			err := s.repeatGroup(group, round)
			if errors.Is(err, errShareUsed) {
				for _, remaining := range groups[i:] {
					s.skipped.add(remaining.facts[0].Command, "", 3*len(remaining.steps))
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// factGroup holds the facts that one experiment shows.
type factGroup struct {
	steps []experiment.Step
	facts []*statedFact
}

// witnessGroups returns the experiments behind observed facts, each once. If the steps of one
// experiment are the beginning of another, repeating the longer one covers both.
func (s *study) witnessGroups() []*factGroup {
	byLine := make(map[string]*factGroup)
	var groups []*factGroup
	facts := slices.Clone(s.facts.all)
	slices.SortStableFunc(facts, func(first, second *statedFact) int { return len(second.steps) - len(first.steps) })
	for _, stated := range facts {
		if len(stated.steps) == 0 || stated.Grade != finding.Observed {
			continue
		}
		line := s.formatSteps(stated.steps)
		if group := byLine[line]; group != nil {
			group.facts = append(group.facts, stated)
			continue
		}
		group := &factGroup{steps: stated.steps, facts: []*statedFact{stated}}
		groups = append(groups, group)
		for count := range stated.steps {
			part := s.formatSteps(stated.steps[:count+1])
			if byLine[part] == nil {
				byLine[part] = group
			}
		}
	}
	// Scenarios come first, then experiments that confirm many facts with few steps. Where time is
	// real, waiting counts most.
	slices.SortStableFunc(groups, func(first, second *factGroup) int {
		if asked := compareBools(s.isScenario(second), s.isScenario(first)); asked != 0 {
			return asked
		}
		if waiting := s.waitingSeconds(first) - s.waitingSeconds(second); waiting != 0 {
			return waiting
		}
		return len(first.steps)*len(second.facts) - len(second.steps)*len(first.facts)
	})
	return groups
}

// isScenario reports whether an experiment belongs to a scenario and fits into the budget. A long
// scenario that does not fit must not displace the others.
func (s *study) isScenario(group *factGroup) bool {
	return s.hasRoom(4*len(group.steps)) && slices.ContainsFunc(s.findings.Scenarios,
		func(scenario finding.ScenarioRecord) bool {
			return slices.ContainsFunc(group.facts,
				func(stated *statedFact) bool { return slices.Contains(scenario.Facts, stated.ID) })
		})
}

// waitingSeconds returns how long an experiment waits in real time.
func (s *study) waitingSeconds(group *factGroup) int {
	if s.File.Clock.URL != "" {
		return 0
	}
	var total time.Duration
	for _, step := range group.steps {
		total += step.Wait
	}
	return int(total.Seconds())
}

func (s *study) formatSteps(steps []experiment.Step) string {
	text := ""
	for _, step := range steps {
		text += s.File.FormatStep(step) + "; "
	}
	return text
}

// repeatGroup repeats an experiment. In round 2, the last one, another account logs in and out before.
func (s *study) repeatGroup(group *factGroup, round int) error {
	steps, shift := group.steps, 0
	if round == 2 {
		steps, shift = s.disturbSteps(group.steps)
	}
	trace, err := s.runWithNonce(uint64(round+1), steps...)
	if err != nil || trace == nil {
		return err
	}
	for _, stated := range group.facts {
		index := len(stated.steps) - 1
		answer := &trace.Answers[index+shift]
		form := s.normalForm(stated.steps[index], answer)
		if shift > 0 {
			form = shiftBack(form, shift)
		}
		s.countRepetition(stated, form, answer, shift > 0)
	}
	return nil
}

// countRepetition adds the result of a repeated experiment to a fact. form is the normal form of the
// answer that should show the fact again. disturbed says that another account was active before.
func (s *study) countRepetition(stated *statedFact, form string, answer *lab.Answer, disturbed bool) {
	index := len(stated.steps) - 1
	if form != s.normalForm(stated.steps[index], &stated.answers[index]) {
		if disturbed {
			return // the other account may be visible, which contradicts nothing
		}
		stated.Grade = finding.Contested
		stated.Against = append(stated.Against, answer.ID)
		return
	}
	stated.Observations++
	stated.Sessions++
	if disturbed {
		stated.Attacks++
	}
	if len(stated.Evidence) < 8 {
		stated.Evidence = append(stated.Evidence, answer.ID)
	}
	if stated.Grade == finding.Observed && stated.Observations >= minObservations-1 && stated.Attacks > 0 {
		stated.Grade = finding.Confirmed
	}
}

// stepReference matches a placeholder for the mark or the text of an earlier step, numbered from 1.
var stepReference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// disturbSteps puts a login and logout of another account before the steps. It also returns the
// number of added steps.
func (s *study) disturbSteps(steps []experiment.Step) ([]experiment.Step, int) {
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
	before := s.newSteps().observe(other, verbLogin, verbFriends, verbLogout).steps
	copied := slices.Clone(before)
	for _, step := range steps {
		step.Changes = slices.Clone(step.Changes)
		for i := range step.Changes {
			step.Changes[i].Value = shiftReferences(step.Changes[i].Value, len(before))
		}
		copied = append(copied, step)
	}
	return copied, len(before)
}

// shiftReferences adds offset to the numbers of the steps that placeholders refer to.
func shiftReferences(text string, offset int) string {
	return stepReference.ReplaceAllStringFunc(text, func(reference string) string {
		match := stepReference.FindStringSubmatch(reference)
		count, err := strconv.Atoi(match[2])
		if err != nil {
			return reference
		}
		return fmt.Sprintf("{%s:%d}", match[1], count+offset)
	})
}

// shiftBack undoes shiftReferences in the normal form of an answer.
func shiftBack(form string, offset int) string { return shiftReferences(form, -offset) }

package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// conclude analyses all traces together and adds the facts and the gaps to the findings. It sends
// nothing.
func (s *study) conclude() {
	s.describeFields()
	s.stateCodes()
	s.reportVolatileFields()
	s.stateLimits()
	s.stateLock()
	s.describeEffects()
	s.reportMachines()
	for _, studyPhase := range phases {
		ran := slices.ContainsFunc(s.findings.Phases,
			func(phase finding.PhaseSummary) bool { return phase.Name == studyPhase.name }) ||
			slices.ContainsFunc(s.findings.Untested,
				func(item finding.UntestedItem) bool { return item.What == studyPhase.name })
		if !ran && (s.ConfirmFacts || !slices.Contains(singleServerPhases, studyPhase.name)) {
			s.noteUntested(studyPhase.name, "the study ended before: "+s.findings.Stopped)
		}
	}
	// Items that a larger budget would reach come first.
	slices.SortStableFunc(s.findings.Untested, func(first,
		second finding.UntestedItem) int {
		return min(second.Requests, 1) - min(first.Requests, 1)
	})
	// Summaries come before facts about single values.
	slices.SortStableFunc(s.facts.all, func(first,
		second *statedFact) int {
		return compareBools(isSingleValue(first), isSingleValue(second))
	})
	for _, stated := range s.facts.all {
		for i, step := range stated.steps {
			stated.Witness = append(stated.Witness,
				finding.WitnessStep{Step: s.File.FormatStep(step), Answer: s.normalForm(step, &stated.answers[i])})
		}
		if len(stated.Witness) > 0 {
			stated.Replay = fmt.Sprintf("rookery probe check %s --against protocol.json --only '%s'", s.Server,
				stated.ID)
		}
		s.findings.Facts = append(s.findings.Facts, stated.Fact)
	}
}

// isSingleValue reports whether a fact is about a single value, time or code.
func isSingleValue(stated *statedFact) bool {
	return slices.ContainsFunc([]string{"value ", "after ", "can be "}, func(kind string) bool {
		return strings.HasPrefix(stated.Claim, kind)
	})
}

// compareBools is a comparison for sorting that orders false before true.
func compareBools(first, second bool) int {
	switch {
	case first == second:
		return 0
	case first:
		return 1
	}
	return -1
}

// stateLock states the lock after failed logins that the subject met, if the subject records locks.
func (s *study) stateLock() {
	subject, ok := s.Subject.(interface{ Lock() *lab.Lock })
	if !ok || subject.Lock() == nil {
		return
	}
	lock := subject.Lock()
	fact := finding.Fact{
		Command: "*", Aspect: finding.AspectSession, Name: "failed logins", Claim: "lock after",
		Value: fmt.Sprint(lock.FailedLogins), Grade: finding.Observed,
		Statement:    fmt.Sprintf("After %d failed logins in a row the correct one is refused too", lock.FailedLogins),
		Observations: 1, Sessions: 1, Evidence: []string{lock.ID},
	}
	if lock.MaxDuration > 0 {
		fact.Statement += fmt.Sprintf("; it is done again after %.0f to %.0f s", lock.MinDuration.Seconds(),
			lock.MaxDuration.Seconds())
	}
	if fact.ID = factID(&fact); s.facts.byID[fact.ID] == nil {
		s.facts.all = append(s.facts.all, &statedFact{Fact: fact})
	}
}

// stateLimits states the rate limits that the subject met, if the subject records limits. A limit
// without a period was met once and did not recur.
func (s *study) stateLimits() {
	subject, ok := s.Subject.(interface{ Limits() []lab.Limit })
	if !ok {
		return
	}
	for _, limit := range subject.Limits() {
		fact := finding.Fact{
			Command: "*", Aspect: finding.AspectLimit, Name: "requests", Claim: "then " + limit.Answer,
			Grade: finding.Observed,
			Value: fmt.Sprintf("about %d, again after at most %.0f s", limit.Requests, limit.Period.Seconds()),
			Statement: fmt.Sprintf(
				"After about %d requests the answer is %s; at most %.0f s later all is answered again", limit.Requests,
				limit.Answer, limit.Period.Seconds()),
		}
		if limit.Period == 0 {
			fact.Command, fact.Name, fact.Value = limit.Command, "once in a while", "yes"
			fact.Statement = fmt.Sprintf("%s was answered %s, and not when all was sent again from a reset",
				limit.Command, limit.Answer)
		}
		fact.ID = factID(&fact)
		fact.Observations, fact.Sessions, fact.Evidence = limit.Occurrences, 1, []string{limit.ID}
		s.facts.all = append(s.facts.all, &statedFact{Fact: fact})
	}
}

// describeEffects summarises the observed effects of each command.
func (s *study) describeEffects() {
	for i := range s.findings.Commands {
		c := &s.findings.Commands[i]
		if command, ok := s.File.Command(c.Name); ok && !command.NeedsSession && c.Works && c.Session == "not known" {
			c.Session = "not needed"
		}
		for _, verb := range c.Purposes {
			if effect := s.effectOf(experiment.Verb(verb), c.Name); effect != "" {
				c.Effect = strings.TrimPrefix(c.Effect+"; "+effect, "; ")
			}
		}
	}
}

// effectOf returns the observed effect of a command that serves a purpose, "" if none was seen.
func (s *study) effectOf(verb experiment.Verb, command string) string {
	state := func(after string) string { return s.facts.valueOf("*", finding.AspectSession, "after "+after, "state") }
	friendshipAfter := func(name string) string {
		list, ok := s.File.StepOf(verbFriends, s.actor, "")
		if !ok {
			return ""
		}
		value := s.facts.valueOf(list.Command, finding.AspectFriendship, name, "lists the other")
		if value == "" {
			return ""
		}
		return "after " + name + " list each other: " + value
	}
	switch verb {
	case verbLogin:
		return state("login") + " after it"
	case verbLogout:
		return state("logout") + " after it"
	case verbAdd:
		return friendshipAfter("add")
	case verbRequest:
		return friendshipAfter("request")
	case verbAccept:
		return friendshipAfter("request, then accept")
	case verbReject:
		return friendshipAfter("request, then reject")
	case verbDelete:
		return friendshipAfter("delete")
	case verbSend:
		if receiveStep, ok := s.File.StepOf(verbReceive, s.actor, ""); ok {
			if value := s.facts.valueOf(receiveStep.Command, finding.AspectMessage, "to a logged-out account",
				"arrives"); value == "1 and then 0 times" {
				return "arrives once, also after a later login"
			} else if value != "" {
				return "arrives after a later login " + value
			}
		}
	case verbReceive:
		return s.facts.describeValue(command, finding.AspectMessage, "batch", "most", "at most %s messages at once")
	}
	return ""
}

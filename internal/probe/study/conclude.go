package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// conclude makes the study whole: what follows from all answers together, and the
// facts in their last form.
func (s *study) conclude() {
	s.fields()
	s.claimCodes()
	s.tellNoise()
	s.tellLimits()
	s.tellLock()
	s.tellEffects()
	s.showMachines()
	for _, studyPhase := range phases {
		ran := slices.ContainsFunc(s.out.Phases, func(phase finding.PhaseSummary) bool { return phase.Name == studyPhase.name }) ||
			slices.ContainsFunc(s.out.Untested, func(untestedItem finding.UntestedItem) bool { return untestedItem.What == studyPhase.name })
		if !ran && (s.Confirm || !slices.Contains(ofOneServer, studyPhase.name)) {
			s.gap(studyPhase.name, "the study ended before: "+s.out.Stopped)
		}
	}
	// What a larger budget reaches comes first.
	slices.SortStableFunc(s.out.Untested, func(x, y finding.UntestedItem) int { return min(y.Requests, 1) - min(x.Requests, 1) })
	// What many facts say together comes before each of these.
	slices.SortStableFunc(s.stated.facts, func(x, y *factEvidence) int { return single(x) - single(y) })
	for _, factEvidence := range s.stated.facts {
		for i, step := range factEvidence.steps {
			factEvidence.Witness = append(factEvidence.Witness, finding.WitnessStep{Step: s.File.FormatStep(step), Answer: s.form(step, &factEvidence.answers[i])})
		}
		if len(factEvidence.Witness) > 0 {
			factEvidence.Replay = fmt.Sprintf("rookery probe check %s --against protocol.json --only '%s'", s.Server, factEvidence.ID)
		}
		s.out.Facts = append(s.out.Facts, factEvidence.Fact)
	}
}

// single is 1 for a fact that is one of many of its kind: one value, one moment, one
// code.
func single(f *factEvidence) int {
	for _, kind := range []string{"value ", "after ", "can be "} {
		if strings.HasPrefix(f.Claim, kind) {
			return 1
		}
	}
	return 0
}

// tellLock states that failed logins lock an account, where a right one does not help.
func (s *study) tellLock() {
	subject, ok := s.Subject.(interface{ Lock() *lab.Lock })
	if !ok || subject.Lock() == nil {
		return
	}
	lock := subject.Lock()
	fact := finding.Fact{
		Command: "*", Aspect: finding.AspectSession, Name: "failed logins", Claim: "lock after", Value: fmt.Sprint(lock.After), Grade: finding.Observed,
		Statement:    fmt.Sprintf("After %d failed logins in a row the right one is refused too", lock.After),
		Observations: 1, Sessions: 1, Evidence: []string{lock.ID},
	}
	if lock.High > 0 {
		fact.Statement += fmt.Sprintf("; it is done again after %.0f to %.0f s", lock.Low.Seconds(), lock.High.Seconds())
	}
	if fact.ID = idOf(&fact); s.stated.index[fact.ID] == nil {
		s.stated.facts = append(s.stated.facts, &factEvidence{Fact: fact})
	}
}

// tellLimits states which limits of requests were met.
func (s *study) tellLimits() {
	subject, ok := s.Subject.(interface{ Limits() []lab.Limit })
	if !ok {
		return
	}
	for _, limit := range subject.Limits() {
		fact := finding.Fact{
			Command: "*", Aspect: finding.AspectLimit, Name: "requests", Claim: "then " + limit.Answer, Grade: finding.Observed,
			Value:     fmt.Sprintf("about %d, again after at most %.0f s", limit.Requests, limit.Per.Seconds()),
			Statement: fmt.Sprintf("After about %d requests the answer is %s; at most %.0f s later all is answered again", limit.Requests, limit.Answer, limit.Per.Seconds()),
		}
		if limit.Per == 0 {
			fact.Command, fact.Name, fact.Value = limit.Command, "once in a while", "yes"
			fact.Statement = fmt.Sprintf("%s was answered %s, and not when all was sent again from a reset", limit.Command, limit.Answer)
		}
		fact.ID = idOf(&fact)
		fact.Observations, fact.Sessions, fact.Evidence = limit.Times, 1, []string{limit.ID}
		s.stated.facts = append(s.stated.facts, &factEvidence{Fact: fact})
	}
}

// tellEffects tells in short what commands were seen to do.
func (s *study) tellEffects() {
	for i := range s.out.Commands {
		c := &s.out.Commands[i]
		if command, ok := s.File.Command(c.Name); ok && !command.NeedsSession && c.Works && c.Session == "not known" {
			c.Session = "not needed"
		}
		for _, verb := range c.Purposes {
			if effect := s.effect(experiment.Verb(verb), c.Name); effect != "" {
				c.Effect = strings.TrimPrefix(c.Effect+"; "+effect, "; ")
			}
		}
	}
}

// effect is what a command for a purpose was seen to do, "" if nothing was.
func (s *study) effect(verb experiment.Verb, command string) string {
	state := func(after string) string { return s.stated.value("*", finding.AspectSession, "after "+after, "state") }
	bond := func(name string) string {
		list, ok := s.File.StepOf(vFriends, s.a, "")
		if !ok {
			return ""
		}
		value := s.stated.value(list.Command, finding.AspectFriendship, name, "lists the other")
		if value == "" {
			return ""
		}
		return "after " + name + " list each other: " + value
	}
	switch verb {
	case vLogin:
		return state("login") + " after it"
	case vLogout:
		return state("logout") + " after it"
	case vAdd:
		return bond("add")
	case vRequest:
		return bond("request")
	case vAccept:
		return bond("request, then accept")
	case vReject:
		return bond("request, then reject")
	case vDelete:
		return bond("delete")
	case vSend:
		if receive, ok := s.File.StepOf(vReceive, s.a, ""); ok {
			if value := s.stated.value(receive.Command, finding.AspectMessage, "to who is away", "arrives"); value == "1 and then 0 times" {
				return "arrives once, also at who is away"
			} else if value != "" {
				return "arrives at who is away " + value
			}
		}
	case vReceive:
		return s.stated.valueOf(command, finding.AspectMessage, "batch", "most", "at most %s messages at once")
	}
	return ""
}

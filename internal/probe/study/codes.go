package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A codeUse is a code of a command's answers, with where it came.
type codeStatistics struct {
	finding.CodeUsage
	sessions int
	trace    *lab.Trace // the first of these
	at       int
	latest   string // the latest one's ID
}

// codes counts the codes of all answers, by command and by what the account had
// done before. What an odd form of HTTP is answered is told with the forms.
func (s *study) codes() (uses []*codeStatistics) {
	index := make(map[[3]string]*codeStatistics)
	for _, trace := range s.traces {
		states := make(map[string]string)
		for i, step := range trace.Steps {
			if step.Wait > 0 {
				continue
			}
			answer := &trace.Answers[i]
			who := step.Role + "@" + s.File.Places[step.Place]
			state := states[who]
			if state == "" {
				state = "never logged in"
			}
			if step.HTTPForm != "" {
				s.follow(states, who, step, answer)
				continue
			}
			key := s.codeKey(step, state, answer)
			use := index[key]
			if use == nil {
				use = &codeStatistics{trace: trace, at: i}
				use.CodeUsage = finding.CodeUsage{Command: key[0], State: key[1], Code: key[2], Example: exchange(answer)}
				index[key] = use
				uses = append(uses, use)
			}
			if use.Count++; use.latest != trace.ID {
				use.latest = trace.ID
				use.sessions++
			}
			s.follow(states, who, step, answer)
		}
	}
	return uses
}

// follow keeps track of who is logged in, as far as that can be told by what was
// asked.
func (s *study) follow(states map[string]string, who string, step experiment.Step, answer *lab.Answer) {
	switch s.File.VerbOf(step) {
	case vLogin:
		if s.done(step, answer) {
			states[who] = "logged in"
		}
	case vLogout:
		if s.done(step, answer) && states[who] != "" {
			states[who] = "logged out"
		}
	default:
		switch {
		case len(step.Changes) > 0 || step.HTTPForm != "":
		case s.isNotLoggedIn(answer) && states[who] == "logged in":
			states[who] = "no longer logged in"
		case s.done(step, answer) && states[who] == "no longer logged in":
			states[who] = "logged in" // the answer before said otherwise for another reason
		}
	}
}

// codeKey is the command, the state, and the code of an answer.
func (s *study) codeKey(step experiment.Step, state string, answer *lab.Answer) [3]string {
	if s.isNotLoggedIn(answer) && state == "logged in" {
		switch self := s.keyOf(step.Command, experiment.TypeSelf); {
		case len(step.Changes) == 0:
			state = "no longer logged in"
		case slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool { return change.Key == self }):
			state = "asking for another" // it is the other who is not logged in
		default:
			state = "asking otherwise than the file"
		}
	}
	code := s.code(step.Command, answer)
	if answer.Kind() == "text" && len(code) > 20 {
		code = code[:20] + "..."
	}
	return [3]string{step.Command, state, code}
}

// claimCodes states which codes each command answers, for each state.
func (s *study) claimCodes() {
	s.out.Codes = nil
	for _, use := range s.codes() {
		s.out.Codes = append(s.out.Codes, use.CodeUsage)
		factEvidence := s.claim(finding.Fact{
			Command: use.Command, Aspect: finding.AspectField, Name: s.File.Answer.CodeKey, Claim: "can be " + use.Code, Value: "yes", Scope: use.State,
			Statement: use.Command + " can be answered " + use.Code + " to who is " + use.State,
		}, use.trace, use.at)
		factEvidence.Observations, factEvidence.Sessions = max(factEvidence.Observations, use.Count), max(factEvidence.Sessions, use.sessions)
	}
}

package study

import (
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// codes counts the codes of all answers, by command and by what the account had
// done before.
func (s *study) codes() {
	index := make(map[[3]string]int)
	for _, t := range s.traces {
		states := make(map[string]string)
		for i, step := range t.Steps {
			if step.Wait > 0 {
				continue
			}
			a := &t.Answers[i]
			who := step.Role + "@" + s.File.Places[step.Place]
			state := states[who]
			if state == "" {
				state = "never logged in"
			}
			s.countCode(index, step, state, a)
			s.follow(states, who, step, a)
		}
	}
}

// follow keeps book of who is logged in, as far as that can be told by what was
// asked.
func (s *study) follow(states map[string]string, who string, step experiment.Step, a *lab.Answer) {
	switch s.File.VerbOf(step) {
	case vLogin:
		if s.done(step, a) {
			states[who] = "logged in"
		}
	case vLogout:
		if s.done(step, a) && states[who] != "" {
			states[who] = "logged out"
		}
	default:
		if s.isNotLoggedIn(a) && len(step.Changes) == 0 && states[who] == "logged in" {
			states[who] = "no longer logged in"
		}
	}
}

func (s *study) countCode(index map[[3]string]int, step experiment.Step, state string, a *lab.Answer) {
	if s.isNotLoggedIn(a) && state == "logged in" {
		state = "no longer logged in"
		if len(step.Changes) > 0 {
			state = "asking for another" // it is the other who is not logged in
		}
	}
	key := [3]string{step.Command, state, s.code(step.Command, a)}
	if a.Kind() == "text" && len(key[2]) > 20 {
		key[2] = key[2][:20] + "..."
	}
	if at, ok := index[key]; ok {
		s.out.Codes[at].Count++
		return
	}
	index[key] = len(s.out.Codes)
	s.out.Codes = append(s.out.Codes, finding.CodeUse{Command: key[0], State: key[1], Code: key[2], Count: 1, Example: exchange(a)})
}

// claimCodes states which codes each command answers, for each state.
func (s *study) claimCodes() {
	for _, use := range s.out.Codes {
		f := s.claim(finding.Fact{
			Command: use.Command, Aspect: finding.FieldOf, Name: s.File.Answer.Code, Claim: "can be " + use.Code, Value: "yes", Scope: use.State,
			Statement: use.Command + " can be answered " + use.Code + " to who is " + use.State,
		}, nil, 0)
		f.Observations, f.Sessions, f.Evidence = use.Count, min(use.Count, 2), []string{use.Example.ID}
		f.Grade = finding.Observed
		if use.Count >= confirmedBy {
			f.Grade = finding.Confirmed
		}
	}
}

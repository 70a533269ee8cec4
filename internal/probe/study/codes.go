package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// codeStatistics counts one code of a command's answers.
type codeStatistics struct {
	finding.CodeUsage
	sessions      int
	firstTrace    *lab.Trace // shows the code in answer firstIndex
	firstIndex    int
	latestTraceID string // the trace counted last in sessions
}

// countCodes counts the codes in all traces by command and login state. It skips requests in
// unusual forms of HTTP, which the transport phase reports.
func (s *study) countCodes() (found []*codeStatistics) {
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
				s.trackLogin(states, who, step, answer)
				continue
			}
			key := s.codeKey(step, state, answer)
			statistics := index[key]
			if statistics == nil {
				statistics = &codeStatistics{firstTrace: trace, firstIndex: i}
				statistics.CodeUsage = finding.CodeUsage{Command: key[0], State: key[1], Code: key[2],
					Example: exchangeOf(answer)}
				index[key] = statistics
				found = append(found, statistics)
			}
			if statistics.Count++; statistics.latestTraceID != trace.ID {
				statistics.latestTraceID = trace.ID
				statistics.sessions++
			}
			s.trackLogin(states, who, step, answer)
		}
	}
	return found
}

// trackLogin updates the login state of who, a role at a client address, after an answer. An absent
// state means that the account has never logged in there.
func (s *study) trackLogin(states map[string]string, who string, step experiment.Step, answer *lab.Answer) {
	switch s.File.VerbOf(step) {
	case verbLogin:
		if s.isDone(step, answer) {
			states[who] = "logged in"
		}
	case verbLogout:
		if s.isDone(step, answer) && states[who] != "" {
			states[who] = "logged out"
		}
	default:
		switch {
		case len(step.Changes) > 0 || step.HTTPForm != "":
		case s.isNotLoggedIn(answer) && states[who] == "logged in":
			states[who] = "no longer logged in"
		case s.isDone(step, answer) && states[who] == "no longer logged in":
			states[who] = "logged in" // the earlier answer had another cause
		}
	}
}

// codeKey returns the command, the login state and the code of an answer, in this order. state is the
// login state that trackLogin has recorded before the request.
func (s *study) codeKey(step experiment.Step, state string, answer *lab.Answer) [3]string {
	if s.isNotLoggedIn(answer) && state == "logged in" {
		switch self := s.keyOfType(step.Command, experiment.TypeSelf); {
		case len(step.Changes) == 0:
			state = "no longer logged in"
		case slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool { return change.Key == self }):
			state = "asking for another" // the other account is not logged in
		default:
			state = "asking otherwise than the file"
		}
	}
	code := s.codeOf(step.Command, answer)
	if answer.Kind() == "text" && len(code) > 20 {
		code = code[:20] + "..."
	}
	return [3]string{step.Command, state, code}
}

// stateCodes states which codes each command returns in each login state.
func (s *study) stateCodes() {
	s.findings.Codes = nil
	for _, statistics := range s.countCodes() {
		s.findings.Codes = append(s.findings.Codes, statistics.CodeUsage)
		stated := s.stateFact(finding.Fact{
			Command: statistics.Command, Aspect: finding.AspectField, Name: s.File.Answer.CodeKey, Claim: "can be " +
				statistics.Code, Value: "yes", Scope: statistics.State,
			Statement: statistics.Command + " can return " + statistics.Code + "; login state: " + statistics.State,
		}, statistics.firstTrace, statistics.firstIndex)
		stated.Observations, stated.Sessions = max(stated.Observations, statistics.Count),
			max(stated.Sessions, statistics.sessions)
	}
}

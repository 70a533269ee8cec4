package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// sessionEvent is a sequence of steps after which the study tests whether the account is logged in.
type sessionEvent struct {
	name  string
	steps *stepBuilder
	// probesAll tests with all commands except logins and logouts, and not only with two reading ones.
	probesAll bool
	// place is the client address that the tests come from, an index into the file's Places.
	place int
}

// studySessions finds out which events begin and end a session.
func (s *study) studySessions() error {
	basic, further := s.sessionEvents()
	return runInOrder(
		func() error { return s.tryEvents(basic) },
		s.tryProofs, s.studyLocks, // proofs and locks show more than the further events
		func() error { return s.tryEvents(further) },
	)
}

func (s *study) tryEvents(events []sessionEvent) error {
	for _, event := range events {
		if err := s.tryEvent(event); err != nil {
			return err
		}
	}
	return nil
}

// sessionEvents returns the events that show the most, and the further ones.
func (s *study) sessionEvents() (basic, further []sessionEvent) {
	wrong := s.wrongSecretChanges()
	login, logout := verbLogin, verbLogout
	basic = []sessionEvent{
		{name: "no login", steps: s.newSteps(), probesAll: true},
		{name: "login", steps: s.newSteps().login(s.actor), probesAll: true},
		{name: "logout", steps: s.newSteps().login(s.actor).perform(s.actor, logout, ""), probesAll: true},
		{name: "failed login without a session", steps: s.newSteps().perform(s.actor, login, "", wrong...)},
		{name: "failed login while logged in",
			steps: s.newSteps().login(s.actor).perform(s.actor, login, "", wrong...)},
		{name: "second login from another place", steps: s.newSteps().login(s.actor).perform(s.actor, login,
			"").fromPlace(1), probesAll: true},
		{name: "second login, asked from there", steps: s.newSteps().login(s.actor).perform(s.actor, login,
			"").fromPlace(1), place: 1},
		{name: "login, asked from another place", steps: s.newSteps().login(s.actor), place: 1},
	}
	further = []sessionEvent{
		{name: "failed login from another place", steps: s.newSteps().login(s.actor).perform(s.actor, login, "",
			wrong...).fromPlace(1)},
		{name: "failed login, asked from its place",
			steps: s.newSteps().login(s.actor).perform(s.actor, login, "", wrong...).fromPlace(1), place: 1},
		{name: "second login from the same place", steps: s.newSteps().login(s.actor, s.actor)},
		{name: "logout from another place", steps: s.newSteps().login(s.actor).perform(s.actor, logout,
			"").fromPlace(1)},
		{name: "logout from the displaced place", steps: s.newSteps().login(s.actor).perform(s.actor, login,
			"").fromPlace(1).perform(s.actor, logout, ""), place: 1},
		{name: "login of another account", steps: s.newSteps().login(s.actor, s.friend)},
		{name: "logout of another account", steps: s.newSteps().login(s.actor, s.friend).perform(s.friend, logout, "")},
		{name: "second logout", steps: s.newSteps().login(s.actor).perform(s.actor, logout, "").perform(s.actor, logout,
			"")},
		{name: "login after a logout", steps: s.newSteps().login(s.actor).perform(s.actor, logout, "").login(s.actor)},
		{name: "login back from the first place", steps: s.newSteps().login(s.actor).perform(s.actor, login,
			"").fromPlace(1).login(s.actor)},
		{name: "login back, asked from the other place",
			steps: s.newSteps().login(s.actor).perform(s.actor, login, "").fromPlace(1).login(s.actor), place: 1},
	}
	return basic, further
}

// tryEvent sends commands after an event, commands that change nothing first, and states whether the
// account is logged in.
func (s *study) tryEvent(event sessionEvent) error {
	if event.steps.isIncomplete || event.place >= len(s.File.Places) {
		s.noteUntested("sessions: "+event.name,
			"the experiment file lacks a command, an account or a second place for it")
		return nil
	}
	probes := s.probeSteps(event.probesAll, event.place)
	trace, err := s.runExperiment(append(event.steps.steps, probes...)...)
	if err != nil || trace == nil {
		return err
	}
	for i := len(event.steps.steps); i < len(trace.Steps); i++ {
		step, answer := trace.Steps[i], &trace.Answers[i]
		if command, ok := s.File.Command(step.Command); ok && !command.NeedsSession {
			continue
		}
		if i == len(event.steps.steps) {
			s.stateSession(event, trace, i)
		}
		if event.name == "no login" {
			s.stateSessionNeed(step, answer, trace, i)
		}
	}
	return nil
}

// stateSession states whether the account is still logged in.
func (s *study) stateSession(event sessionEvent, trace *lab.Trace, index int) {
	value := "logged in"
	if s.isNotLoggedIn(&trace.Answers[index]) {
		value = "not logged in"
	} else if !s.isDone(trace.Steps[index], &trace.Answers[index]) {
		return
	}
	s.stateFact(finding.Fact{
		Command: "*", Aspect: finding.AspectSession, Name: "after " + event.name, Claim: "state", Value: value,
		Statement: fmt.Sprintf("After %s, an account is %s", event.name, value),
	}, trace, index)
}

// stateSessionNeed states whether a command needs a session.
func (s *study) stateSessionNeed(step experiment.Step, answer *lab.Answer, trace *lab.Trace, index int) {
	value := "not needed"
	switch s.outcomeOf(step, answer) {
	case "no session":
		value = "needed"
	case "done":
	default:
		return
	}
	for other := range s.findings.Commands {
		if s.findings.Commands[other].Name == step.Command {
			s.findings.Commands[other].Session = value
		}
	}
	s.stateFact(finding.Fact{
		Command: step.Command, Aspect: finding.AspectSession, Name: "session", Claim: "needs", Value: value,
		Statement: fmt.Sprintf("%s: a login is %s", step.Command, value),
	}, trace, index)
}

// probeSteps returns the commands that test whether the account is logged in.
func (s *study) probeSteps(probesAll bool, place int) []experiment.Step {
	var reads, others []experiment.Step
	for _, command := range s.File.Commands {
		step := experiment.Step{Role: s.actor, Command: command.Name, Place: place}
		switch s.File.VerbOf(step) {
		case verbLogin:
			continue
		case verbLogout:
			continue
		}
		if s.isReadOnly(step) {
			reads = append(reads, step)
		} else {
			others = append(others, step)
		}
	}
	if !probesAll {
		return reads[:min(len(reads), 2)]
	}
	return append(reads, others...)
}

// wrongSecretChanges returns the changes that make a login fail.
func (s *study) wrongSecretChanges() []experiment.PairChange {
	loginStep, ok := s.stepFor(s.actor, verbLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(loginStep.Command)
	for _, pair := range command.Request {
		if s.File.TypeOf(command, pair.Key).Type == experiment.TypeSecret {
			return []experiment.PairChange{setKey(pair.Key, wrongProof(pair.Value))}
		}
	}
	return nil
}

// wrongProof returns a wrong value in the form of the template's proof.
func wrongProof(template string) string {
	switch {
	case strings.Contains(template, "sha256"):
		return strings.Repeat("0badc0de", 8)
	case strings.Contains(template, "sha1"):
		return strings.Repeat("0badc0de", 5)
	case strings.Contains(strings.ToLower(template), "md5"):
		return strings.Repeat("0badc0de", 4)
	}
	return "not the secret"
}

// maxFailedLogins is how many wrong logins in a row studyLocks tries at most.
const maxFailedLogins = 11

// studyLocks finds out how many failed logins lock an account, and for how long.
func (s *study) studyLocks() error {
	if s.wrongSecretChanges() == nil {
		return nil
	}
	for count := 1; count <= maxFailedLogins; count++ {
		trace, err := s.newSteps().failLogins(count).login(s.actor).observe(s.actor, verbFriends).run()
		if err != nil {
			return err
		}
		if trace == nil {
			return nil
		}
		if !s.isDone(trace.Steps[count], &trace.Answers[count]) {
			s.stateFact(finding.Fact{
				Command: trace.Steps[count].Command, Aspect: finding.AspectSession, Name: "failed logins",
				Claim: "lock after", Value: fmt.Sprint(count),
				Statement: fmt.Sprintf("After %d failed logins in a row the correct one is refused too", count),
			}, trace, count)
			return s.studyLockedAccount(count)
		}
	}
	s.noteUntested("whether more than a few failed logins lock an account",
		fmt.Sprintf("no more than %d are tried", maxFailedLogins))
	return nil
}

// studyLockedAccount tests a locked account from another address, another account from the same
// address, and the account later.
func (s *study) studyLockedAccount(count int) error {
	locked := func() *stepBuilder { return s.newSteps().failLogins(count) }
	fromElsewhere := s.newSteps().login(s.actor)
	for range count {
		fromElsewhere.failLogins(1).fromPlace(1)
	}
	if err := runAll(
		// Does a successful login reset the count?
		s.newSteps().failLogins(count-1).login(s.actor).failLogins(count-1).login(s.actor).observe(s.actor,
			verbFriends),
		fromElsewhere.login(s.actor).observe(s.actor, verbFriends),
		locked().perform(s.actor, verbLogin, "").fromPlace(1).observe(s.actor, verbFriends).fromPlace(1),
		locked().login(s.friend).observe(s.friend, verbFriends),
		s.newSteps().login(s.actor).failLogins(count).observe(s.actor, verbFriends),
	); err != nil {
		return err
	}
	isLocked := func(after float64) (bool, *lab.Trace, error) {
		trace, err := locked().wait(seconds(after)).login(s.actor).run()
		if err != nil || trace == nil {
			return false, nil, err
		}
		return !s.isDone(trace.Steps[lastIndex(trace)], &trace.Answers[lastIndex(trace)]), trace, nil
	}
	s.deferredTimers = append(s.deferredTimers,
		func() error { return s.measureTimer("lock after failed logins", 86400, isLocked) })
	return nil
}

// tryProofs logs in with kinds of secrets that the file does not use.
func (s *study) tryProofs() error {
	loginStep, ok := s.stepFor(s.actor, verbLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(loginStep.Command)
	key := s.keyOfType(loginStep.Command, experiment.TypeSecret)
	if key == "" {
		return nil
	}
	proofKinds := s.listedValues(command)
	for _, value := range []string{"{secret}", "{md5(secret)}", "{MD5(secret)}", ""} {
		for _, proofKind := range proofKinds {
			step := loginStep
			step.Changes = []experiment.PairChange{setKey(key, value), setKey(proofKind.Key, proofKind.Value)}
			if err := runAll(s.newSteps().append(step).observe(s.actor, verbFriends)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listedValues returns the values that the file lists for the parameters of a command.
func (s *study) listedValues(command *experiment.Command) []experiment.Pair {
	var pairs []experiment.Pair
	for _, parameter := range s.parametersOf(command) {
		for _, value := range parameter.Values {
			pairs = append(pairs, experiment.Pair{Key: parameter.Key, Value: value})
		}
	}
	return pairs
}

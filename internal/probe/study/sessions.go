package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// An event is something after which it is asked who counts as logged in.
type sessionEvent struct {
	name string
	row  *stepBuilder
	// all says that every command is tried behind it, and not a few only.
	all bool
	// place is where it is asked from.
	place int
}

// sessions finds out after what an account counts as logged in.
func (s *study) sessions() error {
	events := s.events()
	for i, sessionEvent := range events {
		if i == 8 { // the rest is less telling than what comes here
			if err := s.proofs(); err != nil {
				return err
			}
			if err := s.locks(); err != nil {
				return err
			}
		}
		if err := s.tryEvent(sessionEvent); err != nil {
			return err
		}
	}
	return nil
}

func (s *study) events() []sessionEvent {
	wrong := s.wrongSecret()
	login, logout := experiment.VerbLogin, experiment.VerbLogout
	return []sessionEvent{
		{name: "no login", row: s.row(), all: true},
		{name: "login", row: s.row().login(s.a), all: true},
		{name: "logout", row: s.row().login(s.a).do(s.a, logout, ""), all: true},
		{name: "failed login before any", row: s.row().do(s.a, login, "", wrong...)},
		{name: "failed login of who is logged in", row: s.row().login(s.a).do(s.a, login, "", wrong...)},
		{name: "second login from another place", row: s.row().login(s.a).do(s.a, login, "").at(1), all: true},
		{name: "second login, asked from there", row: s.row().login(s.a).do(s.a, login, "").at(1), place: 1},
		{name: "login, asked from another place", row: s.row().login(s.a), place: 1},
		{name: "failed login from another place", row: s.row().login(s.a).do(s.a, login, "", wrong...).at(1)},
		{name: "failed login, asked from its place", row: s.row().login(s.a).do(s.a, login, "", wrong...).at(1), place: 1},
		{name: "second login from the same place", row: s.row().login(s.a, s.a)},
		{name: "logout from another place", row: s.row().login(s.a).do(s.a, logout, "").at(1)},
		{name: "logout of who was displaced", row: s.row().login(s.a).do(s.a, login, "").at(1).do(s.a, logout, ""), place: 1},
		{name: "login of another account", row: s.row().login(s.a, s.b)},
		{name: "logout of another account", row: s.row().login(s.a, s.b).do(s.b, logout, "")},
		{name: "second logout", row: s.row().login(s.a).do(s.a, logout, "").do(s.a, logout, "")},
		{name: "login behind a logout", row: s.row().login(s.a).do(s.a, logout, "").login(s.a)},
		{name: "login back from the first place", row: s.row().login(s.a).do(s.a, login, "").at(1).login(s.a)},
		{name: "login back, asked from the other place", row: s.row().login(s.a).do(s.a, login, "").at(1).login(s.a), place: 1},
	}
}

// tryEvent sends commands behind an event: reading ones first, those that end
// something last.
func (s *study) tryEvent(e sessionEvent) error {
	if e.row.short || e.place >= len(s.File.Places) {
		s.gap("sessions: "+e.name, "the file lacks a command, an account or a second place for it")
		return nil
	}
	probes := s.probes(e.all, e.place)
	trace, err := s.run(append(e.row.steps, probes...)...)
	if err != nil || trace == nil {
		return err
	}
	for i := len(e.row.steps); i < len(trace.Steps); i++ {
		step, answer := trace.Steps[i], &trace.Answers[i]
		if command, ok := s.File.Command(step.Command); ok && !command.NeedsSession {
			continue
		}
		if i == len(e.row.steps) {
			s.claimSession(e, trace, i)
		}
		if e.name == "no login" {
			s.claimNeeds(step, answer, trace, i)
		}
	}
	return nil
}

// claimSession states whether who was logged in still is.
func (s *study) claimSession(e sessionEvent, trace *lab.Trace, i int) {
	value := "logged in"
	if s.isNotLoggedIn(&trace.Answers[i]) {
		value = "not logged in"
	} else if !s.done(trace.Steps[i], &trace.Answers[i]) {
		return
	}
	s.claim(finding.Fact{
		Command: "*", Aspect: finding.AspectSession, Name: "after " + e.name, Claim: "state", Value: value,
		Statement: fmt.Sprintf("An account is %s: after %s", value, e.name),
	}, trace, i)
}

// claimNeeds states whether a command needs a session.
func (s *study) claimNeeds(step experiment.Step, answer *lab.Answer, trace *lab.Trace, i int) {
	value := "not needed"
	switch s.outcome(step, answer) {
	case "no session":
		value = "needed"
	case "done":
	default:
		return
	}
	for j := range s.out.Commands {
		if s.out.Commands[j].Name == step.Command {
			s.out.Commands[j].Session = value
		}
	}
	s.claim(finding.Fact{
		Command: step.Command, Aspect: finding.AspectSession, Name: "session", Claim: "needs", Value: value,
		Statement: fmt.Sprintf("%s: a login is %s", step.Command, value),
	}, trace, i)
}

// probes are commands that are sent to see who is logged in.
func (s *study) probes(all bool, place int) []experiment.Step {
	var reads, others []experiment.Step
	for _, command := range s.File.Commands {
		step := experiment.Step{Role: s.a, Command: command.Name, Place: place}
		switch s.File.VerbOf(step) {
		case experiment.VerbLogin:
			continue
		case experiment.VerbLogout:
			continue
		}
		if s.isRead(step) {
			reads = append(reads, step)
		} else {
			others = append(others, step)
		}
	}
	if !all {
		return reads[:min(len(reads), 2)]
	}
	return append(reads, others...)
}

// wrongSecret are the changes that make a login fail.
func (s *study) wrongSecret() []experiment.PairChange {
	login, ok := s.verb(s.a, experiment.VerbLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(login.Command)
	for _, pair := range command.Request {
		if s.File.TypeOf(command, pair.Key).Type == experiment.TypeSecret {
			return []experiment.PairChange{set(pair.Key, wrongValue(pair.Value))}
		}
	}
	return nil
}

// wrongValue has the form of a proof, and proves nothing.
func wrongValue(template string) string {
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

// mostWrong is how many wrong logins are tried in a row.
const mostWrong = 11

// locks finds out after how many failed logins the right one is refused, and
// for how long.
func (s *study) locks() error {
	wrong := s.wrongSecret()
	if wrong == nil {
		return nil
	}
	for n := 1; n <= mostWrong; n++ {
		stepBuilder := s.row()
		for range n {
			stepBuilder.do(s.a, experiment.VerbLogin, "", wrong...)
		}
		trace, err := stepBuilder.login(s.a).look(s.a, experiment.VerbFriends).run()
		if err != nil {
			return err
		}
		if trace == nil {
			return nil
		}
		if !s.done(trace.Steps[n], &trace.Answers[n]) {
			s.claim(finding.Fact{
				Command: trace.Steps[n].Command, Aspect: finding.AspectSession, Name: "failed logins", Claim: "lock after", Value: fmt.Sprint(n),
				Statement: fmt.Sprintf("After %d failed logins in a row the right one is refused too", n),
			}, trace, n)
			return s.lock(n, wrong)
		}
	}
	s.gap("whether more than a few failed logins lock an account", fmt.Sprintf("no more than %d are tried", mostWrong))
	return nil
}

// lock looks at an account that is locked: from elsewhere, another one from there,
// and later.
func (s *study) lock(n int, wrong []experiment.PairChange) error {
	locked := func() *stepBuilder {
		r := s.row()
		for range n {
			r.do(s.a, experiment.VerbLogin, "", wrong...)
		}
		return r
	}
	almost := func() *stepBuilder {
		r := s.row()
		for range n - 1 {
			r.do(s.a, experiment.VerbLogin, "", wrong...)
		}
		return r
	}
	fromElsewhere := s.row().login(s.a)
	for range n {
		fromElsewhere.do(s.a, experiment.VerbLogin, "", wrong...).at(1)
	}
	if err := all(
		// Whether the right one makes forget those before.
		almost().login(s.a).add(almost().steps...).login(s.a).look(s.a, experiment.VerbFriends),
		fromElsewhere.login(s.a).look(s.a, experiment.VerbFriends),
		locked().do(s.a, experiment.VerbLogin, "").at(1).look(s.a, experiment.VerbFriends).at(1),
		locked().login(s.b).look(s.b, experiment.VerbFriends),
		s.row().login(s.a).add(locked().steps...).look(s.a, experiment.VerbFriends),
	); err != nil {
		return err
	}
	open := func(after float64) (bool, *lab.Trace, error) {
		trace, err := locked().wait(seconds(after)).login(s.a).run()
		if err != nil || trace == nil {
			return false, nil, err
		}
		return !s.done(trace.Steps[last(trace)], &trace.Answers[last(trace)]), trace, nil
	}
	s.waiting = append(s.waiting, func() error { return s.timer("lock after failed logins", 86400, open) })
	return nil
}

// proofs tries kinds of secrets that the file does not use.
func (s *study) proofs() error {
	login, ok := s.verb(s.a, experiment.VerbLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(login.Command)
	key := s.keyOf(login.Command, experiment.TypeSecret)
	if key == "" {
		return nil
	}
	kinds := s.enumsOf(command)
	for _, value := range []string{"{secret}", "{md5(secret)}", "{MD5(secret)}", ""} {
		for _, kind := range kinds {
			step := login
			step.Changes = []experiment.PairChange{set(key, value), set(kind.Key, kind.Value)}
			if err := all(s.row().add(step).look(s.a, experiment.VerbFriends)); err != nil {
				return err
			}
		}
	}
	return nil
}

// enumsOf are the values of a command's parameters that the file lists.
func (s *study) enumsOf(command *experiment.Command) []experiment.Pair {
	var all []experiment.Pair
	for _, parameter := range s.parametersOf(command) {
		for _, v := range parameter.Values {
			all = append(all, experiment.Pair{Key: parameter.Key, Value: v})
		}
	}
	return all
}

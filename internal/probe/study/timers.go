package study

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// durationRange brackets how long a session lives without a request.
type durationRange struct {
	low, high float64 // seconds; high is 0 if the end was not seen
}

func seconds(n float64) time.Duration { return time.Duration(math.Round(n*1000)) * time.Millisecond }

// studyTimers measures the times after which the server ends something.
func (s *study) studyTimers() error {
	if err := s.measureSessionTimeout(); err != nil {
		return err
	}
	if s.sessionLifetime.high > 0 {
		if err := runInOrder(s.studyTimeoutKind, s.studyRefreshers); err != nil {
			return err
		}
	}
	if err := runInOrder(s.deferredTimers...); err != nil {
		return err
	}
	if s.sessionLifetime.high == 0 {
		return nil
	}
	return s.observeAfterTimeout()
}

// livenessProbe runs an experiment that tests whether something, such as a session, still holds after a
// time. The trace is nil if the experiment could not run.
type livenessProbe func(seconds float64) (bool, *lab.Trace, error)

// measureSessionTimeout measures how long a session lives without a request.
func (s *study) measureSessionTimeout() error {
	if s.File.Clock.URL == "" {
		return s.measureWithAllAccounts()
	}
	err := s.measureTimer("session", 7*86400, func(after float64) (bool, *lab.Trace, error) {
		trace, err := s.newSteps().login(s.actor).wait(seconds(after)).observe(s.actor, verbFriends).run()
		if err != nil || trace == nil {
			return false, nil, err
		}
		return !s.isNotLoggedIn(&trace.Answers[lastIndex(trace)]), trace, nil
	})
	for _, timer := range s.findings.Timers {
		if timer.Name == "session" {
			s.sessionLifetime = durationRange{timer.Low, timer.High}
		}
	}
	return err
}

// measureTimer measures how long something holds: with growing waits, and then by bisection. The
// result is exact to one second if the server's clock can be moved, and otherwise to 2 % or 2 s.
func (s *study) measureTimer(name string, maxSeconds float64, isAlive livenessProbe) error {
	timer := finding.Timer{Name: name, Kind: "not known"}
	low, high := 0.0, 0.0
	var moments []func()
	look := func(seconds float64) (bool, error) {
		ok, trace, err := isAlive(seconds)
		if err != nil {
			return false, err
		}
		if trace == nil {
			return false, errNoExperiment
		}
		timer.Points = append(timer.Points, finding.TimerPoint{After: seconds, Alive: ok,
			ID: trace.Answers[lastIndex(trace)].ID})
		moments = append(moments, func() { s.stateTimerMoment(name, seconds, ok, trace, lastIndex(trace)) })
		return ok, nil
	}
	err := s.narrowTimer(&low, &high, maxSeconds, look)
	if errors.Is(err, errNeverHolds) {
		return nil
	}
	for _, claim := range moments {
		claim()
	}
	timer.Low, timer.High = low, high
	if len(timer.Points) > 0 {
		s.findings.Timers = append(s.findings.Timers, timer)
	}
	if high > 0 {
		s.stateTimerLength(name, low, high)
	}
	if errors.Is(err, errNoExperiment) {
		s.noteUntested("timer: "+name,
			"limits: wait allows no longer wait, or the experiment file lacks a command for it")
		return nil
	}
	return err
}

var (
	errNoExperiment = errors.New("no experiment")
	errNeverHolds   = errors.New("it does not hold at first")
)

// narrowTimer updates low and high, in seconds, to waits after which isAlive is true and false. high
// stays 0 if isAlive is true after all waits up to maxSeconds.
func (s *study) narrowTimer(low, high *float64, maxSeconds float64, isAlive func(float64) (bool, error)) error {
	for seconds := 15.0; seconds <= maxSeconds; seconds *= 3 {
		ok, err := isAlive(seconds)
		if err != nil {
			return err
		}
		if !ok && *low == 0 {
			// A state that is over after a second has no duration to measure.
			ok, err := isAlive(1)
			if err != nil {
				return err
			}
			if !ok {
				return errNeverHolds
			}
			*low = 1
		}
		if !ok {
			*high = seconds
			break
		}
		*low = seconds
	}
	for *high > 0 && *high-*low > s.resolution(*high) {
		middle := math.Floor((*low + *high) / 2)
		ok, err := isAlive(middle)
		if err != nil {
			return err
		}
		if ok {
			*low = middle
		} else {
			*high = middle
		}
	}
	return nil
}

// resolution returns how exactly to measure a time, in seconds.
func (s *study) resolution(of float64) float64 {
	if s.File.Clock.URL != "" {
		return 1
	}
	return max(2, of/50)
}

func (s *study) stateTimerLength(name string, low, high float64) {
	f := s.stateFact(finding.Fact{
		Command: "*", Aspect: finding.AspectTimer, Name: name, Claim: "length",
		Value:     fmt.Sprintf("%g to %g s", low, high),
		Statement: fmt.Sprintf("%s: ends between %g and %g s", name, low, high),
	}, nil, 0)
	f.Grade = finding.Inferred
	for _, point := range []string{fmt.Sprintf("after %g s", low), fmt.Sprintf("after %g s", high)} {
		for _, stated := range s.facts.withClaim(point) {
			if stated.Name == name && len(stated.Evidence) > 0 {
				f.Evidence = append(f.Evidence, stated.Evidence[0])
				f.Observations++
				f.steps, f.answers = stated.steps, stated.answers
			}
		}
	}
	if f.Observations >= 2 {
		f.Grade = finding.Observed
	}
}

// partOfLifetime returns a wait that is shorter than a session's lifetime, but more than half of
// it.
func (s *study) partOfLifetime() time.Duration {
	return seconds(math.Ceil(s.sessionLifetime.high * 0.6))
}

// studyTimeoutKind finds out whether requests postpone the end of a session.
func (s *study) studyTimeoutKind() error {
	builder := s.newSteps().login(s.actor)
	for range 5 {
		builder.wait(s.partOfLifetime()).observe(s.actor, verbFriends)
	}
	trace, err := builder.run()
	if err != nil || trace == nil {
		return err
	}
	kind, text := "idle", "A session lives as long as requests come"
	if s.isNotLoggedIn(&trace.Answers[lastIndex(trace)]) {
		kind, text = "absolute", "A session ends some time after the login, whatever is asked"
	}
	s.updateTimers("session", func(timer *finding.Timer) { timer.Kind = kind })
	s.stateFact(finding.Fact{Command: "*", Aspect: finding.AspectTimer, Name: "session", Claim: "kind", Value: kind,
		Statement: text}, trace, lastIndex(trace))
	return nil
}

func (s *study) updateTimers(name string, change func(*finding.Timer)) {
	for i := range s.findings.Timers {
		if s.findings.Timers[i].Name == name {
			change(&s.findings.Timers[i])
		}
	}
}

// studyRefreshers finds out which requests postpone the end of a session.
func (s *study) studyRefreshers() error {
	cases := s.refreshCases()
	if s.File.Clock.URL == "" {
		alone := slices.DeleteFunc(cases, func(refresh refreshCase) bool { return len(refresh.steps) != 1 })
		return s.refreshTogether(alone)
	}
	for _, refresh := range cases {
		trace, err := s.newSteps().login(s.actor).wait(s.partOfLifetime()).append(refresh.steps...).wait(
			s.partOfLifetime()).observe(s.actor, verbFriends).run()
		if err != nil {
			return err
		}
		if trace != nil {
			s.stateRefresh(refresh, trace, lastIndex(trace))
		}
	}
	return nil
}

// stateRefresh states whether a request postponed the end of a session.
func (s *study) stateRefresh(refresh refreshCase, trace *lab.Trace, index int) {
	value := "refreshes"
	if s.isNotLoggedIn(&trace.Answers[index]) {
		value = "does not refresh"
	}
	s.updateTimers("session", func(timer *finding.Timer) {
		if value == "refreshes" {
			timer.RefreshedBy = append(timer.RefreshedBy, refresh.name)
		} else {
			timer.NotBy = append(timer.NotBy, refresh.name)
		}
	})
	s.stateFact(finding.Fact{
		Command: refresh.command, Aspect: finding.AspectTimer, Name: "session", Claim: refresh.name, Value: value,
		Statement: fmt.Sprintf("%s %s the session", refresh.name, value),
	}, trace, index)
}

// refreshCase is a request, or an event, that may postpone the end of a session.
type refreshCase struct {
	name, command string
	steps         []experiment.Step
}

func (s *study) refreshCases() []refreshCase {
	var cases []refreshCase
	for _, command := range s.File.Commands {
		step := experiment.Step{Role: s.actor, Command: command.Name}
		if s.File.VerbOf(step) == verbLogout {
			continue
		}
		cases = append(cases, refreshCase{command.Name, command.Name, []experiment.Step{step}})
	}
	add := func(name string, builder *stepBuilder) {
		if !builder.isIncomplete {
			cases = append(cases, refreshCase{name, "*", builder.steps})
		}
	}
	login := verbLogin
	add("a failed login", s.newSteps().perform(s.actor, login, "", s.wrongSecretChanges()...))
	add("a failed login from another place", s.newSteps().perform(s.actor, login, "",
		s.wrongSecretChanges()...).fromPlace(1))
	add("a message from another", s.newSteps().login(s.friend).perform(s.friend, verbSend, s.actor))
	if step, ok := s.stepFor(s.actor, verbFriends, ""); ok {
		if key := s.keyOfType(step.Command, experiment.TypeVersion); key != "" {
			add("a request of an unknown version", s.newSteps().perform(s.actor, verbFriends, "", setKey(key, "99.9")))
		}
		if key := s.keyOfType(step.Command, experiment.TypeCommandName); key != "" {
			add("an unknown command", s.newSteps().perform(s.actor, verbFriends, "", setKey(key, "Xyzzy")))
		}
		if key := s.keyOfType(step.Command, experiment.TypeCount, experiment.TypeCursor); key != "" {
			add("a refused request", s.newSteps().perform(s.actor, verbFriends, "", setKey(key, "x")))
		}
	}
	return cases
}

// observeAfterTimeout tests what other accounts see of an expired session, and how it answers each
// command.
func (s *study) observeAfterTimeout() error {
	afterEnd := seconds(s.sessionLifetime.high + 1)
	if err := runAll(
		s.newSteps().login(s.actor, s.friend).observe(s.friend, verbReceive).wait(s.partOfLifetime()).observe(s.friend,
			verbReceive).
			wait(s.partOfLifetime()).observe(s.friend, verbOnline, verbReceive, verbFind),
		s.newSteps().login(s.actor).wait(afterEnd).login(s.actor).observe(s.actor, verbFriends),
		s.newSteps().login(s.actor).wait(afterEnd).append(s.probeSteps(true, 0)...),
		s.newSteps().login(s.actor).perform(s.actor, verbSend,
			s.friend).wait(seconds(30*86400)).login(s.friend).observe(s.friend, verbReceive),
	); err != nil {
		return err
	}
	statusStep, ok := s.stepFor(s.actor, verbStatus, "")
	if !ok {
		return nil
	}
	for _, changeStep := range s.statusVariants(statusStep) {
		if err := runAll(
			s.newSteps().login(s.actor).append(changeStep).wait(seconds(s.sessionLifetime.low)).observe(s.actor,
				verbFriends),
			s.newSteps().login(s.actor).append(changeStep).wait(seconds(s.sessionLifetime.high)).observe(s.actor,
				verbFriends),
		); err != nil {
			return err
		}
		if err := runAll(s.newSteps().login(s.actor).append(changeStep).wait(afterEnd).login(s.actor,
			s.friend).observe(s.friend, verbOnline)); err != nil {
			return err
		}
	}
	return nil
}

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

// timerRange is how long a session lives without a request, as far as it is known.
type timerRange struct {
	low, high float64 // seconds; high 0: it was not seen to end
}

func seconds(n float64) time.Duration { return time.Duration(math.Round(n*1000)) * time.Millisecond }

// timers finds out which times the server keeps.
func (s *study) timers() error {
	if err := s.sessionTimeout(); err != nil {
		return err
	}
	if s.timeout.high > 0 {
		if err := s.idleOrAbsolute(); err != nil {
			return err
		}
		if err := s.refreshers(); err != nil {
			return err
		}
	}
	for _, wait := range s.waiting {
		if err := wait(); err != nil {
			return err
		}
	}
	if s.timeout.high == 0 {
		return nil
	}
	return s.afterTimeout()
}

// livenessProbe makes an experiment that ends in a look whether something holds after so
// many seconds.
type livenessProbe func(after float64) (bool, *lab.Trace, error)

// sessionTimeout measures how long a session lives without a request.
func (s *study) sessionTimeout() error {
	if s.File.Clock.URL == "" {
		return s.waitTogether()
	}
	err := s.timer("session", 7*86400, func(after float64) (bool, *lab.Trace, error) {
		trace, err := s.row().login(s.a).wait(seconds(after)).look(s.a, experiment.VerbFriends).run()
		if err != nil || trace == nil {
			return false, nil, err
		}
		return !s.isNotLoggedIn(&trace.Answers[last(trace)]), trace, nil
	})
	for _, timer := range s.out.Timers {
		if timer.Name == "session" {
			s.timeout = timerRange{timer.Low, timer.High}
		}
	}
	return err
}

// timer brackets a time: by steps that grow, then by halves, down to a second or
// a hundredth of it where time is real.
func (s *study) timer(name string, most float64, holds livenessProbe) error {
	timer := finding.Timer{Name: name, Kind: "not known"}
	low, high := 0.0, 0.0
	var moments []func()
	look := func(after float64) (bool, error) {
		ok, trace, err := holds(after)
		if err != nil || trace == nil {
			return false, errors.Join(err, noTrace(trace, err))
		}
		timer.Points = append(timer.Points, finding.TimerPoint{After: after, Alive: ok, ID: trace.Answers[last(trace)].ID})
		moments = append(moments, func() { s.claimMoment(name, after, ok, trace, last(trace)) })
		return ok, nil
	}
	err := s.bracket(&low, &high, most, look)
	if errors.Is(err, errNever) {
		return nil
	}
	for _, claim := range moments {
		claim()
	}
	timer.Low, timer.High = low, high
	if len(timer.Points) > 0 {
		s.out.Timers = append(s.out.Timers, timer)
	}
	if high > 0 {
		s.claimLength(name, low, high)
	}
	if errors.Is(err, errNoTrace) {
		s.gap("timer: "+name, "waiting so long is not allowed by limits: wait, or something for it is missing")
		return nil
	}
	return err
}

var (
	errNoTrace = errors.New("no experiment")
	errNever   = errors.New("it does not hold at first")
)

func noTrace(trace *lab.Trace, err error) error {
	if trace == nil && err == nil {
		return errNoTrace
	}
	return nil
}

// bracket narrows the time until something has ended between low and high.
func (s *study) bracket(low, high *float64, most float64, look func(float64) (bool, error)) error {
	for after := 15.0; after <= most; after *= 3 {
		ok, err := look(after)
		if err != nil {
			return err
		}
		if !ok && *low == 0 {
			// What does not even hold at first has no length.
			ok, err := look(1)
			if err != nil {
				return err
			}
			if !ok {
				return errNever
			}
			*low = 1
		}
		if !ok {
			*high = after
			break
		}
		*low = after
	}
	for *high > 0 && *high-*low > s.resolution(*high) {
		middle := math.Floor((*low + *high) / 2)
		ok, err := look(middle)
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

// resolution is how exactly a time is measured, in seconds.
func (s *study) resolution(of float64) float64 {
	if s.File.Clock.URL != "" {
		return 1
	}
	return max(2, of/50)
}

func (s *study) claimLength(name string, low, high float64) {
	f := s.claim(finding.Fact{
		Command: "*", Aspect: finding.AspectTimer, Name: name, Claim: "length", Value: fmt.Sprintf("%g to %g s", low, high),
		Statement: fmt.Sprintf("%s: ends between %g and %g s", name, low, high),
	}, nil, 0)
	f.Grade = finding.Inferred
	for _, point := range []string{fmt.Sprintf("after %g s", low), fmt.Sprintf("after %g s", high)} {
		for _, factEvidence := range s.stated.of(point) {
			if factEvidence.Name == name && len(factEvidence.Evidence) > 0 {
				f.Evidence = append(f.Evidence, factEvidence.Evidence[0])
				f.Observations++
				f.steps, f.answers = factEvidence.steps, factEvidence.answers
			}
		}
	}
	if f.Observations >= 2 {
		f.Grade = finding.Observed
	}
}

// part is a time that is well within the session's, but not twice.
func (s *study) part() time.Duration { return seconds(math.Ceil(s.timeout.high * 0.6)) }

// idleOrAbsolute finds out whether requests put the end off.
func (s *study) idleOrAbsolute() error {
	stepBuilder := s.row().login(s.a)
	for range 5 {
		stepBuilder.wait(s.part()).look(s.a, experiment.VerbFriends)
	}
	trace, err := stepBuilder.run()
	if err != nil || trace == nil {
		return err
	}
	kind, text := "idle", "A session lives as long as requests come"
	if s.isNotLoggedIn(&trace.Answers[last(trace)]) {
		kind, text = "absolute", "A session ends some time after the login, whatever is asked"
	}
	s.eachTimer("session", func(timer *finding.Timer) { timer.Kind = kind })
	s.claim(finding.Fact{Command: "*", Aspect: finding.AspectTimer, Name: "session", Claim: "kind", Value: kind, Statement: text}, trace, last(trace))
	return nil
}

func (s *study) eachTimer(name string, change func(*finding.Timer)) {
	for i := range s.out.Timers {
		if s.out.Timers[i].Name == name {
			change(&s.out.Timers[i])
		}
	}
}

// refreshers finds out which requests put the end of a session off.
func (s *study) refreshers() error {
	all := s.refreshing()
	if s.File.Clock.URL == "" {
		alone := slices.DeleteFunc(all, func(r refreshCase) bool { return len(r.steps) != 1 })
		return s.refreshTogether(alone)
	}
	for _, refreshCase := range all {
		trace, err := s.row().login(s.a).wait(s.part()).add(refreshCase.steps...).wait(s.part()).look(s.a, experiment.VerbFriends).run()
		if err != nil {
			return err
		}
		if trace != nil {
			s.claimRefresh(refreshCase, trace, last(trace))
		}
	}
	return nil
}

// claimRefresh states whether a request put the end of a session off.
func (s *study) claimRefresh(r refreshCase, trace *lab.Trace, at int) {
	value := "refreshes"
	if s.isNotLoggedIn(&trace.Answers[at]) {
		value = "does not refresh"
	}
	s.eachTimer("session", func(timer *finding.Timer) {
		if value == "refreshes" {
			timer.RefreshedBy = append(timer.RefreshedBy, r.name)
		} else {
			timer.NotBy = append(timer.NotBy, r.name)
		}
	})
	s.claim(finding.Fact{
		Command: r.command, Aspect: finding.AspectTimer, Name: "session", Claim: r.name, Value: value,
		Statement: fmt.Sprintf("%s %s the session", r.name, value),
	}, trace, at)
}

// A refresher is what may put the end of a session off.
type refreshCase struct {
	name, command string
	steps         []experiment.Step
}

func (s *study) refreshing() []refreshCase {
	var all []refreshCase
	for _, command := range s.File.Commands {
		step := experiment.Step{Role: s.a, Command: command.Name}
		if s.File.VerbOf(step) == experiment.VerbLogout {
			continue
		}
		all = append(all, refreshCase{command.Name, command.Name, []experiment.Step{step}})
	}
	add := func(name string, r *stepBuilder) {
		if !r.short {
			all = append(all, refreshCase{name, "*", r.steps})
		}
	}
	login := experiment.VerbLogin
	add("a failed login", s.row().do(s.a, login, "", s.wrongSecret()...))
	add("a failed login from another place", s.row().do(s.a, login, "", s.wrongSecret()...).at(1))
	add("a message from another", s.row().login(s.b).do(s.b, experiment.VerbSend, s.a))
	if step, ok := s.verb(s.a, experiment.VerbFriends, ""); ok {
		if key := s.keyOf(step.Command, experiment.TypeVersion); key != "" {
			add("a request of an unknown version", s.row().do(s.a, experiment.VerbFriends, "", set(key, "99.9")))
		}
		if key := s.keyOf(step.Command, experiment.TypeCommandName); key != "" {
			add("an unknown command", s.row().do(s.a, experiment.VerbFriends, "", set(key, "Xyzzy")))
		}
		if key := s.keyOf(step.Command, experiment.TypeCount, experiment.TypeCursor); key != "" {
			add("a refused request", s.row().do(s.a, experiment.VerbFriends, "", set(key, "x")))
		}
	}
	return all
}

// afterTimeout looks at what others see of a session that has ended, and at
// every command.
func (s *study) afterTimeout() error {
	over := seconds(s.timeout.high + 1)
	if err := all(
		s.row().login(s.a, s.b).look(s.b, experiment.VerbReceive).wait(s.part()).look(s.b, experiment.VerbReceive).
			wait(s.part()).look(s.b, experiment.VerbOnline, experiment.VerbReceive, experiment.VerbFind),
		s.row().login(s.a).wait(over).login(s.a).look(s.a, experiment.VerbFriends),
		s.row().login(s.a).wait(over).add(s.probes(true, 0)...),
		s.row().login(s.a).do(s.a, experiment.VerbSend, s.b).wait(seconds(30*86400)).login(s.b).look(s.b, experiment.VerbReceive),
	); err != nil {
		return err
	}
	status, ok := s.verb(s.a, experiment.VerbStatus, "")
	if !ok {
		return nil
	}
	for _, change := range s.statuses(status) {
		if err := all(
			s.row().login(s.a).add(change).wait(seconds(s.timeout.low)).look(s.a, experiment.VerbFriends),
			s.row().login(s.a).add(change).wait(seconds(s.timeout.high)).look(s.a, experiment.VerbFriends),
		); err != nil {
			return err
		}
		if err := all(s.row().login(s.a).add(change).wait(over).login(s.a, s.b).look(s.b, experiment.VerbOnline)); err != nil {
			return err
		}
	}
	return nil
}

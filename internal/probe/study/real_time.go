package study

import (
	"fmt"
	"math"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Where time is real, all accounts wait together. Each is tested once at a different time, so that
// one wait tests as many times as there are accounts.

// observationTimes returns the times to test: at equal distances between low and high, or doubling
// while high is unknown.
func observationTimes(low, high, maxSeconds float64, count int) []float64 {
	var times []float64
	if high == 0 {
		for seconds := max(15, low*2); seconds <= maxSeconds && len(times) < count; seconds *= 2 {
			times = append(times, seconds)
		}
		return times
	}
	for i := 1; i <= count; i++ {
		if seconds := math.Floor(low + (high-low)*float64(i)/float64(count+1)); seconds > low &&
			(len(times) == 0 || seconds > times[len(times)-1]) {
			times = append(times, seconds)
		}
	}
	return times
}

// measureWithAllAccounts brackets a session's lifetime with all accounts at once.
func (s *study) measureWithAllAccounts() error {
	timer := finding.Timer{Name: "session", Kind: "not known"}
	maxSeconds := s.File.Limits.LongestWait.Seconds()
	for {
		at := observationTimes(timer.Low, timer.High, maxSeconds, len(s.File.Accounts))
		if len(at) == 0 || timer.High > 0 && timer.High-timer.Low <= s.resolution(timer.High) {
			break
		}
		if err := s.observeAtTimes(&timer, at); err != nil {
			return err
		}
	}
	if len(timer.Points) == 0 {
		s.noteUntested("timer: session", "limits: wait allows no wait of 15 s")
		return nil
	}
	s.findings.Timers = append(s.findings.Timers, timer)
	s.sessionLifetime = durationRange{timer.Low, timer.High}
	if timer.High == 0 {
		s.noteUntested("timer: session", fmt.Sprintf("it is longer than limits: wait allows, %g s", maxSeconds))
		return nil
	}
	s.stateTimerLength("session", timer.Low, timer.High)
	return nil
}

// observeAtTimes logs accounts in, and tests one after the other.
func (s *study) observeAtTimes(timer *finding.Timer, at []float64) error {
	builder := s.newSteps()
	for i := range at {
		builder.login(s.roleAt(i))
	}
	before := 0.0
	var looks []int
	for i, after := range at {
		builder.wait(seconds(after-before)).perform(s.roleAt(i), verbFriends, "")
		looks = append(looks, len(builder.steps)-1)
		before = after
	}
	trace, err := builder.run()
	if err != nil {
		return err
	}
	if trace == nil {
		return errNoExperiment
	}
	for i, look := range looks {
		alive := !s.isNotLoggedIn(&trace.Answers[look])
		timer.Points = append(timer.Points, finding.TimerPoint{After: at[i], Alive: alive,
			ID: trace.Answers[look].ID})
		s.stateTimerMoment("session", at[i], alive, trace, look)
		if alive {
			timer.Low = max(timer.Low, at[i])
		} else if timer.High == 0 || at[i] < timer.High {
			timer.High = at[i]
		}
	}
	return nil
}

// refreshTogether tests refresh cases with all accounts at once.
func (s *study) refreshTogether(cases []refreshCase) error {
	count := len(s.File.Accounts)
	for len(cases) > 0 {
		group := cases[:min(count, len(cases))]
		cases = cases[len(group):]
		builder := s.newSteps()
		for i := range group {
			builder.login(s.roleAt(i))
		}
		builder.wait(s.partOfLifetime())
		for i, refresh := range group {
			builder.append(withRole(refresh.steps, s.roleAt(i))...)
		}
		builder.wait(s.partOfLifetime())
		first := len(builder.steps)
		for i := range group {
			builder.perform(s.roleAt(i), verbFriends, "")
		}
		trace, err := builder.run()
		if err != nil || trace == nil {
			return err
		}
		for i, refresh := range group {
			s.stateRefresh(refresh, trace, first+i)
		}
	}
	return nil
}

// withRole returns the steps for another role.
func withRole(steps []experiment.Step, role string) []experiment.Step {
	copied := make([]experiment.Step, len(steps))
	for i, step := range steps {
		step.Role = role
		copied[i] = step
	}
	return copied
}

// stateTimerMoment states whether something has ended after a time.
func (s *study) stateTimerMoment(name string, seconds float64, alive bool, trace *lab.Trace, index int) {
	value := "over"
	if alive {
		value = "not over"
	}
	s.stateFact(finding.Fact{
		Command: "*", Aspect: finding.AspectTimer, Name: name, Claim: fmt.Sprintf("after %g s", seconds), Value: value,
		Statement: fmt.Sprintf("%s: after %g s it is %s", name, seconds, value),
	}, trace, index)
}

package study

import (
	"fmt"
	"math"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Where time is real every account waits at the same time: each is looked at once,
// at another moment, so that one wait brackets a time as often as there are
// accounts.

// moments are the times at which accounts are looked at: those between low and
// high at equal distances, or, as long as high is not known, growing ones.
func moments(low, high, most float64, n int) []float64 {
	var all []float64
	if high == 0 {
		for after := max(15, low*2); after <= most && len(all) < n; after *= 2 {
			all = append(all, after)
		}
		return all
	}
	for i := 1; i <= n; i++ {
		if after := math.Floor(low + (high-low)*float64(i)/float64(n+1)); after > low && (len(all) == 0 || after > all[len(all)-1]) {
			all = append(all, after)
		}
	}
	return all
}

// waitTogether brackets the session's life with all accounts at once.
func (s *study) waitTogether() error {
	timer := finding.Timer{Name: "session", Kind: "not known"}
	most := s.File.Limits.LongestWait.Seconds()
	for {
		at := moments(timer.Low, timer.High, most, len(s.File.Accounts))
		if len(at) == 0 || timer.High > 0 && timer.High-timer.Low <= s.resolution(timer.High) {
			break
		}
		if err := s.lookAt(&timer, at); err != nil {
			return err
		}
	}
	if len(timer.Points) == 0 {
		s.gap("timer: session", "limits: wait allows no wait of 15 s")
		return nil
	}
	s.out.Timers = append(s.out.Timers, timer)
	s.timeout = timerRange{timer.Low, timer.High}
	if timer.High == 0 {
		s.gap("timer: session", fmt.Sprintf("it is longer than limits: wait allows to wait, %g s", most))
		return nil
	}
	s.claimLength("session", timer.Low, timer.High)
	return nil
}

// lookAt logs accounts in, and looks at one after the other.
func (s *study) lookAt(timer *finding.Timer, at []float64) error {
	stepBuilder := s.row()
	for i := range at {
		stepBuilder.login(s.role(i))
	}
	before := 0.0
	var looks []int
	for i, after := range at {
		stepBuilder.wait(seconds(after-before)).do(s.role(i), vFriends, "")
		looks = append(looks, len(stepBuilder.steps)-1)
		before = after
	}
	trace, err := stepBuilder.run()
	if err != nil {
		return err
	}
	if trace == nil {
		return errNoTrace
	}
	for i, look := range looks {
		alive := !s.isNotLoggedIn(&trace.Answers[look])
		timer.Points = append(timer.Points, finding.TimerPoint{After: at[i], Alive: alive, ID: trace.Answers[look].ID})
		s.claimMoment("session", at[i], alive, trace, look)
		if alive {
			timer.Low = max(timer.Low, at[i])
		} else if timer.High == 0 || at[i] < timer.High {
			timer.High = at[i]
		}
	}
	return nil
}

// refreshTogether tries what refreshes a session with all accounts at once.
func (s *study) refreshTogether(all []refreshCase) error {
	n := len(s.File.Accounts)
	for len(all) > 0 {
		group := all[:min(n, len(all))]
		all = all[len(group):]
		stepBuilder := s.row()
		for i := range group {
			stepBuilder.login(s.role(i))
		}
		stepBuilder.wait(s.part())
		for i, one := range group {
			stepBuilder.add(as(one.steps, s.role(i))...)
		}
		stepBuilder.wait(s.part())
		first := len(stepBuilder.steps)
		for i := range group {
			stepBuilder.do(s.role(i), vFriends, "")
		}
		trace, err := stepBuilder.run()
		if err != nil || trace == nil {
			return err
		}
		for i, one := range group {
			s.claimRefresh(one, trace, first+i)
		}
	}
	return nil
}

// as are steps of another role.
func as(steps []experiment.Step, role string) []experiment.Step {
	out := make([]experiment.Step, len(steps))
	for i, step := range steps {
		step.Role = role
		out[i] = step
	}
	return out
}

// claimMoment states whether something that ends was over at a time.
func (s *study) claimMoment(name string, after float64, alive bool, trace *lab.Trace, at int) {
	value := "over"
	if alive {
		value = "not over"
	}
	s.claim(finding.Fact{
		Command: "*", Aspect: finding.AspectTimer, Name: name, Claim: fmt.Sprintf("after %g s", after), Value: value,
		Statement: fmt.Sprintf("%s: after %g s it is %s", name, after, value),
	}, trace, at)
}

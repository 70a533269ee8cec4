package probe

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// measured are the times left that a meter told, one a request. Between two requests
// pause goes by; waits are real waits after the requests of such numbers.
func measured(budget int, planned time.Duration, pause func(count int) time.Duration,
	waits map[int]time.Duration) (left, truth []time.Duration) {
	var last StudyProgress
	m := newProgressMeter(func(p StudyProgress) { last = p })
	m.plannedWaits = planned
	var at []time.Time
	progress := lab.Progress{Run: "a", Budget: budget, Online: true}
	tell := func() {
		m.updateFromLab(progress)
		left, at = append(left, last.TimeLeft), append(at, time.Now())
	}
	for count := range budget + 1 {
		progress.Sent = count
		tell()
		if duration := waits[count]; duration > 0 {
			progress.WaitingFor = duration
			tell()
			time.Sleep(duration) // of virtual time
			progress.WaitingFor = 0
		}
		if count < budget {
			time.Sleep(pause(count))
		}
	}
	for _, t := range at {
		truth = append(truth, at[len(at)-1].Sub(t))
	}
	return left, truth
}

func TestTheTimeLeftCountsTheWaitsThatArePlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, truth := measured(300, 4*time.Minute, func(int) time.Duration { return 100 * time.Millisecond },
			map[int]time.Duration{150: 3 * time.Minute, 200: time.Minute})
		for i := range left {
			if i < minRequestsForEstimate {
				if left[i] != 0 {
					t.Fatalf("after %d requests it says %v", i, left[i])
				}
			} else if off := left[i] - truth[i]; off.Abs() > time.Second {
				t.Fatalf("at %d it says %v, and is over after %v", i, left[i], truth[i])
			}
		}
	})
}

func TestTheTimeLeftDoesNotClimb(t *testing.T) {
	for name, slow := range map[string]time.Duration{"somewhat": 130 * time.Millisecond, "much": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			left, _ := measured(1000, 0, func(count int) time.Duration {
				if count > 400 {
					return slow
				}
				return 100 * time.Millisecond
			}, nil)
			before, silent := time.Hour, 0
			for i, l := range left {
				if l > before {
					t.Fatalf("%s slower: at %d it says %v after %v", name, i, l, before)
				}
				if l > 0 {
					before = l
				} else if i > minRequestsForEstimate {
					silent++
				}
			}
			if name == "much" && silent == 0 {
				t.Error("it goes on with a time that is false")
			}
			if before == time.Hour {
				t.Error("it has told no time")
			}
		})
	}
}

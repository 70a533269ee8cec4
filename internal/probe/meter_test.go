package probe

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// measureTimeLeft returns the time left that a meter reports after each request, and in truth the
// actual one. pause is the time between two requests. waits holds real waits, by number of the
// request before them.
func measureTimeLeft(budget int, planned time.Duration, pause func(count int) time.Duration,
	waits map[int]time.Duration) (left, truth []time.Duration) {
	var last StudyProgress
	m := newProgressMeter(func(p StudyProgress) { last = p })
	m.plannedWaits = planned
	var at []time.Time
	progress := lab.Progress{Run: "a", Budget: budget, Online: true}
	update := func() {
		m.updateFromLab(progress)
		left, at = append(left, last.TimeLeft), append(at, time.Now())
	}
	for count := range budget + 1 {
		progress.Sent = count
		update()
		if duration := waits[count]; duration > 0 {
			progress.WaitingFor = duration
			update()
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

func TestTimeLeftIncludesPlannedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left, truth := measureTimeLeft(300, 4*time.Minute, func(int) time.Duration { return 100 * time.Millisecond },
			map[int]time.Duration{150: 3 * time.Minute, 200: time.Minute})
		for i := range left {
			if i < minRequestsForEstimate {
				if left[i] != 0 {
					t.Fatalf("after %d requests the meter reports %v, want none", i, left[i])
				}
			} else if off := left[i] - truth[i]; off.Abs() > time.Second {
				t.Fatalf("report %d: got %v left, want %v", i, left[i], truth[i])
			}
		}
	})
}

func TestTimeLeftNeverRises(t *testing.T) {
	for name, slow := range map[string]time.Duration{"somewhat": 130 * time.Millisecond, "much": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			left, _ := measureTimeLeft(1000, 0, func(count int) time.Duration {
				if count > 400 {
					return slow
				}
				return 100 * time.Millisecond
			}, nil)
			before, withoutEstimate := time.Hour, 0
			for i, l := range left {
				if l > before {
					t.Fatalf("%s slower: report %d rises to %v from %v", name, i, l, before)
				}
				if l > 0 {
					before = l
				} else if i > minRequestsForEstimate {
					withoutEstimate++
				}
			}
			if name == "much" && withoutEstimate == 0 {
				t.Error("the meter never withdraws a wrong estimate")
			}
			if before == time.Hour {
				t.Error("the meter reports no time")
			}
		})
	}
}

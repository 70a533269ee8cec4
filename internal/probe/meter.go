package probe

import (
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A meter collects how far a study has got, and tells it.
type progressMeter struct {
	tell   func(Progress)
	now    Progress
	sent   map[string]int
	began  time.Time
	first  int           // requests that were sent before it began
	waits  time.Duration // what is left of the real waits that are planned
	waited time.Duration // in real waits since it began
	told   time.Time     // when it will be over, as was told last
}

func newMeter(tell func(Progress)) *progressMeter {
	return &progressMeter{tell: tell, sent: make(map[string]int)}
}

func (m *progressMeter) phase(name string) {
	m.now.Phase = name
	m.show()
}

func (m *progressMeter) facts(n int) {
	m.now.Facts = n
	m.show()
}

func (m *progressMeter) lab(progress lab.Progress) {
	m.sent[progress.Run] = progress.Sent
	m.now.Sent = max(m.sent["a"], m.sent["b"])
	m.now.Budget, m.now.Rate, m.now.Faults, m.now.Waiting = progress.Budget, progress.Rate, progress.TransportFault, progress.WaitingFor
	m.now.Left = m.left(progress)
	m.show()
}

// What has to be known before a time is told.
const (
	enoughRequests = 50
	enoughTime     = 3 * time.Second
)

// left is how long the rest of the budget takes at the pace so far, with the waits
// that are still planned; 0 if that is not known. What comes out of a transcript takes
// no time, and says nothing about it.
func (m *progressMeter) left(progress lab.Progress) time.Duration {
	now := time.Now()
	if !progress.Online {
		m.began = time.Time{}
		return 0
	}
	if m.began.IsZero() {
		m.began, m.first, m.waited = now, m.now.Sent, 0
	}
	busy, n, waits := now.Sub(m.began)-m.waited, m.now.Sent-m.first, m.waits
	m.waited += progress.WaitingFor
	m.waits = max(m.waits-progress.WaitingFor, 0)
	if n < enoughRequests || busy < enoughTime {
		return 0
	}
	left := busy/time.Duration(n)*time.Duration(max(progress.Budget-m.now.Sent, 0)) + max(waits, progress.WaitingFor)
	if progress.TimeLeft > 0 {
		left = min(left, progress.TimeLeft)
	}
	return m.steady(now, left)
}

// steady is a time left that does not climb. One that is a little longer than was told
// is told as before; one that is much longer is not told, until it is less again.
func (m *progressMeter) steady(now time.Time, left time.Duration) time.Duration {
	before := m.told.Sub(now)
	switch {
	case m.told.IsZero() || left <= before:
		m.told = now.Add(left)
		return left
	case left <= before+before/4:
		return before
	}
	return 0
}

func (m *progressMeter) show() {
	if m.tell != nil {
		m.tell(m.now)
	}
}

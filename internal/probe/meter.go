package probe

import (
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A meter collects how far a study has got, and tells it.
type meter struct {
	tell  func(Progress)
	now   Progress
	sent  map[string]int
	began time.Time
	first int // requests that were sent before it began
}

func newMeter(tell func(Progress)) *meter { return &meter{tell: tell, sent: make(map[string]int)} }

func (m *meter) phase(name string) {
	m.now.Phase = name
	m.show()
}

func (m *meter) facts(n int) {
	m.now.Facts = n
	m.show()
}

func (m *meter) lab(p lab.Progress) {
	m.sent[p.Run] = p.Sent
	m.now.Sent = max(m.sent["a"], m.sent["b"])
	m.now.Budget, m.now.Rate, m.now.Faults, m.now.Waiting = p.Budget, p.Rate, p.TransportFault, p.WaitingFor
	m.now.Left = m.left(p)
	m.show()
}

// left is how long the rest of the budget takes at the pace so far. What comes out
// of a transcript takes no time, and says nothing about it.
func (m *meter) left(p lab.Progress) time.Duration {
	if !p.Online {
		m.began = time.Time{}
		return 0
	}
	if m.began.IsZero() {
		m.began, m.first = time.Now(), m.now.Sent
	}
	const enough = 50
	n := m.now.Sent - m.first
	if n < enough {
		return p.TimeLeft
	}
	left := time.Since(m.began) / time.Duration(n) * time.Duration(max(p.Budget-m.now.Sent, 0))
	if p.TimeLeft > 0 {
		left = min(left, p.TimeLeft)
	}
	return left
}

func (m *meter) show() {
	if m.tell != nil {
		m.tell(m.now)
	}
}

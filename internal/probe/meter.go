package probe

import (
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A meter collects how far a study has got, and tells it.
type progressMeter struct {
	onProgress   func(StudyProgress)
	current      StudyProgress
	sentByServer map[string]int
	onlineSince  time.Time
	sentBefore   int           // requests that were sent before it began
	plannedWaits time.Duration // what is left of the real waits that are planned
	waited       time.Duration // in real waits since it began
	reportedEnd  time.Time     // when it will be over, as was told last
}

func newProgressMeter(onProgress func(StudyProgress)) *progressMeter {
	return &progressMeter{onProgress: onProgress, sentByServer: make(map[string]int)}
}

func (m *progressMeter) setPhase(name string) {
	m.current.Phase = name
	m.publish()
}

func (m *progressMeter) setFactCount(count int) {
	m.current.FactCount = count
	m.publish()
}

func (m *progressMeter) updateFromLab(progress lab.Progress) {
	m.sentByServer[progress.Run] = progress.Sent
	m.current.Sent = max(m.sentByServer["a"], m.sentByServer["b"])
	m.current.Budget, m.current.RequestRate, m.current.TransportFaults, m.current.CurrentWait = progress.Budget, progress.Rate, progress.TransportFaults, progress.WaitingFor
	m.current.TimeLeft = m.estimateTimeLeft(progress)
	m.publish()
}

// What has to be known before a time is told.
const (
	minRequestsForEstimate = 50
	minTimeForEstimate     = 3 * time.Second
)

// estimateTimeLeft is how long the rest of the budget takes at the pace so far, with the waits
// that are still planned; 0 if that is not known. What comes out of a transcript takes
// no time, and says nothing about it.
func (m *progressMeter) estimateTimeLeft(progress lab.Progress) time.Duration {
	now := time.Now()
	if !progress.Online {
		m.onlineSince = time.Time{}
		return 0
	}
	if m.onlineSince.IsZero() {
		m.onlineSince, m.sentBefore, m.waited = now, m.current.Sent, 0
	}
	busy, count, waits := now.Sub(m.onlineSince)-m.waited, m.current.Sent-m.sentBefore, m.plannedWaits
	m.waited += progress.WaitingFor
	m.plannedWaits = max(m.plannedWaits-progress.WaitingFor, 0)
	if count < minRequestsForEstimate || busy < minTimeForEstimate {
		return 0
	}
	left := busy/time.Duration(count)*time.Duration(max(progress.Budget-m.current.Sent, 0)) + max(waits, progress.WaitingFor)
	if progress.TimeLeft > 0 {
		left = min(left, progress.TimeLeft)
	}
	return m.smoothTimeLeft(now, left)
}

// smoothTimeLeft is a time left that does not climb. One that is a little longer than was told
// is told as before; one that is much longer is not told, until it is less again.
func (m *progressMeter) smoothTimeLeft(now time.Time, left time.Duration) time.Duration {
	before := m.reportedEnd.Sub(now)
	switch {
	case m.reportedEnd.IsZero() || left <= before:
		m.reportedEnd = now.Add(left)
		return left
	case left <= before+before/4:
		return before
	}
	return 0
}

func (m *progressMeter) publish() {
	if m.onProgress != nil {
		m.onProgress(m.current)
	}
}

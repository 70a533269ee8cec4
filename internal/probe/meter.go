package probe

import (
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// progressMeter collects the progress of a study and reports it.
type progressMeter struct {
	onProgress   func(StudyProgress)
	current      StudyProgress
	sentByServer map[string]int
	onlineSince  time.Time
	sentBefore   int           // requests sent before onlineSince
	plannedWaits time.Duration // planned real waits that are still to come
	waited       time.Duration // real waits since onlineSince
	reportedEnd  time.Time     // end time according to the last report
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
	m.current.Budget, m.current.RequestRate, m.current.TransportFaults, m.current.CurrentWait = progress.Budget,
		progress.Rate, progress.TransportFaults, progress.WaitingFor
	m.current.TimeLeft = m.estimateTimeLeft(progress)
	m.publish()
}

// Requests and time to observe before the first estimate.
const (
	minRequestsForEstimate = 50
	minTimeForEstimate     = 3 * time.Second
)

// estimateTimeLeft extrapolates the pace so far to the rest of the budget and adds the
// planned waits. It returns 0 if it has seen too few requests. Requests replayed from a
// transcript take no time and do not count.
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
	left := busy/time.Duration(count)*time.Duration(max(progress.Budget-m.current.Sent, 0)) +
		max(waits, progress.WaitingFor)
	if progress.TimeLeft > 0 {
		left = min(left, progress.TimeLeft)
	}
	return m.smoothTimeLeft(now, left)
}

// smoothTimeLeft prevents the reported time from rising. If the new estimate exceeds the time until
// the last reported end by at most a quarter, it keeps that end. Beyond that it returns 0, for
// unknown.
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

package service

import (
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// reserveSend reports as an error that an account puts more into mailboxes than one
// may in a minute, and counts one more try if not. It does so for the account, so
// that the way in, the session and the device make no difference. A member is
// kept for longer than a minute after its last session, so that a new sign-in
// makes none either.
func (s *Service) reserveSend(account *activeAccount) error {
	if s.messagesPerMinute == 0 {
		return nil
	}
	waitTime := account.reserveSend(s.messagesPerMinute, s.now())
	if waitTime == 0 {
		return nil
	}
	return rookery.Errorf(rookery.CodeRefused, "you may send %d messages a minute: wait %d seconds",
		s.messagesPerMinute, int(math.Ceil(waitTime.Seconds())))
}

// reserveSend counts one thing that is sent, or returns for how long that has to
// wait.
func (m *activeAccount) reserveSend(perMinute int, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sendLimiter == nil {
		m.sendLimiter = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
	}
	r := m.sendLimiter.ReserveN(now, 1)
	waitTime := r.DelayFrom(now)
	if waitTime > 0 {
		r.CancelAt(now)
	}
	return waitTime
}

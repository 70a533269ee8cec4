package service

import (
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// mayPost reports as an error that an account puts more into mailboxes than one
// may in a minute, and counts one more try if not. It does so for the account, so
// that the way in, the session and the device make no difference. A member is
// kept for longer than a minute after its last session, so that a new sign-in
// makes none either.
func (s *Service) mayPost(active *activeAccount) error {
	if s.perMinute == 0 {
		return nil
	}
	wait := active.reserve(s.perMinute, s.now())
	if wait == 0 {
		return nil
	}
	return rookery.Errorf(rookery.CodeRefused, "you may send %d messages a minute: wait %d seconds",
		s.perMinute, int(math.Ceil(wait.Seconds())))
}

// reserve counts one thing that is sent, or returns for how long that has to
// wait.
func (m *activeAccount) reserve(perMinute int, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sending == nil {
		m.sending = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
	}
	r := m.sending.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

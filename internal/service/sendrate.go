package service

import (
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// reserveSend counts one message or friend request of the account. It returns CodeRefused if the
// account has used up MessagesPerMinute. The limit holds for all sessions together. An activeAccount
// outlives its sessions by more than a minute, so that a new sign-in does not reset the count.
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

// reserveSend counts one item and returns 0, or returns how long to wait without counting it.
func (a *activeAccount) reserveSend(perMinute int, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sendLimiter == nil {
		a.sendLimiter = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
	}
	r := a.sendLimiter.ReserveN(now, 1)
	waitTime := r.DelayFrom(now)
	if waitTime > 0 {
		r.CancelAt(now)
	}
	return waitTime
}

package service

import (
	"sync"
	"testing"

	"github.com/rookery-im/rookery"
)

// The test loads the subscription for a notice while another goroutine drops it under another lock.
func TestSubscriptionMayEndDuringNotice(t *testing.T) {
	c := &consumer{account: &activeAccount{uin: 10002}, collectLock: newSemaphore(1)}
	ended := make(chan struct{})
	var dropper sync.WaitGroup
	defer dropper.Wait()
	dropper.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			subscription := &Subscription{consumer: c, running: true} // so that no pump starts
			c.collectLock <- struct{}{}
			c.subscription.Store(subscription)
			subscription.mu.Lock()
			subscription.closed = true
			subscription.mu.Unlock()
			c.mergeConfirmed()
			c.collectLock.release()
		}
	})
	defer close(ended)
	for range 10_000_000 {
		c.account.mu.Lock()
		c.addNoticeLocked(rookery.StatusNotice{Friend: 10001}, true)
		c.account.mu.Unlock()
	}
}

package service

import (
	"sync"
	"testing"
)

// TestAFeedMayEndWhileANoticeComes: who hears of a status looks at a feed that
// another goroutine lets go of, under another lock.
func TestAFeedMayEndWhileANoticeComes(t *testing.T) {
	c := &consumer{member: &activeAccount{uin: 10002}, turn: newTurn(1)}
	ended := make(chan struct{})
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			sub := &Subscription{box: c, running: true} // so that nothing is started
			c.turn <- struct{}{}
			c.feed.Store(sub)
			sub.mu.Lock()
			sub.closed = true
			sub.mu.Unlock()
			c.fold()
			c.turn.end()
		}
	})
	defer close(ended)
	for range 10_000_000 {
		c.member.mu.Lock()
		c.hear(Notice{Friend: 10001}, true)
		c.member.mu.Unlock()
	}
}

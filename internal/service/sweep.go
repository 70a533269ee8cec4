package service

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// sweepAccount ends the account's expired sessions. It then removes the account from memory if it is
// idle, or schedules the next sweep.
func (s *Service) sweepAccount(ctx context.Context, account *activeAccount) error {
	at, isIdle := s.uptime()+retryInterval, false // applies if this sweep fails or panics
	defer func() {
		if !isIdle {
			s.sweeps.schedule(account, at)
		}
	}()
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	if err := s.endExpiredSessions(ctx, account); err != nil {
		return err
	}
	if account.hasNoSessions() {
		if err := s.saveConsumers(ctx, account); err != nil {
			return err
		}
	}
	if at, isIdle = account.nextSweep(s.uptime()); isIdle {
		s.hub.remove(account)
	}
	return nil
}

// endExpiredSessions ends the account's expired sessions and closes their connections. Device sessions
// fall asleep instead. The caller holds account.changeLock.
func (s *Service) endExpiredSessions(ctx context.Context, account *activeAccount) error {
	endedSessions := account.expiredSessions(s.uptime())
	if len(endedSessions) == 0 {
		return nil
	}
	sinks := liveSinks(endedSessions)
	if err := s.storeExpiredSessions(ctx, endedSessions); err != nil {
		return err
	}
	s.removeEndedSessions(ctx, account, endedSessions)
	for _, sink := range sinks {
		s.closeSink(sink)
	}
	for _, session := range endedSessions {
		s.log.Info("session expired", "account", account.uin, "device", session.details.Device,
			"address", session.details.Address)
	}
	return nil
}

// storeExpiredSessions ends expired address sessions in the store and marks expired device sessions as
// asleep.
func (s *Service) storeExpiredSessions(ctx context.Context, sessions []*Session) error {
	var endedSessions, asleepSessions []*Session
	for _, session := range sessions {
		if session.details.Device == "" {
			endedSessions = append(endedSessions, session)
		} else {
			asleepSessions = append(asleepSessions, session)
		}
	}
	if len(endedSessions) > 0 {
		if err := s.store.EndSessions(ctx, sessionDetails(endedSessions)); err != nil {
			return err
		}
	}
	if len(asleepSessions) > 0 {
		return s.store.SetSessionsAsleep(ctx, sessionDetails(asleepSessions))
	}
	return nil
}

// liveSinks returns the connections with a live subscription of sessions.
func liveSinks(sessions []*Session) (sinks []PushSink) {
	for _, session := range sessions {
		if subscription := session.consumer.liveSubscription(); subscription != nil {
			sinks = append(sinks, subscription.sink)
		}
	}
	return sinks
}

// sweepQueue orders active accounts by the uptime of their next sweep. Each account is in it once. A
// request does not move its account; a sweep that comes too early schedules the next one.
type sweepQueue struct {
	mu    sync.Mutex // guards items
	items sweepHeap
}

type sweepItem struct {
	sweepAt time.Duration
	account *activeAccount
}

func (q *sweepQueue) schedule(account *activeAccount, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.items, sweepItem{at, account})
}

// removeDue removes and returns the accounts whose sweep is due.
func (q *sweepQueue) removeDue(now time.Duration) []*activeAccount {
	q.mu.Lock()
	defer q.mu.Unlock()
	var dueAccounts []*activeAccount
	for len(q.items) > 0 && q.items[0].sweepAt <= now {
		dueAccounts = append(dueAccounts, heap.Pop(&q.items).(sweepItem).account)
	}
	return dueAccounts
}

type sweepHeap []sweepItem

func (d sweepHeap) Len() int { return len(d) }

func (d sweepHeap) Less(i, j int) bool { return d[i].sweepAt < d[j].sweepAt }

func (d sweepHeap) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

func (d *sweepHeap) Push(item any) { *d = append(*d, item.(sweepItem)) }

func (d *sweepHeap) Pop() any {
	lastItem := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = sweepItem{}
	*d = (*d)[:len(*d)-1]
	return lastItem
}

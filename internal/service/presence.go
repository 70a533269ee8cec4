package service

import (
	"cmp"
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// SetStatus changes the status of the session's account. When it returns nil, the status is stored and
// visible.
func (s *Service) SetStatus(ctx context.Context, session *Session, status rookery.Status,
	requestKey rookery.RequestKey) error {
	account := session.account
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	if account.currentSession(session) == nil {
		return errNotSignedIn
	}
	receipt, err := s.store.SetStatus(ctx, account.uin, status, requestKey)
	if err != nil || receipt.Repeated {
		return err
	}
	oldStatus := account.announcedStatus()
	s.hub.ownStatusChanged(account, status)
	s.announceStatus(ctx, account, oldStatus)
	return nil
}

// announceStatus notifies the account's friends if its visible status differs from oldStatus. Only
// friends with a session get a notice; notices are not stored. The caller holds account.changeLock.
func (s *Service) announceStatus(ctx context.Context, account *activeAccount, oldStatus rookery.Status) {
	after := account.announcedStatus()
	if after == oldStatus {
		return
	}
	friends, err := s.friendsOf(ctx, account)
	if err != nil {
		s.log.Warn("cannot notify friends of a status change", "account", account.uin, "error", err)
		return
	}
	notice := rookery.StatusNotice{Friend: account.uin, Status: after}
	s.hub.statusChanged(friends, notice, after.Basic() != oldStatus.Basic())
}

// pendingNotice is a notice to be pushed or polled. A later notice about the same friend replaces it.
type pendingNotice struct {
	rookery.StatusNotice
	// changesBasicStatus means that the change matters to clients that know only the basic statuses.
	// Polls return only such notices; the others wait for a subscription.
	changesBasicStatus bool
}

// addNotice adds a notice for each session of the account.
func (a *activeAccount) addNotice(notice rookery.StatusNotice, changesBasicStatus bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, session := range a.sessions {
		session.consumer.addNoticeLocked(notice, changesBasicStatus)
	}
}

// addNoticeLocked adds a notice and wakes the subscription. c.account.mu must be held.
func (c *consumer) addNoticeLocked(notice rookery.StatusNotice, changesBasicStatus bool) {
	i := slices.IndexFunc(c.pendingNotices, func(pending pendingNotice) bool { return pending.Friend == notice.Friend })
	subscription := c.liveSubscription()
	switch {
	case i >= 0:
		c.pendingNotices[i] = pendingNotice{notice, changesBasicStatus || c.pendingNotices[i].changesBasicStatus}
	case changesBasicStatus || subscription != nil:
		c.pendingNotices = append(c.pendingNotices, pendingNotice{notice, changesBasicStatus})
	}
	if subscription != nil {
		subscription.wake()
	}
}

// pollableNotices returns the notices for a poll, by friend and with basic statuses.
func (c *consumer) pollableNotices() []rookery.StatusNotice {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	var notices []rookery.StatusNotice
	for _, pending := range c.pendingNotices {
		if pending.changesBasicStatus {
			notices = append(notices, rookery.StatusNotice{Friend: pending.Friend, Status: pending.Status.Basic()})
		}
	}
	slices.SortFunc(notices, func(a, b rookery.StatusNotice) int { return cmp.Compare(a.Friend, b.Friend) })
	return notices
}

// removeCollectedNotices removes the notices that a poll has returned, unless newer ones have replaced
// them.
func (c *consumer) removeCollectedNotices(notices []rookery.StatusNotice) {
	if len(notices) == 0 {
		return
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	c.pendingNotices = slices.DeleteFunc(c.pendingNotices, func(pending pendingNotice) bool {
		return slices.Contains(notices, rookery.StatusNotice{Friend: pending.Friend, Status: pending.Status.Basic()})
	})
	c.freeEmptyNoticesLocked()
}

// popNotice removes and returns the oldest notice.
func (c *consumer) popNotice() (rookery.StatusNotice, bool) {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	if len(c.pendingNotices) == 0 {
		return rookery.StatusNotice{}, false
	}
	notice := c.pendingNotices[0].StatusNotice
	c.pendingNotices = slices.Delete(c.pendingNotices, 0, 1)
	c.freeEmptyNoticesLocked()
	return notice, true
}

func (c *consumer) hasNotices() bool {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	return len(c.pendingNotices) > 0
}

// freeEmptyNoticesLocked frees the memory of an empty list. Most consumers have no notices.
// c.account.mu must be held.
func (c *consumer) freeEmptyNoticesLocked() {
	if len(c.pendingNotices) == 0 {
		c.pendingNotices = nil
	}
}

// removeNotices drops the pending notices about a friend.
func (a *activeAccount) removeNotices(friend rookery.UIN) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, consumer := range a.consumers {
		consumer.pendingNotices = slices.DeleteFunc(consumer.pendingNotices,
			func(pending pendingNotice) bool { return pending.Friend == friend })
		consumer.freeEmptyNoticesLocked()
	}
}

func (a *activeAccount) setStatus(status rookery.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
}

// signInStatus returns the status of a sign-in that names none.
func (a *activeAccount) signInStatus() rookery.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) == 0 {
		return rookery.StatusOnline
	}
	return a.status
}

func (a *activeAccount) isRemoved() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.removed
}

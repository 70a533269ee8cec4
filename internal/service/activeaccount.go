package service

import (
	"crypto/subtle"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// lingerTime is how long an activeAccount outlives its last session. A client that logs in again within
// this time finds its consumers, and with them its recent requests, in memory.
const lingerTime = longSEQWindow

// activeAccount is the in-memory state of an account with at least one session. It outlives the last
// session by lingerTime.
//
// Lock order: changeLock, then a consumer's collectLock, then mu, then a subscription's mu. The store
// is never called with a mutex held.
type activeAccount struct {
	uin rookery.UIN

	// changeLock serializes sign-ins, sign-outs and status changes of the account. It is held from the
	// store's transaction until friends are notified, so that they receive status notices in order.
	changeLock semaphore
	// searchLock allows the account one search at a time, for a text or for people.
	searchLock semaphore

	// newestEntry is the highest entry number of the mailbox that this process knows of.
	newestEntry atomic.Uint64

	mu sync.Mutex // guards the fields below
	// removed means that this value is no longer in activeAccounts, and a caller must look it up again.
	removed  bool
	status   rookery.Status
	sessions []*Session
	// consumers includes the consumers of sessions that have ended.
	consumers []*consumer
	// lastSessionEnd is the uptime at which the account's last session ended.
	lastSessionEnd time.Duration

	friends    cachedValue[[]rookery.UIN]
	blockedBy  cachedValue[[]rookery.UIN] // the accounts that block this one
	hasDevices cachedValue[bool]
	// sendLimiter limits how much the account sends. It is nil until the account sends something.
	sendLimiter *rate.Limiter
}

func newActiveAccount(uin rookery.UIN, now time.Duration) *activeAccount {
	return &activeAccount{uin: uin, lastSessionEnd: now, changeLock: newSemaphore(1), searchLock: newSemaphore(1)}
}

// sessionOnDevice returns the session of a device, or the address session if deviceName is empty. It
// returns nil if there is none.
func (a *activeAccount) sessionOnDevice(deviceName string) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessionOnDeviceLocked(deviceName)
}

func (a *activeAccount) sessionOnDeviceLocked(deviceName string) *Session {
	for _, session := range a.sessions {
		if session.details.Device == deviceName {
			return session
		}
	}
	return nil
}

// sessionOfCaller returns the session that a request belongs to, or nil. A request with a token belongs
// to the session of that token, any other one to the session of its address.
func (a *activeAccount) sessionOfCaller(caller Caller) *Session {
	if caller.Token == "" {
		if session := a.sessionOnDevice(""); session != nil && session.details.Address == caller.Address {
			return session
		}
		return nil
	}
	hash := caller.Token.Hash()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, session := range a.sessions {
		if session.details.Device != "" && subtle.ConstantTimeCompare(hash[:], session.details.Token[:]) == 1 {
			return session
		}
	}
	return nil
}

// addSession adds a session, replaces the earlier session of the same device, and gives its status to
// the account. If the new session is not a renewal, the subscription of the replaced one is stopped.
func (a *activeAccount) addSession(session *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	session.consumer = a.getOrAddConsumerLocked(session.details.Device)
	// The client may have confirmed by number after the session was stored.
	session.consumer.confirmsByNumber = session.details.ConfirmsByNumber || session.consumer.confirmsByNumber &&
		a.renewedSessionLocked(session.details) != nil
	if oldSession := a.sessionOnDeviceLocked(session.details.Device); oldSession != nil {
		if !oldSession.isSameOrRenewal(session) {
			oldSession.consumer.stopSubscription()
		}
		a.sessions = slices.DeleteFunc(a.sessions, func(session *Session) bool { return session == oldSession })
	}
	a.sessions = append(a.sessions, session)
	a.status = session.details.Status // under the same lock, so that nobody sees the session with the old status
}

// renewedSessionLocked returns the session whose encoding and way of confirming a sign-in inherits:
// the earlier one of the device, or the address session if the address is the same. It returns nil
// if there is none. a.mu must be held.
func (a *activeAccount) renewedSessionLocked(details rookery.Session) *Session {
	oldSession := a.sessionOnDeviceLocked(details.Device)
	if oldSession != nil && (details.Device != "" || oldSession.details.Address == details.Address) {
		return oldSession
	}
	return nil
}

// getOrAddConsumerLocked returns the consumer of a device and creates it if necessary. a.mu must be
// held.
func (a *activeAccount) getOrAddConsumerLocked(deviceName string) *consumer {
	for _, consumer := range a.consumers {
		if consumer.device == deviceName {
			return consumer
		}
	}
	c := &consumer{account: a, device: deviceName, collectLock: newSemaphore(1)}
	a.consumers = append(a.consumers, c)
	return c
}

// filterConsumers returns the consumers for which wanted returns true.
func (a *activeAccount) filterConsumers(wanted func(*consumer) bool) (consumers []*consumer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, consumer := range a.consumers {
		if wanted(consumer) {
			consumers = append(consumers, consumer)
		}
	}
	return consumers
}

func anyConsumer(*consumer) bool { return true }

// hasConsumer reports whether the consumer of a device is in memory.
func (a *activeAccount) hasConsumer(deviceName string) bool {
	return len(a.filterConsumers(func(c *consumer) bool { return c.device == deviceName })) > 0
}

// removeConsumers removes consumers for good: their state is not stored any more. The caller holds the
// collectLock of each.
func (a *activeAccount) removeConsumers(consumers []*consumer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, consumer := range consumers {
		consumer.isRemoved = true
	}
	a.consumers = slices.DeleteFunc(a.consumers, func(c *consumer) bool { return slices.Contains(consumers, c) })
}

// removeSessions removes sessions and stops their subscriptions.
func (a *activeAccount) removeSessions(endedSessions []*Session, now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, session := range endedSessions {
		session.consumer.stopSubscription()
		session.consumer.pendingNotices = nil
	}
	a.sessions = slices.DeleteFunc(a.sessions,
		func(session *Session) bool { return slices.Contains(endedSessions, session) })
	if len(a.sessions) == 0 {
		a.sessions, a.lastSessionEnd = nil, now
	}
}

// expiredSessions returns the sessions that have sent no request for SessionTimeout.
func (a *activeAccount) expiredSessions(now time.Duration) []*Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	var endedSessions []*Session
	for _, session := range a.sessions {
		if !session.isAlive(now) {
			endedSessions = append(endedSessions, session)
		}
	}
	return endedSessions
}

// currentSession returns session, or the renewal that has replaced it. It returns nil if the session
// has ended, which may happen while a request waits for a lock.
func (a *activeAccount) currentSession(session *Session) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.currentSessionLocked(session)
}

func (a *activeAccount) currentSessionLocked(session *Session) *Session {
	current := a.sessionOnDeviceLocked(session.details.Device)
	if current != nil && current.isSameOrRenewal(session) {
		return current
	}
	return nil
}

// allSessions returns a copy of the list of sessions.
func (a *activeAccount) allSessions() []*Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.sessions)
}

// announcedStatus is the status that friends were last notified of. An expired session counts until
// endExpiredSessions has removed it.
func (a *activeAccount) announcedStatus() rookery.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) == 0 {
		return rookery.StatusOffline
	}
	return a.status.Visible()
}

// visibleStatus is the status that others see at uptime now. An expired session does not count, whether
// or not it was removed.
func (a *activeAccount) visibleStatus(now time.Duration) rookery.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, session := range a.sessions {
		if session.isAlive(now) {
			return a.status.Visible()
		}
	}
	return rookery.StatusOffline
}

// noteNewEntry raises newestEntry and wakes the subscriptions of the account.
func (a *activeAccount) noteNewEntry(entryNumber uint64) {
	for {
		known := a.newestEntry.Load()
		if entryNumber <= known {
			return
		}
		if a.newestEntry.CompareAndSwap(known, entryNumber) {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, consumer := range a.consumers {
		if subscription := consumer.subscription.Load(); subscription != nil {
			subscription.wake()
		}
	}
}

// hasNoSessions reports whether the account has no session left.
func (a *activeAccount) hasNoSessions() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions) == 0
}

// markRemoved makes callers that still have this value look the account up again.
func (a *activeAccount) markRemoved() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.removed = true
}

// nextSweep returns the uptime at which the account has to be looked at again. If the account has had
// no session for lingerTime, nextSweep marks it as removed and returns true.
func (a *activeAccount) nextSweep(now time.Duration) (at time.Duration, isIdle bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) == 0 {
		at = a.lastSessionEnd + lingerTime
		a.removed = at <= now
		return at, a.removed
	}
	at = now + SessionTimeout
	for _, session := range a.sessions {
		at = min(at, time.Duration(session.lastRequest.Load())+SessionTimeout)
	}
	return at, false
}

package service

import (
	"crypto/subtle"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// lingerTime is how long a member is kept after its last session ended, so that
// what it knows of recent requests outlives a new login.
const lingerTime = longSEQWindow

// activeAccount is an account that is signed in, or was a moment ago.
type activeAccount struct {
	uin rookery.UIN

	// semaphore is held by whoever signs the account in or out or changes its
	// status, from the store to the last notice: one at a time.
	changeLock semaphore
	// searchLock is held by the one request of the account that searches, for a
	// text or for people.
	searchLock semaphore

	// newestEntry is the number of the newest entry in the mailbox that the member
	// was told of.
	newestEntry atomic.Uint64

	mu sync.Mutex // guards all below; no call leaves the process under it
	// gone: no longer among the members, and so not to be used.
	removed  bool
	status   rookery.Status
	sessions []*Session
	// consumers are those of the sessions, and of sessions that have ended.
	consumers []*consumer
	// lastSessionEnd is the uptime at which the last session ended.
	lastSessionEnd time.Duration

	friends    cachedValue[[]rookery.UIN]
	blockedBy  cachedValue[[]rookery.UIN] // those who block the account
	hasDevices cachedValue[bool]
	// sendLimiter limits what the account puts into mailboxes, nil until it has sent
	// something.
	sendLimiter *rate.Limiter
}

func newActiveAccount(uin rookery.UIN, now time.Duration) *activeAccount {
	return &activeAccount{uin: uin, lastSessionEnd: now, changeLock: newSemaphore(1), searchLock: newSemaphore(1)}
}

// Session is one live session of a member. It does not change: a renewal makes
// another.
type Session struct {
	account *activeAccount
	details rookery.Session
	// consumer is what the session reads its mailbox with.
	consumer *consumer
	// lastRequest is the uptime of the latest request.
	lastRequest atomic.Int64
	encoding    atomic.Uint32
}

func newSession(account *activeAccount, details rookery.Session, now time.Duration) *Session {
	session := &Session{account: account, details: details}
	session.lastRequest.Store(int64(now))
	session.encoding.Store(uint32(details.Encoding))
	return session
}

// Account is the account that the session belongs to.
func (se *Session) Account() rookery.UIN { return se.details.Account }

func (se *Session) isAlive(now time.Duration) bool {
	return now-time.Duration(se.lastRequest.Load()) < SessionTimeout
}

// touch notes that the session was heard of. It reports false for one that has
// run out.
func (se *Session) touch(now time.Duration) bool {
	if !se.isAlive(now) {
		return false
	}
	se.lastRequest.Store(int64(now))
	return true
}

// isSameOrRenewal reports whether a sign-in is this one, or takes its place without
// anybody noticing: an address session is known by its address, a device
// session by its token.
func (se *Session) isSameOrRenewal(other *Session) bool {
	if se.details.Device != other.details.Device {
		return false
	}
	if se.details.Device == "" {
		return se.details.Address == other.details.Address
	}
	return se.details.ID == other.details.ID
}

// sessionOnDevice returns the session of a device, nil if there is none.
func (m *activeAccount) sessionOnDevice(deviceName string) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessionOnDeviceLocked(deviceName)
}

func (m *activeAccount) sessionOnDeviceLocked(deviceName string) *Session {
	for _, session := range m.sessions {
		if session.details.Device == deviceName {
			return session
		}
	}
	return nil
}

// sessionOfCaller returns the session that a request belongs to, nil if there is
// none: the one that the token proves, else the address's.
func (m *activeAccount) sessionOfCaller(caller Caller) *Session {
	if caller.Token == "" {
		if session := m.sessionOnDevice(""); session != nil && session.details.Address == caller.Address {
			return session
		}
		return nil
	}
	hash := caller.Token.Hash()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		if session.details.Device != "" && subtle.ConstantTimeCompare(hash[:], session.details.Token[:]) == 1 {
			return session
		}
	}
	return nil
}

// addSession makes se the session of its device, and its status the account's. The
// feed of a session that it displaces is stopped.
func (m *activeAccount) addSession(session *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	session.consumer = m.getOrAddConsumerLocked(session.details.Device)
	// A confirmation may have come since the session was stored.
	session.consumer.confirmsByNumber = session.details.ConfirmsByNumber || session.consumer.confirmsByNumber && m.renewedSessionLocked(session.details) != nil
	if oldSession := m.sessionOnDeviceLocked(session.details.Device); oldSession != nil {
		if !oldSession.isSameOrRenewal(session) {
			oldSession.consumer.stopSubscription()
		}
		m.sessions = slices.DeleteFunc(m.sessions, func(session *Session) bool { return session == oldSession })
	}
	m.sessions = append(m.sessions, session)
	m.status = session.details.Status // at once: nobody may see the session with another
}

// renewedSessionLocked returns the session that a new one is a renewal of, nil if it is none.
// mu is held.
func (m *activeAccount) renewedSessionLocked(details rookery.Session) *Session {
	oldSession := m.sessionOnDeviceLocked(details.Device)
	if oldSession != nil && (details.Device != "" || oldSession.details.Address == details.Address) {
		return oldSession
	}
	return nil
}

// getOrAddConsumerLocked finds the collector of a device, or makes it.
func (m *activeAccount) getOrAddConsumerLocked(deviceName string) *consumer {
	for _, consumer := range m.consumers {
		if consumer.device == deviceName {
			return consumer
		}
	}
	c := &consumer{account: m, device: deviceName, collectLock: newSemaphore(1)}
	m.consumers = append(m.consumers, c)
	return c
}

// filterConsumers lists the collectors that are wanted.
func (m *activeAccount) filterConsumers(wanted func(*consumer) bool) (consumers []*consumer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range m.consumers {
		if wanted(consumer) {
			consumers = append(consumers, consumer)
		}
	}
	return consumers
}

func anyConsumer(*consumer) bool { return true }

// removeConsumers takes collectors away whose turn is held, and of which nothing is to be
// stored any more.
func (m *activeAccount) removeConsumers(consumers []*consumer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range consumers {
		consumer.isRemoved = true
	}
	m.consumers = slices.DeleteFunc(m.consumers, func(c *consumer) bool { return slices.Contains(consumers, c) })
}

// removeSessions takes sessions away. Their feeds are stopped.
func (m *activeAccount) removeSessions(endedSessions []*Session, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range endedSessions {
		session.consumer.stopSubscription()
		session.consumer.pendingNotices = nil
	}
	m.sessions = slices.DeleteFunc(m.sessions, func(session *Session) bool { return slices.Contains(endedSessions, session) })
	if len(m.sessions) == 0 {
		m.sessions, m.lastSessionEnd = nil, now
	}
}

// expiredSessions lists the sessions that were not heard of for SessionTimeout.
func (m *activeAccount) expiredSessions(now time.Duration) []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	var endedSessions []*Session
	for _, session := range m.sessions {
		if !session.isAlive(now) {
			endedSessions = append(endedSessions, session)
		}
	}
	return endedSessions
}

// currentSession returns the session, or a renewal of it, if it is still the one of
// its device; else nil. A request may have waited while it ended.
func (m *activeAccount) currentSession(session *Session) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.currentSessionLocked(session)
}

func (m *activeAccount) currentSessionLocked(session *Session) *Session {
	if now := m.sessionOnDeviceLocked(session.details.Device); now != nil && now.isSameOrRenewal(session) {
		return now
	}
	return nil
}

// allSessions lists the sessions.
func (m *activeAccount) allSessions() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sessions)
}

// announcedStatus is what friends were told last: the end of a session counts once it
// was dealt with.
func (m *activeAccount) announcedStatus() rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return rookery.StatusOffline
	}
	return m.status.Visible()
}

// visibleStatus is what others see when they look now: a session that has run out
// counts no more, dealt with or not.
func (m *activeAccount) visibleStatus(now time.Duration) rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		if session.isAlive(now) {
			return m.status.Visible()
		}
	}
	return rookery.StatusOffline
}

// noteNewEntry tells the member of an entry in its mailbox.
func (m *activeAccount) noteNewEntry(entryNumber uint64) {
	for {
		known := m.newestEntry.Load()
		if entryNumber <= known {
			return
		}
		if m.newestEntry.CompareAndSwap(known, entryNumber) {
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range m.consumers {
		if subscription := consumer.subscription.Load(); subscription != nil {
			subscription.wake()
		}
	}
}

// hasNoSessions reports whether no session is left.
func (m *activeAccount) hasNoSessions() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions) == 0
}

// markRemoved makes a member one that is not to be used any more.
func (m *activeAccount) markRemoved() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removed = true
}

// nextSweep is when something of the member becomes due; gone is true if that was
// now, and nothing was left to keep the member for.
func (m *activeAccount) nextSweep(now time.Duration) (at time.Duration, isIdle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		at = m.lastSessionEnd + lingerTime
		m.removed = at <= now
		return at, m.removed
	}
	at = now + SessionTimeout
	for _, session := range m.sessions {
		at = min(at, time.Duration(session.lastRequest.Load())+SessionTimeout)
	}
	return at, false
}

// activeAccounts finds members by account number.
type activeAccounts struct{ shards [64]accountShard }

type accountShard struct {
	mu       sync.RWMutex // guards m
	accounts map[rookery.UIN]*activeAccount
}

func newActiveAccounts() *activeAccounts {
	accounts := new(activeAccounts)
	for i := range accounts.shards {
		accounts.shards[i].accounts = make(map[rookery.UIN]*activeAccount)
	}
	return accounts
}

func (ms *activeAccounts) shardOf(uin rookery.UIN) *accountShard {
	return &ms.shards[uin%rookery.UIN(len(ms.shards))]
}

// get returns nil for an account that is no member.
func (ms *activeAccounts) get(uin rookery.UIN) *activeAccount {
	shard := ms.shardOf(uin)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.accounts[uin]
}

// getOrAdd reports whether it had to make the member.
func (ms *activeAccounts) getOrAdd(uin rookery.UIN, now time.Duration) (account *activeAccount, added bool) {
	shard := ms.shardOf(uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	account = shard.accounts[uin]
	if account == nil {
		account, added = newActiveAccount(uin, now), true
		shard.accounts[uin] = account
	}
	return account, added
}

// remove takes a member away, and leaves another of its number alone.
func (ms *activeAccounts) remove(account *activeAccount) {
	shard := ms.shardOf(account.uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.accounts[account.uin] == account {
		delete(shard.accounts, account.uin)
	}
}

// forEach calls f with every member, in no order.
func (ms *activeAccounts) forEach(visit func(*activeAccount)) {
	for i := range ms.shards {
		shard := &ms.shards[i]
		shard.mu.RLock()
		accounts := slices.Collect(maps.Values(shard.accounts))
		shard.mu.RUnlock()
		for _, account := range accounts {
			visit(account)
		}
	}
}

// listOnline lists the accounts above after that look online now, by number.
func (ms *activeAccounts) listOnline(after rookery.UIN, now time.Duration) []rookery.UIN {
	var found []rookery.UIN
	ms.forEach(func(account *activeAccount) {
		if account.uin > after && account.visibleStatus(now) != rookery.StatusOffline {
			found = append(found, account.uin)
		}
	})
	slices.Sort(found)
	return found
}

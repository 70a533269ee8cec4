package service

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// BatchLimit limits the size of a batch.
type BatchLimit struct {
	// MaxEvents is the highest number of events.
	MaxEvents int
	// MaxBytes is the highest size of the answer. EventSize returns how much an event adds to the answer
	// if it is the nth of the batch, counted from 1. The first event is handed out even if it exceeds
	// MaxBytes.
	MaxBytes  int
	EventSize func(nth int, event rookery.Event) int
}

// consumer is one reader of a mailbox: the account's address sessions together, or one device. A
// consumer receives each entry once, and the latest batch again if it repeats the request that fetched
// it.
type consumer struct {
	account *activeAccount
	// device is the name of the device, empty for the address sessions.
	device string

	collectLock semaphore // held during a collection; guards the fields up to storedCursor
	isLoaded    bool
	// isDirty means that consumerState has changed since it was stored.
	isDirty bool
	// isRemoved means that the device or the account was deleted, so that nothing may be stored.
	isRemoved bool
	consumerState
	// storedCursor is the cursor's number in the store.
	storedCursor uint64

	// subscription is the connection to which entries are pushed, or nil. It is set with collectLock
	// held and loaded without a lock. Load it once and use that value, because a second load may return
	// another one or nil; see liveSubscription.
	subscription atomic.Pointer[Subscription]
	// saveScheduled means that a background task will store consumerState.
	saveScheduled atomic.Bool
	// confirmsByNumber means that the session has confirmed a push by its number. account.mu guards it.
	confirmsByNumber bool
	// pendingNotices are the notices that were not handed out yet, oldest first, at most one for each
	// friend. account.mu guards it.
	pendingNotices []pendingNotice
}

// ignores reports whether the consumer does not receive an entry. A device does not receive copies of
// the messages that it sent itself, and address sessions receive no such copies at all.
func (c *consumer) ignores(entry *rookery.Entry) bool {
	return entry.Kind == rookery.KindSent && (c.device == "" || c.device == entry.OriginDevice)
}

// consumerState is the persistent state of a consumer. It is stored with each batch that has items,
// shortly after a confirmation, when the activeAccount is removed from memory, and when the service
// ends. Empty collections change it in memory only, so that a poll without a result writes nothing; a
// crash loses these changes.
type consumerState struct {
	cursor uint64 // number of the last entry handed out
	// lastBatch stays until another request shows that the client has received it.
	lastBatch *handedBatch
	// recentRequests are the latest requests, oldest first.
	recentRequests []pastRequest
}

// handedBatch is a batch that the client may ask for again.
type handedBatch struct {
	key         seqKey
	collectedAt time.Duration
	after       uint64 // the batch has the entries above after, up to upTo
	upTo        uint64
	notices     []rookery.StatusNotice
}

type pastRequest struct {
	key        seqKey
	receivedAt time.Duration
}

const maxRecentRequests = 16

// seqVerdict tells how to answer a request, as decided by its SEQ.
type seqVerdict int

const (
	newRequest      seqVerdict = iota
	repeatedRequest            // the client repeats the request that fetched the latest batch
	delayedRequest             // a copy of an earlier request that the network delivers late
)

func (s *consumerState) classifyRequest(key seqKey, now time.Duration) seqVerdict {
	if key == (seqKey{}) {
		return newRequest
	}
	if s.lastBatch != nil && s.lastBatch.key == key {
		if key.isShort && now-s.lastBatch.collectedAt >= shortSEQWindow {
			return newRequest
		}
		return repeatedRequest
	}
	for i, request := range s.recentRequests {
		latest := i == len(s.recentRequests)-1
		if request.key == key && !latest && now-request.receivedAt < key.repeatWindow() {
			return delayedRequest
		}
	}
	return newRequest
}

// Collect hands out a batch: entries, oldest first, and then status notices. The SEQ decides whether
// the client gets new ones, the latest batch again, or nothing (section 2.1 of the protocol). A new
// batch is stored as handed out before Collect returns. An empty result writes nothing to the store.
//
// While the session has a live subscription, new entries are pushed instead. Collect then hands out
// only entries whose arrival is still uncertain after maxEntryRepeats repeated pushes.
func (s *Service) Collect(
	ctx context.Context, session *Session, seq string, batchLimit BatchLimit,
) ([]rookery.Event, error) {
	account, key, consumer := session.account, session.newSEQKey(seq), session.consumer
	if err := consumer.collectLock.acquire(ctx); err != nil {
		return nil, err
	}
	defer consumer.collectLock.release()
	if account.currentSession(session) == nil {
		return nil, errNotSignedIn
	}
	for {
		if err := s.loadConsumer(ctx, consumer); err != nil {
			return nil, err
		}
		consumer.mergeConfirmed()
		now := s.uptime()
		switch consumer.classifyRequest(key, now) {
		case delayedRequest:
			return nil, nil
		case repeatedRequest:
			return s.repeatLastBatch(ctx, consumer)
		}
		batch, err := s.collectNewBatch(ctx, consumer, pastRequest{key, now}, batchLimit)
		if rookery.CodeOf(err) != rookery.CodeConflict {
			return batch, err
		}
		if err := s.reloadConsumer(ctx, consumer); err != nil {
			return nil, err
		}
	}
}

// loadConsumer reads the consumer's state from the store, unless it is loaded already. The caller holds
// c.collectLock.
func (s *Service) loadConsumer(ctx context.Context, c *consumer) error {
	if c.isLoaded {
		return nil
	}
	newestNumber, cursor, err := s.store.MailboxState(ctx, c.account.uin, c.device)
	if err != nil {
		return err
	}
	state, err := decodeConsumerState(cursor)
	if err != nil {
		return rookery.Temporary(err)
	}
	c.account.noteNewEntry(newestNumber)
	c.consumerState, c.storedCursor, c.isLoaded = state, cursor.Number, true
	return nil
}

// reloadConsumer reads the consumer's state after another writer has moved the cursor. What the client
// has confirmed beyond it still counts. The caller holds c.collectLock.
func (s *Service) reloadConsumer(ctx context.Context, c *consumer) error {
	confirmed := c.cursor
	c.isLoaded = false
	if err := s.loadConsumer(ctx, c); err != nil {
		return err
	}
	c.isDirty = confirmed > c.cursor
	c.cursor = max(c.cursor, confirmed)
	return nil
}

// repeatLastBatch hands out the latest batch again.
func (s *Service) repeatLastBatch(ctx context.Context, c *consumer) (batch []rookery.Event, err error) {
	for entry, err := range s.iterateEntries(ctx, c.account.uin, c.lastBatch.after, c.lastBatch.upTo, entriesPerPage) {
		if err != nil {
			return nil, err
		}
		if !c.ignores(entry) {
			batch = append(batch, entry)
		}
	}
	for _, notice := range c.lastBatch.notices {
		batch = append(batch, notice)
	}
	return batch, nil
}

// collectNewBatch hands out new entries and notices. The request shows that the client has received the
// previous batch, even if the new one is empty.
func (s *Service) collectNewBatch(ctx context.Context, c *consumer, request pastRequest,
	batchLimit BatchLimit) (batch []rookery.Event, err error) {
	cursor := c.cursor
	subscription := c.liveSubscription()
	if subscription == nil {
		batch, cursor, err = s.fillBatch(ctx, c, c.account.newestEntry.Load(), c.pollableNotices(), batchLimit)
	} else if upTo := subscription.pollableUpTo(); upTo > cursor {
		if batch, cursor, err = s.fillBatch(ctx, c, upTo, nil, batchLimit); len(batch) == 0 {
			cursor = upTo // retention has deleted the entries
		}
	}
	if err != nil {
		return nil, err
	}
	if subscription != nil {
		defer func() { subscription.confirmCollected(c.cursor) }()
	}
	newState := consumerState{cursor: cursor, recentRequests: appendRecentRequest(c.recentRequests, request)}
	if len(batch) == 0 {
		c.consumerState, c.isDirty = newState, true
		return batch, nil
	}
	if request.key != (seqKey{}) {
		newState.lastBatch = &handedBatch{key: request.key, collectedAt: request.receivedAt, after: cursor,
			upTo: cursor, notices: noticesOf(batch)}
		if entry, ok := batch[0].(*rookery.Entry); ok {
			newState.lastBatch.after = entry.Number - 1
		}
	}
	if err := s.saveState(ctx, c, newState, request.receivedAt); err != nil {
		return nil, err
	}
	c.removeCollectedNotices(noticesOf(batch))
	return batch, nil
}

// saveState stores a new state of the consumer. If another writer has moved the cursor, it returns
// CodeConflict, and the caller calls reloadConsumer. The caller holds c.collectLock.
func (s *Service) saveState(ctx context.Context, c *consumer, state consumerState, now time.Duration) error {
	err := s.store.SaveCursor(ctx, c.account.uin, c.device, c.storedCursor, state.encode(now))
	if err != nil {
		return err
	}
	s.noteTimedWrite()
	c.consumerState, c.storedCursor, c.isDirty = state, state.cursor, false
	return nil
}

// noticesOf returns the status notices of a batch.
func noticesOf(batch []rookery.Event) (notices []rookery.StatusNotice) {
	for _, event := range batch {
		if notice, ok := event.(rookery.StatusNotice); ok {
			notices = append(notices, notice)
		}
	}
	return notices
}

// saveConsumers stores the changed states of the account's consumers.
func (s *Service) saveConsumers(ctx context.Context, account *activeAccount) error {
	var errs []error
	for _, consumer := range account.filterConsumers(anyConsumer) {
		errs = append(errs, s.saveConsumer(ctx, consumer))
	}
	return errors.Join(errs...)
}

// saveConsumer stores the state of a consumer if it has changed.
func (s *Service) saveConsumer(ctx context.Context, c *consumer) error {
	if err := c.collectLock.acquire(ctx); err != nil {
		c.saveScheduled.Store(false)
		return err
	}
	defer c.collectLock.release()
	c.saveScheduled.Store(false) // a later change schedules another save
	c.mergeConfirmed()
	for c.isDirty && !c.isRemoved {
		err := s.saveState(ctx, c, c.consumerState, s.uptime())
		if rookery.CodeOf(err) != rookery.CodeConflict {
			return err
		}
		if err := s.reloadConsumer(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// saveInterval is how long a confirmation waits to be stored together with others.
const saveInterval = 100 * time.Millisecond

// scheduleSave stores the consumer's state at the next multiple of saveInterval. All consumers use the
// same moments, so that they share a commit of the store.
func (s *Service) scheduleSave(c *consumer) {
	if !c.saveScheduled.Swap(true) {
		s.background.startAfter(saveInterval-s.uptime()%saveInterval, saveTask, func(ctx context.Context) {
			s.saveInBackground(ctx, c)
		})
	}
}

const saveTask = "store what a client has confirmed"

// saveInBackground stores the consumer's state and only logs a failure: the next change stores it
// again.
func (s *Service) saveInBackground(ctx context.Context, c *consumer) {
	if err := s.saveConsumer(context.WithoutCancel(ctx), c); err != nil {
		s.log.Debug("cannot "+saveTask, "account", c.account.uin, "error", err)
	}
}

// saveAllConsumers stores the changed states of all active accounts.
func (s *Service) saveAllConsumers(ctx context.Context) {
	var accounts []*activeAccount
	s.hub.forEach(func(account *activeAccount) { accounts = append(accounts, account) })
	s.forEachAccount(accounts, "store the cursors of clients",
		func(account *activeAccount) error { return s.saveConsumers(ctx, account) })
}

// appendRecentRequest adds a request to the list. A request with an empty SEQ is never recognized
// again, but it makes the one before it no longer the latest. The result never overwrites elements of
// recent, which an earlier consumerState may still use.
func appendRecentRequest(recent []pastRequest, request pastRequest) []pastRequest {
	if n := len(recent); n > 0 && recent[n-1].key == request.key {
		recent = recent[: n-1 : n-1] // the same request again, after an empty answer
	}
	if len(recent) >= maxRecentRequests {
		recent = recent[len(recent)-maxRecentRequests+1:]
	}
	return append(recent, request)
}

// fillBatch collects entries up to the number upTo, and notices after the last entry, as far as they
// fit the limit. It returns the batch and the cursor after it.
func (s *Service) fillBatch(ctx context.Context, c *consumer, upTo uint64, notices []rookery.StatusNotice,
	batchLimit BatchLimit) (batch []rookery.Event, cursor uint64, err error) {
	byteCount := 0
	addIfFits := func(event rookery.Event) bool {
		size := batchLimit.EventSize(len(batch)+1, event)
		if len(batch) == batchLimit.MaxEvents || len(batch) > 0 && byteCount+size > batchLimit.MaxBytes {
			return false
		}
		batch, byteCount = append(batch, event), byteCount+size
		return true
	}
	cursor = c.cursor
	for entry, err := range s.iterateEntries(ctx, c.account.uin, cursor, upTo, batchLimit.MaxEvents) {
		if err != nil {
			return nil, 0, err
		}
		if !c.ignores(entry) && !addIfFits(entry) {
			return batch, cursor, nil
		}
		cursor = entry.Number
		if len(batch) == batchLimit.MaxEvents {
			return batch, cursor, nil
		}
	}
	for _, notice := range notices {
		if !addIfFits(notice) {
			break
		}
	}
	return batch, cursor, nil
}

// entriesPerPage is how many entries are read from the store at once if the needed number is unknown.
const entriesPerPage = 50

// iterateEntries yields the mailbox's entries above after, up to upTo, in order. It reads pageSize
// entries at a time. If the store fails, it yields the error and stops.
func (s *Service) iterateEntries(ctx context.Context, uin rookery.UIN, after, upTo uint64,
	pageSize int) iter.Seq2[*rookery.Entry, error] {
	return func(yield func(*rookery.Entry, error) bool) {
		for after < upTo {
			page, err := s.store.Entries(ctx, uin, after, upTo, pageSize)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page {
				if !yield(&page[i], nil) {
					return
				}
				after = page[i].Number
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

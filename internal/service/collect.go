package service

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// BatchLimit is what a batch may come to.
type BatchLimit struct {
	// MaxItems is how many entries and notices at most.
	MaxItems int
	// MaxBytes is how long the answer may get; Size is what the nth of a batch
	// adds to it, counted from 1; a notice is an entry of KindStatus with the
	// number 0 and the status as text. The first is always handed out.
	MaxBytes int
	ItemSize func(nth int, entry rookery.Entry) int
}

// Batch is what one collection hands out: entries of the mailbox, oldest first,
// and then notices.
type Batch struct {
	Entries []rookery.Entry
	Notices []Notice
}

func (b *Batch) isEmpty() bool { return len(b.Entries) == 0 && len(b.Notices) == 0 }

// consumer is one reader of a mailbox: the address sessions of an account
// together, or one device. It hands each entry out once, and the latest batch
// again to who repeats the request that got it.
type consumer struct {
	account *activeAccount
	// device is the device's name, empty for the address sessions.
	device string

	collectLock semaphore // of one collection at a time; guards all up to memory
	isLoaded    bool
	// dirty: the memory has changed since it was stored.
	isDirty bool
	// gone: the device or the account is no more, and nothing is stored of it.
	isRemoved bool
	consumerState

	// subscription is the connection that entries are pushed to, nil if there is none.
	// It is set with the turn held, and read without: by the time of a second look
	// there may be another, or none. So look once, see liveFeed.
	subscription atomic.Pointer[Subscription]
	// saving: somebody is about to store the memory.
	saveScheduled atomic.Bool
	// byNumber: the device's session has confirmed a push by its number. The
	// activeAccount's mu guards it.
	confirmsByNumber bool
	// pendingNotice are the notices that wait, in the order in which they came. The
	// activeAccount's mu guards them.
	pendingNotices []pendingNotice
}

// ignores reports whether an entry does not concern the collector: whoever said a
// word is not told it, and addresses hear of no word of the account's own.
func (c *consumer) ignores(entry *rookery.Entry) bool {
	return entry.Kind == rookery.KindSent && (c.device == "" || c.device == entry.OriginDevice)
}

// consumerState is what a collector remembers. It is stored with each batch, when the
// activeAccount is forgotten and when the service ends. A crash loses what empty
// collections have changed since: a poll that finds nothing writes nothing.
type consumerState struct {
	cursor uint64 // the last entry handed out
	// lastBatch is the latest batch, until another request shows that it arrived.
	lastBatch *handedBatch
	// recentRequests are the latest requests, the newest last.
	recentRequests []pastRequest
}

// handedBatch is a batch that may have to be handed out again.
type handedBatch struct {
	key         seqKey
	collectedAt time.Duration
	after       uint64 // its entries are those above after, up to upTo
	upTo        uint64
	notices     []Notice
}

type pastRequest struct {
	key        seqKey
	receivedAt time.Duration
}

const maxRecentRequests = 16

// seqVerdict is what a request turns out to be.
type seqVerdict int

const (
	newRequest      seqVerdict = iota
	repeatedRequest            // of the request that got the latest batch
	delayedRequest             // a copy of an earlier request, held up by the network
)

func (m *consumerState) classifyRequest(key seqKey, now time.Duration) seqVerdict {
	if key == (seqKey{}) {
		return newRequest
	}
	if m.lastBatch != nil && m.lastBatch.key == key {
		if key.isShort && now-m.lastBatch.collectedAt >= shortSEQWindow {
			return newRequest
		}
		return repeatedRequest
	}
	for i, request := range m.recentRequests {
		latest := i == len(m.recentRequests)-1
		if request.key == key && !latest && now-request.receivedAt < key.repeatWindow() {
			return delayedRequest
		}
	}
	return newRequest
}

// Collect hands out what waits for the session: the rule of section 2.1 of the
// protocol decides by the SEQ whether that is something new, the latest batch
// again, or nothing. What it hands out for the first time is durable as handed
// out before it returns. Finding nothing touches memory only. While the session
// has a live connection, what is new goes there, but for what was pushed often
// enough without being sure to have arrived.
func (s *Service) Collect(ctx context.Context, session *Session, seq string, batchLimit BatchLimit) (Batch, error) {
	account, key, consumer := session.account, session.newSEQKey(seq), session.consumer
	if err := consumer.collectLock.acquire(ctx); err != nil {
		return Batch{}, err
	}
	defer consumer.collectLock.release()
	if account.currentSession(session) == nil {
		return Batch{}, errNotSignedIn
	}
	if err := s.loadConsumer(ctx, consumer); err != nil {
		return Batch{}, err
	}
	consumer.mergeConfirmed()
	now := s.uptime()
	switch consumer.classifyRequest(key, now) {
	case delayedRequest:
		return Batch{}, nil
	case repeatedRequest:
		return s.repeatLastBatch(ctx, consumer)
	}
	return s.collectNewBatch(ctx, consumer, pastRequest{key, now}, batchLimit)
}

// loadConsumer reads what is stored of a collector, if that was not done yet.
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
	c.consumerState, c.isLoaded = state, true
	return nil
}

// repeatLastBatch hands out the latest batch once more.
func (s *Service) repeatLastBatch(ctx context.Context, c *consumer) (Batch, error) {
	batch := Batch{Notices: c.lastBatch.notices}
	for entry, err := range s.iterateEntries(ctx, c.account.uin, c.lastBatch.after, c.lastBatch.upTo, entriesPerPage) {
		if err != nil {
			return Batch{}, err
		}
		if !c.ignores(&entry) {
			batch.Entries = append(batch.Entries, entry)
		}
	}
	return batch, nil
}

// collectNewBatch hands out what is new. The request shows that the batch before
// stateArrived, even if its own is empty.
func (s *Service) collectNewBatch(ctx context.Context, c *consumer, request pastRequest, batchLimit BatchLimit) (Batch, error) {
	var batch Batch
	cursor := c.cursor
	subscription := c.liveSubscription()
	var err error
	if subscription == nil {
		batch, cursor, err = s.fillBatch(ctx, c, c.account.newestEntry.Load(), c.pollableNotices(), batchLimit)
	} else if upTo := subscription.pollableUpTo(); upTo > cursor {
		if batch, cursor, err = s.fillBatch(ctx, c, upTo, nil, batchLimit); batch.isEmpty() {
			cursor = upTo // retention has taken them
		}
	}
	if err != nil {
		return Batch{}, err
	}
	if subscription != nil {
		defer func() { subscription.confirmCollected(c.cursor) }()
	}
	newState := consumerState{cursor: cursor, recentRequests: appendRecentRequest(c.recentRequests, request)}
	if batch.isEmpty() {
		c.consumerState, c.isDirty = newState, true
		return batch, nil
	}
	if request.key != (seqKey{}) {
		newState.lastBatch = &handedBatch{key: request.key, collectedAt: request.receivedAt, after: cursor, upTo: cursor, notices: batch.Notices}
		if len(batch.Entries) > 0 {
			newState.lastBatch.after = batch.Entries[0].Number - 1
		}
	}
	if err := s.store.SaveCursor(ctx, c.account.uin, c.device, newState.encode(request.receivedAt)); err != nil {
		return Batch{}, err
	}
	s.noteTimedWrite()
	c.removeCollectedNotices(batch.Notices)
	c.consumerState, c.isDirty = newState, false
	return batch, nil
}

// saveConsumers stores what has changed of a member's collectors since they were
// stored.
func (s *Service) saveConsumers(ctx context.Context, account *activeAccount) error {
	var errs []error
	for _, consumer := range account.filterConsumers(anyConsumer) {
		errs = append(errs, s.saveConsumer(ctx, consumer))
	}
	return errors.Join(errs...)
}

// saveConsumer stores the memory of a collector if it has changed.
func (s *Service) saveConsumer(ctx context.Context, c *consumer) error {
	if err := c.collectLock.acquire(ctx); err != nil {
		c.saveScheduled.Store(false)
		return err
	}
	defer c.collectLock.release()
	c.saveScheduled.Store(false) // what changes from now on is for the next
	c.mergeConfirmed()
	if !c.isDirty || c.isRemoved {
		return nil
	}
	if err := s.store.SaveCursor(ctx, c.account.uin, c.device, c.encode(s.uptime())); err != nil {
		return err
	}
	s.noteTimedWrite()
	c.isDirty = false
	return nil
}

// saveInterval is how long a confirmation waits for others, to be stored with
// them.
const saveInterval = 100 * time.Millisecond

// scheduleSave has a collector stored after a moment: the same one for all, so that
// they share a commit.
func (s *Service) scheduleSave(c *consumer) {
	if !c.saveScheduled.Swap(true) {
		s.background.startAfter(saveInterval-s.uptime()%saveInterval, saveTask, func() { s.saveInBackground(c) })
	}
}

const saveTask = "store what a client has confirmed"

// saveInBackground stores a collector for nobody who waits. What could not be stored is
// stored with the next change.
func (s *Service) saveInBackground(c *consumer) {
	if err := s.saveConsumer(context.Background(), c); err != nil {
		s.log.Debug("cannot "+saveTask, "account", c.account.uin, "error", err)
	}
}

// saveAllConsumers does so for all members.
func (s *Service) saveAllConsumers(ctx context.Context) {
	var accounts []*activeAccount
	s.activeAccounts.forEach(func(account *activeAccount) { accounts = append(accounts, account) })
	s.forEachAccount(accounts, "store what clients have asked for last", func(account *activeAccount) error { return s.saveConsumers(ctx, account) })
}

// appendRecentRequest adds a request to the recent ones; with an empty SEQ it is none to
// be told again, but makes the one before not the latest. The list is made anew only when
// it is full, and never changed where an earlier memory still shows it.
func appendRecentRequest(recent []pastRequest, request pastRequest) []pastRequest {
	if n := len(recent); n > 0 && recent[n-1].key == request.key {
		recent = recent[: n-1 : n-1] // the same again, after an empty answer
	}
	if len(recent) >= maxRecentRequests {
		recent = recent[len(recent)-maxRecentRequests+1:]
	}
	return append(recent, request)
}

// fillBatch takes what fits the budget from a mailbox, up to a number, and from
// notices, and returns the place behind it. Entries come first; notices only
// behind the last of them.
func (s *Service) fillBatch(ctx context.Context, c *consumer, upTo uint64, notices []Notice, batchLimit BatchLimit) (batch Batch, cursor uint64, err error) {
	itemCount, byteCount := 0, 0
	addIfFits := func(entry rookery.Entry) bool {
		size := batchLimit.ItemSize(itemCount+1, entry)
		if itemCount == batchLimit.MaxItems || itemCount > 0 && byteCount+size > batchLimit.MaxBytes {
			return false
		}
		itemCount, byteCount = itemCount+1, byteCount+size
		return true
	}
	cursor = c.cursor
	for entry, err := range s.iterateEntries(ctx, c.account.uin, cursor, upTo, batchLimit.MaxItems) {
		if err != nil {
			return Batch{}, 0, err
		}
		if !c.ignores(&entry) {
			if !addIfFits(entry) {
				return batch, cursor, nil
			}
			batch.Entries = append(batch.Entries, entry)
		}
		cursor = entry.Number
		if itemCount == batchLimit.MaxItems {
			return batch, cursor, nil
		}
	}
	for _, notice := range notices {
		if !addIfFits(rookery.Entry{Kind: rookery.KindStatus, Peer: notice.Friend, Text: notice.Status.String()}) {
			break
		}
		batch.Notices = append(batch.Notices, notice)
	}
	return batch, cursor, nil
}

// entriesPerPage is how many entries are read at once, where nothing says how many
// are needed.
const entriesPerPage = 50

// iterateEntries yields the entries of a mailbox above after and up to upTo, by number,
// reading some at a time, and an error last.
func (s *Service) iterateEntries(ctx context.Context, uin rookery.UIN, after, upTo uint64, pageSize int) iter.Seq2[rookery.Entry, error] {
	return func(yield func(rookery.Entry, error) bool) {
		for after < upTo {
			page, err := s.store.Entries(ctx, uin, after, upTo, pageSize)
			if err != nil {
				yield(rookery.Entry{}, err)
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
				after = entry.Number
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

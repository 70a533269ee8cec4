package service

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// Budget is what a batch may come to.
type Budget struct {
	// Count is how many entries and notices at most.
	Count int
	// Bytes is how long the answer may get; Size is what the nth of a batch
	// adds to it, counted from 1; a notice is an entry of KindStatus with the
	// number 0 and the status as text. The first is always handed out.
	Bytes int
	Size  func(nth int, entry rookery.Entry) int
}

// Batch is what one collection hands out: entries of the mailbox, oldest first,
// and then notices.
type Batch struct {
	Entries []rookery.Entry
	Notices []Notice
}

func (b *Batch) empty() bool { return len(b.Entries) == 0 && len(b.Notices) == 0 }

// consumer is one reader of a mailbox: the address sessions of an account
// together, or one device. It hands each entry out once, and the latest batch
// again to who repeats the request that got it.
type consumer struct {
	member *activeAccount
	// device is the device's name, empty for the address sessions.
	device string

	turn   accountLock // of one collection at a time; guards all up to memory
	loaded bool
	// dirty: the memory has changed since it was stored.
	dirty bool
	// gone: the device or the account is no more, and nothing is stored of it.
	gone bool
	consumerState

	// feed is the connection that entries are pushed to, nil if there is none.
	// It is set with the turn held, and read without: by the time of a second look
	// there may be another, or none. So look once, see liveFeed.
	feed atomic.Pointer[Subscription]
	// saving: somebody is about to store the memory.
	saving atomic.Bool
	// byNumber: the device's session has confirmed a push by its number. The
	// activeAccount's mu guards it.
	byNumber bool
	// pendingNotice are the notices that wait, in the order in which they came. The
	// activeAccount's mu guards them.
	news []pendingNotice
}

// skips reports whether an entry does not concern the collector: whoever said a
// word is not told it, and addresses hear of no word of the account's own.
func (c *consumer) skips(entry *rookery.Entry) bool {
	return entry.Kind == rookery.KindSent && (c.device == "" || c.device == entry.OriginDevice)
}

// consumerState is what a collector remembers. It is stored with each batch, when the
// activeAccount is forgotten and when the service ends. A crash loses what empty
// collections have changed since: a poll that finds nothing writes nothing.
type consumerState struct {
	place uint64 // the last entry handed out
	// batch is the latest batch, until another request shows that it arrived.
	batch *handedBatch
	// recent are the latest requests, the newest last.
	recent []pastRequest
}

// handedBatch is a batch that may have to be handed out again.
type handedBatch struct {
	ticket  seqKey
	at      time.Duration
	after   uint64 // its entries are those above after, up to upTo
	upTo    uint64
	notices []Notice
}

type pastRequest struct {
	ticket seqKey
	at     time.Duration
}

const recentRequests = 16

// seqVerdict is what a request turns out to be.
type seqVerdict int

const (
	fresh     seqVerdict = iota
	repeat               // of the request that got the latest batch
	straggler            // a copy of an earlier request, held up by the network
)

func (m *consumerState) judge(t seqKey, now time.Duration) seqVerdict {
	if t == (seqKey{}) {
		return fresh
	}
	if m.batch != nil && m.batch.ticket == t {
		if t.short && now-m.batch.at >= shortWindow {
			return fresh
		}
		return repeat
	}
	for i, past := range m.recent {
		latest := i == len(m.recent)-1
		if past.ticket == t && !latest && now-past.at < t.window() {
			return straggler
		}
	}
	return fresh
}

// Collect hands out what waits for the session: the rule of section 2.1 of the
// protocol decides by the SEQ whether that is something new, the latest batch
// again, or nothing. What it hands out for the first time is durable as handed
// out before it returns. Finding nothing touches memory only. While the session
// has a live connection, what is new goes there, but for what was pushed often
// enough without being sure to have arrived.
func (s *Service) Collect(ctx context.Context, session *Session, seq string, budget Budget) (Batch, error) {
	active, seqKey, consumer := session.member, session.ticket(seq), session.box
	if err := consumer.turn.take(ctx); err != nil {
		return Batch{}, err
	}
	defer consumer.turn.end()
	if active.current(session) == nil {
		return Batch{}, errNotSignedIn
	}
	if err := s.loadCollector(ctx, consumer); err != nil {
		return Batch{}, err
	}
	consumer.fold()
	now := s.uptime()
	switch consumer.judge(seqKey, now) {
	case straggler:
		return Batch{}, nil
	case repeat:
		return s.again(ctx, consumer)
	}
	return s.collectNew(ctx, consumer, pastRequest{seqKey, now}, budget)
}

// loadCollector reads what is stored of a collector, if that was not done yet.
func (s *Service) loadCollector(ctx context.Context, c *consumer) error {
	if c.loaded {
		return nil
	}
	last, place, err := s.store.MailboxState(ctx, c.member.uin, c.device)
	if err != nil {
		return err
	}
	memory, err := decodeMemory(place)
	if err != nil {
		return rookery.Temporary(err)
	}
	c.member.arrived(last)
	c.consumerState, c.loaded = memory, true
	return nil
}

// again hands out the latest batch once more.
func (s *Service) again(ctx context.Context, c *consumer) (Batch, error) {
	again := Batch{Notices: c.batch.notices}
	for entry, err := range s.entries(ctx, c.member.uin, c.batch.after, c.batch.upTo, readAtOnce) {
		if err != nil {
			return Batch{}, err
		}
		if !c.skips(&entry) {
			again.Entries = append(again.Entries, entry)
		}
	}
	return again, nil
}

// collectNew hands out what is new. The request shows that the batch before
// arrived, even if its own is empty.
func (s *Service) collectNew(ctx context.Context, c *consumer, past pastRequest, budget Budget) (Batch, error) {
	var batch Batch
	place := c.place
	feed := c.liveFeed()
	var err error
	if feed == nil {
		batch, place, err = s.fill(ctx, c, c.member.newest.Load(), c.pending(), budget)
	} else if upTo := feed.left(); upTo > place {
		if batch, place, err = s.fill(ctx, c, upTo, nil, budget); batch.empty() {
			place = upTo // retention has taken them
		}
	}
	if err != nil {
		return Batch{}, err
	}
	if feed != nil {
		defer func() { feed.collected(c.place) }()
	}
	next := consumerState{place: place, recent: addRecent(c.recent, past)}
	if batch.empty() {
		c.consumerState, c.dirty = next, true
		return batch, nil
	}
	if past.ticket != (seqKey{}) {
		next.batch = &handedBatch{ticket: past.ticket, at: past.at, after: place, upTo: place, notices: batch.Notices}
		if len(batch.Entries) > 0 {
			next.batch.after = batch.Entries[0].Number - 1
		}
	}
	if err := s.store.SaveCursor(ctx, c.member.uin, c.device, next.encode(past.at)); err != nil {
		return Batch{}, err
	}
	s.changed()
	c.handedOut(batch.Notices)
	c.consumerState, c.dirty = next, false
	return batch, nil
}

// remember stores what has changed of a member's collectors since they were
// stored.
func (s *Service) remember(ctx context.Context, active *activeAccount) error {
	var errs []error
	for _, consumer := range active.boxes(everyBox) {
		errs = append(errs, s.save(ctx, consumer))
	}
	return errors.Join(errs...)
}

// save stores the memory of a collector if it has changed.
func (s *Service) save(ctx context.Context, c *consumer) error {
	if err := c.turn.take(ctx); err != nil {
		c.saving.Store(false)
		return err
	}
	defer c.turn.end()
	c.saving.Store(false) // what changes from now on is for the next
	c.fold()
	if !c.dirty || c.gone {
		return nil
	}
	if err := s.store.SaveCursor(ctx, c.member.uin, c.device, c.encode(s.uptime())); err != nil {
		return err
	}
	s.changed()
	c.dirty = false
	return nil
}

// savePause is how long a confirmation waits for others, to be stored with
// them.
const savePause = 100 * time.Millisecond

// saveSoon has a collector stored after a moment: the same one for all, so that
// they share a commit.
func (s *Service) saveSoon(c *consumer) {
	if !c.saving.Swap(true) {
		s.background.after(savePause-s.uptime()%savePause, savingTask, func() { s.saveNow(c) })
	}
}

const savingTask = "store what a client has confirmed"

// saveNow stores a collector for nobody who waits. What could not be stored is
// stored with the next change.
func (s *Service) saveNow(c *consumer) {
	if err := s.save(context.Background(), c); err != nil {
		s.log.Debug("cannot "+savingTask, "account", c.member.uin, "error", err)
	}
}

// rememberAll does so for all members.
func (s *Service) rememberAll(ctx context.Context) {
	var all []*activeAccount
	s.members.each(func(active *activeAccount) { all = append(all, active) })
	s.together(all, "store what clients have asked for last", func(active *activeAccount) error { return s.remember(ctx, active) })
}

// addRecent adds a request to the recent ones; with an empty SEQ it is none to
// be told again, but makes the one before not the latest. The list is made anew only when
// it is full, and never changed where an earlier memory still shows it.
func addRecent(recent []pastRequest, past pastRequest) []pastRequest {
	if n := len(recent); n > 0 && recent[n-1].ticket == past.ticket {
		recent = recent[: n-1 : n-1] // the same again, after an empty answer
	}
	if len(recent) >= recentRequests {
		recent = recent[len(recent)-recentRequests+1:]
	}
	return append(recent, past)
}

// fill takes what fits the budget from a mailbox, up to a number, and from
// notices, and returns the place behind it. Entries come first; notices only
// behind the last of them.
func (s *Service) fill(ctx context.Context, c *consumer, upTo uint64, notices []Notice, budget Budget) (batch Batch, place uint64, err error) {
	count, bytes := 0, 0
	fits := func(entry rookery.Entry) bool {
		size := budget.Size(count+1, entry)
		if count == budget.Count || count > 0 && bytes+size > budget.Bytes {
			return false
		}
		count, bytes = count+1, bytes+size
		return true
	}
	place = c.place
	for entry, err := range s.entries(ctx, c.member.uin, place, upTo, budget.Count) {
		if err != nil {
			return Batch{}, 0, err
		}
		if !c.skips(&entry) {
			if !fits(entry) {
				return batch, place, nil
			}
			batch.Entries = append(batch.Entries, entry)
		}
		place = entry.Number
		if count == budget.Count {
			return batch, place, nil
		}
	}
	for _, notice := range notices {
		if !fits(rookery.Entry{Kind: rookery.KindStatus, Peer: notice.Friend, Text: notice.Status.String()}) {
			break
		}
		batch.Notices = append(batch.Notices, notice)
	}
	return batch, place, nil
}

// readAtOnce is how many entries are read at once, where nothing says how many
// are needed.
const readAtOnce = 50

// entries yields the entries of a mailbox above after and up to upTo, by number,
// reading some at a time, and an error last.
func (s *Service) entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, atOnce int) iter.Seq2[rookery.Entry, error] {
	return func(yield func(rookery.Entry, error) bool) {
		for after < upTo {
			page, err := s.store.Entries(ctx, uin, after, upTo, atOnce)
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
			if len(page) < atOnce {
				return
			}
		}
	}
}

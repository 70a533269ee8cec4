package service

import (
	"context"
	"sync"
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
	Size  func(nth int, e rookery.Entry) int
}

// Batch is what one collection hands out: entries of the mailbox, oldest first,
// and then notices.
type Batch struct {
	Entries []rookery.Entry
	Notices []Notice
}

func (b *Batch) empty() bool { return len(b.Entries) == 0 && len(b.Notices) == 0 }

// collector is one reader of a mailbox: the address sessions of an account
// together. It hands each entry out once, and the latest batch again to who
// repeats the request that got it.
type collector struct {
	mu     sync.Mutex // one collection at a time; guards all below
	loaded bool
	// dirty: empty collections have changed the memory since it was stored.
	dirty bool
	memory
}

// memory is what a collector remembers. It is stored with each batch, when the
// member is forgotten and when the service ends. A crash loses what empty
// collections have changed since: a poll that finds nothing writes nothing.
type memory struct {
	place uint64 // the last entry handed out
	// batch is the latest batch, until another request shows that it arrived.
	batch *handed
	// recent are the latest requests, the newest last.
	recent []request
}

// handed is a batch that may have to be handed out again.
type handed struct {
	ticket  ticket
	at      time.Duration
	after   uint64 // its entries are those above after, up to upTo
	upTo    uint64
	notices []Notice
}

type request struct {
	ticket ticket
	at     time.Duration
}

const recentRequests = 16

// verdict is what a request turns out to be.
type verdict int

const (
	fresh     verdict = iota
	repeat            // of the request that got the latest batch
	straggler         // a copy of an earlier request, held up by the network
)

func (m *memory) judge(t ticket, now time.Duration) verdict {
	if t == (ticket{}) {
		return fresh
	}
	if m.batch != nil && m.batch.ticket == t {
		if t.short && now-m.batch.at >= shortWindow {
			return fresh
		}
		return repeat
	}
	for i, r := range m.recent {
		latest := i == len(m.recent)-1
		if r.ticket == t && !latest && now-r.at < t.window() {
			return straggler
		}
	}
	return fresh
}

// Collect hands out what waits for the session: the rule of section 2.1 of the
// protocol decides by the SEQ whether that is something new, the latest batch
// again, or nothing. What it hands out for the first time is durable as handed
// out before it returns. Finding nothing touches memory only.
func (s *Service) Collect(ctx context.Context, se *Session, seq string, budget Budget) (Batch, error) {
	m, t := se.member, se.ticket(seq)
	c := &m.box
	c.mu.Lock()
	defer c.mu.Unlock()
	if !m.current(se) {
		return Batch{}, errNotSignedIn
	}
	if !c.loaded {
		if err := s.loadCollector(ctx, m, c); err != nil {
			return Batch{}, err
		}
	}
	now := s.uptime()
	switch c.judge(t, now) {
	case straggler:
		return Batch{}, nil
	case repeat:
		return s.again(ctx, m.uin, c.batch)
	}
	return s.collectNew(ctx, se, request{t, now}, budget)
}

func (s *Service) loadCollector(ctx context.Context, m *member, c *collector) error {
	last, place, err := s.store.Mailbox(ctx, m.uin, "")
	if err != nil {
		return err
	}
	memory, err := decodeMemory(place)
	if err != nil {
		return rookery.Temporary(err)
	}
	m.arrived(last)
	c.memory, c.loaded = memory, true
	return nil
}

// again hands out a batch once more.
func (s *Service) again(ctx context.Context, uin rookery.UIN, b *handed) (Batch, error) {
	again := Batch{Notices: b.notices}
	if b.upTo > b.after {
		var err error
		if again.Entries, err = s.store.Entries(ctx, uin, b.after, b.upTo, int(b.upTo-b.after)); err != nil {
			return Batch{}, err
		}
	}
	return again, nil
}

// collectNew hands out what is new. The request shows that the batch before
// arrived, even if its own is empty.
func (s *Service) collectNew(ctx context.Context, se *Session, r request, budget Budget) (Batch, error) {
	m := se.member
	c := &m.box
	batch, err := s.fill(ctx, m, c.place, budget)
	if err != nil {
		return Batch{}, err
	}
	next := memory{place: c.place, recent: addRecent(c.recent, r)}
	if batch.empty() {
		c.memory, c.dirty = next, true
		return batch, nil
	}
	if n := len(batch.Entries); n > 0 {
		next.place = batch.Entries[n-1].Number
	}
	if r.ticket != (ticket{}) {
		next.batch = &handed{ticket: r.ticket, at: r.at, after: c.place, upTo: next.place, notices: batch.Notices}
	}
	if err := s.store.Collect(ctx, m.uin, se.about.Device, next.encode(r.at)); err != nil {
		return Batch{}, err
	}
	s.changed()
	m.handedOut(batch.Notices)
	c.memory, c.dirty = next, false
	return batch, nil
}

// remember stores what a member's empty collections have changed.
func (s *Service) remember(ctx context.Context, m *member) error {
	c := &m.box
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty {
		return nil
	}
	if err := s.store.Collect(ctx, m.uin, "", c.encode(s.uptime())); err != nil {
		return err
	}
	s.changed()
	c.dirty = false
	return nil
}

// rememberAll does so for all members.
func (s *Service) rememberAll(ctx context.Context) {
	var all []*member
	s.members.each(func(m *member) { all = append(all, m) })
	s.together(all, "store what clients have asked for last", func(m *member) error { return s.remember(ctx, m) })
}

// addRecent adds a request to the recent ones; with an empty SEQ it is none to
// be told again, but makes the one before not the latest. The list is made anew only when
// it is full, and never changed where an earlier memory still shows it.
func addRecent(recent []request, r request) []request {
	if n := len(recent); n > 0 && recent[n-1].ticket == r.ticket {
		recent = recent[: n-1 : n-1] // the same again, after an empty answer
	}
	if len(recent) >= recentRequests {
		recent = recent[len(recent)-recentRequests+1:]
	}
	return append(recent, r)
}

// fill takes from a mailbox what fits the budget. Entries come first; notices
// only behind the last of them.
func (s *Service) fill(ctx context.Context, m *member, place uint64, budget Budget) (Batch, error) {
	var batch Batch
	newest := m.newest.Load()
	count, bytes := 0, 0
	fits := func(e rookery.Entry) bool {
		size := budget.Size(count+1, e)
		if count == budget.Count || count > 0 && bytes+size > budget.Bytes {
			return false
		}
		count, bytes = count+1, bytes+size
		return true
	}
	if newest > place {
		entries, err := s.store.Entries(ctx, m.uin, place, newest, budget.Count)
		if err != nil {
			return Batch{}, err
		}
		for _, e := range entries {
			if !fits(e) {
				break
			}
			batch.Entries = append(batch.Entries, e)
		}
		if n := len(batch.Entries); n > 0 && batch.Entries[n-1].Number < newest {
			return batch, nil
		}
	}
	for _, n := range m.pending() {
		if !fits(rookery.Entry{Kind: rookery.KindStatus, Peer: n.Friend, Text: n.Status.Basic().String()}) {
			break
		}
		batch.Notices = append(batch.Notices, n)
	}
	return batch, nil
}

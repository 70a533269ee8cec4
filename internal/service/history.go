package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// History is a page of a conversation.
type History struct {
	Entries []rookery.Entry // oldest first
	Last    bool            // nothing is older
	// Read is how far the account has read the conversation. It is told with
	// the newest page of one conversation, and 0 otherwise.
	Read uint64
}

// maxSearches is how many searches for a text go on at once. They read whole
// mailboxes, and must leave readers of the store to others.
const maxSearches = 2

// History returns the newest words that the query asks for. An account searches
// for one text at a time.
func (s *Service) History(ctx context.Context, se *Session, q rookery.HistoryQuery) (History, error) {
	if q.Text != "" {
		if err := se.member.searching.take(ctx); err != nil {
			return History{}, err
		}
		defer se.member.searching.end()
		if err := s.searches.take(ctx); err != nil {
			return History{}, err
		}
		defer s.searches.end()
	}
	entries, more, err := s.store.History(ctx, se.about.Account, q)
	if err != nil {
		return History{}, err
	}
	h := History{Entries: entries, Last: !more}
	if q.With != 0 && q.Before == 0 {
		h.Read, err = s.store.ReadMark(ctx, se.about.Account, q.With)
	}
	return h, err
}

// MarkRead says that a conversation was read up to an entry; the account's
// other devices are told, if that is new. CodeParameter for a number that the
// mailbox has not reached, CodeNoAccount if the other is none and was not read
// before.
func (s *Service) MarkRead(ctx context.Context, se *Session, r rookery.ReadMark, mark rookery.RequestKey) error {
	m := se.member
	// In turn: what the other devices are told goes forward only.
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	if m.current(se) == nil {
		return errNotSignedIn
	}
	if reached, err := s.reached(ctx, m, r.Number); err != nil {
		return err
	} else if !reached {
		return rookery.Errorf(rookery.CodeParameter, "your mailbox has no entry %d yet", r.Number)
	}
	before, err := s.store.ReadMark(ctx, m.uin, r.With)
	if err != nil {
		return err
	}
	if before == 0 {
		if _, err := s.accounts.peek(ctx, r.With); err != nil {
			return err // there are no more marks than accounts
		}
	}
	receipt, err := s.store.SetReadMark(ctx, m.uin, r, mark)
	if err != nil || receipt.Repeated || r.Number <= before {
		return err
	}
	for _, c := range m.boxes(func(c *consumer) bool { return c != se.box && c.device != "" }) {
		if f := c.feed.Load(); f != nil {
			f.readUpTo(r)
		}
	}
	return nil
}

// reached reports whether the mailbox has got as far as a number.
func (s *Service) reached(ctx context.Context, m *activeAccount, number uint64) (bool, error) {
	if number <= m.newest.Load() {
		return true, nil
	}
	last, _, err := s.store.Mailbox(ctx, m.uin, "") // nobody may have looked yet
	return number <= last, err
}

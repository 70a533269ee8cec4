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
func (s *Service) History(ctx context.Context, session *Session, query rookery.HistoryQuery) (History, error) {
	if query.Text != "" {
		if err := session.member.searching.take(ctx); err != nil {
			return History{}, err
		}
		defer session.member.searching.end()
		if err := s.searches.take(ctx); err != nil {
			return History{}, err
		}
		defer s.searches.end()
	}
	entries, more, err := s.store.History(ctx, session.about.Account, query)
	if err != nil {
		return History{}, err
	}
	history := History{Entries: entries, Last: !more}
	if query.With != 0 && query.Before == 0 {
		history.Read, err = s.store.ReadMark(ctx, session.about.Account, query.With)
	}
	return history, err
}

// MarkRead says that a conversation was read up to an entry; the account's
// other devices are told, if that is new. CodeParameter for a number that the
// mailbox has not reached, CodeNoAccount if the other is none and was not read
// before.
func (s *Service) MarkRead(ctx context.Context, session *Session, readMark rookery.ReadMark, mark rookery.RequestKey) error {
	active := session.member
	// In turn: what the other devices are told goes forward only.
	if err := active.turn.take(ctx); err != nil {
		return err
	}
	defer active.turn.end()
	if active.current(session) == nil {
		return errNotSignedIn
	}
	if reached, err := s.reached(ctx, active, readMark.Number); err != nil {
		return err
	} else if !reached {
		return rookery.Errorf(rookery.CodeParameter, "your mailbox has no entry %d yet", readMark.Number)
	}
	before, err := s.store.ReadMark(ctx, active.uin, readMark.With)
	if err != nil {
		return err
	}
	if before == 0 {
		if _, err := s.accounts.peek(ctx, readMark.With); err != nil {
			return err // there are no more marks than accounts
		}
	}
	receipt, err := s.store.AdvanceReadMark(ctx, active.uin, readMark, mark)
	if err != nil || receipt.Repeated || readMark.Number <= before {
		return err
	}
	for _, c := range active.boxes(func(c *consumer) bool { return c != session.box && c.device != "" }) {
		if sub := c.feed.Load(); sub != nil {
			sub.readUpTo(readMark)
		}
	}
	return nil
}

// reached reports whether the mailbox has got as far as a number.
func (s *Service) reached(ctx context.Context, active *activeAccount, number uint64) (bool, error) {
	if number <= active.newest.Load() {
		return true, nil
	}
	last, _, err := s.store.MailboxState(ctx, active.uin, "") // nobody may have looked yet
	return number <= last, err
}

package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// History is a page of a conversation.
type History struct {
	Entries  []rookery.Entry // oldest first
	IsOldest bool            // nothing is older
	// ReadUpTo is how far the account has read the conversation. It is told with
	// the newest page of one conversation, and 0 otherwise.
	ReadUpTo uint64
}

// maxTextSearches is how many searches for a text go on at once. They read whole
// mailboxes, and must leave readers of the store to others.
const maxTextSearches = 2

// History returns the newest words that the query asks for. An account searches
// for one text at a time.
func (s *Service) History(ctx context.Context, session *Session, query rookery.HistoryQuery) (History, error) {
	if query.Text != "" {
		if err := session.account.searchLock.acquire(ctx); err != nil {
			return History{}, err
		}
		defer session.account.searchLock.release()
		if err := s.textSearches.acquire(ctx); err != nil {
			return History{}, err
		}
		defer s.textSearches.release()
	}
	entries, hasOlder, err := s.store.History(ctx, session.details.Account, query)
	if err != nil {
		return History{}, err
	}
	history := History{Entries: entries, IsOldest: !hasOlder}
	if query.With != 0 && query.Before == 0 {
		history.ReadUpTo, err = s.store.ReadMark(ctx, session.details.Account, query.With)
	}
	return history, err
}

// MarkRead says that a conversation was read up to an entry; the account's
// other devices are told, if that is new. CodeParameter for a number that the
// mailbox has not reached, CodeNoAccount if the other is none and was not read
// before.
func (s *Service) MarkRead(ctx context.Context, session *Session, readMark rookery.ReadMark, requestKey rookery.RequestKey) error {
	account := session.account
	// In turn: what the other devices are told goes forward only.
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	if account.currentSession(session) == nil {
		return errNotSignedIn
	}
	if isReached, err := s.hasReached(ctx, account, readMark.Number); err != nil {
		return err
	} else if !isReached {
		return rookery.Errorf(rookery.CodeParameter, "your mailbox has no entry %d yet", readMark.Number)
	}
	before, err := s.store.ReadMark(ctx, account.uin, readMark.With)
	if err != nil {
		return err
	}
	if before == 0 {
		if _, err := s.accountCache.peek(ctx, readMark.With); err != nil {
			return err // there are no more marks than accounts
		}
	}
	receipt, err := s.store.AdvanceReadMark(ctx, account.uin, readMark, requestKey)
	if err != nil || receipt.Repeated || readMark.Number <= before {
		return err
	}
	for _, c := range account.filterConsumers(func(c *consumer) bool { return c != session.consumer && c.device != "" }) {
		if subscription := c.subscription.Load(); subscription != nil {
			subscription.pushReadMark(readMark)
		}
	}
	return nil
}

// hasReached reports whether the mailbox has got as far as a number.
func (s *Service) hasReached(ctx context.Context, account *activeAccount, entryNumber uint64) (bool, error) {
	if entryNumber <= account.newestEntry.Load() {
		return true, nil
	}
	newestNumber, _, err := s.store.MailboxState(ctx, account.uin, "") // nobody may have looked yet
	return entryNumber <= newestNumber, err
}

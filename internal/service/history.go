package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// History is a page of messages from a mailbox.
type History struct {
	Entries      []rookery.Entry // oldest first
	IsOldestPage bool            // no older messages match
	// ReadUpTo is the read mark of the conversation. It is set only with the newest page of a single
	// conversation.
	ReadUpTo uint64
}

// maxTextSearches limits concurrent searches for a text. They read whole mailboxes and must leave the
// store time for other readers.
const maxTextSearches = 2

// History returns the newest messages that match the query. An account runs one text search at a time.
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
	history := History{Entries: entries, IsOldestPage: !hasOlder}
	if query.Peer != 0 && query.Before == 0 {
		history.ReadUpTo, err = s.store.ReadMark(ctx, session.details.Account, query.Peer)
	}
	return history, err
}

// MarkRead records how far the account has read a conversation. If that is new, the mark is pushed to
// the account's other devices. It returns CodeParameter for a number above the newest entry, and
// CodeNoAccount if the other account does not exist and the conversation has no mark yet.
func (s *Service) MarkRead(ctx context.Context, session *Session, readMark rookery.ReadMark,
	requestKey rookery.RequestKey) error {
	account := session.account
	// The lock keeps concurrent marks in order, so that devices never see a mark go back.
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
	before, err := s.store.ReadMark(ctx, account.uin, readMark.Peer)
	if err != nil {
		return err
	}
	if before == 0 {
		if _, err := s.hub.profiles.peek(ctx, readMark.Peer); err != nil {
			return err // otherwise a client could store marks without limit
		}
	}
	hasMoved, err := s.store.AdvanceReadMark(ctx, account.uin, readMark, requestKey)
	if hasMoved {
		s.hub.readMarkMoved(account, readMark, session.consumer)
	}
	return err
}

// hasReached reports whether the mailbox has an entry with this number or a higher one.
func (s *Service) hasReached(ctx context.Context, account *activeAccount, entryNumber uint64) (bool, error) {
	if entryNumber <= account.newestEntry.Load() {
		return true, nil
	}
	// newestEntry is 0 until a consumer is loaded or an entry arrives
	newestNumber, _, err := s.store.MailboxState(ctx, account.uin, "")
	return entryNumber <= newestNumber, err
}

package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// History is a page of a conversation.
type History struct {
	Entries []rookery.Entry // oldest first
	Last    bool            // nothing is older
	// Read is how far the account has read the conversation.
	Read uint64
}

// History returns the newest words that the query asks for.
func (s *Service) History(ctx context.Context, se *Session, q rookery.HistoryQuery) (History, error) {
	panic("not built yet")
}

// MarkRead says that a conversation was read up to an entry; the account's
// other devices are told. CodeParameter for a number that the mailbox has not
// reached.
func (s *Service) MarkRead(ctx context.Context, se *Session, r rookery.ReadMark, mark rookery.Mark) error {
	panic("not built yet")
}

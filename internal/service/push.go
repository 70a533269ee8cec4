package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Outlet is a connection that takes what arrives for a session as it arrives.
type Outlet interface {
	// Push hands one item to the client's side of the network, after those
	// before it, and waits if that is slow. An error says that the connection is
	// done for; the outlet has closed it.
	Push(Item) error
	// Close ends the connection.
	Close()
}

// Item is one thing to be pushed. One of Entry, Notice and Read is set.
type Item struct {
	// Number is the entry's, or counts the others of the connection.
	Number uint64
	Entry  *rookery.Entry
	Notice *Notice
	Read   *rookery.ReadMark
}

// Feed is a session's live connection.
type Feed struct{}

// Attach begins to push to a session's connection: first what waits in the
// mailbox. A connection that the session has already is closed: the newest
// takes over. Call it once the answer to the sign-in is written.
// CodeNotSignedIn if the session has ended meanwhile.
func (s *Service) Attach(ctx context.Context, se *Session, out Outlet) (*Feed, error) {
	panic("not built yet")
}

// Heard says that a record came on the connection: what was pushed long enough
// before has arrived (section 6 of the protocol).
func (f *Feed) Heard() {}

// Confirm says that the client has the entries up to a number.
func (f *Feed) Confirm(number uint64) {}

// Close says that the connection has ended. What was not confirmed waits in
// the mailbox again.
func (f *Feed) Close() {}

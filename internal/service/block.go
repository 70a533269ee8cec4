package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// Requests lists the friend requests that wait here. last is false if more
// follow.
func (s *Service) Requests(ctx context.Context, se *Session, p Page) (page []rookery.FriendRequest, last bool, err error) {
	panic("not built yet")
}

// Block ends what there is between the session's account and another, and
// keeps the other out: it takes nothing of it and looks offline to it.
func (s *Service) Block(ctx context.Context, se *Session, other rookery.UIN, mark rookery.Mark) error {
	panic("not built yet")
}

// Unblock takes that back.
func (s *Service) Unblock(ctx context.Context, se *Session, other rookery.UIN, mark rookery.Mark) error {
	panic("not built yet")
}

// Blocked lists those whom the account blocks, by number.
func (s *Service) Blocked(ctx context.Context, se *Session) ([]rookery.UIN, error) {
	panic("not built yet")
}

// ChangeOwn changes the account that the session belongs to. change may be
// called more than once.
func (s *Service) ChangeOwn(ctx context.Context, se *Session, change func(*rookery.Account) error, mark rookery.Mark) error {
	panic("not built yet")
}

// Outgoing is one message to be sent.
type Outgoing struct {
	To   rookery.UIN
	Text string
	Mark rookery.Mark
}

// SendAll sends messages as if Send were called for each in turn, and waits for
// the store once. It returns what became of each.
func (s *Service) SendAll(ctx context.Context, se *Session, list []Outgoing) []error {
	panic("not built yet")
}

package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// maxBlocked is how many accounts one can block.
const maxBlocked = 1000

var errBlockOneself = rookery.Errorf(rookery.CodeParameter, "that is yourself")

// Block ends what there is between the session's account and another, and
// keeps the other out: it takes nothing of it and looks offline to it. The other,
// if it was a friend, sees it go. CodeRefused for the system's account, and if
// too many are blocked.
func (s *Service) Block(ctx context.Context, se *Session, other rookery.UIN, mark rookery.RequestKey) error {
	switch other {
	case rookery.System:
		return rookery.Errorf(rookery.CodeRefused, "%d is the server itself, which cannot be blocked", rookery.System)
	case se.about.Account:
		return errBlockOneself
	}
	// In turn with changes of what this account shows: after the notice of the
	// block the other hears no more of it.
	m := se.member
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	before := m.looks(s.uptime())
	var stood rookery.Relation
	_, err := s.relate(ctx, se, other, mark, func(r rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		stood = r
		if r.Blocks {
			return rookery.Block(r), nil
		}
		return rookery.Block(r), s.mayBlockMore(ctx, m.uin)
	})
	if err != nil {
		return err
	}
	if friend := s.members.get(other); friend != nil && stood.Friends && before != rookery.StatusOffline {
		friend.hear(Notice{m.uin, rookery.StatusOffline}, true)
	}
	return nil
}

// mayBlockMore reports as an error that an account blocks as many as it can.
func (s *Service) mayBlockMore(ctx context.Context, uin rookery.UIN) error {
	list, err := s.store.Blocked(ctx, uin)
	if err == nil && len(list) >= maxBlocked {
		err = rookery.Errorf(rookery.CodeRefused, "you block %d accounts, which is the most: unblock one first", len(list))
	}
	return err
}

// Unblock takes that back.
func (s *Service) Unblock(ctx context.Context, se *Session, other rookery.UIN, mark rookery.RequestKey) error {
	if other == se.about.Account {
		return errBlockOneself
	}
	_, err := s.relate(ctx, se, other, mark, func(r rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Unblock(r), nil
	})
	return err
}

// Blocked lists those whom the account blocks, by number.
func (s *Service) Blocked(ctx context.Context, se *Session) ([]rookery.UIN, error) {
	return s.store.Blocked(ctx, se.about.Account)
}

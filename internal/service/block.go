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
func (s *Service) Block(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey) error {
	switch other {
	case rookery.System:
		return rookery.Errorf(rookery.CodeRefused, "%d is the server itself, which cannot be blocked", rookery.System)
	case session.about.Account:
		return errBlockOneself
	}
	// In turn with changes of what this account shows: after the notice of the
	// block the other hears no more of it.
	active := session.member
	if err := active.turn.take(ctx); err != nil {
		return err
	}
	defer active.turn.end()
	before := active.looks(s.uptime())
	var stood rookery.Relation
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		stood = relation
		if relation.Blocks {
			return rookery.Block(relation), nil
		}
		return rookery.Block(relation), s.mayBlockMore(ctx, active.uin)
	})
	if err != nil {
		return err
	}
	if friend := s.members.get(other); friend != nil && stood.Friends && before != rookery.StatusOffline {
		friend.hear(Notice{active.uin, rookery.StatusOffline}, true)
	}
	return nil
}

// mayBlockMore reports as an error that an account blocks as many as it can.
func (s *Service) mayBlockMore(ctx context.Context, uin rookery.UIN) error {
	list, err := s.store.BlockedAccounts(ctx, uin)
	if err == nil && len(list) >= maxBlocked {
		err = rookery.Errorf(rookery.CodeRefused, "you block %d accounts, which is the most: unblock one first", len(list))
	}
	return err
}

// Unblock takes that back.
func (s *Service) Unblock(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey) error {
	if other == session.about.Account {
		return errBlockOneself
	}
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Unblock(relation), nil
	})
	return err
}

// Blocked lists those whom the account blocks, by number.
func (s *Service) Blocked(ctx context.Context, session *Session) ([]rookery.UIN, error) {
	return s.store.BlockedAccounts(ctx, session.about.Account)
}

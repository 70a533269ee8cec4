package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// maxBlocked is how many accounts an account can block.
const maxBlocked = 1000

var errBlockSelf = rookery.Errorf(rookery.CodeParameter, "that is yourself")

// Block ends friendship and friend requests between the session's account and another one. The account
// then receives nothing from the other and looks offline to it. If they were friends, the other is
// notified that the account has gone offline. Block returns CodeRefused for the system account and
// above maxBlocked.
func (s *Service) Block(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey) error {
	switch otherUIN {
	case rookery.System:
		return rookery.Errorf(rookery.CodeRefused, "%d is the server itself, which cannot be blocked", rookery.System)
	case session.details.Account:
		return errBlockSelf
	}
	// The lock keeps status changes out: the notice sent here must be the last that the other gets.
	account := session.account
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	oldStatus := account.visibleStatus(s.uptime())
	var oldRelation rookery.Relation
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, _ rookery.FriendRule) (rookery.RelationTransition, error) {
			oldRelation = relation
			if relation.Blocks {
				return rookery.Block(relation), nil
			}
			return rookery.Block(relation), s.checkBlockLimit(ctx, account.uin)
		})
	if err != nil {
		return err
	}
	if oldRelation.Friends && oldStatus != rookery.StatusOffline {
		notice := rookery.StatusNotice{Friend: account.uin, Status: rookery.StatusOffline}
		s.hub.statusChanged([]rookery.UIN{otherUIN}, notice, true)
	}
	return nil
}

// checkBlockLimit returns CodeRefused if the account cannot block another one.
func (s *Service) checkBlockLimit(ctx context.Context, uin rookery.UIN) error {
	uins, err := s.store.BlockedAccounts(ctx, uin)
	if err == nil && len(uins) >= maxBlocked {
		err = rookery.Errorf(rookery.CodeRefused, "you block %d accounts, which is the most: unblock one first",
			len(uins))
	}
	return err
}

// Unblock ends a block. The former friendship is not restored.
func (s *Service) Unblock(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey) error {
	if otherUIN == session.details.Account {
		return errBlockSelf
	}
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, _ rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Unblock(relation), nil
		})
	return err
}

// BlockedAccounts returns the accounts that the session's account blocks, by number.
func (s *Service) BlockedAccounts(ctx context.Context, session *Session) ([]rookery.UIN, error) {
	return s.store.BlockedAccounts(ctx, session.details.Account)
}

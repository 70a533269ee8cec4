package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// maxBlocked is how many accounts one can block.
const maxBlocked = 1000

var errBlockSelf = rookery.Errorf(rookery.CodeParameter, "that is yourself")

// Block ends what there is between the session's account and another, and
// keeps the other out: it takes nothing of it and looks offline to it. The other,
// if it was a friend, sees it go. CodeRefused for the system's account, and if
// too many are blocked.
func (s *Service) Block(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey) error {
	switch otherUIN {
	case rookery.System:
		return rookery.Errorf(rookery.CodeRefused, "%d is the server itself, which cannot be blocked", rookery.System)
	case session.details.Account:
		return errBlockSelf
	}
	// In turn with changes of what this account shows: after the notice of the
	// block the other hears no more of it.
	account := session.account
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	oldStatus := account.visibleStatus(s.uptime())
	var oldRelation rookery.Relation
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		oldRelation = relation
		if relation.Blocks {
			return rookery.Block(relation), nil
		}
		return rookery.Block(relation), s.checkBlockLimit(ctx, account.uin)
	})
	if err != nil {
		return err
	}
	if friend := s.activeAccounts.get(otherUIN); friend != nil && oldRelation.Friends && oldStatus != rookery.StatusOffline {
		friend.addNotice(Notice{account.uin, rookery.StatusOffline}, true)
	}
	return nil
}

// checkBlockLimit reports as an error that an account blocks as many as it can.
func (s *Service) checkBlockLimit(ctx context.Context, uin rookery.UIN) error {
	uins, err := s.store.BlockedAccounts(ctx, uin)
	if err == nil && len(uins) >= maxBlocked {
		err = rookery.Errorf(rookery.CodeRefused, "you block %d accounts, which is the most: unblock one first", len(uins))
	}
	return err
}

// Unblock takes that back.
func (s *Service) Unblock(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey) error {
	if otherUIN == session.details.Account {
		return errBlockSelf
	}
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Unblock(relation), nil
	})
	return err
}

// BlockedAccounts lists those whom the account blocks, by number.
func (s *Service) BlockedAccounts(ctx context.Context, session *Session) ([]rookery.UIN, error) {
	return s.store.BlockedAccounts(ctx, session.details.Account)
}

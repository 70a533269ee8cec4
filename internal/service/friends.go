package service

import (
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// PageQuery asks for a part of a list that is ordered by number: at most Limit
// accountCache above After.
type PageQuery struct {
	After rookery.UIN
	Limit int
}

// Contact is another account as a list shows it.
type Contact struct {
	*rookery.Account
	Status rookery.Status // what others see
}

// Friends lists friends by number. last is false if more follow.
func (s *Service) Friends(ctx context.Context, session *Session, pageQuery PageQuery) (page []rookery.UIN, isLastPage bool, err error) {
	allUINs, err := s.friendsOf(ctx, session.account)
	if err != nil {
		return nil, false, err
	}
	page, isLastPage = cutPage(allUINs, pageQuery)
	return page, isLastPage, nil
}

// cutPage returns the page of an ordered list.
func cutPage(allUINs []rookery.UIN, pageQuery PageQuery) (page []rookery.UIN, isLastPage bool) {
	i, found := slices.BinarySearch(allUINs, pageQuery.After)
	if found {
		i++
	}
	rest := allUINs[i:]
	if len(rest) > pageQuery.Limit {
		return rest[:pageQuery.Limit], false
	}
	return rest, true
}

// OnlineFriends lists the friends who look online.
func (s *Service) OnlineFriends(ctx context.Context, session *Session, pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
	allUINs, err := s.friendsOf(ctx, session.account)
	if err != nil {
		return nil, false, err
	}
	var onlineUINs []rookery.UIN
	for _, uin := range allUINs {
		if s.VisibleStatus(uin) != rookery.StatusOffline {
			onlineUINs = append(onlineUINs, uin)
		}
	}
	uins, isLastPage := cutPage(onlineUINs, pageQuery)
	page, err = s.loadContacts(ctx, uins)
	return page, isLastPage, err
}

// FriendContacts lists friends with their profiles.
func (s *Service) FriendContacts(ctx context.Context, session *Session, pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
	uins, isLastPage, err := s.Friends(ctx, session, pageQuery)
	if err != nil {
		return nil, false, err
	}
	page, err = s.loadContacts(ctx, uins)
	return page, isLastPage, err
}

// FindAccounts lists accounts that let themselves be found, look online and are what is
// searched for. Those who block the session's account are left out. An account
// searches for one thing at a time, and no other waits while the store is read.
func (s *Service) FindAccounts(ctx context.Context, session *Session, profileQuery rookery.ProfileQuery, pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
	if err := session.account.searchLock.acquire(ctx); err != nil {
		return nil, false, err
	}
	defer session.account.searchLock.release()
	onlineUINs, err := s.listOnline(ctx, pageQuery.After)
	if err != nil {
		return nil, false, err
	}
	for chunk := range slices.Chunk(onlineUINs, 256) {
		if err := ctx.Err(); err != nil { // with all in memory, nothing else looks
			return nil, false, rookery.Temporary(err)
		}
		contacts, err := s.loadContacts(ctx, chunk)
		if err != nil {
			return nil, false, err
		}
		for _, contact := range contacts {
			if !profileQuery.Matches(contact.Account) || contact.Status == rookery.StatusOffline {
				continue
			}
			if blocked, err := s.isBlockedBy(ctx, session.account, contact.UIN); err != nil {
				return nil, false, err
			} else if blocked {
				continue
			}
			if len(page) == pageQuery.Limit {
				return page, false, nil
			}
			page = append(page, contact)
		}
	}
	return page, true, nil
}

// listOnline lists the accounts above after that look online. It looks at
// everybody, so one search does so at a time.
func (s *Service) listOnline(ctx context.Context, after rookery.UIN) ([]rookery.UIN, error) {
	if err := s.onlineSearches.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.onlineSearches.release()
	return s.activeAccounts.listOnline(after, s.uptime()), nil
}

// loadContacts looks accounts up; one that was removed just now is left out.
func (s *Service) loadContacts(ctx context.Context, uins []rookery.UIN) ([]Contact, error) {
	accounts, err := s.accountCache.getAll(ctx, uins)
	if err != nil {
		return nil, err
	}
	contacts := make([]Contact, len(accounts))
	for i, account := range accounts {
		contacts[i] = Contact{account, s.VisibleStatus(account.UIN)}
	}
	return contacts, nil
}

// VisibleStatus is what others see of an account's status.
func (s *Service) VisibleStatus(uin rookery.UIN) rookery.Status {
	account := s.activeAccounts.get(uin)
	if account == nil {
		return rookery.StatusOffline
	}
	return account.visibleStatus(s.uptime())
}

// VisibleAccount returns an account as the session's owner may see it: the private fields
// are for friends and for the account itself, unless it shows them. CodeNoAccount
// if there is none.
func (s *Service) VisibleAccount(ctx context.Context, session *Session, uin rookery.UIN) (rookery.Account, error) {
	account, err := s.accountCache.get(ctx, uin)
	if err != nil {
		return rookery.Account{}, err
	}
	visible := *account
	if uin == session.details.Account || account.ShowPrivate {
		return visible, nil
	}
	areFriends, err := s.areFriends(ctx, session.account, uin)
	if err != nil {
		return rookery.Account{}, err
	}
	if !areFriends {
		visible.Profile = visible.Profile.WithoutPrivate()
	}
	return visible, nil
}

// AddFriend is AddToList: makes friends with an account that lets everybody, or whose
// own request waits here; else the outcome says what to do.
func (s *Service) AddFriend(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey) (rookery.Outcome, error) {
	outcome, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, rule rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Add(relation, rule)
	})
	if rookery.CodeOf(err) == rookery.CodeNoAccount {
		receipt, err := s.store.RecordRequest(ctx, requestKey, rookery.OutcomeNoAccount)
		return receipt.Outcome, err
	}
	return outcome, err
}

// RequestFriendship asks an account with words to become a friend.
func (s *Service) RequestFriendship(ctx context.Context, session *Session, otherUIN rookery.UIN, requestText string, requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, rule rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Ask(relation, rule, requestText)
	})
	return err
}

// AcceptRequest accepts the request of an account that waits.
func (s *Service) AcceptRequest(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Accept(relation)
	})
	return err
}

// RejectRequest rejects it with words.
func (s *Service) RejectRequest(ctx context.Context, session *Session, otherUIN rookery.UIN, requestText string, requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Reject(relation, requestText)
	})
	return err
}

// RemoveFriend ends a friendship, if there is one.
func (s *Service) RemoveFriend(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Unfriend(relation), nil
	})
	return err
}

// FriendRequests lists the friend requests that wait here. last is false if more
// follow.
func (s *Service) FriendRequests(ctx context.Context, session *Session, pageQuery PageQuery) (page []rookery.FriendRequest, isLastPage bool, err error) {
	page, err = s.store.FriendRequests(ctx, session.details.Account, pageQuery.After, pageQuery.Limit+1)
	if err != nil || len(page) <= pageQuery.Limit {
		return page, true, err
	}
	return page[:pageQuery.Limit], false, nil
}

// changeRelation carries out what a rule decides about two accounts. The rule sees how
// they stand; if they stand otherwise when the store gets to it, it is asked
// again.
func (s *Service) changeRelation(ctx context.Context, session *Session, otherUIN rookery.UIN, requestKey rookery.RequestKey,
	decide func(rookery.Relation, rookery.Rule) (rookery.RelationTransition, error)) (rookery.Outcome, error) {
	ownUIN := session.details.Account
	isCounted := false
	for {
		relation, err := s.store.Relation(ctx, ownUIN, otherUIN)
		if err != nil {
			return 0, err
		}
		// After the look at the relation: if that already shows what this very
		// pastRequest has done, the mark is there too.
		if outcome, done, err := s.store.RequestOutcome(ctx, requestKey); err != nil || done {
			return outcome, err
		}
		account, err := s.accountCache.get(ctx, otherUIN)
		if err != nil {
			return 0, err
		}
		transition, err := decide(relation, account.Rule)
		if err != nil {
			return 0, err
		}
		if transition.Notice != 0 && !isCounted {
			if err := s.reserveSend(session.account); err != nil {
				return 0, err
			}
			isCounted = true
		}
		change := rookery.RelationChange{Me: ownUIN, Other: otherUIN, From: relation, Transition: transition, Time: s.now(), Key: requestKey}
		if !transition.Notice.AnswersRequest() { // an answer was asked for
			change.Limit = &s.backlogLimit
		}
		receipt, err := s.store.ChangeRelation(ctx, change)
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err != nil || receipt.Repeated {
			return receipt.Outcome, err
		}
		s.updateRelationCaches(ownUIN, otherUIN, relation, transition.Result)
		for _, entryNumber := range receipt.Numbers {
			s.notifyReceiver(otherUIN, entryNumber)
		}
		return receipt.Outcome, nil
	}
}

// updateRelationCaches lets memory know that two accounts stand otherwise now.
func (s *Service) updateRelationCaches(ownUIN, otherUIN rookery.UIN, before, after rookery.Relation) {
	if before.Friends != after.Friends || before.Blocks != after.Blocks || before.BlockedByOther != after.BlockedByOther {
		s.invalidateRelations(ownUIN, otherUIN)
	}
	if !after.Friends {
		s.removeNoticesBetween(ownUIN, otherUIN)
	}
}

// friendsOf is the friend list of a member, from memory once it was read. It must
// not be changed.
func (s *Service) friendsOf(ctx context.Context, account *activeAccount) ([]rookery.UIN, error) {
	return getOrLoad(account, &account.friends, func() ([]rookery.UIN, error) { return s.store.Friends(ctx, account.uin) })
}

// isBlockedBy reports whether an account blocks a member.
func (s *Service) isBlockedBy(ctx context.Context, account *activeAccount, blocker rookery.UIN) (bool, error) {
	uins, err := getOrLoad(account, &account.blockedBy, func() ([]rookery.UIN, error) { return s.store.BlockingAccounts(ctx, account.uin) })
	if err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(uins, blocker)
	return found, nil
}

func (s *Service) areFriends(ctx context.Context, account *activeAccount, otherUIN rookery.UIN) (bool, error) {
	uins, err := s.friendsOf(ctx, account)
	if err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(uins, otherUIN)
	return found, nil
}

// invalidateRelations makes the next look at these members' friends, and at who
// blocks them, read the store.
func (s *Service) invalidateRelations(uins ...rookery.UIN) {
	for _, uin := range uins {
		if account := s.activeAccounts.get(uin); account != nil {
			account.invalidateRelations()
		}
	}
}

func (m *activeAccount) invalidateRelations() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.friends.invalidate()
	m.blockedBy.invalidate()
}

// removeNoticesBetween takes back what two accounts that are no friends have not heard of
// each other yet.
func (s *Service) removeNoticesBetween(firstUIN, otherUIN rookery.UIN) {
	for uin, of := range map[rookery.UIN]rookery.UIN{firstUIN: otherUIN, otherUIN: firstUIN} {
		if account := s.activeAccounts.get(uin); account != nil {
			account.removeNotices(of)
		}
	}
}

package service

import (
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// PageQuery asks for a page of a list ordered by account number: at most Limit accounts above After.
type PageQuery struct {
	After rookery.UIN
	Limit int
}

// Contact is an entry of a friend list or a search result.
type Contact struct {
	*rookery.Account
	Status rookery.Status // as others see it
}

// Friends returns a page of the friend list. isLastPage is false if more follow.
func (s *Service) Friends(ctx context.Context, session *Session,
	pageQuery PageQuery) (page []rookery.UIN, isLastPage bool, err error) {
	allUINs, err := s.friendsOf(ctx, session.account)
	if err != nil {
		return nil, false, err
	}
	page, isLastPage = cutPage(allUINs, pageQuery)
	return page, isLastPage, nil
}

// cutPage returns a page of an ordered list.
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

// OnlineFriends returns a page of the friends who are visibly online.
func (s *Service) OnlineFriends(ctx context.Context, session *Session,
	pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
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

// FriendContacts returns a page of the friend list with profiles.
func (s *Service) FriendContacts(ctx context.Context, session *Session,
	pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
	uins, isLastPage, err := s.Friends(ctx, session, pageQuery)
	if err != nil {
		return nil, false, err
	}
	page, err = s.loadContacts(ctx, uins)
	return page, isLastPage, err
}

// FindAccounts returns a page of the findable accounts that are visibly online and match the query.
// Accounts that block the session's account are left out. An account runs one search at a time.
func (s *Service) FindAccounts(ctx context.Context, session *Session, profileQuery rookery.ProfileQuery,
	pageQuery PageQuery) (page []Contact, isLastPage bool, err error) {
	if err := session.account.searchLock.acquire(ctx); err != nil {
		return nil, false, err
	}
	defer session.account.searchLock.release()
	onlineUINs, err := s.listOnline(ctx, pageQuery.After)
	if err != nil {
		return nil, false, err
	}
	for chunk := range slices.Chunk(onlineUINs, 256) {
		if err := ctx.Err(); err != nil { // no store call checks ctx if all accounts are cached
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

// listOnline returns the accounts with numbers above after that are visibly online. It scans all active
// accounts, which only one search may do at a time.
func (s *Service) listOnline(ctx context.Context, after rookery.UIN) ([]rookery.UIN, error) {
	if err := s.onlineSearches.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.onlineSearches.release()
	return s.hub.listOnline(after, s.uptime()), nil
}

// loadContacts returns the contacts for account numbers. Accounts that were removed meanwhile are left
// out.
func (s *Service) loadContacts(ctx context.Context, uins []rookery.UIN) ([]Contact, error) {
	accounts, err := s.hub.profiles.getAll(ctx, uins)
	if err != nil {
		return nil, err
	}
	contacts := make([]Contact, len(accounts))
	for i, account := range accounts {
		contacts[i] = Contact{account, s.VisibleStatus(account.UIN)}
	}
	return contacts, nil
}

// VisibleStatus returns an account's status as others see it.
func (s *Service) VisibleStatus(uin rookery.UIN) rookery.Status {
	account := s.hub.get(uin)
	if account == nil {
		return rookery.StatusOffline
	}
	return account.visibleStatus(s.uptime())
}

// VisibleAccount returns an account as the session's owner may see it. Private profile fields are only
// for friends and the account itself, unless the account shows them to everybody. It returns
// CodeNoAccount if there is no such account.
func (s *Service) VisibleAccount(ctx context.Context, session *Session, uin rookery.UIN) (rookery.Account, error) {
	account, err := s.hub.profiles.get(ctx, uin)
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

// AddFriend implements AddToList. It makes the two accounts friends if the other allows everybody, or
// if the other's friend request waits here. Otherwise the outcome says what to do.
func (s *Service) AddFriend(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey) (rookery.Outcome, error) {
	outcome, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, rule rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Add(relation, rule)
		})
	if rookery.CodeOf(err) == rookery.CodeNoAccount {
		receipt, err := s.store.RecordRequest(ctx, requestKey, rookery.OutcomeNoAccount)
		return receipt.Outcome, err
	}
	return outcome, err
}

// RequestFriendship sends a friend request with a text.
func (s *Service) RequestFriendship(ctx context.Context, session *Session, otherUIN rookery.UIN, requestText string,
	requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, rule rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Ask(relation, rule, requestText)
		})
	return err
}

// AcceptRequest accepts the friend request of another account.
func (s *Service) AcceptRequest(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, _ rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Accept(relation)
		})
	return err
}

// RejectRequest rejects the friend request of another account, with a text.
func (s *Service) RejectRequest(ctx context.Context, session *Session, otherUIN rookery.UIN, requestText string,
	requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, _ rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Reject(relation, requestText)
		})
	return err
}

// RemoveFriend ends a friendship, if there is one.
func (s *Service) RemoveFriend(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey) error {
	_, err := s.changeRelation(ctx, session, otherUIN, requestKey,
		func(relation rookery.Relation, _ rookery.FriendRule) (rookery.RelationTransition, error) {
			return rookery.Unfriend(relation), nil
		})
	return err
}

// FriendRequests returns a page of the unanswered friend requests to the account. isLastPage is false
// if more follow.
func (s *Service) FriendRequests(ctx context.Context, session *Session,
	pageQuery PageQuery) (page []rookery.FriendRequest, isLastPage bool, err error) {
	page, err = s.store.FriendRequests(ctx, session.details.Account, pageQuery.After, pageQuery.Limit+1)
	if err != nil || len(page) <= pageQuery.Limit {
		return page, true, err
	}
	return page[:pageQuery.Limit], false, nil
}

// changeRelation applies a rule to the relation of two accounts. If the relation changes before the
// store applies the transition, decide is called again with the new relation.
func (s *Service) changeRelation(ctx context.Context, session *Session, otherUIN rookery.UIN,
	requestKey rookery.RequestKey,
	decide func(rookery.Relation, rookery.FriendRule) (rookery.RelationTransition, error)) (rookery.Outcome, error) {
	ownUIN := session.details.Account
	isCounted := false
	for {
		relation, err := s.store.Relation(ctx, ownUIN, otherUIN)
		if err != nil {
			return 0, err
		}
		// This must follow the read of the relation. If that read already shows the effect of an
		// earlier copy of this request, the request's key is found as well.
		if outcome, done, err := s.store.RequestOutcome(ctx, requestKey); err != nil || done {
			return outcome, err
		}
		account, err := s.hub.profiles.get(ctx, otherUIN)
		if err != nil {
			return 0, err
		}
		transition, err := decide(relation, account.FriendRule)
		if err != nil {
			return 0, err
		}
		if transition.Notice != 0 && !isCounted {
			if err := s.reserveSend(session.account); err != nil {
				return 0, err
			}
			isCounted = true
		}
		change := rookery.RelationChange{Me: ownUIN, Other: otherUIN, From: relation, Transition: transition,
			Time: s.now(), Key: requestKey}
		if !transition.Notice.AnswersRequest() { // an answer to a friend request is always delivered
			change.Limit = &s.backlogLimit
		}
		receipt, err := s.store.ChangeRelation(ctx, change)
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err != nil || receipt.Repeated {
			return receipt.Outcome, err
		}
		s.hub.relationChanged(ownUIN, otherUIN, relation, transition.Result)
		for _, entryNumber := range receipt.Numbers {
			s.hub.arrived(otherUIN, entryNumber)
		}
		return receipt.Outcome, nil
	}
}

// friendsOf returns the account's friend list, cached after the first read. Callers must not change it.
func (s *Service) friendsOf(ctx context.Context, account *activeAccount) ([]rookery.UIN, error) {
	return getOrLoad(account, &account.friends,
		func() ([]rookery.UIN, error) { return s.store.Friends(ctx, account.uin) })
}

// isBlockedBy reports whether blocker blocks the account.
func (s *Service) isBlockedBy(ctx context.Context, account *activeAccount, blocker rookery.UIN) (bool, error) {
	uins, err := getOrLoad(account, &account.blockedBy,
		func() ([]rookery.UIN, error) { return s.store.BlockingAccounts(ctx, account.uin) })
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

// invalidateRelations makes the account read its friend list and block list anew.
func (a *activeAccount) invalidateRelations() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.friends.invalidate()
	a.blockedBy.invalidate()
}

package service

import (
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// Page asks for a part of a list that is ordered by number: at most Limit
// accounts above After.
type Page struct {
	After rookery.UIN
	Limit int
}

// Contact is another account as a list shows it.
type Contact struct {
	*rookery.Account
	Status rookery.Status // what others see
}

// Friends lists friends by number. last is false if more follow.
func (s *Service) Friends(ctx context.Context, session *Session, p Page) (page []rookery.UIN, last bool, err error) {
	all, err := s.friends(ctx, session.member)
	if err != nil {
		return nil, false, err
	}
	page, last = cut(all, p)
	return page, last, nil
}

// cut returns the page of an ordered list.
func cut(all []rookery.UIN, p Page) (page []rookery.UIN, last bool) {
	i, found := slices.BinarySearch(all, p.After)
	if found {
		i++
	}
	rest := all[i:]
	if len(rest) > p.Limit {
		return rest[:p.Limit], false
	}
	return rest, true
}

// FriendsOnline lists the friends who look online.
func (s *Service) FriendsOnline(ctx context.Context, session *Session, p Page) (page []Contact, last bool, err error) {
	all, err := s.friends(ctx, session.member)
	if err != nil {
		return nil, false, err
	}
	var online []rookery.UIN
	for _, uin := range all {
		if s.Looks(uin) != rookery.StatusOffline {
			online = append(online, uin)
		}
	}
	uins, last := cut(online, p)
	page, err = s.contacts(ctx, uins)
	return page, last, err
}

// Contacts lists friends with their profiles.
func (s *Service) Contacts(ctx context.Context, session *Session, p Page) (page []Contact, last bool, err error) {
	uins, last, err := s.Friends(ctx, session, p)
	if err != nil {
		return nil, false, err
	}
	page, err = s.contacts(ctx, uins)
	return page, last, err
}

// Find lists accounts that let themselves be found, look online and are what is
// searched for. Those who block the session's account are left out. An account
// searches for one thing at a time, and no other waits while the store is read.
func (s *Service) Find(ctx context.Context, session *Session, profileQuery rookery.ProfileQuery, p Page) (page []Contact, last bool, err error) {
	if err := session.member.searching.take(ctx); err != nil {
		return nil, false, err
	}
	defer session.member.searching.end()
	online, err := s.online(ctx, p.After)
	if err != nil {
		return nil, false, err
	}
	for chunk := range slices.Chunk(online, 256) {
		if err := ctx.Err(); err != nil { // with all in memory, nothing else looks
			return nil, false, rookery.Temporary(err)
		}
		contacts, err := s.contacts(ctx, chunk)
		if err != nil {
			return nil, false, err
		}
		for _, contact := range contacts {
			if !profileQuery.Matches(contact.Account) || contact.Status == rookery.StatusOffline {
				continue
			}
			if blocked, err := s.blocked(ctx, session.member, contact.UIN); err != nil {
				return nil, false, err
			} else if blocked {
				continue
			}
			if len(page) == p.Limit {
				return page, false, nil
			}
			page = append(page, contact)
		}
	}
	return page, true, nil
}

// online lists the accounts above after that look online. It looks at
// everybody, so one search does so at a time.
func (s *Service) online(ctx context.Context, after rookery.UIN) ([]rookery.UIN, error) {
	if err := s.looking.take(ctx); err != nil {
		return nil, err
	}
	defer s.looking.end()
	return s.members.online(after, s.uptime()), nil
}

// contacts looks accounts up; one that was removed just now is left out.
func (s *Service) contacts(ctx context.Context, uins []rookery.UIN) ([]Contact, error) {
	accounts, err := s.accounts.list(ctx, uins)
	if err != nil {
		return nil, err
	}
	contacts := make([]Contact, len(accounts))
	for i, account := range accounts {
		contacts[i] = Contact{account, s.Looks(account.UIN)}
	}
	return contacts, nil
}

// Looks is what others see of an account's status.
func (s *Service) Looks(uin rookery.UIN) rookery.Status {
	active := s.members.get(uin)
	if active == nil {
		return rookery.StatusOffline
	}
	return active.looks(s.uptime())
}

// Info returns an account as the session's owner may see it: the private fields
// are for friends and for the account itself, unless it shows them. CodeNoAccount
// if there is none.
func (s *Service) Info(ctx context.Context, session *Session, uin rookery.UIN) (rookery.Account, error) {
	account, err := s.accounts.get(ctx, uin)
	if err != nil {
		return rookery.Account{}, err
	}
	info := *account
	if uin == session.about.Account || account.ShowPrivate {
		return info, nil
	}
	friends, err := s.areFriends(ctx, session.member, uin)
	if err != nil {
		return rookery.Account{}, err
	}
	if !friends {
		info.Profile = info.Profile.WithoutPrivate()
	}
	return info, nil
}

// Add is AddToList: makes friends with an account that lets everybody, or whose
// own request waits here; else the outcome says what to do.
func (s *Service) Add(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey) (rookery.Outcome, error) {
	outcome, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, rule rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Add(relation, rule)
	})
	if rookery.CodeOf(err) == rookery.CodeNoAccount {
		receipt, err := s.store.RecordRequest(ctx, mark, rookery.OutcomeNoAccount)
		return receipt.Outcome, err
	}
	return outcome, err
}

// Ask asks an account with words to become a friend.
func (s *Service) Ask(ctx context.Context, session *Session, other rookery.UIN, words string, mark rookery.RequestKey) error {
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, rule rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Ask(relation, rule, words)
	})
	return err
}

// Accept accepts the request of an account that waits.
func (s *Service) Accept(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey) error {
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Accept(relation)
	})
	return err
}

// Reject rejects it with words.
func (s *Service) Reject(ctx context.Context, session *Session, other rookery.UIN, words string, mark rookery.RequestKey) error {
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Reject(relation, words)
	})
	return err
}

// Unfriend ends a friendship, if there is one.
func (s *Service) Unfriend(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey) error {
	_, err := s.relate(ctx, session, other, mark, func(relation rookery.Relation, _ rookery.Rule) (rookery.RelationTransition, error) {
		return rookery.Unfriend(relation), nil
	})
	return err
}

// Requests lists the friend requests that wait here. last is false if more
// follow.
func (s *Service) Requests(ctx context.Context, session *Session, p Page) (page []rookery.FriendRequest, last bool, err error) {
	page, err = s.store.FriendRequests(ctx, session.about.Account, p.After, p.Limit+1)
	if err != nil || len(page) <= p.Limit {
		return page, true, err
	}
	return page[:p.Limit], false, nil
}

// relate carries out what a rule decides about two accounts. The rule sees how
// they stand; if they stand otherwise when the store gets to it, it is asked
// again.
func (s *Service) relate(ctx context.Context, session *Session, other rookery.UIN, mark rookery.RequestKey,
	decide func(rookery.Relation, rookery.Rule) (rookery.RelationTransition, error)) (rookery.Outcome, error) {
	me := session.about.Account
	paid := false
	for {
		stand, err := s.store.Relation(ctx, me, other)
		if err != nil {
			return 0, err
		}
		// After the look at the relation: if that already shows what this very
		// pastRequest has done, the mark is there too.
		if outcome, done, err := s.store.RequestOutcome(ctx, mark); err != nil || done {
			return outcome, err
		}
		account, err := s.accounts.get(ctx, other)
		if err != nil {
			return 0, err
		}
		step, err := decide(stand, account.Rule)
		if err != nil {
			return 0, err
		}
		if step.Notice != 0 && !paid {
			if err := s.mayPost(session.member); err != nil {
				return 0, err
			}
			paid = true
		}
		change := rookery.RelationChange{Me: me, Other: other, From: stand, Transition: step, Time: s.now(), Key: mark}
		if !step.Notice.AnswersRequest() { // an answer was asked for
			change.Limit = &s.mailbox
		}
		receipt, err := s.store.ChangeRelation(ctx, change)
		if rookery.CodeOf(err) == rookery.CodeConflict {
			continue
		}
		if err != nil || receipt.Repeated {
			return receipt.Outcome, err
		}
		s.related(me, other, stand, step.Result)
		for _, number := range receipt.Numbers {
			s.arrived(other, number)
		}
		return receipt.Outcome, nil
	}
}

// related lets memory know that two accounts stand otherwise now.
func (s *Service) related(me, other rookery.UIN, before, after rookery.Relation) {
	if before.Friends != after.Friends || before.Blocks != after.Blocks || before.BlockedByOther != after.BlockedByOther {
		s.forgetRelations(me, other)
	}
	if !after.Friends {
		s.forgetNews(me, other)
	}
}

// friends is the friend list of a member, from memory once it was read. It must
// not be changed.
func (s *Service) friends(ctx context.Context, active *activeAccount) ([]rookery.UIN, error) {
	return lookUp(active, &active.friends, func() ([]rookery.UIN, error) { return s.store.Friends(ctx, active.uin) })
}

// blocked reports whether an account blocks a member.
func (s *Service) blocked(ctx context.Context, active *activeAccount, by rookery.UIN) (bool, error) {
	list, err := lookUp(active, &active.blockers, func() ([]rookery.UIN, error) { return s.store.BlockingAccounts(ctx, active.uin) })
	if err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(list, by)
	return found, nil
}

func (s *Service) areFriends(ctx context.Context, active *activeAccount, other rookery.UIN) (bool, error) {
	list, err := s.friends(ctx, active)
	if err != nil {
		return false, err
	}
	_, found := slices.BinarySearch(list, other)
	return found, nil
}

// forgetRelations makes the next look at these members' friends, and at who
// blocks them, read the store.
func (s *Service) forgetRelations(uins ...rookery.UIN) {
	for _, uin := range uins {
		if active := s.members.get(uin); active != nil {
			active.forgetRelations()
		}
	}
}

func (m *activeAccount) forgetRelations() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.friends.forget()
	m.blockers.forget()
}

// forgetNews takes back what two accounts that are no friends have not heard of
// each other yet.
func (s *Service) forgetNews(one, other rookery.UIN) {
	for uin, of := range map[rookery.UIN]rookery.UIN{one: other, other: one} {
		if active := s.members.get(uin); active != nil {
			active.forgetNews(of)
		}
	}
}

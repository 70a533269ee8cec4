package storetest

import (
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// Friends implements service.Store.
func (m *Model) Friends(_ context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return selectUINs(
		m.friends, func(pair accountPair) (rookery.UIN, bool) { return pair.other, pair.owner == uin },
	), nil
}

// selectUINs returns the account numbers that choose selects from the pairs, by number.
func selectUINs[V any](pairs map[accountPair]V, choose func(accountPair) (rookery.UIN, bool)) (list []rookery.UIN) {
	for pair := range pairs {
		if uin, ok := choose(pair); ok {
			list = append(list, uin)
		}
	}
	slices.Sort(list)
	return list
}

// FriendRequests implements service.Store.
func (m *Model) FriendRequests(
	_ context.Context, uin, after rookery.UIN, limit int,
) (list []rookery.FriendRequest, err error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	for _, asker := range selectUINs(
		m.requests,
		func(pair accountPair) (rookery.UIN, bool) { return pair.other, pair.owner == uin && pair.other > after },
	) {
		if len(list) < limit {
			list = append(list, m.requests[accountPair{uin, asker}])
		}
	}
	return list, nil
}

// BlockedAccounts implements service.Store.
func (m *Model) BlockedAccounts(_ context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return selectUINs(
		m.blocks, func(pair accountPair) (rookery.UIN, bool) { return pair.other, pair.owner == uin },
	), nil
}

// BlockingAccounts implements service.Store.
func (m *Model) BlockingAccounts(_ context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return selectUINs(
		m.blocks, func(pair accountPair) (rookery.UIN, bool) { return pair.owner, pair.other == uin },
	), nil
}

// Relation implements service.Store.
func (m *Model) Relation(_ context.Context, me, other rookery.UIN) (rookery.Relation, error) {
	if err := m.lockOpen(); err != nil {
		return rookery.Relation{}, err
	}
	defer m.mu.Unlock()
	return m.relation(me, other), nil
}

func (m *Model) relation(me, other rookery.UIN) rookery.Relation {
	_, sent := m.requests[accountPair{other, me}]
	_, received := m.requests[accountPair{me, other}]
	return rookery.Relation{
		Friends: m.friends[accountPair{me, other}], RequestSent: sent, RequestReceived: received,
		Blocks: m.blocks[accountPair{me, other}], BlockedByOther: m.blocks[accountPair{other, me}],
	}
}

// ChangeRelation implements service.Store.
func (m *Model) ChangeRelation(_ context.Context, change rookery.RelationChange) (rookery.Receipt, error) {
	var numbers []uint64
	receipt, err := m.applyOnce(change.Key, change.Transition.Outcome, func() error {
		if m.relation(change.Me, change.Other) != change.From {
			return errorWithCode(rookery.CodeConflict)
		}
		if m.accounts[change.Me] == nil || m.accounts[change.Other] == nil {
			return errorWithCode(rookery.CodeNoAccount)
		}
		last, isUncollected, isRecent := m.lastNotice(change)
		appends := change.Transition.Notice != 0 && !isUncollected && !isRecent
		if appends && !m.isWithinLimit(change.Notice()) {
			return errorWithCode(rookery.CodeRefused)
		}
		m.storeRelation(change)
		if isUncollected {
			m.findEntry(change.Other, last).Text = change.Transition.NoticeText
		}
		if appends {
			numbers = []uint64{m.appendEntry(change.Notice(), change.Time)}
		}
		if appends && change.Transition.NoticePause > 0 {
			m.lastAskNotices[accountPair{change.Other, change.Me}] = *m.findEntry(change.Other, numbers[0])
		}
		return nil
	})
	receipt.Numbers = numbers
	return receipt, err
}

// lastNotice returns the number of the previous notice of such a request, and whether it is uncollected
// or younger than NoticePause. The text of an uncollected notice is replaced; after a recent one there
// is no new notice.
func (m *Model) lastNotice(change rookery.RelationChange) (number uint64, isUncollected, isRecent bool) {
	last, ok := m.lastAskNotices[accountPair{change.Other, change.Me}]
	if !ok || change.Transition.NoticePause == 0 {
		return 0, false, false
	}
	age, account := change.Time.Sub(last.Time), m.accounts[change.Other]
	isUncollected = last.Number > max(account.forgottenCursor, account.highestCursor())
	return last.Number, isUncollected, age >= 0 && age < change.Transition.NoticePause
}

func (m *Model) findEntry(uin rookery.UIN, number uint64) *rookery.Entry {
	entries := m.accounts[uin].entries
	return &entries[slices.IndexFunc(entries, func(entry rookery.Entry) bool { return entry.Number == number })]
}

func (m *Model) storeRelation(change rookery.RelationChange) {
	from, to := change.From, change.Transition.Result
	if from == to && change.Transition.Notice == 0 {
		return // a pending request keeps its text
	}
	set := func(pairs map[accountPair]bool, pair accountPair, value bool) {
		if delete(pairs, pair); value {
			pairs[pair] = true
		}
	}
	set(m.friends, accountPair{change.Me, change.Other}, to.Friends)
	set(m.friends, accountPair{change.Other, change.Me}, to.Friends)
	set(m.blocks, accountPair{change.Me, change.Other}, to.Blocks)
	set(m.blocks, accountPair{change.Other, change.Me}, to.BlockedByOther)
	sent, received := accountPair{change.Other, change.Me}, accountPair{change.Me, change.Other}
	if delete(m.requests, sent); to.RequestSent {
		m.requests[sent] = rookery.FriendRequest{
			From: change.Me, Text: change.Transition.RequestText, Time: change.Time,
		}
	}
	if !to.RequestReceived {
		delete(m.requests, received)
	} else if !from.RequestReceived {
		m.requests[received] = rookery.FriendRequest{
			From: change.Other, Text: change.Transition.RequestText, Time: change.Time,
		}
	}
}

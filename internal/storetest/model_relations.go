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
func selectUINs[V any](pairs map[accountPair]V, meant func(accountPair) (rookery.UIN, bool)) (list []rookery.UIN) {
	for pair := range pairs {
		if uin, ok := meant(pair); ok {
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
	_, asked := m.requests[accountPair{other, me}]
	_, asks := m.requests[accountPair{me, other}]
	return rookery.Relation{
		Friends: m.friends[accountPair{me, other}], RequestSent: asked, RequestReceived: asks,
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
		last, reword, wait := m.lastNoticeState(change)
		post := change.Transition.Notice != 0 && !reword && !wait
		if post && !m.isWithinLimit(change.Notice()) {
			return errorWithCode(rookery.CodeRefused)
		}
		m.storeRelation(change)
		if reword {
			m.findEntry(change.Other, last).Text = change.Transition.NoticeText
		}
		if post {
			numbers = []uint64{m.appendEntry(change.Notice(), change.Time)}
		}
		if post && change.Transition.NoticePause > 0 {
			m.lastAskNotices[accountPair{change.Other, change.Me}] = *m.findEntry(change.Other, numbers[0])
		}
		return nil
	})
	receipt.Numbers = numbers
	return receipt, err
}

// lastNoticeState says whether the notice of a change is delivered. If the last one is uncollected,
// its text is replaced instead; while the last one is young, there is none.
func (m *Model) lastNoticeState(change rookery.RelationChange) (last uint64, reword, wait bool) {
	before, ok := m.lastAskNotices[accountPair{change.Other, change.Me}]
	if !ok || change.Transition.NoticePause == 0 {
		return 0, false, false
	}
	age, account := change.Time.Sub(before.Time), m.accounts[change.Other]
	return before.Number, before.Number > max(
		account.forgottenCursor, account.highestCursor(),
	), age >= 0 && age < change.Transition.NoticePause
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
	set := func(in map[accountPair]bool, p accountPair, to bool) {
		if delete(in, p); to {
			in[p] = true
		}
	}
	set(m.friends, accountPair{change.Me, change.Other}, to.Friends)
	set(m.friends, accountPair{change.Other, change.Me}, to.Friends)
	set(m.blocks, accountPair{change.Me, change.Other}, to.Blocks)
	set(m.blocks, accountPair{change.Other, change.Me}, to.BlockedByOther)
	mine, others := accountPair{change.Other, change.Me}, accountPair{change.Me, change.Other}
	if delete(m.requests, mine); to.RequestSent {
		m.requests[mine] = rookery.FriendRequest{
			From: change.Me, Text: change.Transition.RequestText, Time: change.Time,
		}
	}
	if !to.RequestReceived {
		delete(m.requests, others)
	} else if !from.RequestReceived {
		m.requests[others] = rookery.FriendRequest{
			From: change.Other, Text: change.Transition.RequestText, Time: change.Time,
		}
	}
}

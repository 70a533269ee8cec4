package storetest

import (
	"time"

	"github.com/rookery-im/rookery"
)

func (s *testedStore) friendRequests(uin, after rookery.UIN, limit int) []rookery.FriendRequest {
	s.Helper()
	list, err := s.FriendRequests(s.ctx, uin, after, limit)
	s.requireNoError(err)
	return list
}

// sendFriendRequest sends a friend request with a text.
func (s *testedStore) sendFriendRequest(me, other rookery.UIN, text string, at time.Time) {
	s.Helper()
	from := s.loadRelation(me, other)
	transition, err := rookery.Ask(from, rookery.RuleAsk, text)
	s.requireNoError(err)
	_, err = s.ChangeRelation(
		s.ctx, rookery.RelationChange{Me: me, Other: other, From: from, Transition: transition, Time: at},
	)
	s.requireNoError(err)
}

// applyTransition makes a change that depends only on the present relation.
func (s *testedStore) applyTransition(
	me, other rookery.UIN, transition func(rookery.Relation) rookery.RelationTransition,
) {
	s.Helper()
	from := s.loadRelation(me, other)
	s.changeRelation(rookery.RelationChange{Me: me, Other: other, From: from, Transition: transition(from)})
}

func (s *testedStore) listBlocks(uin rookery.UIN) (blocked, blockers []rookery.UIN) {
	s.Helper()
	blocked, err := s.BlockedAccounts(s.ctx, uin)
	s.requireNoError(err)
	blockers, err = s.BlockingAccounts(s.ctx, uin)
	s.requireNoError(err)
	return blocked, blockers
}

var blockTests = []contractTest{
	{"pending requests are listed by number, with their texts and times", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.sendFriendRequest(cat, ann, "it is cat", noon)
		store.sendFriendRequest(bob, ann, "it is bob", noon.Add(time.Hour))
		bobs := rookery.FriendRequest{From: bob, Text: "it is bob", Time: noon.Add(time.Hour)}
		cats := rookery.FriendRequest{From: cat, Text: "it is cat", Time: noon}
		store.checkAcrossRestart(func() {
			store.requireEqual("limit 10", store.friendRequests(ann, 0, 10), []rookery.FriendRequest{bobs, cats})
			store.requireEqual("limit 1", store.friendRequests(ann, 0, 1), []rookery.FriendRequest{bobs})
			store.requireEqual("after bob", store.friendRequests(ann, bob, 10), []rookery.FriendRequest{cats})
			store.requireEqual("limit 0", store.friendRequests(ann, 0, 0), []rookery.FriendRequest(nil))
			store.requireEqual("requests to bob", store.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
		})
	}},
	{"a second request replaces the text of the pending one", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "hello", noon)
		store.sendFriendRequest(bob, ann, "it is me, bob", noon.Add(time.Hour))
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"requests", store.friendRequests(ann, 0, 10),
				[]rookery.FriendRequest{{From: bob, Text: "it is me, bob", Time: noon.Add(time.Hour)}},
			)
		})
	}},
	{"a change without effect leaves the text of a pending request", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "hello", noon)
		store.applyTransition(ann, bob, rookery.Unfriend)
		store.applyTransition(bob, ann, rookery.Unfriend)
		store.requireEqual(
			"requests", store.friendRequests(ann, 0, 10),
			[]rookery.FriendRequest{{From: bob, Text: "hello", Time: noon}},
		)
	}},
	{"an answered request is no longer pending", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "hello", noon)
		store.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			transition, err := rookery.Accept(relation)
			store.requireNoError(err)
			return transition
		})
		store.requireEqual("requests", store.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"a block is visible to both accounts, and ends friendship and requests", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.makeFriends(ann, bob)
		store.sendFriendRequest(cat, ann, "hello", noon)
		store.applyTransition(ann, bob, rookery.Block)
		store.applyTransition(ann, cat, rookery.Block)
		store.checkAcrossRestart(func() {
			store.requireEqual("ann sees", store.loadRelation(ann, bob), rookery.Relation{Blocks: true})
			store.requireEqual("bob sees", store.loadRelation(bob, ann), rookery.Relation{BlockedByOther: true})
			store.requireEqual("friends", store.listFriends(bob), []rookery.UIN(nil))
			store.requireEqual("requests", store.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
			blocked, blockers := store.listBlocks(ann)
			store.requireEqual("ann blocks", blocked, []rookery.UIN{bob, cat})
			store.requireEqual("accounts that block ann", blockers, []rookery.UIN(nil))
			blocked, blockers = store.listBlocks(bob)
			store.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			store.requireEqual("accounts that block bob", blockers, []rookery.UIN{ann})
		})
	}},
	{"two accounts may block each other, and each ends its own block", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.applyTransition(ann, bob, rookery.Block)
		store.applyTransition(bob, ann, rookery.Block)
		both := rookery.Relation{Blocks: true, BlockedByOther: true}
		store.requireEqual("relation with two blocks", store.loadRelation(ann, bob), both)
		store.applyTransition(ann, bob, rookery.Unblock)
		store.checkAcrossRestart(func() {
			blocked := rookery.Relation{BlockedByOther: true}
			store.requireEqual("relation with one block", store.loadRelation(ann, bob), blocked)
		})
		store.applyTransition(bob, ann, rookery.Unblock)
		store.checkAcrossRestart(
			func() {
				store.requireEqual("relation without a block", store.loadRelation(ann, bob), rookery.Relation{})
			},
		)
	}},
	{"a change from before a block is a conflict", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.applyTransition(bob, ann, rookery.Block)
		_, err := store.ChangeRelation(
			store.ctx,
			rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon},
		)
		store.requireCode(err, rookery.CodeConflict)
		store.requireEqual("requests", store.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"both accounts list a block by number until either account is removed", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.applyTransition(cat, bob, rookery.Block)
		store.applyTransition(ann, bob, rookery.Block)
		store.applyTransition(bob, cat, rookery.Block)
		_, blockers := store.listBlocks(bob)
		store.requireEqual("accounts that block bob", blockers, []rookery.UIN{ann, cat})
		store.requireNoError(store.RemoveAccount(store.ctx, bob))
		store.createAccounts(bob)
		store.checkAcrossRestart(func() {
			blocked, blockers := store.listBlocks(bob)
			store.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			store.requireEqual("accounts that block bob", blockers, []rookery.UIN(nil))
			store.requireEqual("relation", store.loadRelation(cat, bob), rookery.Relation{})
		})
	}},
}

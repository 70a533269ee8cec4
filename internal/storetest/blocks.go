package storetest

import (
	"time"

	"github.com/rookery-im/rookery"
)

func (ct *contractTrial) friendRequests(uin, after rookery.UIN, limit int) []rookery.FriendRequest {
	ct.Helper()
	list, err := ct.FriendRequests(ct.ctx, uin, after, limit)
	ct.requireNoError(err)
	return list
}

// sendFriendRequest sends a friend request with a text.
func (ct *contractTrial) sendFriendRequest(me, other rookery.UIN, words string, at time.Time) {
	ct.Helper()
	from := ct.loadRelation(me, other)
	step, err := rookery.Ask(from, rookery.RuleAsk, words)
	ct.requireNoError(err)
	_, err = ct.ChangeRelation(
		ct.ctx, rookery.RelationChange{Me: me, Other: other, From: from, Transition: step, Time: at},
	)
	ct.requireNoError(err)
}

// applyTransition makes a change that depends only on the present relation.
func (ct *contractTrial) applyTransition(
	me, other rookery.UIN, step func(rookery.Relation) rookery.RelationTransition,
) {
	ct.Helper()
	from := ct.loadRelation(me, other)
	ct.changeRelation(rookery.RelationChange{Me: me, Other: other, From: from, Transition: step(from)})
}

func (ct *contractTrial) listBlocks(uin rookery.UIN) (blocked, blockers []rookery.UIN) {
	ct.Helper()
	blocked, err := ct.BlockedAccounts(ct.ctx, uin)
	ct.requireNoError(err)
	blockers, err = ct.BlockingAccounts(ct.ctx, uin)
	ct.requireNoError(err)
	return blocked, blockers
}

var blockTests = []contractTest{
	{"pending requests are listed by number, with their texts and times", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.sendFriendRequest(cat, ann, "it is cat", noon)
		trial.sendFriendRequest(bob, ann, "it is bob", noon.Add(time.Hour))
		bobs := rookery.FriendRequest{From: bob, Text: "it is bob", Time: noon.Add(time.Hour)}
		cats := rookery.FriendRequest{From: cat, Text: "it is cat", Time: noon}
		trial.checkAcrossRestart(func() {
			trial.requireEqual("all", trial.friendRequests(ann, 0, 10), []rookery.FriendRequest{bobs, cats})
			trial.requireEqual("at most one", trial.friendRequests(ann, 0, 1), []rookery.FriendRequest{bobs})
			trial.requireEqual("after bob", trial.friendRequests(ann, bob, 10), []rookery.FriendRequest{cats})
			trial.requireEqual("none of them", trial.friendRequests(ann, 0, 0), []rookery.FriendRequest(nil))
			trial.requireEqual("of bob", trial.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
		})
	}},
	{"a second request replaces the text of the pending one", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "hello", noon)
		trial.sendFriendRequest(bob, ann, "it is me, bob", noon.Add(time.Hour))
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"requests", trial.friendRequests(ann, 0, 10),
				[]rookery.FriendRequest{{From: bob, Text: "it is me, bob", Time: noon.Add(time.Hour)}},
			)
		})
	}},
	{"a change without effect leaves the text of a pending request", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "hello", noon)
		trial.applyTransition(ann, bob, rookery.Unfriend)
		trial.applyTransition(bob, ann, rookery.Unfriend)
		trial.requireEqual(
			"requests", trial.friendRequests(ann, 0, 10),
			[]rookery.FriendRequest{{From: bob, Text: "hello", Time: noon}},
		)
	}},
	{"an answered request is no longer pending", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "hello", noon)
		trial.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Accept(relation)
			trial.requireNoError(err)
			return step
		})
		trial.requireEqual("requests", trial.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"a block is visible to both accounts, and ends friendship and requests", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.makeFriends(ann, bob)
		trial.sendFriendRequest(cat, ann, "hello", noon)
		trial.applyTransition(ann, bob, rookery.Block)
		trial.applyTransition(ann, cat, rookery.Block)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("ann sees", trial.loadRelation(ann, bob), rookery.Relation{Blocks: true})
			trial.requireEqual("bob sees", trial.loadRelation(bob, ann), rookery.Relation{BlockedByOther: true})
			trial.requireEqual("friends", trial.listFriends(bob), []rookery.UIN(nil))
			trial.requireEqual("requests", trial.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
			blocked, blockers := trial.listBlocks(ann)
			trial.requireEqual("ann blocks", blocked, []rookery.UIN{bob, cat})
			trial.requireEqual("who block ann", blockers, []rookery.UIN(nil))
			blocked, blockers = trial.listBlocks(bob)
			trial.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			trial.requireEqual("who block bob", blockers, []rookery.UIN{ann})
		})
	}},
	{"two accounts may block each other, and each ends its own block", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.applyTransition(ann, bob, rookery.Block)
		trial.applyTransition(bob, ann, rookery.Block)
		trial.requireEqual("both", trial.loadRelation(ann, bob), rookery.Relation{Blocks: true, BlockedByOther: true})
		trial.applyTransition(ann, bob, rookery.Unblock)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("one", trial.loadRelation(ann, bob), rookery.Relation{BlockedByOther: true})
		})
		trial.applyTransition(bob, ann, rookery.Unblock)
		trial.checkAcrossRestart(
			func() { trial.requireEqual("none", trial.loadRelation(ann, bob), rookery.Relation{}) },
		)
	}},
	{"a change from before a block is a conflict", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.applyTransition(bob, ann, rookery.Block)
		_, err := trial.ChangeRelation(
			trial.ctx,
			rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon},
		)
		trial.requireCode(err, rookery.CodeConflict)
		trial.requireEqual("requests", trial.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"blocks are listed by number for both sides, and end with an account", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.applyTransition(cat, bob, rookery.Block)
		trial.applyTransition(ann, bob, rookery.Block)
		trial.applyTransition(bob, cat, rookery.Block)
		_, blockers := trial.listBlocks(bob)
		trial.requireEqual("who block bob", blockers, []rookery.UIN{ann, cat})
		trial.requireNoError(trial.RemoveAccount(trial.ctx, bob))
		trial.createAccounts(bob)
		trial.checkAcrossRestart(func() {
			blocked, blockers := trial.listBlocks(bob)
			trial.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			trial.requireEqual("who block bob", blockers, []rookery.UIN(nil))
			trial.requireEqual("relation", trial.loadRelation(cat, bob), rookery.Relation{})
		})
	}},
}

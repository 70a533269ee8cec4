package storetest

import (
	"time"

	"github.com/rookery-im/rookery"
)

func (x *contractTrial) friendRequests(uin, after rookery.UIN, limit int) []rookery.FriendRequest {
	x.Helper()
	list, err := x.FriendRequests(x.ctx, uin, after, limit)
	x.requireNoError(err)
	return list
}

// sendFriendRequest has an account ask another with words.
func (x *contractTrial) sendFriendRequest(me, other rookery.UIN, words string, at time.Time) {
	x.Helper()
	from := x.loadRelation(me, other)
	step, err := rookery.Ask(from, rookery.RuleAsk, words)
	x.requireNoError(err)
	_, err = x.ChangeRelation(x.ctx, rookery.RelationChange{Me: me, Other: other, From: from, Transition: step, Time: at})
	x.requireNoError(err)
}

// applyTransition has an account take one of the steps that depend on how they stand only.
func (x *contractTrial) applyTransition(me, other rookery.UIN, step func(rookery.Relation) rookery.RelationTransition) {
	x.Helper()
	from := x.loadRelation(me, other)
	x.changeRelation(rookery.RelationChange{Me: me, Other: other, From: from, Transition: step(from)})
}

func (x *contractTrial) listBlocks(uin rookery.UIN) (blocked, blockers []rookery.UIN) {
	x.Helper()
	blocked, err := x.BlockedAccounts(x.ctx, uin)
	x.requireNoError(err)
	blockers, err = x.BlockingAccounts(x.ctx, uin)
	x.requireNoError(err)
	return blocked, blockers
}

var blockTests = []contractTest{
	{"requests that wait are listed by number, with their words and times", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.sendFriendRequest(cat, ann, "it is cat", noon)
		x.sendFriendRequest(bob, ann, "it is bob", noon.Add(time.Hour))
		bobs := rookery.FriendRequest{From: bob, Text: "it is bob", Time: noon.Add(time.Hour)}
		cats := rookery.FriendRequest{From: cat, Text: "it is cat", Time: noon}
		x.checkAcrossRestart(func() {
			x.requireEqual("all", x.friendRequests(ann, 0, 10), []rookery.FriendRequest{bobs, cats})
			x.requireEqual("at most one", x.friendRequests(ann, 0, 1), []rookery.FriendRequest{bobs})
			x.requireEqual("after bob", x.friendRequests(ann, bob, 10), []rookery.FriendRequest{cats})
			x.requireEqual("none of them", x.friendRequests(ann, 0, 0), []rookery.FriendRequest(nil))
			x.requireEqual("of bob", x.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
		})
	}},
	{"asking again replaces the words of the request that waits", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "hello", noon)
		x.sendFriendRequest(bob, ann, "it is me, bob", noon.Add(time.Hour))
		x.checkAcrossRestart(func() {
			x.requireEqual("requests", x.friendRequests(ann, 0, 10), []rookery.FriendRequest{{From: bob, Text: "it is me, bob", Time: noon.Add(time.Hour)}})
		})
	}},
	{"a step that changes nothing leaves the words of what waits", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "hello", noon)
		x.applyTransition(ann, bob, rookery.Unfriend)
		x.applyTransition(bob, ann, rookery.Unfriend)
		x.requireEqual("requests", x.friendRequests(ann, 0, 10), []rookery.FriendRequest{{From: bob, Text: "hello", Time: noon}})
	}},
	{"a request that is answered waits no more", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "hello", noon)
		x.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Accept(relation)
			x.requireNoError(err)
			return step
		})
		x.requireEqual("requests", x.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"a block is seen from both sides, and ends friendship and requests", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.makeFriends(ann, bob)
		x.sendFriendRequest(cat, ann, "hello", noon)
		x.applyTransition(ann, bob, rookery.Block)
		x.applyTransition(ann, cat, rookery.Block)
		x.checkAcrossRestart(func() {
			x.requireEqual("ann sees", x.loadRelation(ann, bob), rookery.Relation{Blocks: true})
			x.requireEqual("bob sees", x.loadRelation(bob, ann), rookery.Relation{BlockedByOther: true})
			x.requireEqual("friends", x.listFriends(bob), []rookery.UIN(nil))
			x.requireEqual("requests", x.friendRequests(ann, 0, 10), []rookery.FriendRequest(nil))
			blocked, blockers := x.listBlocks(ann)
			x.requireEqual("ann blocks", blocked, []rookery.UIN{bob, cat})
			x.requireEqual("who block ann", blockers, []rookery.UIN(nil))
			blocked, blockers = x.listBlocks(bob)
			x.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			x.requireEqual("who block bob", blockers, []rookery.UIN{ann})
		})
	}},
	{"two may block each other, and each ends its own block", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.applyTransition(ann, bob, rookery.Block)
		x.applyTransition(bob, ann, rookery.Block)
		x.requireEqual("both", x.loadRelation(ann, bob), rookery.Relation{Blocks: true, BlockedByOther: true})
		x.applyTransition(ann, bob, rookery.Unblock)
		x.checkAcrossRestart(func() { x.requireEqual("one", x.loadRelation(ann, bob), rookery.Relation{BlockedByOther: true}) })
		x.applyTransition(bob, ann, rookery.Unblock)
		x.checkAcrossRestart(func() { x.requireEqual("none", x.loadRelation(ann, bob), rookery.Relation{}) })
	}},
	{"a step from before a block is a conflict", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.applyTransition(bob, ann, rookery.Block)
		_, err := x.ChangeRelation(x.ctx, rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon})
		x.requireCode(err, rookery.CodeConflict)
		x.requireEqual("requests", x.friendRequests(bob, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"blocks are listed by number from either side, and end with an account", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.applyTransition(cat, bob, rookery.Block)
		x.applyTransition(ann, bob, rookery.Block)
		x.applyTransition(bob, cat, rookery.Block)
		_, blockers := x.listBlocks(bob)
		x.requireEqual("who block bob", blockers, []rookery.UIN{ann, cat})
		x.requireNoError(x.RemoveAccount(x.ctx, bob))
		x.createAccounts(bob)
		x.checkAcrossRestart(func() {
			blocked, blockers := x.listBlocks(bob)
			x.requireEqual("bob blocks", blocked, []rookery.UIN(nil))
			x.requireEqual("who block bob", blockers, []rookery.UIN(nil))
			x.requireEqual("relation", x.loadRelation(cat, bob), rookery.Relation{})
		})
	}},
}

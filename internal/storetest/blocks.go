package storetest

import (
	"time"

	"github.com/rookery-im/rookery"
)

func (x *trial) requests(uin, after rookery.UIN, limit int) []rookery.FriendRequest {
	x.Helper()
	list, err := x.FriendRequests(x.ctx, uin, after, limit)
	x.must(err)
	return list
}

// asks has an account ask another with words.
func (x *trial) asks(me, other rookery.UIN, words string, at time.Time) {
	x.Helper()
	from := x.relation(me, other)
	step, err := rookery.Ask(from, rookery.RuleAsk, words)
	x.must(err)
	_, err = x.ChangeRelation(x.ctx, rookery.RelationChange{Me: me, Other: other, From: from, Transition: step, Time: at})
	x.must(err)
}

// takes has an account take one of the steps that depend on how they stand only.
func (x *trial) takes(me, other rookery.UIN, step func(rookery.Relation) rookery.RelationTransition) {
	x.Helper()
	from := x.relation(me, other)
	x.relate(rookery.RelationChange{Me: me, Other: other, From: from, Transition: step(from)})
}

func (x *trial) blocked(uin rookery.UIN) (blocked, blockers []rookery.UIN) {
	x.Helper()
	blocked, err := x.BlockedAccounts(x.ctx, uin)
	x.must(err)
	blockers, err = x.BlockingAccounts(x.ctx, uin)
	x.must(err)
	return blocked, blockers
}

var blockTests = []test{
	{"requests that wait are listed by number, with their words and times", func(x *trial) {
		x.add(ann, bob, cat)
		x.asks(cat, ann, "it is cat", noon)
		x.asks(bob, ann, "it is bob", noon.Add(time.Hour))
		bobs := rookery.FriendRequest{From: bob, Text: "it is bob", Time: noon.Add(time.Hour)}
		cats := rookery.FriendRequest{From: cat, Text: "it is cat", Time: noon}
		x.twice(func() {
			x.equal("all", x.requests(ann, 0, 10), []rookery.FriendRequest{bobs, cats})
			x.equal("at most one", x.requests(ann, 0, 1), []rookery.FriendRequest{bobs})
			x.equal("after bob", x.requests(ann, bob, 10), []rookery.FriendRequest{cats})
			x.equal("none of them", x.requests(ann, 0, 0), []rookery.FriendRequest(nil))
			x.equal("of bob", x.requests(bob, 0, 10), []rookery.FriendRequest(nil))
		})
	}},
	{"asking again replaces the words of the request that waits", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "hello", noon)
		x.asks(bob, ann, "it is me, bob", noon.Add(time.Hour))
		x.twice(func() {
			x.equal("requests", x.requests(ann, 0, 10), []rookery.FriendRequest{{From: bob, Text: "it is me, bob", Time: noon.Add(time.Hour)}})
		})
	}},
	{"a step that changes nothing leaves the words of what waits", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "hello", noon)
		x.takes(ann, bob, rookery.Unfriend)
		x.takes(bob, ann, rookery.Unfriend)
		x.equal("requests", x.requests(ann, 0, 10), []rookery.FriendRequest{{From: bob, Text: "hello", Time: noon}})
	}},
	{"a request that is answered waits no more", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "hello", noon)
		x.takes(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Accept(relation)
			x.must(err)
			return step
		})
		x.equal("requests", x.requests(ann, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"a block is seen from both sides, and ends friendship and requests", func(x *trial) {
		x.add(ann, bob, cat)
		x.befriend(ann, bob)
		x.asks(cat, ann, "hello", noon)
		x.takes(ann, bob, rookery.Block)
		x.takes(ann, cat, rookery.Block)
		x.twice(func() {
			x.equal("ann sees", x.relation(ann, bob), rookery.Relation{Blocks: true})
			x.equal("bob sees", x.relation(bob, ann), rookery.Relation{BlockedByOther: true})
			x.equal("friends", x.friends(bob), []rookery.UIN(nil))
			x.equal("requests", x.requests(ann, 0, 10), []rookery.FriendRequest(nil))
			blocked, blockers := x.blocked(ann)
			x.equal("ann blocks", blocked, []rookery.UIN{bob, cat})
			x.equal("who block ann", blockers, []rookery.UIN(nil))
			blocked, blockers = x.blocked(bob)
			x.equal("bob blocks", blocked, []rookery.UIN(nil))
			x.equal("who block bob", blockers, []rookery.UIN{ann})
		})
	}},
	{"two may block each other, and each ends its own block", func(x *trial) {
		x.add(ann, bob)
		x.takes(ann, bob, rookery.Block)
		x.takes(bob, ann, rookery.Block)
		x.equal("both", x.relation(ann, bob), rookery.Relation{Blocks: true, BlockedByOther: true})
		x.takes(ann, bob, rookery.Unblock)
		x.twice(func() { x.equal("one", x.relation(ann, bob), rookery.Relation{BlockedByOther: true}) })
		x.takes(bob, ann, rookery.Unblock)
		x.twice(func() { x.equal("none", x.relation(ann, bob), rookery.Relation{}) })
	}},
	{"a step from before a block is a conflict", func(x *trial) {
		x.add(ann, bob)
		x.takes(bob, ann, rookery.Block)
		_, err := x.ChangeRelation(x.ctx, rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{}), Time: noon})
		x.refused(err, rookery.CodeConflict)
		x.equal("requests", x.requests(bob, 0, 10), []rookery.FriendRequest(nil))
	}},
	{"blocks are listed by number from either side, and end with an account", func(x *trial) {
		x.add(ann, bob, cat)
		x.takes(cat, bob, rookery.Block)
		x.takes(ann, bob, rookery.Block)
		x.takes(bob, cat, rookery.Block)
		_, blockers := x.blocked(bob)
		x.equal("who block bob", blockers, []rookery.UIN{ann, cat})
		x.must(x.RemoveAccount(x.ctx, bob))
		x.add(bob)
		x.twice(func() {
			blocked, blockers := x.blocked(bob)
			x.equal("bob blocks", blocked, []rookery.UIN(nil))
			x.equal("who block bob", blockers, []rookery.UIN(nil))
			x.equal("relation", x.relation(cat, bob), rookery.Relation{})
		})
	}},
}

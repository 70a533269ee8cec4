package storetest

import (
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// trySend delivers a message that has a limit.
func (x *trial) trySend(to, from rookery.UIN, text string, limit rookery.BacklogLimit) error {
	newEntry := letter(to, from, text)
	newEntry.Limit = &limit
	_, err := x.Deliver(x.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
	return err
}

// fill sends messages until the limit refuses one, and returns how many were taken.
func (x *trial) fill(to, from rookery.UIN, text string, limit rookery.BacklogLimit) (taken int) {
	x.Helper()
	for ; taken < 1000; taken++ {
		if err := x.trySend(to, from, text, limit); err != nil {
			if rookery.CodeOf(err) != rookery.CodeRefused {
				x.Errorf("got error %v", err)
			}
			return taken
		}
	}
	x.Error("the limit refuses nothing")
	return taken
}

func (x *trial) passes(uin rookery.UIN, device string, number uint64) {
	x.Helper()
	x.must(x.SaveCursor(x.ctx, uin, device, rookery.Cursor{Number: number}))
}

// three is a limit of three messages, of texts of any length.
var three = rookery.BacklogLimit{Messages: 3, Bytes: 1 << 30}

var limitTests = []test{
	{"a mailbox takes as many messages as its limit says", func(x *trial) {
		x.add(ann, bob)
		x.equal("taken", x.fill(ann, bob, "x", three), 3)
		x.equal("taken of another mailbox", x.fill(bob, ann, "x", three), 3)
		x.twice(func() {
			x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
			x.equal("texts", x.texts(ann), []string{"x", "x", "x"})
		})
	}},
	{"a mailbox takes as many bytes of text as its limit says", func(x *trial) {
		x.add(ann, bob)
		limit := rookery.BacklogLimit{Messages: 1000, Bytes: 10}
		x.equal("taken", x.fill(ann, bob, "冰冰", limit), 1) // 6 bytes
		x.must(x.trySend(ann, bob, "four", limit))
		x.refused(x.trySend(ann, bob, "x", limit), rookery.CodeRefused)
		x.reopen()
		x.refused(x.trySend(ann, bob, "x", limit), rookery.CodeRefused)
	}},
	{"letters without a limit are always taken, and count", func(x *trial) {
		x.add(ann, bob)
		x.send(ann, bob, "1", "2", "3", "4")
		x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
		x.send(ann, bob, "5")
		x.passes(ann, "", 4)
		x.equal("taken", x.fill(ann, bob, "x", three), 2)
		x.send(ann, bob, "6")
	}},
	{"an account's own words do not count", func(x *trial) {
		x.add(ann, bob)
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		for range 5 {
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{own}, noon, rookery.RequestKey{})
			x.must(err)
		}
		x.equal("taken", x.fill(ann, bob, "x", three), 3)
		x.reopen()
		x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
		x.passes(ann, "", 6)
		x.equal("taken", x.fill(ann, bob, "x", three), 1)
	}},
	{"all letters of a delivery count, and none is taken if one is not", func(x *trial) {
		x.add(ann, bob)
		both := []rookery.NewEntry{letter(bob, ann, "1"), letter(ann, bob, "1"), letter(ann, bob, "2")}
		for i := range both {
			both[i].Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		}
		_, err := x.Deliver(x.ctx, both, noon, rookery.RequestKey{})
		x.refused(err, rookery.CodeRefused)
		x.equal("of the one", x.texts(ann), []string(nil))
		x.equal("of the other", x.texts(bob), []string(nil))
	}},
	{"what is collected counts no more, by whichever collector", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1))
		x.equal("taken", x.fill(ann, bob, "x", three), 3)
		x.passes(ann, "phone", 2)
		x.equal("after two", x.fill(ann, bob, "x", three), 2)
		x.passes(ann, "", 1) // behind the other
		x.equal("after one that was collected", x.fill(ann, bob, "x", three), 0)
		x.passes(ann, "", 5)
		x.equal("after all", x.fill(ann, bob, "x", three), 3)
		x.reopen()
		x.equal("opened again", x.fill(ann, bob, "x", three), 0)
	}},
	{"a collector that goes back, or is forgotten, brings back what waited", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1))
		x.equal("taken", x.fill(ann, bob, "x", three), 3)
		x.passes(ann, "phone", 3)
		x.must(x.trySend(ann, bob, "x", three))
		x.passes(ann, "phone", 1)
		x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
		x.passes(ann, "phone", 4)
		x.must(x.trySend(ann, bob, "x", three))
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.must(err)
		x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
		x.signIn(session(ann, "desk", 2)) // begins where the phone had got
		x.equal("taken", x.fill(ann, bob, "x", three), 2)
	}},
	{"purging changes nothing of what waits", func(x *trial) {
		x.add(ann, bob)
		x.fill(ann, bob, "x", three)
		x.passes(ann, "", 2)
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 2)
		x.equal("taken", x.fill(ann, bob, "x", three), 2)
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 0)
		x.refused(x.trySend(ann, bob, "x", three), rookery.CodeRefused)
	}},
	{"an account that is added again begins with nothing that waits", func(x *trial) {
		x.add(ann, bob)
		x.fill(ann, bob, "x", three)
		x.must(x.RemoveAccount(x.ctx, ann))
		x.add(ann)
		x.equal("taken", x.fill(ann, bob, "x", three), 3)
	}},
	{"a delivery that was done is a repeat, whatever waits by then", func(x *trial) {
		x.add(ann, bob)
		newEntry := letter(ann, bob, "x")
		newEntry.Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		for i := range 2 {
			receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{newEntry}, noon, mark(bob, 1, time.Minute))
			x.must(err)
			x.equal("repeated", receipt.Repeated, i == 1)
		}
	}},
	{"senders at once do not exceed the limit together", func(x *trial) {
		x.add(ann, bob)
		limit := rookery.BacklogLimit{Messages: 50, Bytes: 1 << 30}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { x.fill(ann, bob, "x", limit) })
		}
		all.Wait()
		x.equal("messages", len(x.all(ann)), 50)
	}},
	{"a notice of a step exceeds no limit, and then nothing is done", func(x *trial) {
		x.add(ann, bob)
		x.fill(ann, bob, "x", three)
		step, err := rookery.Ask(rookery.Relation{}, rookery.RuleAsk, "hello")
		x.must(err)
		change := rookery.RelationChange{
			Me: bob, Other: ann, Transition: step, Limit: &three, Time: noon, Key: mark(bob, 1, time.Minute),
		}
		_, err = x.ChangeRelation(x.ctx, change)
		x.refused(err, rookery.CodeRefused)
		x.equal("relation", x.relation(bob, ann), rookery.Relation{})
		x.recalls(change.Key, false)
		change.Limit = nil
		x.relate(change)
		x.equal("texts", x.texts(ann), []string{"x", "x", "x", "hello"})
	}},
}

// asksAfter has an account ask another several times, each a while after the one
// before, and returns what is in the mailbox.
func (x *trial) asksAfter(me, other rookery.UIN, pauses ...time.Duration) []string {
	x.Helper()
	at := noon
	for i, pause := range pauses {
		at = at.Add(pause)
		x.asks(me, other, strings.Repeat("please ", i)+"hello", at)
	}
	return x.texts(other)
}

var pauseTests = []test{
	{"a request that is made again while its notice waits changes the notice's words", func(x *trial) {
		x.add(ann, bob, cat)
		x.equal("notices", x.asksAfter(bob, ann, 0, time.Second, 2*rookery.AskPause), []string{"please please hello"})
		x.asks(cat, ann, "I am another", noon)
		x.twice(func() {
			x.equal("notices", x.texts(ann), []string{"please please hello", "I am another"})
			x.equal("words", x.requests(ann, 0, 1)[0].Text, "please please hello")
		})
		x.asks(bob, ann, "once more", noon.Add(3*rookery.AskPause))
		x.twice(func() { x.equal("notices", x.texts(ann), []string{"once more", "I am another"}) })
		x.equal("time of the notice", x.all(ann)[0].Time, noon)
	}},
	{"the words count as bytes that wait", func(x *trial) {
		x.add(ann, bob, cat)
		limit := rookery.BacklogLimit{Messages: 100, Bytes: 40}
		x.must(x.trySend(ann, cat, "ten bytes.", limit))
		x.asks(bob, ann, "hi", noon)
		x.asks(bob, ann, "now it is twenty....", noon)
		x.refused(x.trySend(ann, cat, "eleven byte", limit), rookery.CodeRefused)
		x.must(x.trySend(ann, cat, "ten bytes.", limit))
		x.reopen()
		x.refused(x.trySend(ann, cat, "x", limit), rookery.CodeRefused)
	}},
	{"once it is collected, another comes when the pause is over", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "1", noon)
		x.passes(ann, "", 1)
		x.asks(bob, ann, "2", noon.Add(rookery.AskPause-time.Second))
		x.twice(func() {
			x.equal("notices", x.texts(ann), []string{"1"})
			x.equal("words", x.requests(ann, 0, 1)[0].Text, "2")
		})
		x.asks(bob, ann, "3", noon.Add(rookery.AskPause))
		x.asks(bob, ann, "4", noon.Add(rookery.AskPause))
		x.twice(func() { x.equal("notices", x.texts(ann), []string{"1", "4"}) })
	}},
	{"what a device has taken that is forgotten by now counts as collected", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1))
		x.asks(bob, ann, "1", noon)
		x.passes(ann, "phone", 1)
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.must(err)
		x.asks(bob, ann, "2", noon.Add(time.Minute))
		x.twice(func() { x.equal("notices", x.texts(ann), []string{"1"}) })
		x.signIn(session(ann, "desk", 2)) // begins behind the notice
		x.asks(bob, ann, "3", noon.Add(rookery.AskPause))
		x.twice(func() { x.equal("notices", x.texts(ann), []string{"1", "3"}) })
	}},
	{"what a device has taken that is forgotten by now is not waited for", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1))
		x.asks(bob, ann, "1", noon)
		x.passes(ann, "phone", 1)
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.must(err)
		x.asks(bob, ann, "2", noon.Add(rookery.AskPause))
		x.twice(func() { x.equal("notices", x.texts(ann), []string{"1", "2"}) })
	}},
	{"an answer in between shortens no pause", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "1", noon)
		x.passes(ann, "", 1)
		x.takes(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Reject(relation, "no")
			x.must(err)
			return step
		})
		x.asks(bob, ann, "2", noon.Add(time.Minute))
		x.equal("notices", x.texts(ann), []string{"1"})
		x.equal("words", x.requests(ann, 0, 1)[0].Text, "2")
	}},
	{"a clock that was put back makes no pause longer", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "1", noon)
		x.passes(ann, "", 1)
		x.asks(bob, ann, "2", noon.Add(-24*time.Hour))
		x.equal("notices", x.texts(ann), []string{"1", "2"})
	}},
	{"an account that is added again is told at once", func(x *trial) {
		x.add(ann, bob)
		x.asks(bob, ann, "1", noon)
		x.must(x.RemoveAccount(x.ctx, bob))
		x.add(bob)
		x.asks(bob, ann, "2", noon)
		x.equal("notices", x.texts(ann), []string{"1", "2"})
		x.must(x.RemoveAccount(x.ctx, ann))
		x.add(ann)
		x.asks(bob, ann, "3", noon)
		x.equal("notices", x.texts(ann), []string{"3"})
	}},
}

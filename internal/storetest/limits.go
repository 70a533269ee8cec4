package storetest

import (
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverLimited delivers a message that has a limit.
func (x *contractTrial) deliverLimited(to, from rookery.UIN, text string, limit rookery.BacklogLimit) error {
	newEntry := messageEntry(to, from, text)
	newEntry.Limit = &limit
	_, err := x.Deliver(x.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
	return err
}

// deliverUntilRefused sends messages until the limit refuses one, and returns how many were taken.
func (x *contractTrial) deliverUntilRefused(to, from rookery.UIN, text string, limit rookery.BacklogLimit) (taken int) {
	x.Helper()
	for ; taken < 1000; taken++ {
		if err := x.deliverLimited(to, from, text, limit); err != nil {
			if rookery.CodeOf(err) != rookery.CodeRefused {
				x.Errorf("got error %v", err)
			}
			return taken
		}
	}
	x.Error("the limit refuses nothing")
	return taken
}

func (x *contractTrial) collectUpTo(uin rookery.UIN, device string, number uint64) {
	x.Helper()
	x.requireNoError(x.SaveCursor(x.ctx, uin, device, rookery.Cursor{Number: number}))
}

// threeMessages is a limit of three messages, of texts of any length.
var threeMessages = rookery.BacklogLimit{Messages: 3, Bytes: 1 << 30}

var limitTests = []contractTest{
	{"a mailbox takes as many messages as its limit says", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		x.requireEqual("taken of another mailbox", x.deliverUntilRefused(bob, ann, "x", threeMessages), 3)
		x.checkAcrossRestart(func() {
			x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
			x.requireEqual("texts", x.mailboxTexts(ann), []string{"x", "x", "x"})
		})
	}},
	{"a mailbox takes as many bytes of text as its limit says", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 1000, Bytes: 10}
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "冰冰", limit), 1) // 6 bytes
		x.requireNoError(x.deliverLimited(ann, bob, "four", limit))
		x.requireCode(x.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
		x.restart()
		x.requireCode(x.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
	}},
	{"letters without a limit are always taken, and count", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.deliverTexts(ann, bob, "1", "2", "3", "4")
		x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		x.deliverTexts(ann, bob, "5")
		x.collectUpTo(ann, "", 4)
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		x.deliverTexts(ann, bob, "6")
	}},
	{"an account's own words do not count", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		for range 5 {
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{own}, noon, rookery.RequestKey{})
			x.requireNoError(err)
		}
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		x.restart()
		x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		x.collectUpTo(ann, "", 6)
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 1)
	}},
	{"all letters of a delivery count, and none is taken if one is not", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		both := []rookery.NewEntry{messageEntry(bob, ann, "1"), messageEntry(ann, bob, "1"), messageEntry(ann, bob, "2")}
		for i := range both {
			both[i].Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		}
		_, err := x.Deliver(x.ctx, both, noon, rookery.RequestKey{})
		x.requireCode(err, rookery.CodeRefused)
		x.requireEqual("of the one", x.mailboxTexts(ann), []string(nil))
		x.requireEqual("of the other", x.mailboxTexts(bob), []string(nil))
	}},
	{"what is collected counts no more, by whichever collector", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1))
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		x.collectUpTo(ann, "phone", 2)
		x.requireEqual("after two", x.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		x.collectUpTo(ann, "", 1) // behind the other
		x.requireEqual("after one that was collected", x.deliverUntilRefused(ann, bob, "x", threeMessages), 0)
		x.collectUpTo(ann, "", 5)
		x.requireEqual("after all", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		x.restart()
		x.requireEqual("opened again", x.deliverUntilRefused(ann, bob, "x", threeMessages), 0)
	}},
	{"a collector that goes back, or is forgotten, brings back what waited", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1))
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		x.collectUpTo(ann, "phone", 3)
		x.requireNoError(x.deliverLimited(ann, bob, "x", threeMessages))
		x.collectUpTo(ann, "phone", 1)
		x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		x.collectUpTo(ann, "phone", 4)
		x.requireNoError(x.deliverLimited(ann, bob, "x", threeMessages))
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.requireNoError(err)
		x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		x.startSessions(newSession(ann, "desk", 2)) // begins where the phone had got
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
	}},
	{"purging changes nothing of what waits", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.deliverUntilRefused(ann, bob, "x", threeMessages)
		x.collectUpTo(ann, "", 2)
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 2)
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 0)
		x.requireCode(x.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
	}},
	{"an account that is added again begins with nothing that waits", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.deliverUntilRefused(ann, bob, "x", threeMessages)
		x.requireNoError(x.RemoveAccount(x.ctx, ann))
		x.createAccounts(ann)
		x.requireEqual("taken", x.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
	}},
	{"a delivery that was done is a repeat, whatever waits by then", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		newEntry := messageEntry(ann, bob, "x")
		newEntry.Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		for i := range 2 {
			receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{newEntry}, noon, longKey(bob, 1, time.Minute))
			x.requireNoError(err)
			x.requireEqual("repeated", receipt.Repeated, i == 1)
		}
	}},
	{"senders at once do not exceed the limit together", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 50, Bytes: 1 << 30}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { x.deliverUntilRefused(ann, bob, "x", limit) })
		}
		all.Wait()
		x.requireEqual("messages", len(x.mailboxEntries(ann)), 50)
	}},
	{"a notice of a step exceeds no limit, and then nothing is done", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.deliverUntilRefused(ann, bob, "x", threeMessages)
		step, err := rookery.Ask(rookery.Relation{}, rookery.RuleAsk, "hello")
		x.requireNoError(err)
		change := rookery.RelationChange{
			Me: bob, Other: ann, Transition: step, Limit: &threeMessages, Time: noon, Key: longKey(bob, 1, time.Minute),
		}
		_, err = x.ChangeRelation(x.ctx, change)
		x.requireCode(err, rookery.CodeRefused)
		x.requireEqual("relation", x.loadRelation(bob, ann), rookery.Relation{})
		x.requireRecorded(change.Key, false)
		change.Limit = nil
		x.changeRelation(change)
		x.requireEqual("texts", x.mailboxTexts(ann), []string{"x", "x", "x", "hello"})
	}},
}

// askRepeatedly has an account ask another several times, each a while after the one
// before, and returns what is in the mailbox.
func (x *contractTrial) askRepeatedly(me, other rookery.UIN, pauses ...time.Duration) []string {
	x.Helper()
	at := noon
	for i, pause := range pauses {
		at = at.Add(pause)
		x.sendFriendRequest(me, other, strings.Repeat("please ", i)+"hello", at)
	}
	return x.mailboxTexts(other)
}

var noticePauseTests = []contractTest{
	{"a request that is made again while its notice waits changes the notice's words", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.requireEqual("notices", x.askRepeatedly(bob, ann, 0, time.Second, 2*rookery.AskPause), []string{"please please hello"})
		x.sendFriendRequest(cat, ann, "I am another", noon)
		x.checkAcrossRestart(func() {
			x.requireEqual("notices", x.mailboxTexts(ann), []string{"please please hello", "I am another"})
			x.requireEqual("words", x.friendRequests(ann, 0, 1)[0].Text, "please please hello")
		})
		x.sendFriendRequest(bob, ann, "once more", noon.Add(3*rookery.AskPause))
		x.checkAcrossRestart(func() { x.requireEqual("notices", x.mailboxTexts(ann), []string{"once more", "I am another"}) })
		x.requireEqual("time of the notice", x.mailboxEntries(ann)[0].Time, noon)
	}},
	{"the words count as bytes that wait", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		limit := rookery.BacklogLimit{Messages: 100, Bytes: 40}
		x.requireNoError(x.deliverLimited(ann, cat, "ten bytes.", limit))
		x.sendFriendRequest(bob, ann, "hi", noon)
		x.sendFriendRequest(bob, ann, "now it is twenty....", noon)
		x.requireCode(x.deliverLimited(ann, cat, "eleven byte", limit), rookery.CodeRefused)
		x.requireNoError(x.deliverLimited(ann, cat, "ten bytes.", limit))
		x.restart()
		x.requireCode(x.deliverLimited(ann, cat, "x", limit), rookery.CodeRefused)
	}},
	{"once it is collected, another comes when the pause is over", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "1", noon)
		x.collectUpTo(ann, "", 1)
		x.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause-time.Second))
		x.checkAcrossRestart(func() {
			x.requireEqual("notices", x.mailboxTexts(ann), []string{"1"})
			x.requireEqual("words", x.friendRequests(ann, 0, 1)[0].Text, "2")
		})
		x.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		x.sendFriendRequest(bob, ann, "4", noon.Add(rookery.AskPause))
		x.checkAcrossRestart(func() { x.requireEqual("notices", x.mailboxTexts(ann), []string{"1", "4"}) })
	}},
	{"what a device has taken that is forgotten by now counts as collected", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1))
		x.sendFriendRequest(bob, ann, "1", noon)
		x.collectUpTo(ann, "phone", 1)
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.requireNoError(err)
		x.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		x.checkAcrossRestart(func() { x.requireEqual("notices", x.mailboxTexts(ann), []string{"1"}) })
		x.startSessions(newSession(ann, "desk", 2)) // begins behind the notice
		x.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		x.checkAcrossRestart(func() { x.requireEqual("notices", x.mailboxTexts(ann), []string{"1", "3"}) })
	}},
	{"what a device has taken that is forgotten by now is not waited for", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1))
		x.sendFriendRequest(bob, ann, "1", noon)
		x.collectUpTo(ann, "phone", 1)
		_, err := x.ForgetDevice(x.ctx, ann, 1, rookery.RequestKey{})
		x.requireNoError(err)
		x.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause))
		x.checkAcrossRestart(func() { x.requireEqual("notices", x.mailboxTexts(ann), []string{"1", "2"}) })
	}},
	{"an answer in between shortens no pause", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "1", noon)
		x.collectUpTo(ann, "", 1)
		x.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Reject(relation, "no")
			x.requireNoError(err)
			return step
		})
		x.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		x.requireEqual("notices", x.mailboxTexts(ann), []string{"1"})
		x.requireEqual("words", x.friendRequests(ann, 0, 1)[0].Text, "2")
	}},
	{"a clock that was put back makes no pause longer", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "1", noon)
		x.collectUpTo(ann, "", 1)
		x.sendFriendRequest(bob, ann, "2", noon.Add(-24*time.Hour))
		x.requireEqual("notices", x.mailboxTexts(ann), []string{"1", "2"})
	}},
	{"an account that is added again is told at once", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.sendFriendRequest(bob, ann, "1", noon)
		x.requireNoError(x.RemoveAccount(x.ctx, bob))
		x.createAccounts(bob)
		x.sendFriendRequest(bob, ann, "2", noon)
		x.requireEqual("notices", x.mailboxTexts(ann), []string{"1", "2"})
		x.requireNoError(x.RemoveAccount(x.ctx, ann))
		x.createAccounts(ann)
		x.sendFriendRequest(bob, ann, "3", noon)
		x.requireEqual("notices", x.mailboxTexts(ann), []string{"3"})
	}},
}

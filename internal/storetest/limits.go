package storetest

import (
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverLimited delivers a message that has a limit.
func (ct *contractTrial) deliverLimited(to, from rookery.UIN, text string, limit rookery.BacklogLimit) error {
	newEntry := messageEntry(to, from, text)
	newEntry.Limit = &limit
	_, err := ct.Deliver(ct.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
	return err
}

// deliverUntilRefused delivers messages until the limit refuses one, and returns how many were
// accepted.
func (ct *contractTrial) deliverUntilRefused(
	to, from rookery.UIN, text string, limit rookery.BacklogLimit,
) (taken int) {
	ct.Helper()
	for ; taken < 1000; taken++ {
		if err := ct.deliverLimited(to, from, text, limit); err != nil {
			if rookery.CodeOf(err) != rookery.CodeRefused {
				ct.Errorf("got error %v", err)
			}
			return taken
		}
	}
	ct.Error("the limit refuses nothing")
	return taken
}

func (ct *contractTrial) collectUpTo(uin rookery.UIN, device string, number uint64) {
	ct.Helper()
	ct.requireNoError(ct.SaveCursor(ct.ctx, uin, device, rookery.Cursor{Number: number}))
}

// threeMessages is a limit of three messages of any length.
var threeMessages = rookery.BacklogLimit{Messages: 3, Bytes: 1 << 30}

var limitTests = []contractTest{
	{"a mailbox accepts as many messages as the limit allows", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		trial.requireEqual("taken of another mailbox", trial.deliverUntilRefused(bob, ann, "x", threeMessages), 3)
		trial.checkAcrossRestart(func() {
			trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
			trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"x", "x", "x"})
		})
	}},
	{"a mailbox accepts as many bytes of text as the limit allows", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 1000, Bytes: 10}
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "冰冰", limit), 1) // 6 bytes
		trial.requireNoError(trial.deliverLimited(ann, bob, "four", limit))
		trial.requireCode(trial.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
		trial.restart()
		trial.requireCode(trial.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
	}},
	{"entries without a limit are always accepted, and count", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.deliverTexts(ann, bob, "1", "2", "3", "4")
		trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		trial.deliverTexts(ann, bob, "5")
		trial.collectUpTo(ann, "", 4)
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		trial.deliverTexts(ann, bob, "6")
	}},
	{"messages that the account sent do not count", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		for range 5 {
			_, err := trial.Deliver(trial.ctx, []rookery.NewEntry{own}, noon, rookery.RequestKey{})
			trial.requireNoError(err)
		}
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		trial.restart()
		trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		trial.collectUpTo(ann, "", 6)
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 1)
	}},
	{"all entries of a delivery count, and one above the limit refuses all", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		both := []rookery.NewEntry{
			messageEntry(bob, ann, "1"), messageEntry(ann, bob, "1"), messageEntry(ann, bob, "2"),
		}
		for i := range both {
			both[i].Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		}
		_, err := trial.Deliver(trial.ctx, both, noon, rookery.RequestKey{})
		trial.requireCode(err, rookery.CodeRefused)
		trial.requireEqual("of the one", trial.mailboxTexts(ann), []string(nil))
		trial.requireEqual("of the other", trial.mailboxTexts(bob), []string(nil))
	}},
	{"entries that any consumer has collected do not count", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "phone", 1))
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		trial.collectUpTo(ann, "phone", 2)
		trial.requireEqual("after two", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		trial.collectUpTo(ann, "", 1) // behind the other
		trial.requireEqual("after one that was collected", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 0)
		trial.collectUpTo(ann, "", 5)
		trial.requireEqual("after all", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		trial.restart()
		trial.requireEqual("opened again", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 0)
	}},
	{"entries count again when the highest cursor moves back or its device is forgotten", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "phone", 1))
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		trial.collectUpTo(ann, "phone", 3)
		trial.requireNoError(trial.deliverLimited(ann, bob, "x", threeMessages))
		trial.collectUpTo(ann, "phone", 1)
		trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		trial.collectUpTo(ann, "phone", 4)
		trial.requireNoError(trial.deliverLimited(ann, bob, "x", threeMessages))
		_, err := trial.ForgetDevice(trial.ctx, ann, 1, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		trial.startSessions(newSession(ann, "desk", 2)) // begins where the phone had got
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
	}},
	{"purging does not change the backlog", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.deliverUntilRefused(ann, bob, "x", threeMessages)
		trial.collectUpTo(ann, "", 2)
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 2)
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 0)
		trial.requireCode(trial.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
	}},
	{"an account that is created again has no backlog", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.deliverUntilRefused(ann, bob, "x", threeMessages)
		trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
		trial.createAccounts(ann)
		trial.requireEqual("taken", trial.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
	}},
	{"a repeated delivery is not checked against the limit", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		newEntry := messageEntry(ann, bob, "x")
		newEntry.Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		for i := range 2 {
			receipt, err := trial.Deliver(trial.ctx, []rookery.NewEntry{newEntry}, noon, longKey(bob, 1, time.Minute))
			trial.requireNoError(err)
			trial.requireEqual("repeated", receipt.Repeated, i == 1)
		}
	}},
	{"concurrent senders do not exceed the limit together", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 50, Bytes: 1 << 30}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { trial.deliverUntilRefused(ann, bob, "x", limit) })
		}
		all.Wait()
		trial.requireEqual("messages", len(trial.mailboxEntries(ann)), 50)
	}},
	{"a change whose notice exceeds the limit changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.deliverUntilRefused(ann, bob, "x", threeMessages)
		step, err := rookery.Ask(rookery.Relation{}, rookery.RuleAsk, "hello")
		trial.requireNoError(err)
		change := rookery.RelationChange{
			Me: bob, Other: ann, Transition: step, Limit: &threeMessages, Time: noon, Key: longKey(bob, 1, time.Minute),
		}
		_, err = trial.ChangeRelation(trial.ctx, change)
		trial.requireCode(err, rookery.CodeRefused)
		trial.requireEqual("relation", trial.loadRelation(bob, ann), rookery.Relation{})
		trial.requireRecorded(change.Key, false)
		change.Limit = nil
		trial.changeRelation(change)
		trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"x", "x", "x", "hello"})
	}},
}

// askRepeatedly sends several friend requests, each a pause after the one before, and returns the
// texts in the mailbox.
func (ct *contractTrial) askRepeatedly(me, other rookery.UIN, pauses ...time.Duration) []string {
	ct.Helper()
	at := noon
	for i, pause := range pauses {
		at = at.Add(pause)
		ct.sendFriendRequest(me, other, strings.Repeat("please ", i)+"hello", at)
	}
	return ct.mailboxTexts(other)
}

var noticePauseTests = []contractTest{
	{"a second request replaces the text of an uncollected notice", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.requireEqual(
			"notices", trial.askRepeatedly(bob, ann, 0, time.Second, 2*rookery.AskPause),
			[]string{"please please hello"},
		)
		trial.sendFriendRequest(cat, ann, "I am another", noon)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"please please hello", "I am another"})
			trial.requireEqual("words", trial.friendRequests(ann, 0, 1)[0].Text, "please please hello")
		})
		trial.sendFriendRequest(bob, ann, "once more", noon.Add(3*rookery.AskPause))
		trial.checkAcrossRestart(
			func() { trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"once more", "I am another"}) },
		)
		trial.requireEqual("time of the notice", trial.mailboxEntries(ann)[0].Time, noon)
	}},
	{"the replaced text counts in the backlog", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		limit := rookery.BacklogLimit{Messages: 100, Bytes: 40}
		trial.requireNoError(trial.deliverLimited(ann, cat, "ten bytes.", limit))
		trial.sendFriendRequest(bob, ann, "hi", noon)
		trial.sendFriendRequest(bob, ann, "now it is twenty....", noon)
		trial.requireCode(trial.deliverLimited(ann, cat, "eleven byte", limit), rookery.CodeRefused)
		trial.requireNoError(trial.deliverLimited(ann, cat, "ten bytes.", limit))
		trial.restart()
		trial.requireCode(trial.deliverLimited(ann, cat, "x", limit), rookery.CodeRefused)
	}},
	{"after a collected notice the next one comes when the pause is over", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.collectUpTo(ann, "", 1)
		trial.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause-time.Second))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1"})
			trial.requireEqual("words", trial.friendRequests(ann, 0, 1)[0].Text, "2")
		})
		trial.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		trial.sendFriendRequest(bob, ann, "4", noon.Add(rookery.AskPause))
		trial.checkAcrossRestart(func() { trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1", "4"}) })
	}},
	{"a notice that a forgotten device collected starts the pause", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "phone", 1))
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.collectUpTo(ann, "phone", 1)
		_, err := trial.ForgetDevice(trial.ctx, ann, 1, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		trial.checkAcrossRestart(func() { trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1"}) })
		trial.startSessions(newSession(ann, "desk", 2)) // begins behind the notice
		trial.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		trial.checkAcrossRestart(func() { trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1", "3"}) })
	}},
	{"a notice that a forgotten device collected is followed by another after the pause", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "phone", 1))
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.collectUpTo(ann, "phone", 1)
		_, err := trial.ForgetDevice(trial.ctx, ann, 1, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause))
		trial.checkAcrossRestart(func() { trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1", "2"}) })
	}},
	{"an answer does not shorten the pause", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.collectUpTo(ann, "", 1)
		trial.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			step, err := rookery.Reject(relation, "no")
			trial.requireNoError(err)
			return step
		})
		trial.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1"})
		trial.requireEqual("words", trial.friendRequests(ann, 0, 1)[0].Text, "2")
	}},
	{"a clock that was set back does not lengthen the pause", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.collectUpTo(ann, "", 1)
		trial.sendFriendRequest(bob, ann, "2", noon.Add(-24*time.Hour))
		trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1", "2"})
	}},
	{"an account that is created again is notified at once", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.sendFriendRequest(bob, ann, "1", noon)
		trial.requireNoError(trial.RemoveAccount(trial.ctx, bob))
		trial.createAccounts(bob)
		trial.sendFriendRequest(bob, ann, "2", noon)
		trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"1", "2"})
		trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
		trial.createAccounts(ann)
		trial.sendFriendRequest(bob, ann, "3", noon)
		trial.requireEqual("notices", trial.mailboxTexts(ann), []string{"3"})
	}},
}

package storetest

import (
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverLimited delivers a message that has a limit.
func (s *testedStore) deliverLimited(to, from rookery.UIN, text string, limit rookery.BacklogLimit) error {
	newEntry := messageEntry(to, from, text)
	newEntry.Limit = &limit
	_, err := s.Deliver(s.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
	return err
}

// deliverUntilRefused delivers messages until the limit refuses one, and returns how many were
// accepted.
func (s *testedStore) deliverUntilRefused(
	to, from rookery.UIN, text string, limit rookery.BacklogLimit,
) (accepted int) {
	s.Helper()
	for ; accepted < 1000; accepted++ {
		if err := s.deliverLimited(to, from, text, limit); err != nil {
			if rookery.CodeOf(err) != rookery.CodeRefused {
				s.Errorf("Deliver returned error %v, want CodeRefused", err)
			}
			return accepted
		}
	}
	s.Errorf("the limit refused none of %d messages", accepted)
	return accepted
}

func (s *testedStore) collectUpTo(uin rookery.UIN, device string, number uint64) {
	s.Helper()
	s.requireNoError(s.setCursor(uin, device, rookery.Cursor{Number: number}))
}

// threeMessages is a limit of three messages of any length.
var threeMessages = rookery.BacklogLimit{Messages: 3, Bytes: 1 << 30}

var limitTests = []contractTest{
	{"a mailbox accepts as many messages as the limit allows", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		store.requireEqual("accepted by another mailbox", store.deliverUntilRefused(bob, ann, "x", threeMessages), 3)
		store.checkAcrossRestart(func() {
			store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
			store.requireEqual("texts", store.mailboxTexts(ann), []string{"x", "x", "x"})
		})
	}},
	{"a mailbox accepts as many bytes of text as the limit allows", func(store *testedStore) {
		store.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 1000, Bytes: 10}
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "冰冰", limit), 1) // 6 bytes
		store.requireNoError(store.deliverLimited(ann, bob, "four", limit))
		store.requireCode(store.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
		store.restart()
		store.requireCode(store.deliverLimited(ann, bob, "x", limit), rookery.CodeRefused)
	}},
	{"entries without a limit are always accepted, and count", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.deliverTexts(ann, bob, "1", "2", "3", "4")
		store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		store.deliverTexts(ann, bob, "5")
		store.collectUpTo(ann, "", 4)
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		store.deliverTexts(ann, bob, "6")
	}},
	{"messages that the account sent do not count", func(store *testedStore) {
		store.createAccounts(ann, bob)
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		for range 5 {
			_, err := store.Deliver(store.ctx, []rookery.NewEntry{own}, noon, rookery.RequestKey{})
			store.requireNoError(err)
		}
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		store.restart()
		store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		store.collectUpTo(ann, "", 6)
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 1)
	}},
	{"all entries of a delivery count, and one above the limit refuses all", func(store *testedStore) {
		store.createAccounts(ann, bob)
		newEntries := []rookery.NewEntry{
			messageEntry(bob, ann, "1"), messageEntry(ann, bob, "1"), messageEntry(ann, bob, "2"),
		}
		for i := range newEntries {
			newEntries[i].Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		}
		_, err := store.Deliver(store.ctx, newEntries, noon, rookery.RequestKey{})
		store.requireCode(err, rookery.CodeRefused)
		store.requireEqual("texts of ann", store.mailboxTexts(ann), []string(nil))
		store.requireEqual("texts of bob", store.mailboxTexts(bob), []string(nil))
	}},
	{"entries that any consumer has collected do not count", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "phone", 1))
		requireAccepted := func(when string, want int) {
			store.Helper()
			store.requireEqual("accepted "+when, store.deliverUntilRefused(ann, bob, "x", threeMessages), want)
		}
		requireAccepted("at first", 3)
		store.collectUpTo(ann, "phone", 2)
		requireAccepted("after the phone collected 2", 2)
		store.collectUpTo(ann, "", 1) // the phone has collected it already
		requireAccepted("after another consumer collected 1", 0)
		store.collectUpTo(ann, "", 5)
		requireAccepted("after all were collected", 3)
		store.restart()
		requireAccepted("after a restart", 0)
	}},
	{"entries count again when the highest cursor moves back or its device is forgotten", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "phone", 1))
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
		store.collectUpTo(ann, "phone", 3)
		store.requireNoError(store.deliverLimited(ann, bob, "x", threeMessages))
		store.collectUpTo(ann, "phone", 1)
		store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		store.collectUpTo(ann, "phone", 4)
		store.requireNoError(store.deliverLimited(ann, bob, "x", threeMessages))
		_, err := store.ForgetDevice(store.ctx, ann, 1, rookery.RequestKey{})
		store.requireNoError(err)
		store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
		store.startSessions(newSession(ann, "desk", 2)) // starts at the phone's cursor
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
	}},
	{"purging does not change the backlog", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.deliverUntilRefused(ann, bob, "x", threeMessages)
		store.collectUpTo(ann, "", 2)
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 2)
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 2)
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 0)
		store.requireCode(store.deliverLimited(ann, bob, "x", threeMessages), rookery.CodeRefused)
	}},
	{"an account that is created again has no backlog", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.deliverUntilRefused(ann, bob, "x", threeMessages)
		store.requireNoError(store.RemoveAccount(store.ctx, ann))
		store.createAccounts(ann)
		store.requireEqual("accepted", store.deliverUntilRefused(ann, bob, "x", threeMessages), 3)
	}},
	{"a repeated delivery is not checked against the limit", func(store *testedStore) {
		store.createAccounts(ann, bob)
		newEntry := messageEntry(ann, bob, "x")
		newEntry.Limit = &rookery.BacklogLimit{Messages: 1, Bytes: 100}
		for i := range 2 {
			receipt, err := store.Deliver(store.ctx, []rookery.NewEntry{newEntry}, noon, longKey(bob, 1, time.Minute))
			store.requireNoError(err)
			store.requireEqual("repeated", receipt.Repeated, i == 1)
		}
	}},
	{"concurrent senders do not exceed the limit together", func(store *testedStore) {
		store.createAccounts(ann, bob)
		limit := rookery.BacklogLimit{Messages: 50, Bytes: 1 << 30}
		var senders sync.WaitGroup
		for range 20 {
			senders.Go(func() { store.deliverUntilRefused(ann, bob, "x", limit) })
		}
		senders.Wait()
		store.requireEqual("messages", len(store.mailboxEntries(ann)), 50)
	}},
	{"a change whose notice exceeds the limit changes nothing", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.deliverUntilRefused(ann, bob, "x", threeMessages)
		transition, err := rookery.Ask(rookery.Relation{}, rookery.RuleAsk, "hello")
		store.requireNoError(err)
		change := rookery.RelationChange{
			Me: bob, Other: ann, Transition: transition, Limit: &threeMessages, Time: noon,
			Key: longKey(bob, 1, time.Minute),
		}
		_, err = store.ChangeRelation(store.ctx, change)
		store.requireCode(err, rookery.CodeRefused)
		store.requireEqual("relation", store.loadRelation(bob, ann), rookery.Relation{})
		store.requireRecorded(change.Key, false)
		change.Limit = nil
		store.changeRelation(change)
		store.requireEqual("texts", store.mailboxTexts(ann), []string{"x", "x", "x", "hello"})
	}},
}

// askRepeatedly sends several friend requests, each a pause after the one before, and returns the
// texts in the mailbox.
func (s *testedStore) askRepeatedly(me, other rookery.UIN, pauses ...time.Duration) []string {
	s.Helper()
	at := noon
	for i, pause := range pauses {
		at = at.Add(pause)
		s.sendFriendRequest(me, other, strings.Repeat("please ", i)+"hello", at)
	}
	return s.mailboxTexts(other)
}

var noticePauseTests = []contractTest{
	{"a second request replaces the text of an uncollected notice", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.requireEqual(
			"notices", store.askRepeatedly(bob, ann, 0, time.Second, 2*rookery.AskPause),
			[]string{"please please hello"},
		)
		store.sendFriendRequest(cat, ann, "I am another", noon)
		store.checkAcrossRestart(func() {
			store.requireEqual("notices", store.mailboxTexts(ann), []string{"please please hello", "I am another"})
			store.requireEqual("request text", store.friendRequests(ann, 0, 1)[0].Text, "please please hello")
		})
		store.sendFriendRequest(bob, ann, "once more", noon.Add(3*rookery.AskPause))
		store.checkAcrossRestart(
			func() { store.requireEqual("notices", store.mailboxTexts(ann), []string{"once more", "I am another"}) },
		)
		store.requireEqual("time of the notice", store.mailboxEntries(ann)[0].Time, noon)
	}},
	{"the replaced text counts in the backlog", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		limit := rookery.BacklogLimit{Messages: 100, Bytes: 40}
		store.requireNoError(store.deliverLimited(ann, cat, "ten bytes.", limit))
		store.sendFriendRequest(bob, ann, "hi", noon)
		store.sendFriendRequest(bob, ann, "now it is twenty....", noon)
		store.requireCode(store.deliverLimited(ann, cat, "eleven byte", limit), rookery.CodeRefused)
		store.requireNoError(store.deliverLimited(ann, cat, "ten bytes.", limit))
		store.restart()
		store.requireCode(store.deliverLimited(ann, cat, "x", limit), rookery.CodeRefused)
	}},
	{"a collected notice is followed by another only after the pause", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "1", noon)
		store.collectUpTo(ann, "", 1)
		store.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause-time.Second))
		store.checkAcrossRestart(func() {
			store.requireEqual("notices", store.mailboxTexts(ann), []string{"1"})
			store.requireEqual("request text", store.friendRequests(ann, 0, 1)[0].Text, "2")
		})
		store.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		store.sendFriendRequest(bob, ann, "4", noon.Add(rookery.AskPause))
		store.checkAcrossRestart(func() { store.requireEqual("notices", store.mailboxTexts(ann), []string{"1", "4"}) })
	}},
	{"a notice that a forgotten device collected still starts the pause", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "phone", 1))
		store.sendFriendRequest(bob, ann, "1", noon)
		store.collectUpTo(ann, "phone", 1)
		_, err := store.ForgetDevice(store.ctx, ann, 1, rookery.RequestKey{})
		store.requireNoError(err)
		store.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		store.checkAcrossRestart(func() { store.requireEqual("notices", store.mailboxTexts(ann), []string{"1"}) })
		store.startSessions(newSession(ann, "desk", 2)) // starts after the notice
		store.sendFriendRequest(bob, ann, "3", noon.Add(rookery.AskPause))
		store.checkAcrossRestart(func() { store.requireEqual("notices", store.mailboxTexts(ann), []string{"1", "3"}) })
	}},
	{"a notice that a forgotten device collected is followed by another after the pause", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "phone", 1))
		store.sendFriendRequest(bob, ann, "1", noon)
		store.collectUpTo(ann, "phone", 1)
		_, err := store.ForgetDevice(store.ctx, ann, 1, rookery.RequestKey{})
		store.requireNoError(err)
		store.sendFriendRequest(bob, ann, "2", noon.Add(rookery.AskPause))
		store.checkAcrossRestart(func() { store.requireEqual("notices", store.mailboxTexts(ann), []string{"1", "2"}) })
	}},
	{"an answer does not shorten the pause", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "1", noon)
		store.collectUpTo(ann, "", 1)
		store.applyTransition(ann, bob, func(relation rookery.Relation) rookery.RelationTransition {
			transition, err := rookery.Reject(relation, "no")
			store.requireNoError(err)
			return transition
		})
		store.sendFriendRequest(bob, ann, "2", noon.Add(time.Minute))
		store.requireEqual("notices", store.mailboxTexts(ann), []string{"1"})
		store.requireEqual("request text", store.friendRequests(ann, 0, 1)[0].Text, "2")
	}},
	{"a clock that was set back does not lengthen the pause", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "1", noon)
		store.collectUpTo(ann, "", 1)
		store.sendFriendRequest(bob, ann, "2", noon.Add(-24*time.Hour))
		store.requireEqual("notices", store.mailboxTexts(ann), []string{"1", "2"})
	}},
	{"an account that is created again is notified at once", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.sendFriendRequest(bob, ann, "1", noon)
		store.requireNoError(store.RemoveAccount(store.ctx, bob))
		store.createAccounts(bob)
		store.sendFriendRequest(bob, ann, "2", noon)
		store.requireEqual("notices", store.mailboxTexts(ann), []string{"1", "2"})
		store.requireNoError(store.RemoveAccount(store.ctx, ann))
		store.createAccounts(ann)
		store.sendFriendRequest(bob, ann, "3", noon)
		store.requireEqual("notices", store.mailboxTexts(ann), []string{"3"})
	}},
}

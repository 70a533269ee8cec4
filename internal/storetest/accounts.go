package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// fullAccount returns an account with a value in every field.
func fullAccount(uin rookery.UIN) rookery.Account {
	return rookery.Account{
		UIN: uin,
		Profile: rookery.Profile{
			Nick: "Pingu, Jr", Face: 270, Age: 3, Sex: 1, Blood: 2, Constellation: 4, Animal: 5, Country: "南极",
			Province: "p", City: "c", School: "s", Job: "j", HomePage: "h", About: "a\nb", RealName: "r", Mail: "m",
			Phone: "1", Mobile: "2", Address: "d", PostCode: "3",
		},
		FriendRule: rookery.RuleClosed, AllowStrangers: true, Findable: true, ShowPrivate: true, DevicesOnly: true,
		Created: noon, Revision: 1,
	}
}

var accountTests = []contractTest{
	{"account rookery.System always exists, is closed, and has no credential",
		func(store *testedStore) {
			account, err := store.Account(store.ctx, rookery.System)
			store.requireNoError(err)
			account.Created = time.Time{}
			store.requireEqual("account", account, rookery.Account{
				UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, FriendRule: rookery.RuleClosed,
				Revision: 1,
			})
			credential, err := store.Credential(store.ctx, rookery.System)
			store.requireNoError(err)
			store.requireEqual("credential", credential, rookery.Credential(""))
		}},
	{"a new account has every value that was passed", func(store *testedStore) {
		want := fullAccount(ann)
		_, err := store.CreateAccount(store.ctx, want, "secret")
		store.requireNoError(err)
		store.checkAcrossRestart(func() {
			got, err := store.Account(store.ctx, ann)
			store.requireNoError(err)
			store.requireEqual("account", got, want)
			credential, err := store.Credential(store.ctx, ann)
			store.requireNoError(err)
			store.requireEqual("credential", credential, rookery.Credential("secret"))
		})
	}},
	{"a taken account number is refused", func(store *testedStore) {
		store.createAccounts(ann)
		_, err := store.CreateAccount(store.ctx, fullAccount(ann), "other")
		store.requireCode(err, rookery.CodeExists)
		credential, err := store.Credential(store.ctx, ann)
		store.requireNoError(err)
		store.requireEqual("credential", credential, rookery.Credential("secret"))
	}},
	{"an account without a number gets the lowest free one", func(store *testedStore) {
		requireNext := func(want rookery.UIN) {
			store.Helper()
			got, err := store.CreateAccount(store.ctx, rookery.NewAccount(0, "", noon), "")
			store.requireNoError(err)
			store.requireEqual("number", got, want)
		}
		requireNext(ann)
		requireNext(bob)
		store.createAccounts(cat, cat+2)
		requireNext(cat + 1)
		requireNext(cat + 3)
		store.requireNoError(store.RemoveAccount(store.ctx, bob))
		store.restart()
		requireNext(bob)
		requireNext(cat + 4)
	}},
	{"the highest account number works like any other", func(store *testedStore) {
		store.createAccounts(1<<32 - 1)
		store.deliverTexts(1<<32-1, 1<<32-1, "hello")
		store.requireEqual("texts", store.mailboxTexts(1<<32-1), []string{"hello"})
	}},
	{"Accounts returns the existing accounts of a list by number, each once", func(store *testedStore) {
		store.createAccounts(cat, ann, bob)
		list, err := store.Accounts(store.ctx, []rookery.UIN{cat, nobody, ann, cat})
		store.requireNoError(err)
		store.requireEqual("numbers", uinsOf(list), []rookery.UIN{ann, cat})
		list, err = store.Accounts(store.ctx, nil)
		store.requireNoError(err)
		store.requireEqual("numbers for an empty list", uinsOf(list), []rookery.UIN(nil))
	}},
	{"AccountsAfter returns accounts by number, at most limit", func(store *testedStore) {
		store.createAccounts(cat, ann, bob)
		list, err := store.AccountsAfter(store.ctx, ann, 1)
		store.requireNoError(err)
		store.requireEqual("numbers with limit 1", uinsOf(list), []rookery.UIN{bob})
		list, err = store.AccountsAfter(store.ctx, 0, 10)
		store.requireNoError(err)
		store.requireEqual("numbers with limit 10", uinsOf(list), []rookery.UIN{rookery.System, ann, bob, cat})
	}},
	{"an update replaces all but the creation time and increments the revision", func(store *testedStore) {
		store.createAccounts(ann)
		account := fullAccount(ann)
		account.Created = noon.Add(time.Hour)
		store.updateAccount(account)
		account.Created, account.Revision = noon, 2
		store.checkAcrossRestart(func() {
			got, err := store.Account(store.ctx, ann)
			store.requireNoError(err)
			store.requireEqual("account", got, account)
		})
	}},
	{"an update of another revision is a conflict", func(store *testedStore) {
		store.createAccounts(ann)
		store.updateAccount(fullAccount(ann))
		outdated := rookery.NewAccount(ann, "late", noon)
		_, err := store.UpdateAccount(store.ctx, outdated, rookery.RequestKey{})
		store.requireCode(err, rookery.CodeConflict)
		account, err := store.Account(store.ctx, ann)
		store.requireNoError(err)
		store.requireEqual("nick", account.Profile.Nick, "Pingu, Jr")
	}},
	{"a repeated update gets the first outcome and changes nothing", func(store *testedStore) {
		store.createAccounts(ann)
		key := longKey(ann, 1, time.Minute)
		account := fullAccount(ann)
		_, err := store.UpdateAccount(store.ctx, account, key)
		store.requireNoError(err)
		account.Revision, account.Profile.Nick = 2, "another"
		store.checkAcrossRestart(func() {
			receipt, err := store.UpdateAccount(store.ctx, account, key)
			store.requireNoError(err)
			store.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
			got, err := store.Account(store.ctx, ann)
			store.requireNoError(err)
			store.requireEqual("nick", got.Profile.Nick, "Pingu, Jr")
		})
	}},
	{"a refused update is not remembered", func(store *testedStore) {
		store.createAccounts(ann)
		account, key := fullAccount(ann), longKey(ann, 1, time.Minute)
		account.Revision = 7
		_, err := store.UpdateAccount(store.ctx, account, key)
		store.requireCode(err, rookery.CodeConflict)
		store.requireRecorded(key, false)
	}},
	{"one of several concurrent updates of a revision succeeds", func(store *testedStore) {
		store.createAccounts(ann)
		errs := make([]error, 8)
		var callers sync.WaitGroup
		for i := range errs {
			callers.Go(func() {
				_, errs[i] = store.UpdateAccount(
					store.ctx, rookery.NewAccount(ann, fmt.Sprint(i), noon), rookery.RequestKey{},
				)
			})
		}
		callers.Wait()
		succeeded := 0
		for _, err := range errs {
			if err == nil {
				succeeded++
			} else {
				store.requireCode(err, rookery.CodeConflict)
			}
		}
		store.requireEqual("successful updates", succeeded, 1)
	}},
	{"a new credential ends all sessions of the account and no other's", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		store.requireNoError(store.SetCredential(store.ctx, ann, "new"))
		store.checkAcrossRestart(func() {
			credential, err := store.Credential(store.ctx, ann)
			store.requireNoError(err)
			store.requireEqual("credential", credential, rookery.Credential("new"))
			store.requireEqual("sessions", store.listSessions(), []rookery.Session{newSession(bob, "", 3)})
		})
	}},
	{"every call for a missing account gets CodeNoAccount", func(store *testedStore) {
		_, err := store.Account(store.ctx, nobody)
		store.requireCode(err, rookery.CodeNoAccount)
		_, err = store.Credential(store.ctx, nobody)
		store.requireCode(err, rookery.CodeNoAccount)
		_, err = store.UpdateAccount(store.ctx, fullAccount(nobody), rookery.RequestKey{})
		store.requireCode(err, rookery.CodeNoAccount)
		store.requireCode(store.SetCredential(store.ctx, nobody, ""), rookery.CodeNoAccount)
		store.requireCode(store.RemoveAccount(store.ctx, nobody), rookery.CodeNoAccount)
		store.requireCode(store.StartSession(store.ctx, newSession(nobody, "", 1), "secret"), rookery.CodeNoAccount)
		store.requireCode(store.setCursor(nobody, "", rookery.Cursor{Number: 1}), rookery.CodeNoAccount)
	}},
	{"a removed account leaves only the messages it sent to others", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.makeFriends(ann, bob)
		store.changeRelation(rookery.RelationChange{Me: ann, Other: cat, Transition: askTransition(rookery.Relation{})})
		store.deliverTexts(ann, bob, "one", "two")
		store.deliverTexts(bob, ann, "stays")
		store.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2))
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 2}))
		store.requireNoError(store.RemoveAccount(store.ctx, ann))
		_, err := store.Account(store.ctx, ann)
		store.requireCode(err, rookery.CodeNoAccount)

		store.createAccounts(ann)
		store.checkAcrossRestart(func() {
			store.requireEqual("friends of bob", store.listFriends(bob), []rookery.UIN(nil))
			store.requireEqual("relation to cat", store.loadRelation(ann, cat), rookery.Relation{})
			store.requireEqual("newest number", store.newestNumber(ann), uint64(0))
			store.requireEqual("entries", store.mailboxTexts(ann), []string(nil))
			store.requireEqual("cursor", store.loadCursor(ann, ""), rookery.Cursor{})
			store.requireEqual("cursor of a device", store.loadCursor(ann, "phone"), rookery.Cursor{})
			store.requireEqual("devices", store.listDevices(ann), []rookery.Device(nil))
			store.requireEqual("sessions", store.listSessions(), []rookery.Session(nil))
			known, err := store.IsKnownAddress(store.ctx, ann, newSession(ann, "", 1).Address)
			store.requireNoError(err)
			store.requireEqual("known address", known, false)
			store.requireEqual("texts of bob", store.mailboxTexts(bob), []string{"stays"})
		})
	}},
	{"an account that is created again reuses no message or device number",
		func(store *testedStore) {
			store.createAccounts(ann)
			store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
			store.deliverTexts(ann, bob, "old", "older")
			store.requireNoError(store.RemoveAccount(store.ctx, ann))
			store.createAccounts(ann)
			store.requireNoError(store.RemoveAccount(store.ctx, ann)) // the second account got no entry
			store.restart()
			store.createAccounts(ann)
			store.checkAcrossRestart(func() { store.requireEqual("newest", store.newestNumber(ann), uint64(0)) })
			store.deliverTexts(ann, bob, "new")
			store.startSessions(newSession(ann, "phone", 3))
			store.checkAcrossRestart(func() {
				store.requireEqual("texts", store.mailboxTexts(ann), []string{"new"})
				store.requireEqual("numbers", store.entryNumbers(ann), []uint64{3})
				store.requireEqual("devices", store.listDevices(ann)[0].ID, uint64(3))
			})
		}},
	{"removing an account voids its request keys", func(store *testedStore) {
		store.createAccounts(ann, bob)
		keys := []rookery.RequestKey{
			longKey(ann, 1, time.Minute), onDevice(longKey(ann, 2, time.Minute), "phone"),
			onDevice(shortKey(ann, 3, time.Minute), "desk"), shortKey(ann, 4, time.Minute),
		}
		for _, key := range keys {
			store.recordOnce(key)
		}
		store.recordOnce(longKey(bob, 5, time.Minute))
		store.requireNoError(store.RemoveAccount(store.ctx, ann))
		store.createAccounts(ann)
		store.checkAcrossRestart(func() {
			for _, key := range keys {
				store.requireRecorded(key, false)
			}
			store.requireRecorded(longKey(bob, 5, time.Minute), true)
		})
		store.recordOnce(keys[0])
		store.checkAcrossRestart(func() { store.requireRecorded(keys[0], true) })
	}},
}

func (s *testedStore) updateAccount(account rookery.Account) {
	s.Helper()
	_, err := s.UpdateAccount(s.ctx, account, rookery.RequestKey{})
	s.requireNoError(err)
}

func uinsOf(accounts []rookery.Account) (uins []rookery.UIN) {
	for _, account := range accounts {
		uins = append(uins, account.UIN)
	}
	return uins
}

// askTransition returns the transition of a friend request.
func askTransition(from rookery.Relation) rookery.RelationTransition {
	transition, err := rookery.Ask(from, rookery.RuleAsk, "it is me")
	if err != nil {
		panic(err)
	}
	return transition
}

func (s *testedStore) changeRelation(change rookery.RelationChange) rookery.Receipt {
	s.Helper()
	change.Time = noon
	receipt, err := s.ChangeRelation(s.ctx, change)
	s.requireNoError(err)
	return receipt
}

func (s *testedStore) makeFriends(a, b rookery.UIN) {
	s.Helper()
	s.changeRelation(
		rookery.RelationChange{
			Me: a, Other: b, Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}},
		},
	)
}

func (s *testedStore) loadRelation(me, other rookery.UIN) rookery.Relation {
	s.Helper()
	relation, err := s.Relation(s.ctx, me, other)
	s.requireNoError(err)
	return relation
}

func (s *testedStore) listFriends(uin rookery.UIN) []rookery.UIN {
	s.Helper()
	friends, err := s.Friends(s.ctx, uin)
	s.requireNoError(err)
	return friends
}

var friendTests = []contractTest{
	{"friends are listed by number", func(store *testedStore) {
		store.createAccounts(ann, bob, cat)
		store.makeFriends(bob, cat)
		store.makeFriends(ann, bob)
		store.checkAcrossRestart(
			func() { store.requireEqual("friends", store.listFriends(bob), []rookery.UIN{ann, cat}) },
		)
		store.requireEqual("friends of nobody", store.listFriends(nobody), []rookery.UIN(nil))
	}},
	{"a change of relation is visible to both accounts", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})})
		store.checkAcrossRestart(func() {
			store.requireEqual("ann sees", store.loadRelation(ann, bob), rookery.Relation{RequestSent: true})
			store.requireEqual("bob sees", store.loadRelation(bob, ann), rookery.Relation{RequestReceived: true})
		})
		accept, err := rookery.Accept(rookery.Relation{RequestReceived: true})
		store.requireNoError(err)
		store.changeRelation(
			rookery.RelationChange{
				Me: bob, Other: ann, From: rookery.Relation{RequestReceived: true}, Transition: accept,
			},
		)
		store.checkAcrossRestart(func() {
			store.requireEqual("ann sees", store.loadRelation(ann, bob), rookery.Relation{Friends: true})
			store.requireEqual("bob sees", store.loadRelation(bob, ann), rookery.Relation{Friends: true})
		})
		friends := rookery.Relation{Friends: true}
		store.changeRelation(
			rookery.RelationChange{Me: ann, Other: bob, From: friends, Transition: rookery.Unfriend(friends)},
		)
		store.checkAcrossRestart(func() {
			store.requireEqual("friends of ann", store.listFriends(ann), []rookery.UIN(nil))
			store.requireEqual("friends of bob", store.listFriends(bob), []rookery.UIN(nil))
		})
	}},
	{"the notice is delivered to the other account", func(store *testedStore) {
		store.createAccounts(ann, bob)
		receipt := store.changeRelation(
			rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})},
		)
		store.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1}})
		store.checkAcrossRestart(func() {
			want := []rookery.Entry{{Number: 1, Kind: rookery.KindAsks, Peer: ann, Time: noon, Text: "it is me"}}
			store.requireEqual("mailbox of bob", store.mailboxEntries(bob), want)
		})
		store.requireEqual("mailbox of ann", store.newestNumber(ann), uint64(0))
	}},
	{"a change from an outdated relation is a conflict and changes nothing", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.makeFriends(ann, bob)
		key := longKey(ann, 1, time.Minute)
		_, err := store.ChangeRelation(
			store.ctx,
			rookery.RelationChange{
				Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon, Key: key,
			},
		)
		store.requireCode(err, rookery.CodeConflict)
		store.requireEqual("relation", store.loadRelation(ann, bob), rookery.Relation{Friends: true})
		store.requireEqual("mailbox of bob", store.newestNumber(bob), uint64(0))
		store.requireRecorded(key, false)
	}},
	{"a change with a missing account changes nothing", func(store *testedStore) {
		store.createAccounts(ann)
		for _, change := range []rookery.RelationChange{{Me: ann, Other: nobody}, {Me: nobody, Other: ann}} {
			change.Transition, change.Time = askTransition(rookery.Relation{}), noon
			change.Key = longKey(change.Me, 1, time.Minute)
			_, err := store.ChangeRelation(store.ctx, change)
			store.requireCode(err, rookery.CodeNoAccount)
			store.requireEqual("relation", store.loadRelation(change.Me, change.Other), rookery.Relation{})
			store.requireRecorded(change.Key, false)
		}
		store.requireEqual("mailbox of ann", store.newestNumber(ann), uint64(0))
	}},
	{"a repeated change gets the first outcome and changes nothing", func(store *testedStore) {
		store.createAccounts(ann, bob)
		change := rookery.RelationChange{
			Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Key: longKey(ann, 1, time.Minute),
		}
		change.Transition.Outcome = rookery.OutcomeMustAsk
		store.changeRelation(change)
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"receipt", store.changeRelation(change),
				rookery.Receipt{Outcome: rookery.OutcomeMustAsk, Repeated: true},
			)
			store.requireEqual("mailbox of bob", store.newestNumber(bob), uint64(1))
		})
	}},
	{"a change without effect is remembered too", func(store *testedStore) {
		store.createAccounts(ann, bob)
		key := longKey(ann, 1, time.Minute)
		closed, err := rookery.Add(rookery.Relation{}, rookery.RuleClosed)
		store.requireNoError(err)
		store.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: closed, Key: key})
		store.checkAcrossRestart(func() {
			outcome, ok, err := store.RequestOutcome(store.ctx, key)
			store.requireNoError(err)
			store.requireEqual("request is recorded", ok, true)
			store.requireEqual("outcome", outcome, rookery.OutcomeClosed)
		})
	}},
	{"one of several concurrent changes from a relation succeeds", func(store *testedStore) {
		store.createAccounts(ann, bob)
		errs := make([]error, 8)
		var callers sync.WaitGroup
		for i := range errs {
			change := rookery.RelationChange{
				Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon,
			}
			callers.Go(func() { _, errs[i] = store.ChangeRelation(store.ctx, change) })
		}
		callers.Wait()
		succeeded := 0
		for _, err := range errs {
			if err == nil {
				succeeded++
			} else {
				store.requireCode(err, rookery.CodeConflict)
			}
		}
		store.requireEqual("successful changes", succeeded, 1)
		store.requireEqual("mailbox of bob", store.newestNumber(bob), uint64(1))
	}},
}

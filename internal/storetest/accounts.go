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
			Province: "p",
			City:     "c", School: "s", Job: "j", HomePage: "h", About: "a\nb", RealName: "r", Mail: "m", Phone: "1",
			Mobile:  "2",
			Address: "d", PostCode: "3",
		},
		Rule: rookery.RuleClosed, Strangers: true, Findable: true, ShowPrivate: true, DevicesOnly: true,
		Created: noon, Revision: 1,
	}
}

var accountTests = []contractTest{
	{"rookery.System exists from the beginning, is closed, and has no credential",
		func(trial *contractTrial) {
			account, err := trial.Account(trial.ctx, rookery.System)
			trial.requireNoError(err)
			account.Created = time.Time{}
			trial.requireEqual("the system", account, rookery.Account{
				UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, Rule: rookery.RuleClosed, Revision: 1,
			})
			credential, err := trial.Credential(trial.ctx, rookery.System)
			trial.requireNoError(err)
			trial.requireEqual("its credential", credential, rookery.Credential(""))
		}},
	{"a new account has every value that was passed", func(trial *contractTrial) {
		want := fullAccount(ann)
		_, err := trial.CreateAccount(trial.ctx, want, "secret")
		trial.requireNoError(err)
		trial.checkAcrossRestart(func() {
			got, err := trial.Account(trial.ctx, ann)
			trial.requireNoError(err)
			trial.requireEqual("account", got, want)
			credential, err := trial.Credential(trial.ctx, ann)
			trial.requireNoError(err)
			trial.requireEqual("credential", credential, rookery.Credential("secret"))
		})
	}},
	{"a taken account number is refused", func(trial *contractTrial) {
		trial.createAccounts(ann)
		_, err := trial.CreateAccount(trial.ctx, fullAccount(ann), "other")
		trial.requireCode(err, rookery.CodeExists)
		credential, err := trial.Credential(trial.ctx, ann)
		trial.requireNoError(err)
		trial.requireEqual("credential", credential, rookery.Credential("secret"))
	}},
	{"an account without a number gets the lowest free one", func(trial *contractTrial) {
		next := func(want rookery.UIN) {
			trial.Helper()
			got, err := trial.CreateAccount(trial.ctx, rookery.NewAccount(0, "", noon), "")
			trial.requireNoError(err)
			trial.requireEqual("number", got, want)
		}
		next(ann)
		next(bob)
		trial.createAccounts(cat, cat+2)
		next(cat + 1)
		next(cat + 3)
		trial.requireNoError(trial.RemoveAccount(trial.ctx, bob))
		trial.restart()
		next(bob)
		next(cat + 4)
	}},
	{"the highest account number works like any other", func(trial *contractTrial) {
		trial.createAccounts(1<<32 - 1)
		trial.deliverTexts(1<<32-1, 1<<32-1, "hello")
		trial.requireEqual("texts", trial.mailboxTexts(1<<32-1), []string{"hello"})
	}},
	{"the existing accounts of a list are returned by number, each once", func(trial *contractTrial) {
		trial.createAccounts(cat, ann, bob)
		list, err := trial.Accounts(trial.ctx, []rookery.UIN{cat, nobody, ann, cat})
		trial.requireNoError(err)
		trial.requireEqual("numbers", uinsOf(list), []rookery.UIN{ann, cat})
		list, err = trial.Accounts(trial.ctx, nil)
		trial.requireNoError(err)
		trial.requireEqual("numbers of none", uinsOf(list), []rookery.UIN(nil))
	}},
	{"AccountsAfter returns accounts by number, at most limit", func(trial *contractTrial) {
		trial.createAccounts(cat, ann, bob)
		list, err := trial.AccountsAfter(trial.ctx, ann, 1)
		trial.requireNoError(err)
		trial.requireEqual("one", uinsOf(list), []rookery.UIN{bob})
		list, err = trial.AccountsAfter(trial.ctx, 0, 10)
		trial.requireNoError(err)
		trial.requireEqual("all", uinsOf(list), []rookery.UIN{rookery.System, ann, bob, cat})
	}},
	{"an update replaces all but the creation time and increments the revision", func(trial *contractTrial) {
		trial.createAccounts(ann)
		account := fullAccount(ann)
		account.Created = noon.Add(time.Hour)
		trial.updateAccount(account)
		account.Created, account.Revision = noon, 2
		trial.checkAcrossRestart(func() {
			got, err := trial.Account(trial.ctx, ann)
			trial.requireNoError(err)
			trial.requireEqual("account", got, account)
		})
	}},
	{"an update of another revision is a conflict", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.updateAccount(fullAccount(ann))
		late := rookery.NewAccount(ann, "late", noon)
		_, err := trial.UpdateAccount(trial.ctx, late, rookery.RequestKey{})
		trial.requireCode(err, rookery.CodeConflict)
		account, err := trial.Account(trial.ctx, ann)
		trial.requireNoError(err)
		trial.requireEqual("nick", account.Profile.Nick, "Pingu, Jr")
	}},
	{"a repeated update gets the first outcome and changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann)
		key := longKey(ann, 1, time.Minute)
		account := fullAccount(ann)
		_, err := trial.UpdateAccount(trial.ctx, account, key)
		trial.requireNoError(err)
		account.Revision, account.Profile.Nick = 2, "another"
		trial.checkAcrossRestart(func() {
			receipt, err := trial.UpdateAccount(trial.ctx, account, key)
			trial.requireNoError(err)
			trial.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
			got, err := trial.Account(trial.ctx, ann)
			trial.requireNoError(err)
			trial.requireEqual("nick", got.Profile.Nick, "Pingu, Jr")
		})
	}},
	{"a refused update is not remembered", func(trial *contractTrial) {
		trial.createAccounts(ann)
		account, key := fullAccount(ann), longKey(ann, 1, time.Minute)
		account.Revision = 7
		_, err := trial.UpdateAccount(trial.ctx, account, key)
		trial.requireCode(err, rookery.CodeConflict)
		trial.requireRecorded(key, false)
	}},
	{"one of several concurrent updates of a revision succeeds", func(trial *contractTrial) {
		trial.createAccounts(ann)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				_, errs[i] = trial.UpdateAccount(
					trial.ctx, rookery.NewAccount(ann, fmt.Sprint(i), noon), rookery.RequestKey{},
				)
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				trial.requireCode(err, rookery.CodeConflict)
			}
		}
		trial.requireEqual("winners", won, 1)
	}},
	{"a new credential ends all sessions of the account and no other's", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		trial.requireNoError(trial.SetCredential(trial.ctx, ann, "new"))
		trial.checkAcrossRestart(func() {
			credential, err := trial.Credential(trial.ctx, ann)
			trial.requireNoError(err)
			trial.requireEqual("credential", credential, rookery.Credential("new"))
			trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{newSession(bob, "", 3)})
		})
	}},
	{"every call for a missing account gets CodeNoAccount", func(trial *contractTrial) {
		_, err := trial.Account(trial.ctx, nobody)
		trial.requireCode(err, rookery.CodeNoAccount)
		_, err = trial.Credential(trial.ctx, nobody)
		trial.requireCode(err, rookery.CodeNoAccount)
		_, err = trial.UpdateAccount(trial.ctx, fullAccount(nobody), rookery.RequestKey{})
		trial.requireCode(err, rookery.CodeNoAccount)
		trial.requireCode(trial.SetCredential(trial.ctx, nobody, ""), rookery.CodeNoAccount)
		trial.requireCode(trial.RemoveAccount(trial.ctx, nobody), rookery.CodeNoAccount)
		trial.requireCode(trial.StartSession(trial.ctx, newSession(nobody, "", 1), "secret"), rookery.CodeNoAccount)
		trial.requireCode(trial.SaveCursor(trial.ctx, nobody, "", rookery.Cursor{Number: 1}), rookery.CodeNoAccount)
	}},
	{"a removed account leaves only the messages it sent to others", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.makeFriends(ann, bob)
		trial.changeRelation(rookery.RelationChange{Me: ann, Other: cat, Transition: askTransition(rookery.Relation{})})
		trial.deliverTexts(ann, bob, "one", "two")
		trial.deliverTexts(bob, ann, "stays")
		trial.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 2}))
		trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
		_, err := trial.Account(trial.ctx, ann)
		trial.requireCode(err, rookery.CodeNoAccount)

		trial.createAccounts(ann)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("friends of bob", trial.listFriends(bob), []rookery.UIN(nil))
			trial.requireEqual("relation to cat", trial.loadRelation(ann, cat), rookery.Relation{})
			trial.requireEqual("mailbox", trial.newestNumber(ann), uint64(0))
			trial.requireEqual("entries", trial.mailboxTexts(ann), []string(nil))
			trial.requireEqual("place", trial.loadCursor(ann, ""), rookery.Cursor{})
			trial.requireEqual("place of a device", trial.loadCursor(ann, "phone"), rookery.Cursor{})
			trial.requireEqual("devices", trial.listDevices(ann), []rookery.Device(nil))
			trial.requireEqual("sessions", trial.listSessions(), []rookery.Session(nil))
			known, err := trial.IsKnownAddress(trial.ctx, ann, newSession(ann, "", 1).Address)
			trial.requireNoError(err)
			trial.requireEqual("known address", known, false)
			trial.requireEqual("texts of bob", trial.mailboxTexts(bob), []string{"stays"})
		})
	}},
	{"an account that is created again reuses no message or device number",
		func(trial *contractTrial) {
			trial.createAccounts(ann)
			trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
			trial.deliverTexts(ann, bob, "old", "older")
			trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
			trial.createAccounts(ann)
			trial.requireNoError(trial.RemoveAccount(trial.ctx, ann)) // nothing was added to the second
			trial.restart()
			trial.createAccounts(ann)
			trial.checkAcrossRestart(func() { trial.requireEqual("newest", trial.newestNumber(ann), uint64(0)) })
			trial.deliverTexts(ann, bob, "new")
			trial.startSessions(newSession(ann, "phone", 3))
			trial.checkAcrossRestart(func() {
				trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"new"})
				trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{3})
				trial.requireEqual("devices", trial.listDevices(ann)[0].ID, uint64(3))
			})
		}},
	{"requests of a removed account are no repeats for a new account of its number", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		marks := []rookery.RequestKey{
			longKey(ann, 1, time.Minute), onDevice(longKey(ann, 2, time.Minute), "phone"),
			onDevice(shortKey(ann, 3, time.Minute), "desk"), shortKey(ann, 4, time.Minute),
		}
		for _, key := range marks {
			trial.recordOnce(key)
		}
		trial.recordOnce(longKey(bob, 5, time.Minute))
		trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
		trial.createAccounts(ann)
		trial.checkAcrossRestart(func() {
			for _, key := range marks {
				trial.requireRecorded(key, false)
			}
			trial.requireRecorded(longKey(bob, 5, time.Minute), true)
		})
		trial.recordOnce(marks[0])
		trial.checkAcrossRestart(func() { trial.requireRecorded(marks[0], true) })
	}},
}

func (ct *contractTrial) updateAccount(account rookery.Account) {
	ct.Helper()
	_, err := ct.UpdateAccount(ct.ctx, account, rookery.RequestKey{})
	ct.requireNoError(err)
}

func uinsOf(accounts []rookery.Account) (uins []rookery.UIN) {
	for _, account := range accounts {
		uins = append(uins, account.UIN)
	}
	return uins
}

// askTransition returns the transition of a friend request.
func askTransition(from rookery.Relation) rookery.RelationTransition {
	step, err := rookery.Ask(from, rookery.RuleAsk, "it is me")
	if err != nil {
		panic(err)
	}
	return step
}

func (ct *contractTrial) changeRelation(change rookery.RelationChange) rookery.Receipt {
	ct.Helper()
	change.Time = noon
	receipt, err := ct.ChangeRelation(ct.ctx, change)
	ct.requireNoError(err)
	return receipt
}

func (ct *contractTrial) makeFriends(a, b rookery.UIN) {
	ct.Helper()
	ct.changeRelation(
		rookery.RelationChange{
			Me: a, Other: b, Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}},
		},
	)
}

func (ct *contractTrial) loadRelation(me, other rookery.UIN) rookery.Relation {
	ct.Helper()
	relation, err := ct.Relation(ct.ctx, me, other)
	ct.requireNoError(err)
	return relation
}

func (ct *contractTrial) listFriends(uin rookery.UIN) []rookery.UIN {
	ct.Helper()
	friends, err := ct.Friends(ct.ctx, uin)
	ct.requireNoError(err)
	return friends
}

var friendTests = []contractTest{
	{"friends are listed by number", func(trial *contractTrial) {
		trial.createAccounts(ann, bob, cat)
		trial.makeFriends(bob, cat)
		trial.makeFriends(ann, bob)
		trial.checkAcrossRestart(
			func() { trial.requireEqual("friends", trial.listFriends(bob), []rookery.UIN{ann, cat}) },
		)
		trial.requireEqual("friends of nobody", trial.listFriends(nobody), []rookery.UIN(nil))
	}},
	{"a change of relation is visible to both accounts", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})})
		trial.checkAcrossRestart(func() {
			trial.requireEqual("ann sees", trial.loadRelation(ann, bob), rookery.Relation{RequestSent: true})
			trial.requireEqual("bob sees", trial.loadRelation(bob, ann), rookery.Relation{RequestReceived: true})
		})
		accept, err := rookery.Accept(rookery.Relation{RequestReceived: true})
		trial.requireNoError(err)
		trial.changeRelation(
			rookery.RelationChange{
				Me: bob, Other: ann, From: rookery.Relation{RequestReceived: true}, Transition: accept,
			},
		)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("ann sees", trial.loadRelation(ann, bob), rookery.Relation{Friends: true})
			trial.requireEqual("bob sees", trial.loadRelation(bob, ann), rookery.Relation{Friends: true})
		})
		friends := rookery.Relation{Friends: true}
		trial.changeRelation(
			rookery.RelationChange{Me: ann, Other: bob, From: friends, Transition: rookery.Unfriend(friends)},
		)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("friends of ann", trial.listFriends(ann), []rookery.UIN(nil))
			trial.requireEqual("friends of bob", trial.listFriends(bob), []rookery.UIN(nil))
		})
	}},
	{"the notice is delivered to the other account", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		receipt := trial.changeRelation(
			rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})},
		)
		trial.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1}})
		trial.checkAcrossRestart(func() {
			want := []rookery.Entry{{Number: 1, Kind: rookery.KindAsks, Peer: ann, Time: noon, Text: "it is me"}}
			trial.requireEqual("mailbox of bob", trial.mailboxEntries(bob), want)
		})
		trial.requireEqual("mailbox of ann", trial.newestNumber(ann), uint64(0))
	}},
	{"a change from an outdated relation is a conflict and changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.makeFriends(ann, bob)
		key := longKey(ann, 1, time.Minute)
		_, err := trial.ChangeRelation(
			trial.ctx,
			rookery.RelationChange{
				Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon, Key: key,
			},
		)
		trial.requireCode(err, rookery.CodeConflict)
		trial.requireEqual("relation", trial.loadRelation(ann, bob), rookery.Relation{Friends: true})
		trial.requireEqual("mailbox of bob", trial.newestNumber(bob), uint64(0))
		trial.requireRecorded(key, false)
	}},
	{"a change with a missing account changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann)
		for _, change := range []rookery.RelationChange{{Me: ann, Other: nobody}, {Me: nobody, Other: ann}} {
			change.Transition, change.Time, change.Key = askTransition(rookery.Relation{}), noon, longKey(
				change.Me, 1, time.Minute,
			)
			_, err := trial.ChangeRelation(trial.ctx, change)
			trial.requireCode(err, rookery.CodeNoAccount)
			trial.requireEqual("relation", trial.loadRelation(change.Me, change.Other), rookery.Relation{})
			trial.requireRecorded(change.Key, false)
		}
		trial.requireEqual("mailbox of ann", trial.newestNumber(ann), uint64(0))
	}},
	{"a repeated change gets the first outcome and changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		change := rookery.RelationChange{
			Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Key: longKey(ann, 1, time.Minute),
		}
		change.Transition.Outcome = rookery.OutcomeMustAsk
		trial.changeRelation(change)
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"receipt", trial.changeRelation(change),
				rookery.Receipt{Outcome: rookery.OutcomeMustAsk, Repeated: true},
			)
			trial.requireEqual("mailbox of bob", trial.newestNumber(bob), uint64(1))
		})
	}},
	{"a change without effect is remembered too", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		key := longKey(ann, 1, time.Minute)
		closed, err := rookery.Add(rookery.Relation{}, rookery.RuleClosed)
		trial.requireNoError(err)
		trial.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: closed, Key: key})
		trial.checkAcrossRestart(func() {
			outcome, ok, err := trial.RequestOutcome(trial.ctx, key)
			trial.requireNoError(err)
			trial.requireEqual("recalled", ok, true)
			trial.requireEqual("outcome", outcome, rookery.OutcomeClosed)
		})
	}},
	{"one of several concurrent changes from a relation succeeds", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			change := rookery.RelationChange{
				Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon,
			}
			all.Go(func() { _, errs[i] = trial.ChangeRelation(trial.ctx, change) })
		}
		all.Wait()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				trial.requireCode(err, rookery.CodeConflict)
			}
		}
		trial.requireEqual("taken", taken, 1)
		trial.requireEqual("mailbox of bob", trial.newestNumber(bob), uint64(1))
	}},
}

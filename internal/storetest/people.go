package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// fullAccount has something in every field.
func fullAccount(uin rookery.UIN) rookery.Account {
	return rookery.Account{
		UIN: uin,
		Profile: rookery.Profile{
			Nick: "Pingu, Jr", Face: 270, Age: 3, Sex: 1, Blood: 2, Constellation: 4, Animal: 5, Country: "南极", Province: "p",
			City: "c", School: "s", Job: "j", HomePage: "h", About: "a\nb", RealName: "r", Mail: "m", Phone: "1", Mobile: "2",
			Address: "d", PostCode: "3",
		},
		Rule: rookery.RuleClosed, Strangers: true, Findable: true, ShowPrivate: true, DevicesOnly: true, Created: noon, Revision: 1,
	}
}

var accountTests = []contractTest{
	{"rookery.System is an account from the beginning, closed, that nobody can prove to own", func(x *contractTrial) {
		account, err := x.Account(x.ctx, rookery.System)
		x.requireNoError(err)
		account.Created = time.Time{}
		x.requireEqual("the system", account, rookery.Account{
			UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, Rule: rookery.RuleClosed, Revision: 1,
		})
		credential, err := x.Credential(x.ctx, rookery.System)
		x.requireNoError(err)
		x.requireEqual("its credential", credential, rookery.Credential(""))
	}},
	{"a new account has all that it was given", func(x *contractTrial) {
		want := fullAccount(ann)
		_, err := x.CreateAccount(x.ctx, want, "secret")
		x.requireNoError(err)
		x.checkAcrossRestart(func() {
			got, err := x.Account(x.ctx, ann)
			x.requireNoError(err)
			x.requireEqual("account", got, want)
			credential, err := x.Credential(x.ctx, ann)
			x.requireNoError(err)
			x.requireEqual("credential", credential, rookery.Credential("secret"))
		})
	}},
	{"a number that is taken is refused", func(x *contractTrial) {
		x.createAccounts(ann)
		_, err := x.CreateAccount(x.ctx, fullAccount(ann), "other")
		x.requireCode(err, rookery.CodeExists)
		credential, err := x.Credential(x.ctx, ann)
		x.requireNoError(err)
		x.requireEqual("credential", credential, rookery.Credential("secret"))
	}},
	{"without a number it is the lowest free one", func(x *contractTrial) {
		next := func(want rookery.UIN) {
			x.Helper()
			got, err := x.CreateAccount(x.ctx, rookery.NewAccount(0, "", noon), "")
			x.requireNoError(err)
			x.requireEqual("number", got, want)
		}
		next(ann)
		next(bob)
		x.createAccounts(cat, cat+2)
		next(cat + 1)
		next(cat + 3)
		x.requireNoError(x.RemoveAccount(x.ctx, bob))
		x.restart()
		next(bob)
		next(cat + 4)
	}},
	{"the highest number is one like others", func(x *contractTrial) {
		x.createAccounts(1<<32 - 1)
		x.deliverTexts(1<<32-1, 1<<32-1, "hello")
		x.requireEqual("texts", x.mailboxTexts(1<<32-1), []string{"hello"})
	}},
	{"of a list those that exist are returned, by number and once", func(x *contractTrial) {
		x.createAccounts(cat, ann, bob)
		list, err := x.Accounts(x.ctx, []rookery.UIN{cat, nobody, ann, cat})
		x.requireNoError(err)
		x.requireEqual("numbers", uinsOf(list), []rookery.UIN{ann, cat})
		list, err = x.Accounts(x.ctx, nil)
		x.requireNoError(err)
		x.requireEqual("numbers of none", uinsOf(list), []rookery.UIN(nil))
	}},
	{"accounts after a number come by number, at most as many as asked for", func(x *contractTrial) {
		x.createAccounts(cat, ann, bob)
		list, err := x.AccountsAfter(x.ctx, ann, 1)
		x.requireNoError(err)
		x.requireEqual("one", uinsOf(list), []rookery.UIN{bob})
		list, err = x.AccountsAfter(x.ctx, 0, 10)
		x.requireNoError(err)
		x.requireEqual("all", uinsOf(list), []rookery.UIN{rookery.System, ann, bob, cat})
	}},
	{"an update replaces all but the time of creation and counts the revision up", func(x *contractTrial) {
		x.createAccounts(ann)
		account := fullAccount(ann)
		account.Created = noon.Add(time.Hour)
		x.updateAccount(account)
		account.Created, account.Revision = noon, 2
		x.checkAcrossRestart(func() {
			got, err := x.Account(x.ctx, ann)
			x.requireNoError(err)
			x.requireEqual("account", got, account)
		})
	}},
	{"an update of another revision is a conflict", func(x *contractTrial) {
		x.createAccounts(ann)
		x.updateAccount(fullAccount(ann))
		late := rookery.NewAccount(ann, "late", noon)
		_, err := x.UpdateAccount(x.ctx, late, rookery.RequestKey{})
		x.requireCode(err, rookery.CodeConflict)
		account, err := x.Account(x.ctx, ann)
		x.requireNoError(err)
		x.requireEqual("nick", account.Profile.Nick, "Pingu, Jr")
	}},
	{"a repeated update gets the first outcome and changes nothing", func(x *contractTrial) {
		x.createAccounts(ann)
		key := longKey(ann, 1, time.Minute)
		account := fullAccount(ann)
		_, err := x.UpdateAccount(x.ctx, account, key)
		x.requireNoError(err)
		account.Revision, account.Profile.Nick = 2, "another"
		x.checkAcrossRestart(func() {
			receipt, err := x.UpdateAccount(x.ctx, account, key)
			x.requireNoError(err)
			x.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
			got, err := x.Account(x.ctx, ann)
			x.requireNoError(err)
			x.requireEqual("nick", got.Profile.Nick, "Pingu, Jr")
		})
	}},
	{"an update that is refused is not remembered", func(x *contractTrial) {
		x.createAccounts(ann)
		account, key := fullAccount(ann), longKey(ann, 1, time.Minute)
		account.Revision = 7
		_, err := x.UpdateAccount(x.ctx, account, key)
		x.requireCode(err, rookery.CodeConflict)
		x.requireRecorded(key, false)
	}},
	{"of updates at the same time of the same revision one wins", func(x *contractTrial) {
		x.createAccounts(ann)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				_, errs[i] = x.UpdateAccount(x.ctx, rookery.NewAccount(ann, fmt.Sprint(i), noon), rookery.RequestKey{})
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				x.requireCode(err, rookery.CodeConflict)
			}
		}
		x.requireEqual("winners", won, 1)
	}},
	{"a new credential ends all sessions of the account and no other's", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		x.requireNoError(x.SetCredential(x.ctx, ann, "new"))
		x.checkAcrossRestart(func() {
			credential, err := x.Credential(x.ctx, ann)
			x.requireNoError(err)
			x.requireEqual("credential", credential, rookery.Credential("new"))
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(bob, "", 3)})
		})
	}},
	{"what is no account has nothing to read or change", func(x *contractTrial) {
		_, err := x.Account(x.ctx, nobody)
		x.requireCode(err, rookery.CodeNoAccount)
		_, err = x.Credential(x.ctx, nobody)
		x.requireCode(err, rookery.CodeNoAccount)
		_, err = x.UpdateAccount(x.ctx, fullAccount(nobody), rookery.RequestKey{})
		x.requireCode(err, rookery.CodeNoAccount)
		x.requireCode(x.SetCredential(x.ctx, nobody, ""), rookery.CodeNoAccount)
		x.requireCode(x.RemoveAccount(x.ctx, nobody), rookery.CodeNoAccount)
		x.requireCode(x.StartSession(x.ctx, newSession(nobody, "", 1), "secret"), rookery.CodeNoAccount)
		x.requireCode(x.SaveCursor(x.ctx, nobody, "", rookery.Cursor{Number: 1}), rookery.CodeNoAccount)
	}},
	{"a removed account leaves nothing but what others have from it", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.makeFriends(ann, bob)
		x.changeRelation(rookery.RelationChange{Me: ann, Other: cat, Transition: askTransition(rookery.Relation{})})
		x.deliverTexts(ann, bob, "one", "two")
		x.deliverTexts(bob, ann, "stays")
		x.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 2}))
		x.requireNoError(x.RemoveAccount(x.ctx, ann))
		_, err := x.Account(x.ctx, ann)
		x.requireCode(err, rookery.CodeNoAccount)

		x.createAccounts(ann)
		x.checkAcrossRestart(func() {
			x.requireEqual("friends of bob", x.listFriends(bob), []rookery.UIN(nil))
			x.requireEqual("relation to cat", x.loadRelation(ann, cat), rookery.Relation{})
			x.requireEqual("mailbox", x.newestNumber(ann), uint64(0))
			x.requireEqual("entries", x.mailboxTexts(ann), []string(nil))
			x.requireEqual("place", x.loadCursor(ann, ""), rookery.Cursor{})
			x.requireEqual("place of a device", x.loadCursor(ann, "phone"), rookery.Cursor{})
			x.requireEqual("devices", x.listDevices(ann), []rookery.Device(nil))
			x.requireEqual("sessions", x.listSessions(), []rookery.Session(nil))
			known, err := x.IsKnownAddress(x.ctx, ann, newSession(ann, "", 1).Address)
			x.requireNoError(err)
			x.requireEqual("known address", known, false)
			x.requireEqual("texts of bob", x.mailboxTexts(bob), []string{"stays"})
		})
	}},
	{"an account that is added again gets no number of the earlier one, of messages or devices", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		x.deliverTexts(ann, bob, "old", "older")
		x.requireNoError(x.RemoveAccount(x.ctx, ann))
		x.createAccounts(ann)
		x.requireNoError(x.RemoveAccount(x.ctx, ann)) // nothing was added to the second
		x.restart()
		x.createAccounts(ann)
		x.checkAcrossRestart(func() { x.requireEqual("newest", x.newestNumber(ann), uint64(0)) })
		x.deliverTexts(ann, bob, "new")
		x.startSessions(newSession(ann, "phone", 3))
		x.checkAcrossRestart(func() {
			x.requireEqual("texts", x.mailboxTexts(ann), []string{"new"})
			x.requireEqual("numbers", x.entryNumbers(ann), []uint64{3})
			x.requireEqual("devices", x.listDevices(ann)[0].ID, uint64(3))
		})
	}},
	{"what a removed account did is no repeat for one of its number", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		marks := []rookery.RequestKey{
			longKey(ann, 1, time.Minute), onDevice(longKey(ann, 2, time.Minute), "phone"),
			onDevice(shortKey(ann, 3, time.Minute), "desk"), shortKey(ann, 4, time.Minute),
		}
		for _, key := range marks {
			x.recordOnce(key)
		}
		x.recordOnce(longKey(bob, 5, time.Minute))
		x.requireNoError(x.RemoveAccount(x.ctx, ann))
		x.createAccounts(ann)
		x.checkAcrossRestart(func() {
			for _, key := range marks {
				x.requireRecorded(key, false)
			}
			x.requireRecorded(longKey(bob, 5, time.Minute), true)
		})
		x.recordOnce(marks[0])
		x.checkAcrossRestart(func() { x.requireRecorded(marks[0], true) })
	}},
}

func (x *contractTrial) updateAccount(account rookery.Account) {
	x.Helper()
	_, err := x.UpdateAccount(x.ctx, account, rookery.RequestKey{})
	x.requireNoError(err)
}

func uinsOf(accounts []rookery.Account) (uins []rookery.UIN) {
	for _, account := range accounts {
		uins = append(uins, account.UIN)
	}
	return uins
}

// askTransition is the step of a friend request.
func askTransition(from rookery.Relation) rookery.RelationTransition {
	step, err := rookery.Ask(from, rookery.RuleAsk, "it is me")
	if err != nil {
		panic(err)
	}
	return step
}

func (x *contractTrial) changeRelation(change rookery.RelationChange) rookery.Receipt {
	x.Helper()
	change.Time = noon
	receipt, err := x.ChangeRelation(x.ctx, change)
	x.requireNoError(err)
	return receipt
}

func (x *contractTrial) makeFriends(a, b rookery.UIN) {
	x.Helper()
	x.changeRelation(rookery.RelationChange{Me: a, Other: b, Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}}})
}

func (x *contractTrial) loadRelation(me, other rookery.UIN) rookery.Relation {
	x.Helper()
	relation, err := x.Relation(x.ctx, me, other)
	x.requireNoError(err)
	return relation
}

func (x *contractTrial) listFriends(uin rookery.UIN) []rookery.UIN {
	x.Helper()
	friends, err := x.Friends(x.ctx, uin)
	x.requireNoError(err)
	return friends
}

var friendTests = []contractTest{
	{"friends are listed by number", func(x *contractTrial) {
		x.createAccounts(ann, bob, cat)
		x.makeFriends(bob, cat)
		x.makeFriends(ann, bob)
		x.checkAcrossRestart(func() { x.requireEqual("friends", x.listFriends(bob), []rookery.UIN{ann, cat}) })
		x.requireEqual("friends of nobody", x.listFriends(nobody), []rookery.UIN(nil))
	}},
	{"a relation changes for both sides, and is seen from each", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})})
		x.checkAcrossRestart(func() {
			x.requireEqual("ann sees", x.loadRelation(ann, bob), rookery.Relation{RequestSent: true})
			x.requireEqual("bob sees", x.loadRelation(bob, ann), rookery.Relation{RequestReceived: true})
		})
		accept, err := rookery.Accept(rookery.Relation{RequestReceived: true})
		x.requireNoError(err)
		x.changeRelation(rookery.RelationChange{Me: bob, Other: ann, From: rookery.Relation{RequestReceived: true}, Transition: accept})
		x.checkAcrossRestart(func() {
			x.requireEqual("ann sees", x.loadRelation(ann, bob), rookery.Relation{Friends: true})
			x.requireEqual("bob sees", x.loadRelation(bob, ann), rookery.Relation{Friends: true})
		})
		friends := rookery.Relation{Friends: true}
		x.changeRelation(rookery.RelationChange{Me: ann, Other: bob, From: friends, Transition: rookery.Unfriend(friends)})
		x.checkAcrossRestart(func() {
			x.requireEqual("friends of ann", x.listFriends(ann), []rookery.UIN(nil))
			x.requireEqual("friends of bob", x.listFriends(bob), []rookery.UIN(nil))
		})
	}},
	{"the notice goes into the mailbox of the other", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		receipt := x.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{})})
		x.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1}})
		x.checkAcrossRestart(func() {
			want := []rookery.Entry{{Number: 1, Kind: rookery.KindAsks, Peer: ann, Time: noon, Text: "it is me"}}
			x.requireEqual("mailbox of bob", x.mailboxEntries(bob), want)
		})
		x.requireEqual("mailbox of ann", x.newestNumber(ann), uint64(0))
	}},
	{"if they no longer stand so it is a conflict, and nothing happens", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.makeFriends(ann, bob)
		key := longKey(ann, 1, time.Minute)
		_, err := x.ChangeRelation(x.ctx, rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon, Key: key})
		x.requireCode(err, rookery.CodeConflict)
		x.requireEqual("relation", x.loadRelation(ann, bob), rookery.Relation{Friends: true})
		x.requireEqual("mailbox of bob", x.newestNumber(bob), uint64(0))
		x.requireRecorded(key, false)
	}},
	{"if one of the two is no account nothing happens", func(x *contractTrial) {
		x.createAccounts(ann)
		for _, change := range []rookery.RelationChange{{Me: ann, Other: nobody}, {Me: nobody, Other: ann}} {
			change.Transition, change.Time, change.Key = askTransition(rookery.Relation{}), noon, longKey(change.Me, 1, time.Minute)
			_, err := x.ChangeRelation(x.ctx, change)
			x.requireCode(err, rookery.CodeNoAccount)
			x.requireEqual("relation", x.loadRelation(change.Me, change.Other), rookery.Relation{})
			x.requireRecorded(change.Key, false)
		}
		x.requireEqual("mailbox of ann", x.newestNumber(ann), uint64(0))
	}},
	{"a repeat gets the first outcome and does nothing", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		change := rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Key: longKey(ann, 1, time.Minute)}
		change.Transition.Outcome = rookery.OutcomeMustAsk
		x.changeRelation(change)
		x.checkAcrossRestart(func() {
			x.requireEqual("receipt", x.changeRelation(change), rookery.Receipt{Outcome: rookery.OutcomeMustAsk, Repeated: true})
			x.requireEqual("mailbox of bob", x.newestNumber(bob), uint64(1))
		})
	}},
	{"a step that changes nothing is remembered too", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		key := longKey(ann, 1, time.Minute)
		closed, err := rookery.Add(rookery.Relation{}, rookery.RuleClosed)
		x.requireNoError(err)
		x.changeRelation(rookery.RelationChange{Me: ann, Other: bob, Transition: closed, Key: key})
		x.checkAcrossRestart(func() {
			outcome, ok, err := x.RequestOutcome(x.ctx, key)
			x.requireNoError(err)
			x.requireEqual("recalled", ok, true)
			x.requireEqual("outcome", outcome, rookery.OutcomeClosed)
		})
	}},
	{"of steps at the same time from the same relation one is taken", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			change := rookery.RelationChange{Me: ann, Other: bob, Transition: askTransition(rookery.Relation{}), Time: noon}
			all.Go(func() { _, errs[i] = x.ChangeRelation(x.ctx, change) })
		}
		all.Wait()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				x.requireCode(err, rookery.CodeConflict)
			}
		}
		x.requireEqual("taken", taken, 1)
		x.requireEqual("mailbox of bob", x.newestNumber(bob), uint64(1))
	}},
}

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

var accountTests = []test{
	{"rookery.System is an account from the beginning, closed, that nobody can prove to own", func(x *trial) {
		account, err := x.Account(x.ctx, rookery.System)
		x.must(err)
		account.Created = time.Time{}
		x.equal("the system", account, rookery.Account{
			UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, Rule: rookery.RuleClosed, Revision: 1,
		})
		credential, err := x.Credential(x.ctx, rookery.System)
		x.must(err)
		x.equal("its credential", credential, rookery.Credential(""))
	}},
	{"a new account has all that it was given", func(x *trial) {
		want := fullAccount(ann)
		_, err := x.CreateAccount(x.ctx, want, "secret")
		x.must(err)
		x.twice(func() {
			got, err := x.Account(x.ctx, ann)
			x.must(err)
			x.equal("account", got, want)
			credential, err := x.Credential(x.ctx, ann)
			x.must(err)
			x.equal("credential", credential, rookery.Credential("secret"))
		})
	}},
	{"a number that is taken is refused", func(x *trial) {
		x.add(ann)
		_, err := x.CreateAccount(x.ctx, fullAccount(ann), "other")
		x.refused(err, rookery.CodeExists)
		credential, err := x.Credential(x.ctx, ann)
		x.must(err)
		x.equal("credential", credential, rookery.Credential("secret"))
	}},
	{"without a number it is the lowest free one", func(x *trial) {
		next := func(want rookery.UIN) {
			x.Helper()
			got, err := x.CreateAccount(x.ctx, rookery.NewAccount(0, "", noon), "")
			x.must(err)
			x.equal("number", got, want)
		}
		next(ann)
		next(bob)
		x.add(cat, cat+2)
		next(cat + 1)
		next(cat + 3)
		x.must(x.RemoveAccount(x.ctx, bob))
		x.reopen()
		next(bob)
		next(cat + 4)
	}},
	{"the highest number is one like others", func(x *trial) {
		x.add(1<<32 - 1)
		x.send(1<<32-1, 1<<32-1, "hello")
		x.equal("texts", x.texts(1<<32-1), []string{"hello"})
	}},
	{"of a list those that exist are returned, by number and once", func(x *trial) {
		x.add(cat, ann, bob)
		list, err := x.Accounts(x.ctx, []rookery.UIN{cat, nobody, ann, cat})
		x.must(err)
		x.equal("numbers", uinsOf(list), []rookery.UIN{ann, cat})
		list, err = x.Accounts(x.ctx, nil)
		x.must(err)
		x.equal("numbers of none", uinsOf(list), []rookery.UIN(nil))
	}},
	{"accounts after a number come by number, at most as many as asked for", func(x *trial) {
		x.add(cat, ann, bob)
		list, err := x.AccountsAfter(x.ctx, ann, 1)
		x.must(err)
		x.equal("one", uinsOf(list), []rookery.UIN{bob})
		list, err = x.AccountsAfter(x.ctx, 0, 10)
		x.must(err)
		x.equal("all", uinsOf(list), []rookery.UIN{rookery.System, ann, bob, cat})
	}},
	{"an update replaces all but the time of creation and counts the revision up", func(x *trial) {
		x.add(ann)
		account := fullAccount(ann)
		account.Created = noon.Add(time.Hour)
		x.update(account)
		account.Created, account.Revision = noon, 2
		x.twice(func() {
			got, err := x.Account(x.ctx, ann)
			x.must(err)
			x.equal("account", got, account)
		})
	}},
	{"an update of another revision is a conflict", func(x *trial) {
		x.add(ann)
		x.update(fullAccount(ann))
		late := rookery.NewAccount(ann, "late", noon)
		_, err := x.UpdateAccount(x.ctx, late, rookery.RequestKey{})
		x.refused(err, rookery.CodeConflict)
		account, err := x.Account(x.ctx, ann)
		x.must(err)
		x.equal("nick", account.Profile.Nick, "Pingu, Jr")
	}},
	{"a repeated update gets the first outcome and changes nothing", func(x *trial) {
		x.add(ann)
		key := mark(ann, 1, time.Minute)
		account := fullAccount(ann)
		_, err := x.UpdateAccount(x.ctx, account, key)
		x.must(err)
		account.Revision, account.Profile.Nick = 2, "another"
		x.twice(func() {
			receipt, err := x.UpdateAccount(x.ctx, account, key)
			x.must(err)
			x.equal("receipt", receipt, rookery.Receipt{Repeated: true})
			got, err := x.Account(x.ctx, ann)
			x.must(err)
			x.equal("nick", got.Profile.Nick, "Pingu, Jr")
		})
	}},
	{"an update that is refused is not remembered", func(x *trial) {
		x.add(ann)
		account, key := fullAccount(ann), mark(ann, 1, time.Minute)
		account.Revision = 7
		_, err := x.UpdateAccount(x.ctx, account, key)
		x.refused(err, rookery.CodeConflict)
		x.recalls(key, false)
	}},
	{"of updates at the same time of the same revision one wins", func(x *trial) {
		x.add(ann)
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
				x.refused(err, rookery.CodeConflict)
			}
		}
		x.equal("winners", won, 1)
	}},
	{"a new credential ends all sessions of the account and no other's", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "", 1), session(ann, "phone", 2), session(bob, "", 3))
		x.must(x.SetCredential(x.ctx, ann, "new"))
		x.twice(func() {
			credential, err := x.Credential(x.ctx, ann)
			x.must(err)
			x.equal("credential", credential, rookery.Credential("new"))
			x.equal("sessions", x.sessions(), []rookery.Session{session(bob, "", 3)})
		})
	}},
	{"what is no account has nothing to read or change", func(x *trial) {
		_, err := x.Account(x.ctx, nobody)
		x.refused(err, rookery.CodeNoAccount)
		_, err = x.Credential(x.ctx, nobody)
		x.refused(err, rookery.CodeNoAccount)
		_, err = x.UpdateAccount(x.ctx, fullAccount(nobody), rookery.RequestKey{})
		x.refused(err, rookery.CodeNoAccount)
		x.refused(x.SetCredential(x.ctx, nobody, ""), rookery.CodeNoAccount)
		x.refused(x.RemoveAccount(x.ctx, nobody), rookery.CodeNoAccount)
		x.refused(x.StartSession(x.ctx, session(nobody, "", 1), "secret"), rookery.CodeNoAccount)
		x.refused(x.SaveCursor(x.ctx, nobody, "", rookery.Cursor{Number: 1}), rookery.CodeNoAccount)
	}},
	{"a removed account leaves nothing but what others have from it", func(x *trial) {
		x.add(ann, bob, cat)
		x.befriend(ann, bob)
		x.relate(rookery.RelationChange{Me: ann, Other: cat, Transition: ask(rookery.Relation{})})
		x.send(ann, bob, "one", "two")
		x.send(bob, ann, "stays")
		x.signIn(session(ann, "", 1), session(ann, "phone", 2))
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 2}))
		x.must(x.RemoveAccount(x.ctx, ann))
		_, err := x.Account(x.ctx, ann)
		x.refused(err, rookery.CodeNoAccount)

		x.add(ann)
		x.twice(func() {
			x.equal("friends of bob", x.friends(bob), []rookery.UIN(nil))
			x.equal("relation to cat", x.relation(ann, cat), rookery.Relation{})
			x.equal("mailbox", x.last(ann), uint64(0))
			x.equal("entries", x.texts(ann), []string(nil))
			x.equal("place", x.place(ann, ""), rookery.Cursor{})
			x.equal("place of a device", x.place(ann, "phone"), rookery.Cursor{})
			x.equal("devices", x.devices(ann), []rookery.Device(nil))
			x.equal("sessions", x.sessions(), []rookery.Session(nil))
			known, err := x.IsKnownAddress(x.ctx, ann, session(ann, "", 1).Address)
			x.must(err)
			x.equal("known address", known, false)
			x.equal("texts of bob", x.texts(bob), []string{"stays"})
		})
	}},
	{"an account that is added again gets no number of the earlier one, of messages or devices", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		x.send(ann, bob, "old", "older")
		x.must(x.RemoveAccount(x.ctx, ann))
		x.add(ann)
		x.must(x.RemoveAccount(x.ctx, ann)) // nothing was added to the second
		x.reopen()
		x.add(ann)
		x.twice(func() { x.equal("newest", x.last(ann), uint64(0)) })
		x.send(ann, bob, "new")
		x.signIn(session(ann, "phone", 3))
		x.twice(func() {
			x.equal("texts", x.texts(ann), []string{"new"})
			x.equal("numbers", x.numbers(ann), []uint64{3})
			x.equal("devices", x.devices(ann)[0].ID, uint64(3))
		})
	}},
	{"what a removed account did is no repeat for one of its number", func(x *trial) {
		x.add(ann, bob)
		marks := []rookery.RequestKey{
			mark(ann, 1, time.Minute), onDevice(mark(ann, 2, time.Minute), "phone"),
			onDevice(short(ann, 3, time.Minute), "desk"), short(ann, 4, time.Minute),
		}
		for _, key := range marks {
			x.do(key)
		}
		x.do(mark(bob, 5, time.Minute))
		x.must(x.RemoveAccount(x.ctx, ann))
		x.add(ann)
		x.twice(func() {
			for _, key := range marks {
				x.recalls(key, false)
			}
			x.recalls(mark(bob, 5, time.Minute), true)
		})
		x.do(marks[0])
		x.twice(func() { x.recalls(marks[0], true) })
	}},
}

func (x *trial) update(account rookery.Account) {
	x.Helper()
	_, err := x.UpdateAccount(x.ctx, account, rookery.RequestKey{})
	x.must(err)
}

func uinsOf(accounts []rookery.Account) (uins []rookery.UIN) {
	for _, account := range accounts {
		uins = append(uins, account.UIN)
	}
	return uins
}

// ask is the step of a friend request.
func ask(from rookery.Relation) rookery.RelationTransition {
	step, err := rookery.Ask(from, rookery.RuleAsk, "it is me")
	if err != nil {
		panic(err)
	}
	return step
}

func (x *trial) relate(change rookery.RelationChange) rookery.Receipt {
	x.Helper()
	change.Time = noon
	receipt, err := x.ChangeRelation(x.ctx, change)
	x.must(err)
	return receipt
}

func (x *trial) befriend(a, b rookery.UIN) {
	x.Helper()
	x.relate(rookery.RelationChange{Me: a, Other: b, Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}}})
}

func (x *trial) relation(me, other rookery.UIN) rookery.Relation {
	x.Helper()
	relation, err := x.Relation(x.ctx, me, other)
	x.must(err)
	return relation
}

func (x *trial) friends(uin rookery.UIN) []rookery.UIN {
	x.Helper()
	friends, err := x.Friends(x.ctx, uin)
	x.must(err)
	return friends
}

var friendTests = []test{
	{"friends are listed by number", func(x *trial) {
		x.add(ann, bob, cat)
		x.befriend(bob, cat)
		x.befriend(ann, bob)
		x.twice(func() { x.equal("friends", x.friends(bob), []rookery.UIN{ann, cat}) })
		x.equal("friends of nobody", x.friends(nobody), []rookery.UIN(nil))
	}},
	{"a relation changes for both sides, and is seen from each", func(x *trial) {
		x.add(ann, bob)
		x.relate(rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{})})
		x.twice(func() {
			x.equal("ann sees", x.relation(ann, bob), rookery.Relation{RequestSent: true})
			x.equal("bob sees", x.relation(bob, ann), rookery.Relation{RequestReceived: true})
		})
		accept, err := rookery.Accept(rookery.Relation{RequestReceived: true})
		x.must(err)
		x.relate(rookery.RelationChange{Me: bob, Other: ann, From: rookery.Relation{RequestReceived: true}, Transition: accept})
		x.twice(func() {
			x.equal("ann sees", x.relation(ann, bob), rookery.Relation{Friends: true})
			x.equal("bob sees", x.relation(bob, ann), rookery.Relation{Friends: true})
		})
		friends := rookery.Relation{Friends: true}
		x.relate(rookery.RelationChange{Me: ann, Other: bob, From: friends, Transition: rookery.Unfriend(friends)})
		x.twice(func() {
			x.equal("friends of ann", x.friends(ann), []rookery.UIN(nil))
			x.equal("friends of bob", x.friends(bob), []rookery.UIN(nil))
		})
	}},
	{"the notice goes into the mailbox of the other", func(x *trial) {
		x.add(ann, bob)
		receipt := x.relate(rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{})})
		x.equal("receipt", receipt, rookery.Receipt{Numbers: []uint64{1}})
		x.twice(func() {
			want := []rookery.Entry{{Number: 1, Kind: rookery.KindAsks, Peer: ann, Time: noon, Text: "it is me"}}
			x.equal("mailbox of bob", x.all(bob), want)
		})
		x.equal("mailbox of ann", x.last(ann), uint64(0))
	}},
	{"if they no longer stand so it is a conflict, and nothing happens", func(x *trial) {
		x.add(ann, bob)
		x.befriend(ann, bob)
		key := mark(ann, 1, time.Minute)
		_, err := x.ChangeRelation(x.ctx, rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{}), Time: noon, Key: key})
		x.refused(err, rookery.CodeConflict)
		x.equal("relation", x.relation(ann, bob), rookery.Relation{Friends: true})
		x.equal("mailbox of bob", x.last(bob), uint64(0))
		x.recalls(key, false)
	}},
	{"if one of the two is no account nothing happens", func(x *trial) {
		x.add(ann)
		for _, change := range []rookery.RelationChange{{Me: ann, Other: nobody}, {Me: nobody, Other: ann}} {
			change.Transition, change.Time, change.Key = ask(rookery.Relation{}), noon, mark(change.Me, 1, time.Minute)
			_, err := x.ChangeRelation(x.ctx, change)
			x.refused(err, rookery.CodeNoAccount)
			x.equal("relation", x.relation(change.Me, change.Other), rookery.Relation{})
			x.recalls(change.Key, false)
		}
		x.equal("mailbox of ann", x.last(ann), uint64(0))
	}},
	{"a repeat gets the first outcome and does nothing", func(x *trial) {
		x.add(ann, bob)
		change := rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{}), Key: mark(ann, 1, time.Minute)}
		change.Transition.Outcome = rookery.OutcomeMustAsk
		x.relate(change)
		x.twice(func() {
			x.equal("receipt", x.relate(change), rookery.Receipt{Outcome: rookery.OutcomeMustAsk, Repeated: true})
			x.equal("mailbox of bob", x.last(bob), uint64(1))
		})
	}},
	{"a step that changes nothing is remembered too", func(x *trial) {
		x.add(ann, bob)
		key := mark(ann, 1, time.Minute)
		closed, err := rookery.Add(rookery.Relation{}, rookery.RuleClosed)
		x.must(err)
		x.relate(rookery.RelationChange{Me: ann, Other: bob, Transition: closed, Key: key})
		x.twice(func() {
			outcome, ok, err := x.RequestOutcome(x.ctx, key)
			x.must(err)
			x.equal("recalled", ok, true)
			x.equal("outcome", outcome, rookery.OutcomeClosed)
		})
	}},
	{"of steps at the same time from the same relation one is taken", func(x *trial) {
		x.add(ann, bob)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			change := rookery.RelationChange{Me: ann, Other: bob, Transition: ask(rookery.Relation{}), Time: noon}
			all.Go(func() { _, errs[i] = x.ChangeRelation(x.ctx, change) })
		}
		all.Wait()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else {
				x.refused(err, rookery.CodeConflict)
			}
		}
		x.equal("taken", taken, 1)
		x.equal("mailbox of bob", x.last(bob), uint64(1))
	}},
}

package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

const (
	randomSteps    = 3000
	reopenEvery    = 600
	randomAccounts = 8
	// atOnce is how many goroutines share a store, each with its own accounts.
	atOnce      = 4
	atOnceSteps = 500
)

// call is one operation: carry it out on any store, and compare the results.
type call struct {
	name string
	do   func(service.Store) any
}

// result is what an operation came to, as far as the contract says it.
type result struct {
	code   rookery.Code // 0: no error
	values []any
}

func outcome(err error, values ...any) result {
	if err != nil {
		return result{code: rookery.CodeOf(err)}
	}
	return result{values: values}
}

// dice draws operations on a few accounts, so that they meet often.
type dice struct {
	*rand.Rand
	ctx   context.Context
	first rookery.UIN
	// shared: others use the store too, so nothing is drawn that concerns all
	// accounts.
	shared bool
	clock  time.Duration
	ids    uint64
}

func (d *dice) uin() rookery.UIN { return d.first + rookery.UIN(d.IntN(randomAccounts)) }

func (d *dice) device() string { return []string{"", "phone", "desk"}[d.IntN(3)] }

func (d *dice) text() string {
	return fmt.Sprintf("%s %d", []string{"text", "Text", "ПРИВЕТ", "привет", "企鹅"}[d.IntN(5)], d.Uint32())
}

func (d *dice) now() time.Time { return noon.Add(d.clock) }

func (d *dice) addr() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(d.IntN(24))}) }

func (d *dice) mark() rookery.RequestKey {
	d.clock += time.Duration(d.IntN(4000)) * time.Millisecond
	key := onDevice(mark(d.uin(), uint64(d.IntN(8)), d.clock), d.device())
	switch d.IntN(4) {
	case 0:
		return rookery.RequestKey{}
	case 1:
		key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	}
	return key
}

func (d *dice) account(uin rookery.UIN) rookery.Account {
	account := rookery.NewAccount(uin, d.text(), noon)
	account.Rule, account.Profile.Age = []rookery.Rule{rookery.RuleOpen, rookery.RuleAsk, rookery.RuleClosed}[d.IntN(3)], d.IntN(100)
	return account
}

// draw returns the next operation. The more often a case is named, the more
// often it comes.
func (d *dice) draw() call {
	draws := []func() call{
		d.create, d.update, d.setCredential, d.remove, d.relate, d.relate, d.relate, d.relate, d.requests,
		d.deliver, d.deliver, d.deliver, d.deliver, d.deliverEach, d.deliverEach, d.recall, d.remember, d.collect, d.collect,
		d.entries, d.entries, d.history, d.history, d.setReadMark, d.mailbox,
		d.signIn, d.signIn, d.signOut, d.sleep, d.wake, d.setStatus, d.setEncoding, d.setByNumber, d.forgetDevice, d.known, d.list,
	}
	if !d.shared {
		draws = append(draws, d.createNext, d.beat, d.uptime, d.purge, d.purge)
	}
	return draws[d.IntN(len(draws))]()
}

func (d *dice) create() call {
	account := d.account(d.uin())
	return call{fmt.Sprint("create ", account.UIN), func(store service.Store) any {
		uin, err := store.CreateAccount(d.ctx, account, "secret")
		return outcome(err, uin)
	}}
}

func (d *dice) createNext() call {
	account := d.account(0)
	return call{"create the next", func(store service.Store) any {
		uin, err := store.CreateAccount(d.ctx, account, "secret")
		return outcome(err, uin)
	}}
}

func (d *dice) update() call {
	account := d.account(d.uin())
	account.Revision = uint64(d.IntN(3)) + 1
	key := d.mark()
	return call{fmt.Sprintf("update %d, %+v", account.UIN, key), func(store service.Store) any {
		receipt, err := store.UpdateAccount(d.ctx, account, key)
		return outcome(err, receipt)
	}}
}

func (d *dice) setCredential() call {
	uin, credential := d.uin(), rookery.Credential([]string{"secret", "secret", "new"}[d.IntN(3)])
	return call{fmt.Sprint("set credential of ", uin), func(store service.Store) any { return outcome(store.SetCredential(d.ctx, uin, credential)) }}
}

func (d *dice) remove() call {
	uin, spare := d.uin(), d.IntN(4) > 0
	return call{fmt.Sprint("remove ", uin, spare), func(store service.Store) any {
		if spare {
			return nil // or there would never be many entries
		}
		return outcome(store.RemoveAccount(d.ctx, uin))
	}}
}

// relate takes a step from how the two stand, or from elsewhere.
func (d *dice) relate() call {
	me, other, key, now, words, at, limit := d.uin(), d.uin(), d.mark(), d.now(), d.text(), d.IntN(9), d.limit()
	if me == other {
		return d.deliver()
	}
	return call{fmt.Sprintf("relate %d to %d, %+v", me, other, key), func(store service.Store) any {
		from, err := store.Relation(d.ctx, me, other)
		if err != nil {
			return err
		}
		if at == 8 {
			from = rookery.Relation{Friends: true}
		}
		steps := []func() (rookery.RelationTransition, error){
			func() (rookery.RelationTransition, error) { return rookery.Add(from, rookery.RuleOpen) },
			func() (rookery.RelationTransition, error) { return rookery.Add(from, rookery.RuleAsk) },
			func() (rookery.RelationTransition, error) { return rookery.Ask(from, rookery.RuleAsk, words) },
			func() (rookery.RelationTransition, error) { return rookery.Accept(from) },
			func() (rookery.RelationTransition, error) { return rookery.Reject(from, words) },
			func() (rookery.RelationTransition, error) { return rookery.Unfriend(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Block(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Unblock(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Befriend(), nil },
		}
		step, err := steps[at]()
		if err != nil {
			return outcome(err)
		}
		receipt, err := store.ChangeRelation(d.ctx, rookery.RelationChange{Me: me, Other: other, From: from, Transition: step, Limit: limit, Time: now, Key: key})
		return outcome(err, receipt, from)
	}}
}

func (d *dice) requests() call {
	uin, after, limit := d.uin(), d.uin(), d.IntN(4)
	return call{fmt.Sprint("requests at ", uin, after, limit), func(store service.Store) any {
		list, err := store.FriendRequests(d.ctx, uin, after, limit)
		return outcome(err, list)
	}}
}

func (d *dice) recall() call {
	key := d.mark()
	return call{fmt.Sprintf("recall %+v", key), func(store service.Store) any {
		o, ok, err := store.RequestOutcome(d.ctx, key)
		if !ok {
			o = 0
		}
		return outcome(err, o, ok)
	}}
}

func (d *dice) remember() call {
	key, o := d.mark(), rookery.Outcome(d.IntN(4))
	return call{fmt.Sprintf("remember %+v", key), func(store service.Store) any {
		receipt, err := store.RecordRequest(d.ctx, key, o)
		return outcome(err, receipt)
	}}
}

func (d *dice) list() call {
	uins := []rookery.UIN{d.uin(), d.uin(), d.uin()}
	return call{fmt.Sprint("accounts ", uins), func(store service.Store) any {
		accounts, err := store.Accounts(d.ctx, uins)
		return outcome(err, accounts)
	}}
}

func (d *dice) beat() call {
	up, forget := d.clock, d.clock-time.Duration(d.IntN(200))*time.Second
	return call{fmt.Sprint("beat ", up, forget), func(store service.Store) any { return outcome(store.RecordUptime(d.ctx, up, forget)) }}
}

func (d *dice) uptime() call {
	return call{"uptime", func(store service.Store) any {
		up, err := store.Uptime(d.ctx)
		return outcome(err, up)
	}}
}

// purge goes through all accounts, because how far one step goes is the
// store's own affair.
func (d *dice) purge() call {
	before, limit := d.now().Add(-time.Duration(d.IntN(1000))*time.Second), 1+d.IntN(20)
	return call{fmt.Sprint("purge ", before, limit), func(store service.Store) any {
		total, after := 0, rookery.UIN(0)
		for {
			next, n, err := store.PurgeEntries(d.ctx, after, before, limit)
			if total += n; err != nil || next == 0 {
				return outcome(err, total)
			}
			after = next
		}
	}}
}

// seed is that of the day's run; a failing one is repeated by writing it here.
func seed() uint64 { return uint64(time.Now().UnixNano()) }

// gapped is a store that leaves a gap in all mailboxes where it was opened.
type gapped interface {
	// NumberFloor is what their numbers continue above.
	NumberFloor() uint64
}

func random(t *testing.T, fresh func(*testing.T) OpenFunc) {
	trial := newTrial(t, fresh(t))
	model := NewModel()().(*Model)
	s := seed()
	t.Logf("seed %d", s)
	d := &dice{Rand: rand.New(rand.NewPCG(s, 0)), ctx: t.Context(), first: rookery.FirstUIN}
	for i := range randomSteps {
		call := d.draw()
		trial.equal(fmt.Sprintf("step %d, %s", i, call.name), call.do(trial.Store), call.do(model))
		if i%reopenEvery == reopenEvery-1 {
			want := d.everything(model)
			trial.twice(func() { trial.same(fmt.Sprintf("after step %d", i), d.everything(trial.Store), want) })
			if g, ok := trial.Store.(gapped); ok {
				model.SetNumberFloor(g.NumberFloor())
			}
		}
	}
}

// randomAtOnce lets several goroutines loose on one store. Their accounts are
// different ones, so that each can tell what its operations must come to.
func randomAtOnce(t *testing.T, fresh func(*testing.T) OpenFunc) {
	trial := newTrial(t, fresh(t))
	s := seed()
	t.Logf("seed %d", s)
	var all sync.WaitGroup
	var checks [atOnce]func()
	for i := range atOnce {
		model := NewModel()()
		d := &dice{
			Rand: rand.New(rand.NewPCG(s, uint64(i))), ctx: t.Context(),
			first: rookery.FirstUIN + rookery.UIN(i)*1000, shared: true,
		}
		checks[i] = func() { trial.same("in the end", d.everything(trial.Store), d.everything(model)) }
		all.Go(func() {
			for step := range atOnceSteps {
				call := d.draw()
				if got, want := call.do(trial.Store), call.do(model); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("step %d, %s:\n got %+v\nwant %+v", step, call.name, got, want)
					return
				}
			}
		})
	}
	all.Wait()
	trial.twice(func() {
		for _, check := range checks {
			check()
		}
	})
}

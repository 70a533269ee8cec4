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
	// concurrentRunners is how many goroutines share a store, each with its own accounts.
	// concurrentRunners is how many goroutines share a store, each with its own accounts.
	concurrentRunners = 4
	concurrentSteps   = 500
)

// operation is one call of a store whose results are compared with those of the model.
type operation struct {
	description string
	execute     func(service.Store) any
}

// operationResult is the result of an operation as far as the contract determines it.
type operationResult struct {
	code   rookery.Code // 0: no error
	values []any
}

func resultOf(err error, values ...any) operationResult {
	if err != nil {
		return operationResult{code: rookery.CodeOf(err)}
	}
	return operationResult{values: values}
}

// operationGenerator draws random operations on a few accounts, so that they often affect each other.
type operationGenerator struct {
	*rand.Rand
	ctx   context.Context
	first rookery.UIN
	// sharesStore means that others use the store too. Then no operation affects all accounts.
	sharesStore bool
	clock       time.Duration
	sessionIDs  uint64
}

func (d *operationGenerator) randomUIN() rookery.UIN {
	return d.first + rookery.UIN(d.IntN(randomAccounts))
}

func (d *operationGenerator) randomDevice() string { return []string{"", "phone", "desk"}[d.IntN(3)] }

func (d *operationGenerator) randomText() string {
	return fmt.Sprintf("%s %d", []string{"text", "Text", "ПРИВЕТ", "привет", "企鹅"}[d.IntN(5)], d.Uint32())
}

func (d *operationGenerator) currentTime() time.Time { return noon.Add(d.clock) }

func (d *operationGenerator) randomAddress() netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(d.IntN(24))})
}

func (d *operationGenerator) randomKey() rookery.RequestKey {
	d.clock += time.Duration(d.IntN(4000)) * time.Millisecond
	key := onDevice(longKey(d.randomUIN(), uint64(d.IntN(8)), d.clock), d.randomDevice())
	switch d.IntN(4) {
	case 0:
		return rookery.RequestKey{}
	case 1:
		key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	}
	return key
}

func (d *operationGenerator) randomAccount(uin rookery.UIN) rookery.Account {
	account := rookery.NewAccount(uin, d.randomText(), noon)
	account.Rule, account.Profile.Age = []rookery.Rule{
		rookery.RuleOpen, rookery.RuleAsk, rookery.RuleClosed,
	}[d.IntN(3)], d.IntN(100)
	return account
}

// nextOperation returns a random operation. An operation that is listed several times is drawn more
// often.
func (d *operationGenerator) nextOperation() operation {
	draws := []func() operation{
		d.createAccount, d.updateAccount, d.setCredential, d.removeAccount, d.changeRelation, d.changeRelation,
		d.changeRelation, d.changeRelation, d.listRequests,
		d.deliverEntries, d.deliverEntries, d.deliverEntries, d.deliverEntries, d.deliverInOrder, d.deliverInOrder,
		d.requestOutcome, d.recordRequest, d.saveCursor, d.saveCursor,
		d.listEntries, d.listEntries, d.searchHistory, d.searchHistory, d.advanceReadMark, d.mailboxState,
		d.startSession, d.startSession, d.endSessions, d.setAsleep, d.wakeSession, d.setStatus, d.setSessionEncoding,
		d.setConfirmsByNumber, d.forgetDevice, d.isKnownAddress, d.listAccounts,
	}
	if !d.sharesStore {
		draws = append(draws, d.createNextAccount, d.recordUptime, d.loadUptime, d.purgeEntries, d.purgeEntries)
	}
	return draws[d.IntN(len(draws))]()
}

func (d *operationGenerator) createAccount() operation {
	account := d.randomAccount(d.randomUIN())
	return operation{fmt.Sprint("create ", account.UIN), func(store service.Store) any {
		uin, err := store.CreateAccount(d.ctx, account, "secret")
		return resultOf(err, uin)
	}}
}

func (d *operationGenerator) createNextAccount() operation {
	account := d.randomAccount(0)
	return operation{"create the next", func(store service.Store) any {
		uin, err := store.CreateAccount(d.ctx, account, "secret")
		return resultOf(err, uin)
	}}
}

func (d *operationGenerator) updateAccount() operation {
	account := d.randomAccount(d.randomUIN())
	account.Revision = uint64(d.IntN(3)) + 1
	key := d.randomKey()
	return operation{fmt.Sprintf("update %d, %+v", account.UIN, key), func(store service.Store) any {
		receipt, err := store.UpdateAccount(d.ctx, account, key)
		return resultOf(err, receipt)
	}}
}

func (d *operationGenerator) setCredential() operation {
	uin, credential := d.randomUIN(), rookery.Credential([]string{"secret", "secret", "new"}[d.IntN(3)])
	return operation{
		fmt.Sprint("set credential of ", uin),
		func(store service.Store) any { return resultOf(store.SetCredential(d.ctx, uin, credential)) },
	}
}

func (d *operationGenerator) removeAccount() operation {
	uin, spare := d.randomUIN(), d.IntN(4) > 0
	return operation{fmt.Sprint("remove ", uin, spare), func(store service.Store) any {
		if spare {
			return nil // otherwise mailboxes would stay short
		}
		return resultOf(store.RemoveAccount(d.ctx, uin))
	}}
}

// changeRelation makes a change from the present relation, or sometimes from another one.
func (d *operationGenerator) changeRelation() operation {
	me, other, key, now, words, at, limit := d.randomUIN(), d.randomUIN(), d.randomKey(), d.currentTime(),
		d.randomText(), d.IntN(9), d.randomLimit()
	if me == other {
		return d.deliverEntries()
	}
	return operation{fmt.Sprintf("relate %d to %d, %+v", me, other, key), func(store service.Store) any {
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
			return resultOf(err)
		}
		receipt, err := store.ChangeRelation(
			d.ctx,
			rookery.RelationChange{
				Me: me, Other: other, From: from, Transition: step, Limit: limit, Time: now, Key: key,
			},
		)
		return resultOf(err, receipt, from)
	}}
}

func (d *operationGenerator) listRequests() operation {
	uin, after, limit := d.randomUIN(), d.randomUIN(), d.IntN(4)
	return operation{fmt.Sprint("requests at ", uin, after, limit), func(store service.Store) any {
		list, err := store.FriendRequests(d.ctx, uin, after, limit)
		return resultOf(err, list)
	}}
}

func (d *operationGenerator) requestOutcome() operation {
	key := d.randomKey()
	return operation{fmt.Sprintf("recall %+v", key), func(store service.Store) any {
		o, ok, err := store.RequestOutcome(d.ctx, key)
		if !ok {
			o = 0
		}
		return resultOf(err, o, ok)
	}}
}

func (d *operationGenerator) recordRequest() operation {
	key, o := d.randomKey(), rookery.Outcome(d.IntN(4))
	return operation{fmt.Sprintf("remember %+v", key), func(store service.Store) any {
		receipt, err := store.RecordRequest(d.ctx, key, o)
		return resultOf(err, receipt)
	}}
}

func (d *operationGenerator) listAccounts() operation {
	uins := []rookery.UIN{d.randomUIN(), d.randomUIN(), d.randomUIN()}
	return operation{fmt.Sprint("accounts ", uins), func(store service.Store) any {
		accounts, err := store.Accounts(d.ctx, uins)
		return resultOf(err, accounts)
	}}
}

func (d *operationGenerator) recordUptime() operation {
	up, forget := d.clock, d.clock-time.Duration(d.IntN(200))*time.Second
	return operation{
		fmt.Sprint("beat ", up, forget),
		func(store service.Store) any { return resultOf(store.RecordUptime(d.ctx, up, forget)) },
	}
}

func (d *operationGenerator) loadUptime() operation {
	return operation{"uptime", func(store service.Store) any {
		up, err := store.Uptime(d.ctx)
		return resultOf(err, up)
	}}
}

// purgeEntries purges all accounts. The contract leaves open how many one call examines.
func (d *operationGenerator) purgeEntries() operation {
	before, limit := d.currentTime().Add(-time.Duration(d.IntN(1000))*time.Second), 1+d.IntN(20)
	return operation{fmt.Sprint("purge ", before, limit), func(store service.Store) any {
		total, after := 0, rookery.UIN(0)
		for {
			next, n, err := store.PurgeEntries(d.ctx, after, before, limit)
			if total += n; err != nil || next == 0 {
				return resultOf(err, total)
			}
			after = next
		}
	}}
}

// newSeed returns the seed of a run. To repeat a failed run, return its seed here.
func newSeed() uint64 { return uint64(time.Now().UnixNano()) }

// numberFloorStore is a store whose mailboxes have a gap where it was opened.
type numberFloorStore interface {
	// NumberFloor returns the number above which all mailboxes continue.
	// NumberFloor is what their numbers continue above.
	NumberFloor() uint64
}

func runRandomOperations(t *testing.T, newStore func(*testing.T) OpenFunc) {
	trial := newTrial(t, newStore(t))
	model := NewModel()().(*Model)
	s := newSeed()
	t.Logf("seed %d", s)
	d := &operationGenerator{Rand: rand.New(rand.NewPCG(s, 0)), ctx: t.Context(), first: rookery.FirstUIN}
	for i := range randomSteps {
		call := d.nextOperation()
		trial.requireEqual(
			fmt.Sprintf("step %d, %s", i, call.description), call.execute(trial.Store), call.execute(model),
		)
		if i%reopenEvery == reopenEvery-1 {
			want := d.readAll(model)
			trial.checkAcrossRestart(
				func() { trial.requireEqualReadings(fmt.Sprintf("after step %d", i), d.readAll(trial.Store), want) },
			)
			if g, ok := trial.Store.(numberFloorStore); ok {
				model.SetNumberFloor(g.NumberFloor())
			}
		}
	}
}

// runConcurrentOperations runs several goroutines on one store. Each has its own accounts and model,
// so that it knows what its operations must return.
func runConcurrentOperations(t *testing.T, newStore func(*testing.T) OpenFunc) {
	trial := newTrial(t, newStore(t))
	s := newSeed()
	t.Logf("seed %d", s)
	var all sync.WaitGroup
	var checks [concurrentRunners]func()
	for i := range concurrentRunners {
		model := NewModel()()
		d := &operationGenerator{
			Rand: rand.New(rand.NewPCG(s, uint64(i))), ctx: t.Context(),
			first: rookery.FirstUIN + rookery.UIN(i)*1000, sharesStore: true,
		}
		checks[i] = func() { trial.requireEqualReadings("in the end", d.readAll(trial.Store), d.readAll(model)) }
		all.Go(func() {
			for step := range concurrentSteps {
				call := d.nextOperation()
				if got, want := call.execute(trial.Store), call.execute(model); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("step %d, %s:\n got %+v\nwant %+v", step, call.description, got, want)
					return
				}
			}
		})
	}
	all.Wait()
	trial.checkAcrossRestart(func() {
		for _, check := range checks {
			check()
		}
	})
}

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
	concurrentRunners = 4
	concurrentSteps   = 500
)

// operation is a call of a store. Its result is compared with the model's.
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
	// sharesStore means that other generators use the store too. Then no operation affects all accounts.
	sharesStore bool
	clock       time.Duration
	sessionIDs  uint64
}

func (g *operationGenerator) randomUIN() rookery.UIN {
	return g.first + rookery.UIN(g.IntN(randomAccounts))
}

func (g *operationGenerator) randomDevice() string { return []string{"", "phone", "desk"}[g.IntN(3)] }

func (g *operationGenerator) randomText() string {
	return fmt.Sprintf("%s %d", []string{"text", "Text", "ПРИВЕТ", "привет", "企鹅"}[g.IntN(5)], g.Uint32())
}

func (g *operationGenerator) currentTime() time.Time { return noon.Add(g.clock) }

func (g *operationGenerator) randomAddress() netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(g.IntN(24))})
}

func (g *operationGenerator) randomKey() rookery.RequestKey {
	g.clock += time.Duration(g.IntN(4000)) * time.Millisecond
	key := onDevice(longKey(g.randomUIN(), uint64(g.IntN(8)), g.clock), g.randomDevice())
	switch g.IntN(4) {
	case 0:
		return rookery.RequestKey{}
	case 1:
		key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	}
	return key
}

func (g *operationGenerator) randomAccount(uin rookery.UIN) rookery.Account {
	account := rookery.NewAccount(uin, g.randomText(), noon)
	account.FriendRule = []rookery.FriendRule{rookery.RuleOpen, rookery.RuleAsk, rookery.RuleClosed}[g.IntN(3)]
	account.Profile.Age = g.IntN(100)
	return account
}

// nextOperation returns a random operation. An operation that is listed several times is drawn more
// often.
func (g *operationGenerator) nextOperation() operation {
	choices := []func() operation{
		g.createAccount, g.updateAccount, g.setCredential, g.removeAccount, g.listAccounts,
		g.changeRelation, g.changeRelation, g.changeRelation, g.changeRelation, g.listRequests,
		g.deliverEntries, g.deliverEntries, g.deliverEntries, g.deliverEntries, g.deliverInOrder, g.deliverInOrder,
		g.requestOutcome, g.recordRequest, g.saveCursor, g.saveCursor, g.mailboxState,
		g.listEntries, g.listEntries, g.searchHistory, g.searchHistory, g.advanceReadMark,
		g.startSession, g.startSession, g.endSessions, g.setAsleep, g.wakeSession, g.setStatus,
		g.setSessionEncoding, g.setConfirmsByNumber, g.forgetDevice, g.isKnownAddress,
	}
	if !g.sharesStore {
		choices = append(choices, g.createNextAccount, g.recordUptime, g.loadUptime, g.purgeEntries, g.purgeEntries)
	}
	return choices[g.IntN(len(choices))]()
}

func (g *operationGenerator) createAccount() operation {
	account := g.randomAccount(g.randomUIN())
	return operation{fmt.Sprint("create ", account.UIN), func(store service.Store) any {
		uin, err := store.CreateAccount(g.ctx, account, "secret")
		return resultOf(err, uin)
	}}
}

func (g *operationGenerator) createNextAccount() operation {
	account := g.randomAccount(0)
	return operation{"create the next", func(store service.Store) any {
		uin, err := store.CreateAccount(g.ctx, account, "secret")
		return resultOf(err, uin)
	}}
}

func (g *operationGenerator) updateAccount() operation {
	account := g.randomAccount(g.randomUIN())
	account.Revision = uint64(g.IntN(3)) + 1
	key := g.randomKey()
	return operation{fmt.Sprintf("update %d, %+v", account.UIN, key), func(store service.Store) any {
		receipt, err := store.UpdateAccount(g.ctx, account, key)
		return resultOf(err, receipt)
	}}
}

func (g *operationGenerator) setCredential() operation {
	uin, credential := g.randomUIN(), rookery.Credential([]string{"secret", "secret", "new"}[g.IntN(3)])
	return operation{
		fmt.Sprint("set credential of ", uin),
		func(store service.Store) any { return resultOf(store.SetCredential(g.ctx, uin, credential)) },
	}
}

func (g *operationGenerator) removeAccount() operation {
	uin, isSkipped := g.randomUIN(), g.IntN(4) > 0
	return operation{fmt.Sprint("remove ", uin, isSkipped), func(store service.Store) any {
		if isSkipped {
			return nil // more removals would leave only short mailboxes
		}
		return resultOf(store.RemoveAccount(g.ctx, uin))
	}}
}

// changeRelation makes a change from the present relation, or sometimes from another one.
func (g *operationGenerator) changeRelation() operation {
	me, other, key, now := g.randomUIN(), g.randomUIN(), g.randomKey(), g.currentTime()
	text, choice, limit := g.randomText(), g.IntN(9), g.randomLimit()
	if me == other {
		return g.deliverEntries()
	}
	return operation{fmt.Sprintf("relate %d to %d, %+v", me, other, key), func(store service.Store) any {
		from, err := store.Relation(g.ctx, me, other)
		if err != nil {
			return err
		}
		if choice == 8 {
			from = rookery.Relation{Friends: true}
		}
		transitions := []func() (rookery.RelationTransition, error){
			func() (rookery.RelationTransition, error) { return rookery.Add(from, rookery.RuleOpen) },
			func() (rookery.RelationTransition, error) { return rookery.Add(from, rookery.RuleAsk) },
			func() (rookery.RelationTransition, error) { return rookery.Ask(from, rookery.RuleAsk, text) },
			func() (rookery.RelationTransition, error) { return rookery.Accept(from) },
			func() (rookery.RelationTransition, error) { return rookery.Reject(from, text) },
			func() (rookery.RelationTransition, error) { return rookery.Unfriend(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Block(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Unblock(from), nil },
			func() (rookery.RelationTransition, error) { return rookery.Befriend(), nil },
		}
		transition, err := transitions[choice]()
		if err != nil {
			return resultOf(err)
		}
		receipt, err := store.ChangeRelation(
			g.ctx,
			rookery.RelationChange{
				Me: me, Other: other, From: from, Transition: transition, Limit: limit, Time: now, Key: key,
			},
		)
		return resultOf(err, receipt, from)
	}}
}

func (g *operationGenerator) listRequests() operation {
	uin, after, limit := g.randomUIN(), g.randomUIN(), g.IntN(4)
	return operation{fmt.Sprint("requests at ", uin, after, limit), func(store service.Store) any {
		list, err := store.FriendRequests(g.ctx, uin, after, limit)
		return resultOf(err, list)
	}}
}

func (g *operationGenerator) requestOutcome() operation {
	key := g.randomKey()
	return operation{fmt.Sprintf("outcome of %+v", key), func(store service.Store) any {
		outcome, ok, err := store.RequestOutcome(g.ctx, key)
		if !ok {
			outcome = 0
		}
		return resultOf(err, outcome, ok)
	}}
}

func (g *operationGenerator) recordRequest() operation {
	key, outcome := g.randomKey(), rookery.Outcome(g.IntN(4))
	return operation{fmt.Sprintf("record %+v", key), func(store service.Store) any {
		receipt, err := store.RecordRequest(g.ctx, key, outcome)
		return resultOf(err, receipt)
	}}
}

func (g *operationGenerator) listAccounts() operation {
	uins := []rookery.UIN{g.randomUIN(), g.randomUIN(), g.randomUIN()}
	return operation{fmt.Sprint("accounts ", uins), func(store service.Store) any {
		accounts, err := store.Accounts(g.ctx, uins)
		return resultOf(err, accounts)
	}}
}

func (g *operationGenerator) recordUptime() operation {
	uptime, forgetBefore := g.clock, g.clock-time.Duration(g.IntN(200))*time.Second
	return operation{
		fmt.Sprint("record uptime ", uptime, forgetBefore),
		func(store service.Store) any { return resultOf(store.RecordUptime(g.ctx, uptime, forgetBefore)) },
	}
}

func (g *operationGenerator) loadUptime() operation {
	return operation{"uptime", func(store service.Store) any {
		uptime, err := store.Uptime(g.ctx)
		return resultOf(err, uptime)
	}}
}

// purgeEntries purges all accounts. The contract leaves open how many one call examines.
func (g *operationGenerator) purgeEntries() operation {
	before, limit := g.currentTime().Add(-time.Duration(g.IntN(1000))*time.Second), 1+g.IntN(20)
	return operation{fmt.Sprint("purge ", before, limit), func(store service.Store) any {
		total, after := 0, rookery.UIN(0)
		for {
			next, n, err := store.PurgeEntries(g.ctx, after, before, limit)
			if total += n; err != nil || next == 0 {
				return resultOf(err, total)
			}
			after = next
		}
	}}
}

// newSeed returns the seed of a run. To repeat a failed run, return its seed here.
func newSeed() uint64 { return uint64(time.Now().UnixNano()) }

// numberFloorStore is a store whose mailbox numbers may have a gap after it is opened again.
type numberFloorStore interface {
	// NumberFloor returns the number above which all mailboxes continue.
	NumberFloor() uint64
}

func runRandomOperations(t *testing.T, newStore func(*testing.T) OpenFunc) {
	store := openTestedStore(t, newStore(t))
	model := NewModel()().(*Model)
	seed := newSeed()
	t.Logf("seed %d", seed)
	g := &operationGenerator{Rand: rand.New(rand.NewPCG(seed, 0)), ctx: t.Context(), first: rookery.FirstUIN}
	for i := range randomSteps {
		call := g.nextOperation()
		store.requireEqual(
			fmt.Sprintf("step %d, %s", i, call.description), call.execute(store.Store), call.execute(model),
		)
		if i%reopenEvery == reopenEvery-1 {
			want := g.readAll(model)
			store.checkAcrossRestart(
				func() { store.requireEqualReadings(fmt.Sprintf("after step %d", i), g.readAll(store.Store), want) },
			)
			if reopened, ok := store.Store.(numberFloorStore); ok {
				model.SetNumberFloor(reopened.NumberFloor())
			}
		}
	}
}

// runConcurrentOperations runs several goroutines on one store. Each has its own accounts and model,
// so that it knows what its operations must return.
func runConcurrentOperations(t *testing.T, newStore func(*testing.T) OpenFunc) {
	store := openTestedStore(t, newStore(t))
	seed := newSeed()
	t.Logf("seed %d", seed)
	var runners sync.WaitGroup
	var comparisons [concurrentRunners]func()
	for i := range concurrentRunners {
		model := NewModel()()
		g := &operationGenerator{
			Rand: rand.New(rand.NewPCG(seed, uint64(i))), ctx: t.Context(),
			first: rookery.FirstUIN + rookery.UIN(i)*1000, sharesStore: true,
		}
		comparisons[i] = func() { store.requireEqualReadings("at the end", g.readAll(store.Store), g.readAll(model)) }
		runners.Go(func() {
			for step := range concurrentSteps {
				call := g.nextOperation()
				if got, want := call.execute(store.Store), call.execute(model); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("step %d, %s:\n got %+v\nwant %+v", step, call.description, got, want)
					return
				}
			}
		})
	}
	runners.Wait()
	store.checkAcrossRestart(func() {
		for _, compare := range comparisons {
			compare()
		}
	})
}

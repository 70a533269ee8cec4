package service

import (
	"context"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rookery-im/rookery"
)

const cachedAccounts = 100_000

// accounts is the accounts as the store has them, the recent ones in memory.
// Those who get an account must not change it.
type accounts struct {
	store  Store
	recent *lru.Cache[rookery.UIN, *rookery.Account]
	// changes counts forgotten ones, so that an outdated reading is not kept.
	changes atomic.Uint64
}

func newAccounts(store Store) *accounts {
	recent, err := lru.New[rookery.UIN, *rookery.Account](cachedAccounts)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &accounts{store: store, recent: recent}
}

// get returns one account, CodeNoAccount if there is none.
func (as *accounts) get(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := as.recent.Get(uin); ok {
		return account, nil
	}
	changes := as.changes.Load()
	account, err := as.store.Account(ctx, uin)
	if err != nil {
		return nil, err
	}
	as.keep(&account, changes)
	return &account, nil
}

// peek is get for one look: it keeps nothing in memory, so that who signs in
// and stays silent costs none.
func (as *accounts) peek(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := as.recent.Peek(uin); ok {
		return account, nil
	}
	account, err := as.store.Account(ctx, uin)
	return &account, err
}

// list returns those of the accounts that exist, in the order asked for.
func (as *accounts) list(ctx context.Context, uins []rookery.UIN) ([]*rookery.Account, error) {
	found := make(map[rookery.UIN]*rookery.Account, len(uins))
	var missing []rookery.UIN
	for _, uin := range uins {
		if account, ok := as.recent.Get(uin); ok {
			found[uin] = account
		} else {
			missing = append(missing, uin)
		}
	}
	if len(missing) > 0 {
		changes := as.changes.Load()
		read, err := as.store.Accounts(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i := range read {
			found[read[i].UIN] = &read[i]
			as.keep(&read[i], changes)
		}
	}
	list := make([]*rookery.Account, 0, len(uins))
	for _, uin := range uins {
		if account := found[uin]; account != nil {
			list = append(list, account)
		}
	}
	return list, nil
}

// keep keeps what was read when changes were counted, unless something has
// changed since.
func (as *accounts) keep(account *rookery.Account, changes uint64) {
	as.recent.Add(account.UIN, account)
	if as.changes.Load() != changes {
		as.recent.Remove(account.UIN)
	}
}

// forget makes the next look read the store.
func (as *accounts) forget(uin rookery.UIN) {
	as.changes.Add(1)
	as.recent.Remove(uin)
}

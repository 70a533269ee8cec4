package service

import (
	"context"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rookery-im/rookery"
)

const cachedAccounts = 100_000

// accountCache is the accounts as the store has them, the recent ones in memory.
// Those who get an account must not change it.
type accountCache struct {
	store    Store
	accounts *lru.Cache[rookery.UIN, *rookery.Account]
	// invalidations counts forgotten ones, so that an outdated reading is not kept.
	invalidations atomic.Uint64
}

func newAccountCache(store Store) *accountCache {
	recent, err := lru.New[rookery.UIN, *rookery.Account](cachedAccounts)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &accountCache{store: store, accounts: recent}
}

// get returns one account, CodeNoAccount if there is none.
func (as *accountCache) get(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := as.accounts.Get(uin); ok {
		return account, nil
	}
	invalidations := as.invalidations.Load()
	account, err := as.store.Account(ctx, uin)
	if err != nil {
		return nil, err
	}
	as.storeRead(&account, invalidations)
	return &account, nil
}

// peek is get for one look: it keeps nothing in memory, so that who signs in
// and stays silent costs none.
func (as *accountCache) peek(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := as.accounts.Peek(uin); ok {
		return account, nil
	}
	account, err := as.store.Account(ctx, uin)
	return &account, err
}

// getAll returns those of the accounts that exist, in the order asked for.
func (as *accountCache) getAll(ctx context.Context, uins []rookery.UIN) ([]*rookery.Account, error) {
	byUIN := make(map[rookery.UIN]*rookery.Account, len(uins))
	var missing []rookery.UIN
	for _, uin := range uins {
		if account, ok := as.accounts.Get(uin); ok {
			byUIN[uin] = account
		} else {
			missing = append(missing, uin)
		}
	}
	if len(missing) > 0 {
		invalidations := as.invalidations.Load()
		loaded, err := as.store.Accounts(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i := range loaded {
			byUIN[loaded[i].UIN] = &loaded[i]
			as.storeRead(&loaded[i], invalidations)
		}
	}
	list := make([]*rookery.Account, 0, len(uins))
	for _, uin := range uins {
		if account := byUIN[uin]; account != nil {
			list = append(list, account)
		}
	}
	return list, nil
}

// storeRead keeps what was read when changes were counted, unless something has
// changed since.
func (as *accountCache) storeRead(account *rookery.Account, invalidations uint64) {
	as.accounts.Add(account.UIN, account)
	if as.invalidations.Load() != invalidations {
		as.accounts.Remove(account.UIN)
	}
}

// invalidate makes the next look read the store.
func (as *accountCache) invalidate(uin rookery.UIN) {
	as.invalidations.Add(1)
	as.accounts.Remove(uin)
}

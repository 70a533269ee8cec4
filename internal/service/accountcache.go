package service

import (
	"context"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rookery-im/rookery"
)

const cachedAccounts = 100_000

// accountCache reads accounts from the store and keeps the recently used ones in memory. Callers must
// not change the accounts that it returns.
type accountCache struct {
	store    Store
	accounts *lru.Cache[rookery.UIN, *rookery.Account]
	// invalidations is increased by invalidate, so that an outdated read is not cached.
	invalidations atomic.Uint64
}

func newAccountCache(store Store) *accountCache {
	recent, err := lru.New[rookery.UIN, *rookery.Account](cachedAccounts)
	if err != nil {
		panic(err) // only if the size is not positive
	}
	return &accountCache{store: store, accounts: recent}
}

// get returns an account, or CodeNoAccount if there is none.
func (c *accountCache) get(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := c.accounts.Get(uin); ok {
		return account, nil
	}
	invalidations := c.invalidations.Load()
	account, err := c.store.Account(ctx, uin)
	if err != nil {
		return nil, err
	}
	c.addUnlessInvalidated(&account, invalidations)
	return &account, nil
}

// peek returns an account like get but does not cache it, so that signing in alone takes no cache
// entry.
func (c *accountCache) peek(ctx context.Context, uin rookery.UIN) (*rookery.Account, error) {
	if account, ok := c.accounts.Peek(uin); ok {
		return account, nil
	}
	account, err := c.store.Account(ctx, uin)
	return &account, err
}

// getAll returns the accounts that exist, in the order of uins.
func (c *accountCache) getAll(ctx context.Context, uins []rookery.UIN) ([]*rookery.Account, error) {
	byUIN := make(map[rookery.UIN]*rookery.Account, len(uins))
	var missing []rookery.UIN
	for _, uin := range uins {
		if account, ok := c.accounts.Get(uin); ok {
			byUIN[uin] = account
		} else {
			missing = append(missing, uin)
		}
	}
	if len(missing) > 0 {
		invalidations := c.invalidations.Load()
		loaded, err := c.store.Accounts(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i := range loaded {
			byUIN[loaded[i].UIN] = &loaded[i]
			c.addUnlessInvalidated(&loaded[i], invalidations)
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

// addUnlessInvalidated caches an account that was read when the counter had the given value.
func (c *accountCache) addUnlessInvalidated(account *rookery.Account, invalidations uint64) {
	c.accounts.Add(account.UIN, account)
	if c.invalidations.Load() != invalidations {
		c.accounts.Remove(account.UIN)
	}
}

// invalidate makes the next get read the account from the store.
func (c *accountCache) invalidate(uin rookery.UIN) {
	c.invalidations.Add(1)
	c.accounts.Remove(uin)
}

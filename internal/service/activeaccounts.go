package service

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// activeAccounts maps account numbers to active accounts. The map is split into shards so that requests
// for different accounts rarely wait for the same lock.
type activeAccounts struct{ shards [64]accountShard }

type accountShard struct {
	mu       sync.RWMutex // guards accounts
	accounts map[rookery.UIN]*activeAccount
}

func newActiveAccounts() *activeAccounts {
	accounts := new(activeAccounts)
	for i := range accounts.shards {
		accounts.shards[i].accounts = make(map[rookery.UIN]*activeAccount)
	}
	return accounts
}

func (as *activeAccounts) shardOf(uin rookery.UIN) *accountShard {
	return &as.shards[uin%rookery.UIN(len(as.shards))]
}

// get returns nil if the account is not active.
func (as *activeAccounts) get(uin rookery.UIN) *activeAccount {
	shard := as.shardOf(uin)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.accounts[uin]
}

// getOrAdd returns the active account and creates it if necessary. added reports whether it did.
func (as *activeAccounts) getOrAdd(uin rookery.UIN, now time.Duration) (account *activeAccount, added bool) {
	shard := as.shardOf(uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	account = shard.accounts[uin]
	if account == nil {
		account, added = newActiveAccount(uin, now), true
		shard.accounts[uin] = account
	}
	return account, added
}

// remove removes account. If another value has taken its place, that one stays.
func (as *activeAccounts) remove(account *activeAccount) {
	shard := as.shardOf(account.uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.accounts[account.uin] == account {
		delete(shard.accounts, account.uin)
	}
}

// forEach calls visit for every active account, in no particular order and without a lock.
func (as *activeAccounts) forEach(visit func(*activeAccount)) {
	for i := range as.shards {
		shard := &as.shards[i]
		shard.mu.RLock()
		accounts := slices.Collect(maps.Values(shard.accounts))
		shard.mu.RUnlock()
		for _, account := range accounts {
			visit(account)
		}
	}
}

// listOnline returns the accounts with numbers above after that are visibly online at uptime now, in
// order.
func (as *activeAccounts) listOnline(after rookery.UIN, now time.Duration) []rookery.UIN {
	var found []rookery.UIN
	as.forEach(func(account *activeAccount) {
		if account.uin > after && account.visibleStatus(now) != rookery.StatusOffline {
			found = append(found, account.uin)
		}
	})
	slices.Sort(found)
	return found
}

package storetest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// reading is one value that was read from a store.
type reading struct {
	description string
	result      operationResult
}

// requireEqualReadings compares what was read from a store with what was read from the model.
func (ct *contractTrial) requireEqualReadings(when string, got, want []reading) {
	ct.Helper()
	ct.requireEqual(when+", number of facts", len(got), len(want))
	for i := range got {
		ct.requireEqual(when+", "+want[i].description, got[i], want[i])
	}
}

// readAll reads everything about the accounts of the generator.
func (d *operationGenerator) readAll(store service.Store) []reading {
	var all []reading
	for uin := d.first; uin < d.first+randomAccounts+4; uin++ {
		all = append(all, d.readAccount(store, uin)...)
	}
	var sessions []rookery.Session
	err := store.ForEachSession(d.ctx, func(session rookery.Session) bool {
		if session.Account >= d.first && session.Account < d.first+randomAccounts+4 {
			sessions = append(sessions, session)
		}
		return true
	})
	slices.SortFunc(sessions, bySession)
	return append(all, reading{"sessions", resultOf(err, sessions)})
}

// readAccount reads everything about one account.
func (d *operationGenerator) readAccount(store service.Store, uin rookery.UIN) (all []reading) {
	note := func(what string, err error, values ...any) {
		all = append(all, reading{fmt.Sprint(what, " of ", uin), resultOf(err, values...)})
	}
	account, err := store.Account(d.ctx, uin)
	note("account", err, account)
	credential, err := store.Credential(d.ctx, uin)
	note("credential", err, credential)
	friends, err := store.Friends(d.ctx, uin)
	note("friends", err, friends)
	entries, err := store.Entries(d.ctx, uin, 0, 1<<62, 1<<30)
	note("entries", err, entries)
	requests, err := store.FriendRequests(d.ctx, uin, 0, 1<<30)
	note("requests", err, requests)
	blocked, err := store.BlockedAccounts(d.ctx, uin)
	note("blocked", err, blocked)
	blockers, err := store.BlockingAccounts(d.ctx, uin)
	note("blockers", err, blockers)
	devices, err := store.Devices(d.ctx, uin)
	note("devices", err, devices)
	for other := d.first; other < d.first+randomAccounts; other++ {
		relation, err := store.Relation(d.ctx, uin, other)
		note(fmt.Sprint("relation to ", other), err, relation)
		n, err := store.ReadMark(d.ctx, uin, other)
		note(fmt.Sprint("read mark with ", other), err, n)
		words, more, err := store.History(d.ctx, uin, rookery.HistoryQuery{Peer: other, Limit: 1 << 30})
		note(fmt.Sprint("history with ", other), err, fmt.Sprint(words), more)
	}
	for _, device := range []string{"", "phone", "desk"} {
		last, cursor, err := store.MailboxState(d.ctx, uin, device)
		note("mailbox for "+device, err, last, cursor)
		for id := range uint64(8) {
			for _, key := range []rookery.RequestKey{longKey(uin, id, d.clock), shortKey(uin, id, d.clock)} {
				key = onDevice(key, device)
				outcome, ok, err := store.RequestOutcome(d.ctx, key)
				note(fmt.Sprintf("%+v", key), err, ok && outcome > 0, ok)
			}
		}
	}
	for i := range byte(24) {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, i})
		known, err := store.IsKnownAddress(d.ctx, uin, addr)
		note(fmt.Sprint("knowledge of ", addr), err, known)
	}
	return all
}

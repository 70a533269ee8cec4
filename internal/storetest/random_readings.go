package storetest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// reading is the result of one call that reads from a store.
type reading struct {
	description string
	result      operationResult
}

// requireEqualReadings compares what was read from a store with what was read from the model.
func (s *testedStore) requireEqualReadings(when string, got, want []reading) {
	s.Helper()
	s.requireEqual(when+", number of readings", len(got), len(want))
	for i := range got {
		s.requireEqual(when+", "+want[i].description, got[i], want[i])
	}
}

// readAll reads everything about the accounts of the generator.
func (g *operationGenerator) readAll(store service.Store) []reading {
	var readings []reading
	for uin := g.first; uin < g.first+randomAccounts+4; uin++ {
		readings = append(readings, g.readAccount(store, uin)...)
	}
	var sessions []rookery.Session
	err := store.ForEachSession(g.ctx, func(session rookery.Session) bool {
		if session.Account >= g.first && session.Account < g.first+randomAccounts+4 {
			sessions = append(sessions, session)
		}
		return true
	})
	slices.SortFunc(sessions, compareSessions)
	return append(readings, reading{"sessions", resultOf(err, sessions)})
}

// readAccount reads everything about one account.
func (g *operationGenerator) readAccount(store service.Store, uin rookery.UIN) (readings []reading) {
	add := func(name string, err error, values ...any) {
		readings = append(readings, reading{fmt.Sprint(name, " of ", uin), resultOf(err, values...)})
	}
	account, err := store.Account(g.ctx, uin)
	add("account", err, account)
	credential, err := store.Credential(g.ctx, uin)
	add("credential", err, credential)
	friends, err := store.Friends(g.ctx, uin)
	add("friends", err, friends)
	entries, err := store.Entries(g.ctx, uin, 0, 1<<62, 1<<30)
	add("entries", err, entries)
	requests, err := store.FriendRequests(g.ctx, uin, 0, 1<<30)
	add("requests", err, requests)
	blocked, err := store.BlockedAccounts(g.ctx, uin)
	add("blocked", err, blocked)
	blockers, err := store.BlockingAccounts(g.ctx, uin)
	add("blockers", err, blockers)
	devices, err := store.Devices(g.ctx, uin)
	add("devices", err, devices)
	for other := g.first; other < g.first+randomAccounts; other++ {
		relation, err := store.Relation(g.ctx, uin, other)
		add(fmt.Sprint("relation to ", other), err, relation)
		n, err := store.ReadMark(g.ctx, uin, other)
		add(fmt.Sprint("read mark with ", other), err, n)
		messages, more, err := store.History(g.ctx, uin, rookery.HistoryQuery{Peer: other, Limit: 1 << 30})
		add(fmt.Sprint("history with ", other), err, fmt.Sprint(messages), more)
	}
	for _, device := range []string{"", "phone", "desk"} {
		last, cursor, err := store.MailboxState(g.ctx, uin, device)
		add("mailbox for "+device, err, last, cursor)
		for id := range uint64(8) {
			for _, key := range []rookery.RequestKey{longKey(uin, id, g.clock), shortKey(uin, id, g.clock)} {
				key = onDevice(key, device)
				outcome, ok, err := store.RequestOutcome(g.ctx, key)
				add(fmt.Sprintf("%+v", key), err, ok && outcome > 0, ok)
			}
		}
	}
	for i := range byte(24) {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, i})
		known, err := store.IsKnownAddress(g.ctx, uin, addr)
		add(fmt.Sprint("known address ", addr), err, known)
	}
	return readings
}

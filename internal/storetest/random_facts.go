package storetest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// fact is one thing that was read.
type fact struct {
	what string
	is   result
}

// same compares what was read of a store with what a model says.
func (x *trial) same(when string, got, want []fact) {
	x.Helper()
	x.equal(when+", number of facts", len(got), len(want))
	for i := range got {
		x.equal(when+", "+want[i].what, got[i], want[i])
	}
}

// everything is all that can be read of the accounts a dice knows.
func (d *dice) everything(s service.Store) []fact {
	var all []fact
	for uin := d.first; uin < d.first+randomAccounts+4; uin++ {
		all = append(all, d.allOf(s, uin)...)
	}
	var sessions []rookery.Session
	err := s.Sessions(d.ctx, func(s rookery.Session) bool {
		if s.Account >= d.first && s.Account < d.first+randomAccounts+4 {
			sessions = append(sessions, s)
		}
		return true
	})
	slices.SortFunc(sessions, bySession)
	return append(all, fact{"sessions", outcome(err, sessions)})
}

// allOf is all that can be read of one account.
func (d *dice) allOf(s service.Store, uin rookery.UIN) (all []fact) {
	note := func(what string, err error, values ...any) {
		all = append(all, fact{fmt.Sprint(what, " of ", uin), outcome(err, values...)})
	}
	a, err := s.Account(d.ctx, uin)
	note("account", err, a)
	c, err := s.Credential(d.ctx, uin)
	note("credential", err, c)
	friends, err := s.Friends(d.ctx, uin)
	note("friends", err, friends)
	entries, err := s.Entries(d.ctx, uin, 0, 1<<62, 1<<30)
	note("entries", err, entries)
	requests, err := s.Requests(d.ctx, uin, 0, 1<<30)
	note("requests", err, requests)
	blocked, err := s.Blocked(d.ctx, uin)
	note("blocked", err, blocked)
	blockers, err := s.Blockers(d.ctx, uin)
	note("blockers", err, blockers)
	devices, err := s.Devices(d.ctx, uin)
	note("devices", err, devices)
	for other := d.first; other < d.first+randomAccounts; other++ {
		r, err := s.Relation(d.ctx, uin, other)
		note(fmt.Sprint("relation to ", other), err, r)
		n, err := s.ReadMark(d.ctx, uin, other)
		note(fmt.Sprint("read mark with ", other), err, n)
		words, more, err := s.History(d.ctx, uin, rookery.HistoryQuery{With: other, Limit: 1 << 30})
		note(fmt.Sprint("history with ", other), err, fmt.Sprint(words), more)
	}
	for _, device := range []string{"", "phone", "desk"} {
		last, place, err := s.Mailbox(d.ctx, uin, device)
		note("mailbox for "+device, err, last, place)
		for id := range uint64(8) {
			for _, m := range []rookery.RequestKey{mark(uin, id, d.clock), short(uin, id, d.clock)} {
				m = onDevice(m, device)
				o, ok, err := s.Recall(d.ctx, m)
				note(fmt.Sprintf("%+v", m), err, ok && o > 0, ok)
			}
		}
	}
	for i := range byte(24) {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, i})
		known, err := s.KnownAddress(d.ctx, uin, addr)
		note(fmt.Sprint("knowledge of ", addr), err, known)
	}
	return all
}

package storetest

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

func bySession(a, b rookery.Session) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Device, b.Device))
}

var sessionTests = []test{
	{"a session has all that it was given", func(x *trial) {
		x.add(ann, bob)
		phone := session(ann, "phone", 1<<64-1)
		phone.Address, phone.Encoding, phone.ConfirmsByNumber = netip.MustParseAddr("2001:db8::1"), 2, true
		x.signIn(phone, session(ann, "", 2), session(bob, "", 3))
		x.twice(func() {
			x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "", 2), phone, session(bob, "", 3)})
		})
	}},
	{"listing sessions ends when it is told to", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "", 1), session(bob, "", 2))
		seen := 0
		x.must(x.ForEachSession(x.ctx, func(rookery.Session) bool { seen++; return false }))
		x.equal("seen", seen, 1)
	}},
	{"a sign-in takes the place of the earlier one of the same device", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1), session(ann, "phone", 2), session(ann, "phone", 3), session(ann, "", 4))
		x.twice(func() {
			x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "", 4), session(ann, "phone", 3)})
		})
	}},
	{"a sign-in gives its status to the account's other sessions", func(x *trial) {
		x.add(ann, bob)
		hidden := session(ann, "phone", 2)
		hidden.Status = rookery.StatusInvisible
		x.signIn(session(ann, "", 1), session(bob, "", 3), hidden)
		x.twice(func() {
			all := x.sessions()
			x.equal("of the account", all[0].Status, rookery.StatusInvisible)
			x.equal("of another account", all[2].Status, rookery.StatusOnline)
		})
	}},
	{"a sign-in with a credential that is no longer proved is a conflict", func(x *trial) {
		x.add(ann)
		x.must(x.SetCredential(x.ctx, ann, "new"))
		x.refused(x.StartSession(x.ctx, session(ann, "", 1), "secret"), rookery.CodeConflict)
		x.equal("sessions", x.sessions(), []rookery.Session(nil))
		known, err := x.IsKnownAddress(x.ctx, ann, session(ann, "", 1).Address)
		x.must(err)
		x.equal("known", known, false)
	}},
	{"a sign-in makes the address known, the latest sixteen are kept", func(x *trial) {
		x.add(ann, bob)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i := range byte(17) {
			s := session(ann, "", uint64(i)+1)
			s.Address = from(i % 16)
			x.signIn(s)
		}
		s := session(ann, "", 99)
		s.Address = from(200) // pushes out 1: 0 came again
		x.signIn(s)
		x.twice(func() {
			for addr, want := range map[netip.Addr]bool{from(0): true, from(1): false, from(2): true, from(15): true, from(200): true, from(99): false} {
				known, err := x.IsKnownAddress(x.ctx, ann, addr)
				x.must(err)
				x.equal("known is "+addr.String(), known, want)
			}
			known, err := x.IsKnownAddress(x.ctx, bob, from(0))
			x.must(err)
			x.equal("known to another account", known, false)
		})
	}},
	{"an address that is known already pushes out no other", func(x *trial) {
		x.add(ann)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i, addr := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7} {
			s := session(ann, "", uint64(i)+1)
			s.Address = from(addr)
			x.signIn(s)
		}
		for i := range byte(16) {
			known, err := x.IsKnownAddress(x.ctx, ann, from(i))
			x.must(err)
			x.equal("known is "+from(i).String(), known, true)
		}
	}},
	{"of IPv6 a network of 64 bits is known, of IPv4 an address, however it is written", func(x *trial) {
		x.add(ann)
		for i, addr := range []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "::ffff:192.0.2.7"} {
			s := session(ann, "", uint64(i)+1)
			s.Address = netip.MustParseAddr(addr)
			x.signIn(s)
		}
		x.twice(func() {
			for addr, want := range map[string]bool{
				"2001:db8:1:2::1": true, "2001:db8:1:2:aaaa:bbbb:cccc:dddd": true,
				"2001:db8:1:3::1": false, "2001:db8::1": false,
				"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false, "2001:db8:1:2::1%eth0": true,
			} {
				known, err := x.IsKnownAddress(x.ctx, ann, netip.MustParseAddr(addr))
				x.must(err)
				x.equal("known is "+addr, known, want)
			}
		})
	}},
	{"known addresses outlive their sessions", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1))
		x.must(x.EndSessions(x.ctx, x.sessions()))
		known, err := x.IsKnownAddress(x.ctx, ann, session(ann, "", 1).Address)
		x.must(err)
		x.equal("known", known, true)
	}},
	{"signing out ends sessions", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "", 1), session(ann, "phone", 2), session(bob, "", 3))
		x.must(x.EndSessions(x.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: bob, ID: 3}}))
		x.twice(func() { x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "phone", 2)}) })
	}},
	{"signing out leaves alone what is not there or is another sign-in by now", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1), session(ann, "", 2))
		x.must(x.EndSessions(x.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: ann, Device: "phone"}, {Account: nobody, ID: 1}}))
		x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "", 2)})
	}},
	{"the encoding is stored for the session of that ID only", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1))
		late := session(ann, "", 9)
		late.Encoding = 7
		x.must(x.SetSessionEncoding(x.ctx, late))
		now := session(ann, "", 1)
		x.equal("sessions", x.sessions(), []rookery.Session{now})
		now.Encoding = 2
		x.must(x.SetSessionEncoding(x.ctx, now))
		x.twice(func() { x.equal("sessions", x.sessions(), []rookery.Session{now}) })
	}},
	{"how a session confirms is stored for the session of that ID only", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1))
		late := session(ann, "", 9)
		late.ConfirmsByNumber = true
		x.must(x.SetConfirmsByNumber(x.ctx, late))
		now := session(ann, "", 1)
		x.equal("sessions", x.sessions(), []rookery.Session{now})
		now.ConfirmsByNumber = true
		x.must(x.SetConfirmsByNumber(x.ctx, now))
		x.twice(func() { x.equal("sessions", x.sessions(), []rookery.Session{now}) })
	}},
	{"a status is given to all sessions of an account", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "", 1), session(ann, "phone", 2), session(bob, "", 3))
		receipt, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, mark(ann, 1, time.Minute))
		x.must(err)
		x.equal("receipt", receipt, rookery.Receipt{})
		x.twice(func() {
			var statuses []rookery.Status
			for _, session := range x.sessions() {
				statuses = append(statuses, session.Status)
			}
			x.equal("statuses", statuses, []rookery.Status{rookery.StatusAway, rookery.StatusAway, rookery.StatusOnline})
		})
	}},
	{"a repeated status changes nothing", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "", 1))
		key := mark(ann, 1, time.Minute)
		_, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, key)
		x.must(err)
		_, err = x.SetStatus(x.ctx, ann, rookery.StatusBusy, rookery.RequestKey{})
		x.must(err)
		receipt, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, key)
		x.must(err)
		x.equal("receipt", receipt, rookery.Receipt{Repeated: true})
		x.equal("status", x.sessions()[0].Status, rookery.StatusBusy)
	}},
}

func (x *trial) uptime() time.Duration {
	x.Helper()
	up, err := x.Uptime(x.ctx)
	x.must(err)
	return up
}

// purge runs Purge to its end and returns how many entries it deleted.
func (x *trial) purge(before time.Time, limit int) (deleted int) {
	x.Helper()
	var after rookery.UIN
	for {
		next, n, err := x.PurgeEntries(x.ctx, after, before, limit)
		x.must(err)
		if n > limit {
			x.Fatalf("deleted %d at once, the limit is %d", n, limit)
		}
		deleted += n
		if after = next; next == 0 {
			return deleted
		}
	}
}

const tomorrow = 24 * time.Hour

var keepTests = []test{
	{"uptime begins at nothing", func(x *trial) { x.equal("uptime", x.uptime(), time.Duration(0)) }},
	{"uptime is the latest that a beat or a mark told", func(x *trial) {
		x.must(x.RecordUptime(x.ctx, time.Minute, 0))
		x.twice(func() { x.equal("after a beat", x.uptime(), time.Minute) })
		x.do(mark(ann, 1, 2*time.Minute))
		x.twice(func() { x.equal("after a mark", x.uptime(), 2*time.Minute) })
		x.must(x.RecordUptime(x.ctx, time.Minute, 0))
		x.twice(func() { x.equal("after a late beat", x.uptime(), 2*time.Minute) })
		x.must(x.RecordUptime(x.ctx, time.Minute, time.Hour))
		x.twice(func() { x.equal("with the mark forgotten", x.uptime(), 2*time.Minute) })
	}},
	{"a beat forgets the marks from before a time", func(x *trial) {
		x.do(mark(ann, 1, time.Minute))
		x.do(mark(ann, 2, time.Minute+1))
		x.do(mark(bob, 3, 3*time.Minute))
		x.must(x.RecordUptime(x.ctx, 3*time.Minute, time.Minute+1))
		x.twice(func() {
			x.recalls(mark(ann, 1, time.Minute), false)
			x.recalls(mark(ann, 2, time.Minute), true)
			x.recalls(mark(bob, 3, time.Minute), true)
		})
		x.must(x.RecordUptime(x.ctx, 3*time.Minute, 4*time.Minute))
		x.twice(func() { x.recalls(mark(bob, 3, 3*time.Minute), false) })
		x.do(mark(bob, 3, 5*time.Minute))
		x.twice(func() { x.recalls(mark(bob, 3, 5*time.Minute), true) })
	}},
	{"what no collector has passed is not purged", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3")
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 0)
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 1}))
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 1)
		x.twice(func() { x.equal("numbers", x.numbers(ann), []uint64{2, 3}) })
	}},
	{"own words are purged where no collector has come to, others' are not", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1))
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		letters := []rookery.NewEntry{letter(ann, bob, "1"), own, own, letter(ann, bob, "4"), own}
		_, err := x.Deliver(x.ctx, letters, noon, rookery.RequestKey{})
		x.must(err)
		x.equal("deleted before their time", x.purge(noon, 10), 0)
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 2)
		x.twice(func() { x.equal("numbers", x.numbers(ann), []uint64{1, 4, 5}) })
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 5, RepeatFrom: 5}))
		x.send(ann, bob, "6")
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 2)
		x.equal("with the one that is kept", x.numbers(ann), []uint64{5, 6})
	}},
	{"what one collector has passed is purged, though others have not", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3", "4")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{}))
		x.signIn(session(ann, "phone", 1))
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3}))
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 3)
		x.twice(func() { x.equal("numbers", x.numbers(ann), []uint64{4}) })
	}},
	{"what a collector has to keep is not purged", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3", "4")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.signIn(session(ann, "phone", 1))
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 2}))
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 1)
		x.twice(func() { x.equal("numbers", x.numbers(ann), []uint64{2, 3, 4}) })
	}},
	{"what is not older is not purged", func(x *trial) {
		x.add(ann)
		for i := range 4 {
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "x")}, noon.Add(time.Duration(i)*time.Second), rookery.RequestKey{})
			x.must(err)
		}
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.equal("deleted", x.purge(noon.Add(2*time.Second), 10), 2)
		x.equal("numbers", x.numbers(ann), []uint64{3, 4})
	}},
	{"what follows an entry that stays, stays as well", func(x *trial) {
		x.add(ann)
		for _, second := range []time.Duration{1, 3, 0, 4} { // the clock was put back once
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "x")}, noon.Add(second*time.Second), rookery.RequestKey{})
			x.must(err)
		}
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.equal("deleted", x.purge(noon.Add(2*time.Second), 10), 1)
		x.equal("numbers", x.numbers(ann), []uint64{2, 3, 4})
	}},
	{"the newest entry always stays, and numbers go on after it", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 3}))
		x.equal("deleted", x.purge(noon.Add(tomorrow), 10), 2)
		x.twice(func() { x.equal("newest", x.last(ann), uint64(3)) })
		x.send(ann, bob, "4")
		x.equal("numbers", x.numbers(ann), []uint64{3, 4})
	}},
	{"purging goes through all accounts in steps of at most the limit", func(x *trial) {
		const accounts = 150
		for i := range rookery.UIN(accounts) {
			x.add(ann + i)
			x.send(ann+i, bob, "1", "2", "3")
			x.must(x.SaveCursor(x.ctx, ann+i, "", rookery.Cursor{Number: 3}))
		}
		x.reopen()
		x.equal("deleted", x.purge(noon.Add(tomorrow), 7), 2*accounts)
		for i := range rookery.UIN(accounts) {
			x.equal("numbers", x.numbers(ann+i), []uint64{3})
		}
	}},
	{"what was purged does not come back", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 3}))
		x.purge(noon.Add(tomorrow), 10)
		x.send(ann, bob, "4")
		x.twice(func() { x.equal("numbers", x.numbers(ann), []uint64{3, 4}) })
	}},
}

var closeTests = []test{
	{"what is asked of a closed store it could not do", func(x *trial) {
		x.add(ann)
		x.must(x.Close())
		x.refused(x.SetCredential(x.ctx, ann, "late"), rookery.CodeTemporary)
		_, err := x.Account(x.ctx, ann)
		x.refused(err, rookery.CodeTemporary)
		_, err = x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "late")}, noon, rookery.RequestKey{})
		x.refused(err, rookery.CodeTemporary)
		_, err = x.Entries(x.ctx, ann, 0, 1, 1)
		x.refused(err, rookery.CodeTemporary)
		_, _, err = x.MailboxState(x.ctx, ann, "")
		x.refused(err, rookery.CodeTemporary)
		_, _, err = x.RequestOutcome(x.ctx, mark(ann, 1, 0))
		x.refused(err, rookery.CodeTemporary)
		_, err = x.Uptime(x.ctx)
		x.refused(err, rookery.CodeTemporary)
		x.refused(x.ForEachSession(x.ctx, func(rookery.Session) bool { return true }), rookery.CodeTemporary)
		x.Store = x.open()
		credential, err := x.Credential(x.ctx, ann)
		x.must(err)
		x.equal("credential", credential, rookery.Credential("secret"))
		x.equal("newest", x.last(ann), uint64(0))
	}},
	{"closing twice is no error", func(x *trial) {
		x.must(x.Close())
		x.must(x.Close())
	}},
}

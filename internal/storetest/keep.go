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

var sessionTests = []contractTest{
	{"a session has all that it was given", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		phone := newSession(ann, "phone", 1<<64-1)
		phone.Address, phone.Encoding, phone.ConfirmsByNumber = netip.MustParseAddr("2001:db8::1"), 2, true
		x.startSessions(phone, newSession(ann, "", 2), newSession(bob, "", 3))
		x.checkAcrossRestart(func() {
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "", 2), phone, newSession(bob, "", 3)})
		})
	}},
	{"listing sessions ends when it is told to", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "", 1), newSession(bob, "", 2))
		seen := 0
		x.requireNoError(x.ForEachSession(x.ctx, func(rookery.Session) bool { seen++; return false }))
		x.requireEqual("seen", seen, 1)
	}},
	{"a sign-in takes the place of the earlier one of the same device", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(ann, "phone", 3), newSession(ann, "", 4))
		x.checkAcrossRestart(func() {
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "", 4), newSession(ann, "phone", 3)})
		})
	}},
	{"a sign-in gives its status to the account's other sessions", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		hidden := newSession(ann, "phone", 2)
		hidden.Status = rookery.StatusInvisible
		x.startSessions(newSession(ann, "", 1), newSession(bob, "", 3), hidden)
		x.checkAcrossRestart(func() {
			all := x.listSessions()
			x.requireEqual("of the account", all[0].Status, rookery.StatusInvisible)
			x.requireEqual("of another account", all[2].Status, rookery.StatusOnline)
		})
	}},
	{"a sign-in with a credential that is no longer proved is a conflict", func(x *contractTrial) {
		x.createAccounts(ann)
		x.requireNoError(x.SetCredential(x.ctx, ann, "new"))
		x.requireCode(x.StartSession(x.ctx, newSession(ann, "", 1), "secret"), rookery.CodeConflict)
		x.requireEqual("sessions", x.listSessions(), []rookery.Session(nil))
		known, err := x.IsKnownAddress(x.ctx, ann, newSession(ann, "", 1).Address)
		x.requireNoError(err)
		x.requireEqual("known", known, false)
	}},
	{"a sign-in makes the address known, the latest sixteen are kept", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i := range byte(17) {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(i % 16)
			x.startSessions(s)
		}
		s := newSession(ann, "", 99)
		s.Address = from(200) // pushes out 1: 0 came again
		x.startSessions(s)
		x.checkAcrossRestart(func() {
			for addr, want := range map[netip.Addr]bool{from(0): true, from(1): false, from(2): true, from(15): true, from(200): true, from(99): false} {
				known, err := x.IsKnownAddress(x.ctx, ann, addr)
				x.requireNoError(err)
				x.requireEqual("known is "+addr.String(), known, want)
			}
			known, err := x.IsKnownAddress(x.ctx, bob, from(0))
			x.requireNoError(err)
			x.requireEqual("known to another account", known, false)
		})
	}},
	{"an address that is known already pushes out no other", func(x *contractTrial) {
		x.createAccounts(ann)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i, addr := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(addr)
			x.startSessions(s)
		}
		for i := range byte(16) {
			known, err := x.IsKnownAddress(x.ctx, ann, from(i))
			x.requireNoError(err)
			x.requireEqual("known is "+from(i).String(), known, true)
		}
	}},
	{"of IPv6 a network of 64 bits is known, of IPv4 an address, however it is written", func(x *contractTrial) {
		x.createAccounts(ann)
		for i, addr := range []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "::ffff:192.0.2.7"} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = netip.MustParseAddr(addr)
			x.startSessions(s)
		}
		x.checkAcrossRestart(func() {
			for addr, want := range map[string]bool{
				"2001:db8:1:2::1": true, "2001:db8:1:2:aaaa:bbbb:cccc:dddd": true,
				"2001:db8:1:3::1": false, "2001:db8::1": false,
				"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false, "2001:db8:1:2::1%eth0": true,
			} {
				known, err := x.IsKnownAddress(x.ctx, ann, netip.MustParseAddr(addr))
				x.requireNoError(err)
				x.requireEqual("known is "+addr, known, want)
			}
		})
	}},
	{"known addresses outlive their sessions", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1))
		x.requireNoError(x.EndSessions(x.ctx, x.listSessions()))
		known, err := x.IsKnownAddress(x.ctx, ann, newSession(ann, "", 1).Address)
		x.requireNoError(err)
		x.requireEqual("known", known, true)
	}},
	{"signing out ends sessions", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		x.requireNoError(x.EndSessions(x.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: bob, ID: 3}}))
		x.checkAcrossRestart(func() { x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "phone", 2)}) })
	}},
	{"signing out leaves alone what is not there or is another sign-in by now", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1), newSession(ann, "", 2))
		x.requireNoError(x.EndSessions(x.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: ann, Device: "phone"}, {Account: nobody, ID: 1}}))
		x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "", 2)})
	}},
	{"the encoding is stored for the session of that ID only", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1))
		late := newSession(ann, "", 9)
		late.Encoding = 7
		x.requireNoError(x.SetSessionEncoding(x.ctx, late))
		now := newSession(ann, "", 1)
		x.requireEqual("sessions", x.listSessions(), []rookery.Session{now})
		now.Encoding = 2
		x.requireNoError(x.SetSessionEncoding(x.ctx, now))
		x.checkAcrossRestart(func() { x.requireEqual("sessions", x.listSessions(), []rookery.Session{now}) })
	}},
	{"how a session confirms is stored for the session of that ID only", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1))
		late := newSession(ann, "", 9)
		late.ConfirmsByNumber = true
		x.requireNoError(x.SetConfirmsByNumber(x.ctx, late))
		now := newSession(ann, "", 1)
		x.requireEqual("sessions", x.listSessions(), []rookery.Session{now})
		now.ConfirmsByNumber = true
		x.requireNoError(x.SetConfirmsByNumber(x.ctx, now))
		x.checkAcrossRestart(func() { x.requireEqual("sessions", x.listSessions(), []rookery.Session{now}) })
	}},
	{"a status is given to all sessions of an account", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		receipt, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, longKey(ann, 1, time.Minute))
		x.requireNoError(err)
		x.requireEqual("receipt", receipt, rookery.Receipt{})
		x.checkAcrossRestart(func() {
			var statuses []rookery.Status
			for _, session := range x.listSessions() {
				statuses = append(statuses, session.Status)
			}
			x.requireEqual("statuses", statuses, []rookery.Status{rookery.StatusAway, rookery.StatusAway, rookery.StatusOnline})
		})
	}},
	{"a repeated status changes nothing", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "", 1))
		key := longKey(ann, 1, time.Minute)
		_, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, key)
		x.requireNoError(err)
		_, err = x.SetStatus(x.ctx, ann, rookery.StatusBusy, rookery.RequestKey{})
		x.requireNoError(err)
		receipt, err := x.SetStatus(x.ctx, ann, rookery.StatusAway, key)
		x.requireNoError(err)
		x.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
		x.requireEqual("status", x.listSessions()[0].Status, rookery.StatusBusy)
	}},
}

func (x *contractTrial) loadUptime() time.Duration {
	x.Helper()
	up, err := x.Uptime(x.ctx)
	x.requireNoError(err)
	return up
}

// purgeAll runs Purge to its end and returns how many entries it deleted.
func (x *contractTrial) purgeAll(before time.Time, limit int) (deleted int) {
	x.Helper()
	var after rookery.UIN
	for {
		next, n, err := x.PurgeEntries(x.ctx, after, before, limit)
		x.requireNoError(err)
		if n > limit {
			x.Fatalf("deleted %d at once, the limit is %d", n, limit)
		}
		deleted += n
		if after = next; next == 0 {
			return deleted
		}
	}
}

const oneDay = 24 * time.Hour

var maintenanceTests = []contractTest{
	{"uptime begins at nothing", func(x *contractTrial) { x.requireEqual("uptime", x.loadUptime(), time.Duration(0)) }},
	{"uptime is the latest that a beat or a mark told", func(x *contractTrial) {
		x.requireNoError(x.RecordUptime(x.ctx, time.Minute, 0))
		x.checkAcrossRestart(func() { x.requireEqual("after a beat", x.loadUptime(), time.Minute) })
		x.recordOnce(longKey(ann, 1, 2*time.Minute))
		x.checkAcrossRestart(func() { x.requireEqual("after a mark", x.loadUptime(), 2*time.Minute) })
		x.requireNoError(x.RecordUptime(x.ctx, time.Minute, 0))
		x.checkAcrossRestart(func() { x.requireEqual("after a late beat", x.loadUptime(), 2*time.Minute) })
		x.requireNoError(x.RecordUptime(x.ctx, time.Minute, time.Hour))
		x.checkAcrossRestart(func() { x.requireEqual("with the mark forgotten", x.loadUptime(), 2*time.Minute) })
	}},
	{"a beat forgets the marks from before a time", func(x *contractTrial) {
		x.recordOnce(longKey(ann, 1, time.Minute))
		x.recordOnce(longKey(ann, 2, time.Minute+1))
		x.recordOnce(longKey(bob, 3, 3*time.Minute))
		x.requireNoError(x.RecordUptime(x.ctx, 3*time.Minute, time.Minute+1))
		x.checkAcrossRestart(func() {
			x.requireRecorded(longKey(ann, 1, time.Minute), false)
			x.requireRecorded(longKey(ann, 2, time.Minute), true)
			x.requireRecorded(longKey(bob, 3, time.Minute), true)
		})
		x.requireNoError(x.RecordUptime(x.ctx, 3*time.Minute, 4*time.Minute))
		x.checkAcrossRestart(func() { x.requireRecorded(longKey(bob, 3, 3*time.Minute), false) })
		x.recordOnce(longKey(bob, 3, 5*time.Minute))
		x.checkAcrossRestart(func() { x.requireRecorded(longKey(bob, 3, 5*time.Minute), true) })
	}},
	{"what no collector has passed is not purged", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3")
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 0)
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 1}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 1)
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), []uint64{2, 3}) })
	}},
	{"own words are purged where no collector has come to, others' are not", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1))
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		letters := []rookery.NewEntry{messageEntry(ann, bob, "1"), own, own, messageEntry(ann, bob, "4"), own}
		_, err := x.Deliver(x.ctx, letters, noon, rookery.RequestKey{})
		x.requireNoError(err)
		x.requireEqual("deleted before their time", x.purgeAll(noon, 10), 0)
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 2)
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), []uint64{1, 4, 5}) })
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 5, RepeatFrom: 5}))
		x.deliverTexts(ann, bob, "6")
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 2)
		x.requireEqual("with the one that is kept", x.entryNumbers(ann), []uint64{5, 6})
	}},
	{"what one collector has passed is purged, though others have not", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3", "4")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{}))
		x.startSessions(newSession(ann, "phone", 1))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 3)
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), []uint64{4}) })
	}},
	{"what a collector has to keep is not purged", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3", "4")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.startSessions(newSession(ann, "phone", 1))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 2}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 1)
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), []uint64{2, 3, 4}) })
	}},
	{"what is not older is not purged", func(x *contractTrial) {
		x.createAccounts(ann)
		for i := range 4 {
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(time.Duration(i)*time.Second), rookery.RequestKey{})
			x.requireNoError(err)
		}
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(2*time.Second), 10), 2)
		x.requireEqual("numbers", x.entryNumbers(ann), []uint64{3, 4})
	}},
	{"what follows an entry that stays, stays as well", func(x *contractTrial) {
		x.createAccounts(ann)
		for _, second := range []time.Duration{1, 3, 0, 4} { // the clock was put back once
			_, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(second*time.Second), rookery.RequestKey{})
			x.requireNoError(err)
		}
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 4}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(2*time.Second), 10), 1)
		x.requireEqual("numbers", x.entryNumbers(ann), []uint64{2, 3, 4})
	}},
	{"the newest entry always stays, and numbers go on after it", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 3}))
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 10), 2)
		x.checkAcrossRestart(func() { x.requireEqual("newest", x.newestNumber(ann), uint64(3)) })
		x.deliverTexts(ann, bob, "4")
		x.requireEqual("numbers", x.entryNumbers(ann), []uint64{3, 4})
	}},
	{"purging goes through all accounts in steps of at most the limit", func(x *contractTrial) {
		const accounts = 150
		for i := range rookery.UIN(accounts) {
			x.createAccounts(ann + i)
			x.deliverTexts(ann+i, bob, "1", "2", "3")
			x.requireNoError(x.SaveCursor(x.ctx, ann+i, "", rookery.Cursor{Number: 3}))
		}
		x.restart()
		x.requireEqual("deleted", x.purgeAll(noon.Add(oneDay), 7), 2*accounts)
		for i := range rookery.UIN(accounts) {
			x.requireEqual("numbers", x.entryNumbers(ann+i), []uint64{3})
		}
	}},
	{"what was purged does not come back", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 3}))
		x.purgeAll(noon.Add(oneDay), 10)
		x.deliverTexts(ann, bob, "4")
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), []uint64{3, 4}) })
	}},
}

var closeTests = []contractTest{
	{"what is asked of a closed store it could not do", func(x *contractTrial) {
		x.createAccounts(ann)
		x.requireNoError(x.Close())
		x.requireCode(x.SetCredential(x.ctx, ann, "late"), rookery.CodeTemporary)
		_, err := x.Account(x.ctx, ann)
		x.requireCode(err, rookery.CodeTemporary)
		_, err = x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "late")}, noon, rookery.RequestKey{})
		x.requireCode(err, rookery.CodeTemporary)
		_, err = x.Entries(x.ctx, ann, 0, 1, 1)
		x.requireCode(err, rookery.CodeTemporary)
		_, _, err = x.MailboxState(x.ctx, ann, "")
		x.requireCode(err, rookery.CodeTemporary)
		_, _, err = x.RequestOutcome(x.ctx, longKey(ann, 1, 0))
		x.requireCode(err, rookery.CodeTemporary)
		_, err = x.Uptime(x.ctx)
		x.requireCode(err, rookery.CodeTemporary)
		x.requireCode(x.ForEachSession(x.ctx, func(rookery.Session) bool { return true }), rookery.CodeTemporary)
		x.Store = x.openStore()
		credential, err := x.Credential(x.ctx, ann)
		x.requireNoError(err)
		x.requireEqual("credential", credential, rookery.Credential("secret"))
		x.requireEqual("newest", x.newestNumber(ann), uint64(0))
	}},
	{"closing twice is no error", func(x *contractTrial) {
		x.requireNoError(x.Close())
		x.requireNoError(x.Close())
	}},
}

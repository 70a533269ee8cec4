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
	{"a session has every value that was passed", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		phone := newSession(ann, "phone", 1<<64-1)
		phone.Address, phone.Encoding, phone.ConfirmsByNumber = netip.MustParseAddr("2001:db8::1"), 2, true
		trial.startSessions(phone, newSession(ann, "", 2), newSession(bob, "", 3))
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"sessions", trial.listSessions(),
				[]rookery.Session{newSession(ann, "", 2), phone, newSession(bob, "", 3)},
			)
		})
	}},
	{"ForEachSession ends when yield returns false", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "", 1), newSession(bob, "", 2))
		seen := 0
		trial.requireNoError(trial.ForEachSession(trial.ctx, func(rookery.Session) bool { seen++; return false }))
		trial.requireEqual("seen", seen, 1)
	}},
	{"a sign-in replaces the session of the same device", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(
			newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(ann, "phone", 3), newSession(ann, "", 4),
		)
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"sessions", trial.listSessions(), []rookery.Session{
					newSession(ann, "", 4), newSession(ann, "phone", 3),
				},
			)
		})
	}},
	{"a sign-in gives its status to the account's other sessions", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		hidden := newSession(ann, "phone", 2)
		hidden.Status = rookery.StatusInvisible
		trial.startSessions(newSession(ann, "", 1), newSession(bob, "", 3), hidden)
		trial.checkAcrossRestart(func() {
			all := trial.listSessions()
			trial.requireEqual("of the account", all[0].Status, rookery.StatusInvisible)
			trial.requireEqual("of another account", all[2].Status, rookery.StatusOnline)
		})
	}},
	{"a sign-in with an outdated credential is a conflict", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.requireNoError(trial.SetCredential(trial.ctx, ann, "new"))
		trial.requireCode(trial.StartSession(trial.ctx, newSession(ann, "", 1), "secret"), rookery.CodeConflict)
		trial.requireEqual("sessions", trial.listSessions(), []rookery.Session(nil))
		known, err := trial.IsKnownAddress(trial.ctx, ann, newSession(ann, "", 1).Address)
		trial.requireNoError(err)
		trial.requireEqual("known", known, false)
	}},
	{"a sign-in makes its address known, and the latest sixteen are kept", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i := range byte(17) {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(i % 16)
			trial.startSessions(s)
		}
		s := newSession(ann, "", 99)
		s.Address = from(200) // pushes out 1: 0 came again
		trial.startSessions(s)
		trial.checkAcrossRestart(func() {
			for addr, want := range map[netip.Addr]bool{
				from(0): true, from(1): false, from(2): true, from(15): true, from(200): true, from(99): false,
			} {
				known, err := trial.IsKnownAddress(trial.ctx, ann, addr)
				trial.requireNoError(err)
				trial.requireEqual("known is "+addr.String(), known, want)
			}
			known, err := trial.IsKnownAddress(trial.ctx, bob, from(0))
			trial.requireNoError(err)
			trial.requireEqual("known to another account", known, false)
		})
	}},
	{"a known address displaces no other", func(trial *contractTrial) {
		trial.createAccounts(ann)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i, addr := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(addr)
			trial.startSessions(s)
		}
		for i := range byte(16) {
			known, err := trial.IsKnownAddress(trial.ctx, ann, from(i))
			trial.requireNoError(err)
			trial.requireEqual("known is "+from(i).String(), known, true)
		}
	}},
	{"IPv6 addresses are known by their /64 network, IPv4 addresses one by one", func(trial *contractTrial) {
		trial.createAccounts(ann)
		for i, addr := range []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "::ffff:192.0.2.7"} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = netip.MustParseAddr(addr)
			trial.startSessions(s)
		}
		trial.checkAcrossRestart(func() {
			for addr, want := range map[string]bool{
				"2001:db8:1:2::1": true, "2001:db8:1:2:aaaa:bbbb:cccc:dddd": true,
				"2001:db8:1:3::1": false, "2001:db8::1": false,
				"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false, "2001:db8:1:2::1%eth0": true,
			} {
				known, err := trial.IsKnownAddress(trial.ctx, ann, netip.MustParseAddr(addr))
				trial.requireNoError(err)
				trial.requireEqual("known is "+addr, known, want)
			}
		})
	}},
	{"known addresses outlive their sessions", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "", 1))
		trial.requireNoError(trial.EndSessions(trial.ctx, trial.listSessions()))
		known, err := trial.IsKnownAddress(trial.ctx, ann, newSession(ann, "", 1).Address)
		trial.requireNoError(err)
		trial.requireEqual("known", known, true)
	}},
	{"EndSessions ends the given sessions", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		trial.requireNoError(
			trial.EndSessions(trial.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: bob, ID: 3}}),
		)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{newSession(ann, "phone", 2)})
		})
	}},
	{"EndSessions ignores missing and replaced sessions", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "", 1), newSession(ann, "", 2))
		trial.requireNoError(
			trial.EndSessions(
				trial.ctx,
				[]rookery.Session{{Account: ann, ID: 1}, {Account: ann, Device: "phone"}, {Account: nobody, ID: 1}},
			),
		)
		trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{newSession(ann, "", 2)})
	}},
	{"the encoding is stored for the session of that ID only", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "", 1))
		late := newSession(ann, "", 9)
		late.Encoding = 7
		trial.requireNoError(trial.SetSessionEncoding(trial.ctx, late))
		now := newSession(ann, "", 1)
		trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{now})
		now.Encoding = 2
		trial.requireNoError(trial.SetSessionEncoding(trial.ctx, now))
		trial.checkAcrossRestart(
			func() { trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{now}) },
		)
	}},
	{"how a session confirms is stored for the session of that ID only", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "", 1))
		late := newSession(ann, "", 9)
		late.ConfirmsByNumber = true
		trial.requireNoError(trial.SetConfirmsByNumber(trial.ctx, late))
		now := newSession(ann, "", 1)
		trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{now})
		now.ConfirmsByNumber = true
		trial.requireNoError(trial.SetConfirmsByNumber(trial.ctx, now))
		trial.checkAcrossRestart(
			func() { trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{now}) },
		)
	}},
	{"a status is given to all sessions of an account", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		receipt, err := trial.SetStatus(trial.ctx, ann, rookery.StatusAway, longKey(ann, 1, time.Minute))
		trial.requireNoError(err)
		trial.requireEqual("receipt", receipt, rookery.Receipt{})
		trial.checkAcrossRestart(func() {
			var statuses []rookery.Status
			for _, session := range trial.listSessions() {
				statuses = append(statuses, session.Status)
			}
			trial.requireEqual(
				"statuses", statuses, []rookery.Status{rookery.StatusAway, rookery.StatusAway, rookery.StatusOnline},
			)
		})
	}},
	{"a repeated status changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "", 1))
		key := longKey(ann, 1, time.Minute)
		_, err := trial.SetStatus(trial.ctx, ann, rookery.StatusAway, key)
		trial.requireNoError(err)
		_, err = trial.SetStatus(trial.ctx, ann, rookery.StatusBusy, rookery.RequestKey{})
		trial.requireNoError(err)
		receipt, err := trial.SetStatus(trial.ctx, ann, rookery.StatusAway, key)
		trial.requireNoError(err)
		trial.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
		trial.requireEqual("status", trial.listSessions()[0].Status, rookery.StatusBusy)
	}},
}

func (ct *contractTrial) loadUptime() time.Duration {
	ct.Helper()
	up, err := ct.Uptime(ct.ctx)
	ct.requireNoError(err)
	return up
}

// purgeAll calls PurgeEntries until it has examined all accounts, and returns how many entries it
// deleted.
func (ct *contractTrial) purgeAll(before time.Time, limit int) (deleted int) {
	ct.Helper()
	var after rookery.UIN
	for {
		next, n, err := ct.PurgeEntries(ct.ctx, after, before, limit)
		ct.requireNoError(err)
		if n > limit {
			ct.Fatalf("deleted %d at once, the limit is %d", n, limit)
		}
		deleted += n
		if after = next; next == 0 {
			return deleted
		}
	}
}

const oneDay = 24 * time.Hour

var maintenanceTests = []contractTest{
	{
		"uptime begins at 0",
		func(trial *contractTrial) { trial.requireEqual("uptime", trial.loadUptime(), time.Duration(0)) },
	},
	{"uptime is the highest of RecordUptime and of request keys", func(trial *contractTrial) {
		trial.requireNoError(trial.RecordUptime(trial.ctx, time.Minute, 0))
		trial.checkAcrossRestart(func() { trial.requireEqual("after a beat", trial.loadUptime(), time.Minute) })
		trial.recordOnce(longKey(ann, 1, 2*time.Minute))
		trial.checkAcrossRestart(func() { trial.requireEqual("after a mark", trial.loadUptime(), 2*time.Minute) })
		trial.requireNoError(trial.RecordUptime(trial.ctx, time.Minute, 0))
		trial.checkAcrossRestart(func() { trial.requireEqual("after a late beat", trial.loadUptime(), 2*time.Minute) })
		trial.requireNoError(trial.RecordUptime(trial.ctx, time.Minute, time.Hour))
		trial.checkAcrossRestart(
			func() { trial.requireEqual("with the mark forgotten", trial.loadUptime(), 2*time.Minute) },
		)
	}},
	{"RecordUptime forgets the keys from before a time", func(trial *contractTrial) {
		trial.recordOnce(longKey(ann, 1, time.Minute))
		trial.recordOnce(longKey(ann, 2, time.Minute+1))
		trial.recordOnce(longKey(bob, 3, 3*time.Minute))
		trial.requireNoError(trial.RecordUptime(trial.ctx, 3*time.Minute, time.Minute+1))
		trial.checkAcrossRestart(func() {
			trial.requireRecorded(longKey(ann, 1, time.Minute), false)
			trial.requireRecorded(longKey(ann, 2, time.Minute), true)
			trial.requireRecorded(longKey(bob, 3, time.Minute), true)
		})
		trial.requireNoError(trial.RecordUptime(trial.ctx, 3*time.Minute, 4*time.Minute))
		trial.checkAcrossRestart(func() { trial.requireRecorded(longKey(bob, 3, 3*time.Minute), false) })
		trial.recordOnce(longKey(bob, 3, 5*time.Minute))
		trial.checkAcrossRestart(func() { trial.requireRecorded(longKey(bob, 3, 5*time.Minute), true) })
	}},
	{"entries that no consumer has collected are not purged", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3")
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 0)
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 1}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 1)
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{2, 3}) })
	}},
	{"uncollected sent messages are purged, received ones are not", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "phone", 1))
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		newEntries := []rookery.NewEntry{messageEntry(ann, bob, "1"), own, own, messageEntry(ann, bob, "4"), own}
		_, err := trial.Deliver(trial.ctx, newEntries, noon, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.requireEqual("deleted before their time", trial.purgeAll(noon, 10), 0)
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 2)
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{1, 4, 5}) })
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 5, RepeatFrom: 5}))
		trial.deliverTexts(ann, bob, "6")
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 2)
		trial.requireEqual("with the one that is kept", trial.entryNumbers(ann), []uint64{5, 6})
	}},
	{"entries that one consumer has collected are purged, though others have not", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3", "4")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{}))
		trial.startSessions(newSession(ann, "phone", 1))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 3}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 3)
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{4}) })
	}},
	{"entries that a consumer may repeat are not purged", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3", "4")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 4}))
		trial.startSessions(newSession(ann, "phone", 1))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 2}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 1)
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{2, 3, 4}) })
	}},
	{"newer entries are not purged", func(trial *contractTrial) {
		trial.createAccounts(ann)
		for i := range 4 {
			_, err := trial.Deliver(
				trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(time.Duration(i)*time.Second),
				rookery.RequestKey{},
			)
			trial.requireNoError(err)
		}
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 4}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(2*time.Second), 10), 2)
		trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{3, 4})
	}},
	{"entries after a newer entry are not purged", func(trial *contractTrial) {
		trial.createAccounts(ann)
		for _, second := range []time.Duration{1, 3, 0, 4} { // the clock was put back once
			_, err := trial.Deliver(
				trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(second*time.Second),
				rookery.RequestKey{},
			)
			trial.requireNoError(err)
		}
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 4}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(2*time.Second), 10), 1)
		trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{2, 3, 4})
	}},
	{"the newest entry is never purged, and numbers continue after it", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 3}))
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 10), 2)
		trial.checkAcrossRestart(func() { trial.requireEqual("newest", trial.newestNumber(ann), uint64(3)) })
		trial.deliverTexts(ann, bob, "4")
		trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{3, 4})
	}},
	{"PurgeEntries goes through all accounts in steps of at most limit entries", func(trial *contractTrial) {
		const accounts = 150
		for i := range rookery.UIN(accounts) {
			trial.createAccounts(ann + i)
			trial.deliverTexts(ann+i, bob, "1", "2", "3")
			trial.requireNoError(trial.SaveCursor(trial.ctx, ann+i, "", rookery.Cursor{Number: 3}))
		}
		trial.restart()
		trial.requireEqual("deleted", trial.purgeAll(noon.Add(oneDay), 7), 2*accounts)
		for i := range rookery.UIN(accounts) {
			trial.requireEqual("numbers", trial.entryNumbers(ann+i), []uint64{3})
		}
	}},
	{"purged entries do not come back", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 3}))
		trial.purgeAll(noon.Add(oneDay), 10)
		trial.deliverTexts(ann, bob, "4")
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{3, 4}) })
	}},
}

var closeTests = []contractTest{
	{"calls of a closed store get CodeTemporary", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.requireNoError(trial.Close())
		trial.requireCode(trial.SetCredential(trial.ctx, ann, "late"), rookery.CodeTemporary)
		_, err := trial.Account(trial.ctx, ann)
		trial.requireCode(err, rookery.CodeTemporary)
		_, err = trial.Deliver(
			trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "late")}, noon, rookery.RequestKey{},
		)
		trial.requireCode(err, rookery.CodeTemporary)
		_, err = trial.Entries(trial.ctx, ann, 0, 1, 1)
		trial.requireCode(err, rookery.CodeTemporary)
		_, _, err = trial.MailboxState(trial.ctx, ann, "")
		trial.requireCode(err, rookery.CodeTemporary)
		_, _, err = trial.RequestOutcome(trial.ctx, longKey(ann, 1, 0))
		trial.requireCode(err, rookery.CodeTemporary)
		_, err = trial.Uptime(trial.ctx)
		trial.requireCode(err, rookery.CodeTemporary)
		trial.requireCode(
			trial.ForEachSession(trial.ctx, func(rookery.Session) bool { return true }), rookery.CodeTemporary,
		)
		trial.Store = trial.openStore()
		credential, err := trial.Credential(trial.ctx, ann)
		trial.requireNoError(err)
		trial.requireEqual("credential", credential, rookery.Credential("secret"))
		trial.requireEqual("newest", trial.newestNumber(ann), uint64(0))
	}},
	{"closing twice returns no error", func(trial *contractTrial) {
		trial.requireNoError(trial.Close())
		trial.requireNoError(trial.Close())
	}},
}

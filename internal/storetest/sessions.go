package storetest

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

// compareSessions orders sessions by account and device.
func compareSessions(a, b rookery.Session) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Device, b.Device))
}

var sessionTests = []contractTest{
	{"a session has every value that was passed", func(store *testedStore) {
		store.createAccounts(ann, bob)
		phone := newSession(ann, "phone", 1<<64-1)
		phone.Address, phone.Encoding, phone.ConfirmsByNumber = netip.MustParseAddr("2001:db8::1"), 2, true
		store.startSessions(phone, newSession(ann, "", 2), newSession(bob, "", 3))
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"sessions", store.listSessions(),
				[]rookery.Session{newSession(ann, "", 2), phone, newSession(bob, "", 3)},
			)
		})
	}},
	{"ForEachSession stops when yield returns false", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "", 1), newSession(bob, "", 2))
		seen := 0
		store.requireNoError(store.ForEachSession(store.ctx, func(rookery.Session) bool { seen++; return false }))
		store.requireEqual("seen", seen, 1)
	}},
	{"a sign-in replaces the session of the same device", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(
			newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(ann, "phone", 3), newSession(ann, "", 4),
		)
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"sessions", store.listSessions(),
				[]rookery.Session{newSession(ann, "", 4), newSession(ann, "phone", 3)},
			)
		})
	}},
	{"a sign-in sets the status of all sessions of the account", func(store *testedStore) {
		store.createAccounts(ann, bob)
		hidden := newSession(ann, "phone", 2)
		hidden.Status = rookery.StatusInvisible
		store.startSessions(newSession(ann, "", 1), newSession(bob, "", 3), hidden)
		store.checkAcrossRestart(func() {
			sessions := store.listSessions()
			store.requireEqual("status of ann", sessions[0].Status, rookery.StatusInvisible)
			store.requireEqual("status of bob", sessions[2].Status, rookery.StatusOnline)
		})
	}},
	{"a sign-in with an outdated credential is a conflict", func(store *testedStore) {
		store.createAccounts(ann)
		store.requireNoError(store.SetCredential(store.ctx, ann, "new"))
		store.requireCode(store.StartSession(store.ctx, newSession(ann, "", 1), "secret"), rookery.CodeConflict)
		store.requireEqual("sessions", store.listSessions(), []rookery.Session(nil))
		known, err := store.IsKnownAddress(store.ctx, ann, newSession(ann, "", 1).Address)
		store.requireNoError(err)
		store.requireEqual("known", known, false)
	}},
	{"a sign-in makes its address known, and the latest sixteen stay known", func(store *testedStore) {
		store.createAccounts(ann, bob)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i := range byte(17) {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(i % 16)
			store.startSessions(s)
		}
		s := newSession(ann, "", 99)
		s.Address = from(200) // displaces 1, because 0 was used again
		store.startSessions(s)
		store.checkAcrossRestart(func() {
			for addr, want := range map[netip.Addr]bool{
				from(0): true, from(1): false, from(2): true, from(15): true, from(200): true, from(99): false,
			} {
				known, err := store.IsKnownAddress(store.ctx, ann, addr)
				store.requireNoError(err)
				store.requireEqual("known: "+addr.String(), known, want)
			}
			known, err := store.IsKnownAddress(store.ctx, bob, from(0))
			store.requireNoError(err)
			store.requireEqual("known to another account", known, false)
		})
	}},
	{"a sign-in from a known address displaces no other", func(store *testedStore) {
		store.createAccounts(ann)
		from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
		for i, addr := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 7} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = from(addr)
			store.startSessions(s)
		}
		for i := range byte(16) {
			known, err := store.IsKnownAddress(store.ctx, ann, from(i))
			store.requireNoError(err)
			store.requireEqual("known: "+from(i).String(), known, true)
		}
	}},
	{"IPv6 addresses are known by their /64 network, IPv4 addresses one by one", func(store *testedStore) {
		store.createAccounts(ann)
		for i, addr := range []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "::ffff:192.0.2.7"} {
			s := newSession(ann, "", uint64(i)+1)
			s.Address = netip.MustParseAddr(addr)
			store.startSessions(s)
		}
		store.checkAcrossRestart(func() {
			for addr, want := range map[string]bool{
				"2001:db8:1:2::1": true, "2001:db8:1:2:aaaa:bbbb:cccc:dddd": true,
				"2001:db8:1:3::1": false, "2001:db8::1": false,
				"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false, "2001:db8:1:2::1%eth0": true,
			} {
				known, err := store.IsKnownAddress(store.ctx, ann, netip.MustParseAddr(addr))
				store.requireNoError(err)
				store.requireEqual("known: "+addr, known, want)
			}
		})
	}},
	{"known addresses outlive their sessions", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "", 1))
		store.requireNoError(store.EndSessions(store.ctx, store.listSessions()))
		known, err := store.IsKnownAddress(store.ctx, ann, newSession(ann, "", 1).Address)
		store.requireNoError(err)
		store.requireEqual("known", known, true)
	}},
	{"EndSessions ends the given sessions", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		store.requireNoError(
			store.EndSessions(store.ctx, []rookery.Session{{Account: ann, ID: 1}, {Account: bob, ID: 3}}),
		)
		store.checkAcrossRestart(func() {
			store.requireEqual("sessions", store.listSessions(), []rookery.Session{newSession(ann, "phone", 2)})
		})
	}},
	{"EndSessions ignores missing and replaced sessions", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "", 1), newSession(ann, "", 2))
		store.requireNoError(
			store.EndSessions(
				store.ctx,
				[]rookery.Session{{Account: ann, ID: 1}, {Account: ann, Device: "phone"}, {Account: nobody, ID: 1}},
			),
		)
		store.requireEqual("sessions", store.listSessions(), []rookery.Session{newSession(ann, "", 2)})
	}},
	{"Encoding is stored for the session of that ID only", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "", 1))
		other := newSession(ann, "", 9)
		other.Encoding = 7
		store.requireNoError(store.SetSessionEncoding(store.ctx, other))
		session := newSession(ann, "", 1)
		store.requireEqual("sessions", store.listSessions(), []rookery.Session{session})
		session.Encoding = 2
		store.requireNoError(store.SetSessionEncoding(store.ctx, session))
		store.checkAcrossRestart(
			func() { store.requireEqual("sessions", store.listSessions(), []rookery.Session{session}) },
		)
	}},
	{"ConfirmsByNumber is stored for the session of that ID only", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "", 1))
		other := newSession(ann, "", 9)
		other.ConfirmsByNumber = true
		store.requireNoError(store.SetConfirmsByNumber(store.ctx, other))
		session := newSession(ann, "", 1)
		store.requireEqual("sessions", store.listSessions(), []rookery.Session{session})
		session.ConfirmsByNumber = true
		store.requireNoError(store.SetConfirmsByNumber(store.ctx, session))
		store.checkAcrossRestart(
			func() { store.requireEqual("sessions", store.listSessions(), []rookery.Session{session}) },
		)
	}},
	{"SetStatus sets the status of all sessions of an account", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "", 1), newSession(ann, "phone", 2), newSession(bob, "", 3))
		receipt, err := store.SetStatus(store.ctx, ann, rookery.StatusAway, longKey(ann, 1, time.Minute))
		store.requireNoError(err)
		store.requireEqual("receipt", receipt, rookery.Receipt{})
		store.checkAcrossRestart(func() {
			var statuses []rookery.Status
			for _, session := range store.listSessions() {
				statuses = append(statuses, session.Status)
			}
			store.requireEqual(
				"statuses", statuses, []rookery.Status{rookery.StatusAway, rookery.StatusAway, rookery.StatusOnline},
			)
		})
	}},
	{"a repeated SetStatus changes nothing", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "", 1))
		key := longKey(ann, 1, time.Minute)
		_, err := store.SetStatus(store.ctx, ann, rookery.StatusAway, key)
		store.requireNoError(err)
		_, err = store.SetStatus(store.ctx, ann, rookery.StatusBusy, rookery.RequestKey{})
		store.requireNoError(err)
		receipt, err := store.SetStatus(store.ctx, ann, rookery.StatusAway, key)
		store.requireNoError(err)
		store.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
		store.requireEqual("status", store.listSessions()[0].Status, rookery.StatusBusy)
	}},
}

func (s *testedStore) loadUptime() time.Duration {
	s.Helper()
	uptime, err := s.Uptime(s.ctx)
	s.requireNoError(err)
	return uptime
}

// purgeAll calls PurgeEntries until it has examined all accounts, and returns how many entries it
// deleted.
func (s *testedStore) purgeAll(before time.Time, limit int) (deleted int) {
	s.Helper()
	var after rookery.UIN
	for {
		next, n, err := s.PurgeEntries(s.ctx, after, before, limit)
		s.requireNoError(err)
		if n > limit {
			s.Fatalf("PurgeEntries deleted %d entries, want at most %d", n, limit)
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
		func(store *testedStore) { store.requireEqual("uptime", store.loadUptime(), time.Duration(0)) },
	},
	{"uptime is the maximum of RecordUptime calls and request keys", func(store *testedStore) {
		requireUptime := func(event string, want time.Duration) {
			store.Helper()
			store.checkAcrossRestart(func() { store.requireEqual("uptime after "+event, store.loadUptime(), want) })
		}
		store.requireNoError(store.RecordUptime(store.ctx, time.Minute, 0))
		requireUptime("RecordUptime", time.Minute)
		store.recordOnce(longKey(ann, 1, 2*time.Minute))
		requireUptime("a request key", 2*time.Minute)
		store.requireNoError(store.RecordUptime(store.ctx, time.Minute, 0))
		requireUptime("an earlier RecordUptime", 2*time.Minute)
		store.requireNoError(store.RecordUptime(store.ctx, time.Minute, time.Hour))
		requireUptime("forgetting the key", 2*time.Minute)
	}},
	{"RecordUptime forgets the keys from before a time", func(store *testedStore) {
		store.recordOnce(longKey(ann, 1, time.Minute))
		store.recordOnce(longKey(ann, 2, time.Minute+1))
		store.recordOnce(longKey(bob, 3, 3*time.Minute))
		store.requireNoError(store.RecordUptime(store.ctx, 3*time.Minute, time.Minute+1))
		store.checkAcrossRestart(func() {
			store.requireRecorded(longKey(ann, 1, time.Minute), false)
			store.requireRecorded(longKey(ann, 2, time.Minute), true)
			store.requireRecorded(longKey(bob, 3, time.Minute), true)
		})
		store.requireNoError(store.RecordUptime(store.ctx, 3*time.Minute, 4*time.Minute))
		store.checkAcrossRestart(func() { store.requireRecorded(longKey(bob, 3, 3*time.Minute), false) })
		store.recordOnce(longKey(bob, 3, 5*time.Minute))
		store.checkAcrossRestart(func() { store.requireRecorded(longKey(bob, 3, 5*time.Minute), true) })
	}},
	{"entries that no consumer has collected are not purged", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3")
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 0)
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 1}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 1)
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), []uint64{2, 3}) })
	}},
	{"uncollected sent messages are purged, received ones are not", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "phone", 1))
		own := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "own"}
		newEntries := []rookery.NewEntry{messageEntry(ann, bob, "1"), own, own, messageEntry(ann, bob, "4"), own}
		_, err := store.Deliver(store.ctx, newEntries, noon, rookery.RequestKey{})
		store.requireNoError(err)
		store.requireEqual("deleted too early", store.purgeAll(noon, 10), 0)
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 2)
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), []uint64{1, 4, 5}) })
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 5, RepeatFrom: 5}))
		store.deliverTexts(ann, bob, "6")
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 2)
		store.requireEqual("numbers with a repeatable entry", store.entryNumbers(ann), []uint64{5, 6})
	}},
	{"entries are purged once any consumer has collected them", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3", "4")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{}))
		store.startSessions(newSession(ann, "phone", 1))
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 3}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 3)
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), []uint64{4}) })
	}},
	{"entries that a consumer may repeat are not purged", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3", "4")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 4}))
		store.startSessions(newSession(ann, "phone", 1))
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 2}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 1)
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), []uint64{2, 3, 4}) })
	}},
	{"newer entries are not purged", func(store *testedStore) {
		store.createAccounts(ann)
		for i := range 4 {
			_, err := store.Deliver(
				store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(time.Duration(i)*time.Second),
				rookery.RequestKey{},
			)
			store.requireNoError(err)
		}
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 4}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(2*time.Second), 10), 2)
		store.requireEqual("numbers", store.entryNumbers(ann), []uint64{3, 4})
	}},
	{"entries after a newer entry are not purged", func(store *testedStore) {
		store.createAccounts(ann)
		for _, second := range []time.Duration{1, 3, 0, 4} { // the clock was set back once
			_, err := store.Deliver(
				store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon.Add(second*time.Second),
				rookery.RequestKey{},
			)
			store.requireNoError(err)
		}
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 4}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(2*time.Second), 10), 1)
		store.requireEqual("numbers", store.entryNumbers(ann), []uint64{2, 3, 4})
	}},
	{"the newest entry is never purged, and numbers continue after it", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 3}))
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 10), 2)
		store.checkAcrossRestart(func() { store.requireEqual("newest", store.newestNumber(ann), uint64(3)) })
		store.deliverTexts(ann, bob, "4")
		store.requireEqual("numbers", store.entryNumbers(ann), []uint64{3, 4})
	}},
	{"PurgeEntries examines all accounts and deletes at most limit entries per call", func(store *testedStore) {
		const accounts = 150
		for i := range rookery.UIN(accounts) {
			store.createAccounts(ann + i)
			store.deliverTexts(ann+i, bob, "1", "2", "3")
			store.requireNoError(store.setCursor(ann+i, "", rookery.Cursor{Number: 3}))
		}
		store.restart()
		store.requireEqual("deleted", store.purgeAll(noon.Add(oneDay), 7), 2*accounts)
		for i := range rookery.UIN(accounts) {
			store.requireEqual("numbers", store.entryNumbers(ann+i), []uint64{3})
		}
	}},
	{"a restart restores no purged entries", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 3}))
		store.purgeAll(noon.Add(oneDay), 10)
		store.deliverTexts(ann, bob, "4")
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), []uint64{3, 4}) })
	}},
}

var closeTests = []contractTest{
	{"calls of a closed store get CodeTemporary", func(store *testedStore) {
		store.createAccounts(ann)
		store.requireNoError(store.Close())
		store.requireCode(store.SetCredential(store.ctx, ann, "late"), rookery.CodeTemporary)
		_, err := store.Account(store.ctx, ann)
		store.requireCode(err, rookery.CodeTemporary)
		_, err = store.Deliver(
			store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "late")}, noon, rookery.RequestKey{},
		)
		store.requireCode(err, rookery.CodeTemporary)
		_, err = store.Entries(store.ctx, ann, 0, 1, 1)
		store.requireCode(err, rookery.CodeTemporary)
		_, _, err = store.MailboxState(store.ctx, ann, "")
		store.requireCode(err, rookery.CodeTemporary)
		_, _, err = store.RequestOutcome(store.ctx, longKey(ann, 1, 0))
		store.requireCode(err, rookery.CodeTemporary)
		_, err = store.Uptime(store.ctx)
		store.requireCode(err, rookery.CodeTemporary)
		store.requireCode(
			store.ForEachSession(store.ctx, func(rookery.Session) bool { return true }), rookery.CodeTemporary,
		)
		store.Store = store.openStore()
		credential, err := store.Credential(store.ctx, ann)
		store.requireNoError(err)
		store.requireEqual("credential", credential, rookery.Credential("secret"))
		store.requireEqual("newest", store.newestNumber(ann), uint64(0))
	}},
	{"closing twice returns no error", func(store *testedStore) {
		store.requireNoError(store.Close())
		store.requireNoError(store.Close())
	}},
}

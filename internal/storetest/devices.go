package storetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

func (s *testedStore) listDevices(uin rookery.UIN) []rookery.Device {
	s.Helper()
	devices, err := s.Devices(s.ctx, uin)
	s.requireNoError(err)
	return devices
}

func (s *testedStore) forgetDevice(uin rookery.UIN, id uint64, key rookery.RequestKey) rookery.Receipt {
	s.Helper()
	receipt, err := s.ForgetDevice(s.ctx, uin, id, key)
	s.requireNoError(err)
	return receipt
}

var deviceTests = []contractTest{
	{"the first sign-in creates a device, and devices are listed by number", func(store *testedStore) {
		store.createAccounts(ann, bob)
		desk := newSession(ann, "desk", 2)
		desk.SignedInAt = noon.Add(time.Hour)
		store.startSessions(newSession(ann, "phone", 1), desk, newSession(ann, "", 3), newSession(bob, "desk", 4))
		store.checkAcrossRestart(func() {
			store.requireEqual("devices of ann", store.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon, SignedIn: true},
				{ID: 2, Name: "desk", SignedInAt: noon.Add(time.Hour), SignedIn: true},
			})
			store.requireEqual(
				"devices of bob", store.listDevices(bob),
				[]rookery.Device{{ID: 1, Name: "desk", SignedInAt: noon, SignedIn: true}},
			)
			store.requireEqual("devices of nobody", store.listDevices(nobody), []rookery.Device(nil))
		})
	}},
	{"a device outlives its session", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		store.requireNoError(store.EndSessions(store.ctx, []rookery.Session{newSession(ann, "phone", 1)}))
		store.checkAcrossRestart(func() {
			store.requireEqual("devices", store.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true},
			})
		})
		store.requireNoError(store.SetCredential(store.ctx, ann, "secret"))
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"devices with a new credential", store.listDevices(ann),
				[]rookery.Device{{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon}},
			)
		})
	}},
	{"a sleeping session still exists and is found by its token", func(store *testedStore) {
		store.createAccounts(ann, bob)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		store.startSessions(phone, desk, newSession(bob, "phone", 3))
		replaced := desk
		replaced.ID = 9
		store.requireNoError(
			store.SetSessionsAsleep(store.ctx, []rookery.Session{phone, replaced, newSession(nobody, "phone", 4)}),
		)
		phone.Asleep = true
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"sessions", store.listSessions(), []rookery.Session{desk, phone, newSession(bob, "phone", 3)},
			)
			found, err := store.SleepingSession(store.ctx, ann, phone.Token)
			store.requireNoError(err)
			store.requireEqual("found", found, phone)
			store.requireNotAsleep(ann, desk.Token)
			store.requireNotAsleep(bob, phone.Token)
			store.requireNotAsleep(nobody, phone.Token)
		})
		store.requireEqual("devices", store.listDevices(ann)[0].SignedIn, true)
	}},
	{"a session that wakes has the account's status", func(store *testedStore) {
		store.createAccounts(ann)
		phone := newSession(ann, "phone", 1)
		store.startSessions(phone)
		store.requireNoError(store.SetSessionsAsleep(store.ctx, []rookery.Session{phone}))
		_, err := store.SetStatus(store.ctx, ann, rookery.StatusInvisible, rookery.RequestKey{})
		store.requireNoError(err)
		phone.Status, phone.Address = rookery.StatusInvisible, netip.MustParseAddr("192.0.2.7")
		replaced := phone
		replaced.ID = 9
		store.requireCode(store.WakeSession(store.ctx, replaced), rookery.CodeNotSignedIn)
		store.requireNoError(store.WakeSession(store.ctx, phone))
		store.checkAcrossRestart(func() {
			store.requireEqual("sessions", store.listSessions(), []rookery.Session{phone})
			store.requireNotAsleep(ann, phone.Token)
		})
		store.requireCode(store.WakeSession(store.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"neither a replaced nor an ended session can wake", func(store *testedStore) {
		store.createAccounts(ann)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		store.startSessions(phone, desk)
		store.requireNoError(store.SetSessionsAsleep(store.ctx, []rookery.Session{phone, desk}))
		store.startSessions(newSession(ann, "phone", 3))
		store.requireNoError(store.EndSessions(store.ctx, []rookery.Session{desk}))
		store.checkAcrossRestart(func() {
			store.requireEqual("sessions", store.listSessions(), []rookery.Session{newSession(ann, "phone", 3)})
			store.requireNotAsleep(ann, phone.Token)
			store.requireNotAsleep(ann, desk.Token)
		})
		store.requireCode(store.WakeSession(store.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a second sign-in keeps the device's number and cursor, and has its own time and token",
		func(store *testedStore) {
			store.createAccounts(ann)
			store.startSessions(newSession(ann, "phone", 1))
			want := rookery.Cursor{Number: 3, RepeatFrom: 2, State: []byte("state")}
			store.requireNoError(store.setCursor(ann, "phone", want))
			store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 9}))
			again := newSession(ann, "phone", 2)
			again.SignedInAt = noon.Add(time.Hour)
			store.startSessions(again)
			store.checkAcrossRestart(func() {
				store.requireEqual(
					"devices", store.listDevices(ann),
					[]rookery.Device{{ID: 1, Name: "phone", SignedInAt: again.SignedInAt, SignedIn: true}},
				)
				store.requireEqual("cursor", store.loadCursor(ann, "phone"), want)
				store.requireEqual("sessions", store.listSessions(), []rookery.Session{again})
			})
		}},
	{"a new device starts at the highest cursor of the account", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(ann, "first", 1))
		store.requireEqual("cursor of the first device", store.loadCursor(ann, "first"), rookery.Cursor{})
		store.requireNoError(
			store.setCursor(ann, "first", rookery.Cursor{Number: 2, RepeatFrom: 1, State: []byte("state")}),
		)
		store.requireNoError(store.setCursor(bob, "", rookery.Cursor{Number: 9}))
		store.startSessions(newSession(ann, "second", 2))
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 5}))
		store.startSessions(newSession(ann, "third", 3))
		store.checkAcrossRestart(func() {
			store.requireEqual("behind a device", store.loadCursor(ann, "second"), rookery.Cursor{Number: 2})
			store.requireEqual("behind an address", store.loadCursor(ann, "third"), rookery.Cursor{Number: 5})
		})
	}},
	{"a new device starts no lower than a forgotten one ended", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 4, RepeatFrom: 2}))
		store.forgetDevice(ann, 1, rookery.RequestKey{})
		store.forgetDevice(ann, 2, rookery.RequestKey{})
		store.restart()
		store.startSessions(newSession(ann, "phone", 3))
		store.requireEqual("cursor", store.loadCursor(ann, "phone"), rookery.Cursor{Number: 4})
	}},
	{"a device above the maximum is refused, a known one is not", func(store *testedStore) {
		store.createAccounts(ann, bob)
		for i := range uint64(rookery.MaxDevices) {
			store.startSessions(newSession(ann, fmt.Sprint(i), i+1))
		}
		another := newSession(ann, "new", 100)
		another.Address = another.Address.Next()
		store.requireCode(store.StartSession(store.ctx, another, "secret"), rookery.CodeRefused)
		store.requireEqual("sessions", len(store.listSessions()), rookery.MaxDevices)
		store.requireEqual("devices", len(store.listDevices(ann)), rookery.MaxDevices)
		isKnown, err := store.IsKnownAddress(store.ctx, ann, another.Address)
		store.requireNoError(err)
		store.requireEqual("address is known", isKnown, false)
		store.startSessions(newSession(ann, "0", 101), newSession(ann, "", 102), newSession(bob, "new", 103))
		store.forgetDevice(ann, 7, rookery.RequestKey{})
		store.startSessions(another)
	}},
	{"a sign-in with a wrong credential creates no device", func(store *testedStore) {
		store.createAccounts(ann)
		store.requireCode(store.StartSession(store.ctx, newSession(ann, "phone", 1), "guess"), rookery.CodeConflict)
		store.requireEqual("devices", store.listDevices(ann), []rookery.Device(nil))
	}},
	{"forgetting a device removes its session and its cursor, and nothing else", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(
			newSession(ann, "phone", 1), newSession(ann, "desk", 2), newSession(ann, "", 3),
			newSession(bob, "phone", 4),
		)
		for _, device := range []string{"phone", "desk"} {
			store.requireNoError(store.setCursor(ann, device, rookery.Cursor{Number: 2}))
		}
		store.requireNoError(store.setCursor(bob, "phone", rookery.Cursor{Number: 2}))
		store.requireEqual("receipt", store.forgetDevice(ann, 1, rookery.RequestKey{}), rookery.Receipt{})
		store.checkAcrossRestart(func() {
			store.requireEqual(
				"devices", store.listDevices(ann),
				[]rookery.Device{{ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true}},
			)
			store.requireEqual(
				"sessions", store.listSessions(),
				[]rookery.Session{newSession(ann, "", 3), newSession(ann, "desk", 2), newSession(bob, "phone", 4)},
			)
			store.requireEqual("cursor", store.loadCursor(ann, "phone"), rookery.Cursor{})
			store.requireEqual("cursor of the other device", store.loadCursor(ann, "desk").Number, uint64(2))
			store.requireEqual("cursor of another account's device", store.loadCursor(bob, "phone").Number, uint64(2))
		})
	}},
	{"a forgotten device cannot store a cursor", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1))
		store.forgetDevice(ann, 1, rookery.RequestKey{})
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 1}))
		store.checkAcrossRestart(
			func() { store.requireEqual("cursor", store.loadCursor(ann, "phone"), rookery.Cursor{}) },
		)
		store.deliverTexts(ann, bob, "1", "2")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 2}))
		store.requireEqual("purged entries", store.purgeAll(noon.Add(oneDay), 10), 1)
	}},
	{"forgetting a missing device is refused and not remembered", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.startSessions(newSession(bob, "phone", 1))
		for _, uin := range []rookery.UIN{ann, nobody} {
			key := longKey(uin, 1, time.Minute)
			_, err := store.ForgetDevice(store.ctx, uin, 1, key)
			store.requireCode(err, rookery.CodeParameter)
			store.requireRecorded(key, false)
		}
		store.requireEqual("devices of bob", len(store.listDevices(bob)), 1)
	}},
	{"device numbers are not reused", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		store.forgetDevice(ann, 2, rookery.RequestKey{})
		store.forgetDevice(ann, 1, rookery.RequestKey{})
		store.restart()
		store.startSessions(newSession(ann, "phone", 3), newSession(ann, "desk", 4))
		store.requireEqual("devices", store.listDevices(ann), []rookery.Device{
			{ID: 3, Name: "phone", SignedInAt: noon, SignedIn: true},
			{ID: 4, Name: "desk", SignedInAt: noon, SignedIn: true},
		})
	}},
	{"a repeated ForgetDevice gets the first outcome and changes nothing", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		key := onDevice(longKey(ann, 1, time.Minute), "desk")
		store.forgetDevice(ann, 1, key)
		store.startSessions(newSession(ann, "phone", 3))
		store.checkAcrossRestart(func() {
			store.requireEqual("receipt", store.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true})
			store.requireEqual("devices", len(store.listDevices(ann)), 2)
		})
	}},
	{"a device that forgets itself can repeat the request", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		store.forgetDevice(ann, 1, key)
		store.checkAcrossRestart(func() {
			store.requireEqual("receipt", store.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true})
		})
	}},
	{"forgetting a device voids its request keys and no others",
		func(store *testedStore) {
			store.createAccounts(ann, bob)
			store.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
			phone := onDevice(longKey(ann, 1, time.Minute), "phone")
			latest := onDevice(shortKey(ann, 2, time.Minute), "phone")
			others := []rookery.RequestKey{
				onDevice(longKey(ann, 3, time.Minute), "desk"), onDevice(longKey(bob, 4, time.Minute), "phone"),
				longKey(ann, 5, time.Minute),
			}
			for _, key := range append(others, phone, latest) {
				store.recordOnce(key)
			}
			store.requireRecorded(phone, true)
			store.requireRecorded(latest, true)
			store.forgetDevice(ann, 1, rookery.RequestKey{})
			store.startSessions(newSession(ann, "phone", 3))
			store.checkAcrossRestart(func() {
				store.requireRecorded(phone, false)
				store.requireRecorded(latest, false)
				for _, key := range others {
					store.requireRecorded(key, true)
				}
			})
			store.recordOnce(latest)
			store.recordOnce(phone)
			store.checkAcrossRestart(func() {
				store.requireRecorded(phone, true)
				store.requireRecorded(latest, false)
			})
		}},
	{"a second sign-in keeps the device's request keys", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		store.recordOnce(key)
		store.requireNoError(store.EndSessions(store.ctx, store.listSessions()))
		store.startSessions(newSession(ann, "phone", 2))
		store.checkAcrossRestart(func() { store.requireRecorded(key, true) })
	}},
	{"request keys of a forgotten device stay void after RecordUptime",
		func(store *testedStore) {
			store.createAccounts(ann)
			store.startSessions(newSession(ann, "phone", 1))
			old := onDevice(longKey(ann, 1, time.Minute), "phone")
			store.recordOnce(old)
			store.forgetDevice(ann, 1, longKey(ann, 2, time.Minute))
			store.recordOnce(longKey(ann, 3, 3*time.Minute))
			store.requireNoError(store.RecordUptime(store.ctx, 3*time.Minute, 2*time.Minute))
			store.checkAcrossRestart(func() { store.requireRecorded(old, false) })
		}},
}

// requireNotAsleep requires that no sleeping session of the account has the token.
func (s *testedStore) requireNotAsleep(uin rookery.UIN, token rookery.TokenHash) {
	s.Helper()
	_, err := s.SleepingSession(s.ctx, uin, token)
	s.requireCode(err, rookery.CodeNotSignedIn)
}

package storetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

func (ct *contractTrial) listDevices(uin rookery.UIN) []rookery.Device {
	ct.Helper()
	devices, err := ct.Devices(ct.ctx, uin)
	ct.requireNoError(err)
	return devices
}

func (ct *contractTrial) forgetDevice(uin rookery.UIN, id uint64, key rookery.RequestKey) rookery.Receipt {
	ct.Helper()
	receipt, err := ct.ForgetDevice(ct.ctx, uin, id, key)
	ct.requireNoError(err)
	return receipt
}

var deviceTests = []contractTest{
	{"the first sign-in creates a device, and devices are listed by number", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		desk := newSession(ann, "desk", 2)
		desk.SignedInAt = noon.Add(time.Hour)
		trial.startSessions(newSession(ann, "phone", 1), desk, newSession(ann, "", 3), newSession(bob, "desk", 4))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("devices of ann", trial.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon, SignedIn: true}, {
					ID: 2, Name: "desk", SignedInAt: noon.Add(time.Hour), SignedIn: true,
				},
			})
			trial.requireEqual(
				"devices of bob", trial.listDevices(bob),
				[]rookery.Device{{ID: 1, Name: "desk", SignedInAt: noon, SignedIn: true}},
			)
			trial.requireEqual("devices of nobody", trial.listDevices(nobody), []rookery.Device(nil))
		})
	}},
	{"a device outlives its session", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		trial.requireNoError(trial.EndSessions(trial.ctx, []rookery.Session{newSession(ann, "phone", 1)}))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("devices", trial.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true},
			})
		})
		trial.requireNoError(trial.SetCredential(trial.ctx, ann, "secret"))
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"with a new credential", trial.listDevices(ann),
				[]rookery.Device{{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon}},
			)
		})
	}},
	{"a sleeping session is kept, and found by its token", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		trial.startSessions(phone, desk, newSession(bob, "phone", 3))
		late := desk
		late.ID = 9
		trial.requireNoError(
			trial.SetSessionsAsleep(trial.ctx, []rookery.Session{phone, late, newSession(nobody, "phone", 4)}),
		)
		phone.Asleep = true
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"sessions", trial.listSessions(), []rookery.Session{desk, phone, newSession(bob, "phone", 3)},
			)
			found, err := trial.SleepingSession(trial.ctx, ann, phone.Token)
			trial.requireNoError(err)
			trial.requireEqual("found", found, phone)
			trial.requireNotAsleep(ann, desk.Token)
			trial.requireNotAsleep(bob, phone.Token)
			trial.requireNotAsleep(nobody, phone.Token)
		})
		trial.requireEqual("devices", trial.listDevices(ann)[0].SignedIn, true)
	}},
	{"a session that wakes has the account's status", func(trial *contractTrial) {
		trial.createAccounts(ann)
		phone := newSession(ann, "phone", 1)
		trial.startSessions(phone)
		trial.requireNoError(trial.SetSessionsAsleep(trial.ctx, []rookery.Session{phone}))
		_, err := trial.SetStatus(trial.ctx, ann, rookery.StatusInvisible, rookery.RequestKey{})
		trial.requireNoError(err)
		phone.Status, phone.Address = rookery.StatusInvisible, netip.MustParseAddr("192.0.2.7")
		late := phone
		late.ID = 9
		trial.requireCode(trial.WakeSession(trial.ctx, late), rookery.CodeNotSignedIn)
		trial.requireNoError(trial.WakeSession(trial.ctx, phone))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{phone})
			trial.requireNotAsleep(ann, phone.Token)
		})
		trial.requireCode(trial.WakeSession(trial.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"neither a replaced nor an ended session can wake", func(trial *contractTrial) {
		trial.createAccounts(ann)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		trial.startSessions(phone, desk)
		trial.requireNoError(trial.SetSessionsAsleep(trial.ctx, []rookery.Session{phone, desk}))
		trial.startSessions(newSession(ann, "phone", 3))
		trial.requireNoError(trial.EndSessions(trial.ctx, []rookery.Session{desk}))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{newSession(ann, "phone", 3)})
			trial.requireNotAsleep(ann, phone.Token)
			trial.requireNotAsleep(ann, desk.Token)
		})
		trial.requireCode(trial.WakeSession(trial.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a second sign-in keeps the device's number and cursor, and has its own time and token",
		func(trial *contractTrial) {
			trial.createAccounts(ann)
			trial.startSessions(newSession(ann, "phone", 1))
			want := rookery.Cursor{Number: 3, RepeatFrom: 2, State: []byte("memo")}
			trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", want))
			trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 9}))
			again := newSession(ann, "phone", 2)
			again.SignedInAt = noon.Add(time.Hour)
			trial.startSessions(again)
			trial.checkAcrossRestart(func() {
				trial.requireEqual(
					"devices", trial.listDevices(ann),
					[]rookery.Device{{ID: 1, Name: "phone", SignedInAt: again.SignedInAt, SignedIn: true}},
				)
				trial.requireEqual("place", trial.loadCursor(ann, "phone"), want)
				trial.requireEqual("sessions", trial.listSessions(), []rookery.Session{again})
			})
		}},
	{"a new device starts at the highest cursor of the account", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(ann, "first", 1))
		trial.requireEqual("with nobody before it", trial.loadCursor(ann, "first"), rookery.Cursor{})
		trial.requireNoError(
			trial.SaveCursor(trial.ctx, ann, "first", rookery.Cursor{Number: 2, RepeatFrom: 1, State: []byte("memo")}),
		)
		trial.requireNoError(trial.SaveCursor(trial.ctx, bob, "", rookery.Cursor{Number: 9}))
		trial.startSessions(newSession(ann, "second", 2))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 5}))
		trial.startSessions(newSession(ann, "third", 3))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("behind a device", trial.loadCursor(ann, "second"), rookery.Cursor{Number: 2})
			trial.requireEqual("behind an address", trial.loadCursor(ann, "third"), rookery.Cursor{Number: 5})
		})
	}},
	{"a new device starts no lower than a forgotten one ended", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 4, RepeatFrom: 2}))
		trial.forgetDevice(ann, 1, rookery.RequestKey{})
		trial.forgetDevice(ann, 2, rookery.RequestKey{})
		trial.restart()
		trial.startSessions(newSession(ann, "phone", 3))
		trial.requireEqual("place", trial.loadCursor(ann, "phone"), rookery.Cursor{Number: 4})
	}},
	{"a device above the maximum is refused, a known one is not", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		for i := range uint64(rookery.MaxDevices) {
			trial.startSessions(newSession(ann, fmt.Sprint(i), i+1))
		}
		known := newSession(ann, "new", 100)
		known.Address = known.Address.Next()
		trial.requireCode(trial.StartSession(trial.ctx, known, "secret"), rookery.CodeRefused)
		trial.requireEqual("sessions", len(trial.listSessions()), rookery.MaxDevices)
		trial.requireEqual("devices", len(trial.listDevices(ann)), rookery.MaxDevices)
		is, err := trial.IsKnownAddress(trial.ctx, ann, known.Address)
		trial.requireNoError(err)
		trial.requireEqual("the address is known", is, false)
		trial.startSessions(newSession(ann, "0", 101), newSession(ann, "", 102), newSession(bob, "new", 103))
		trial.forgetDevice(ann, 7, rookery.RequestKey{})
		trial.startSessions(known)
	}},
	{"a sign-in with a wrong credential creates no device", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.requireCode(trial.StartSession(trial.ctx, newSession(ann, "phone", 1), "guess"), rookery.CodeConflict)
		trial.requireEqual("devices", trial.listDevices(ann), []rookery.Device(nil))
	}},
	{"forgetting a device removes its session and its cursor, and nothing else", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(
			newSession(ann, "phone", 1), newSession(ann, "desk", 2), newSession(ann, "", 3), newSession(bob, "phone",
				4),
		)
		for _, device := range []string{"phone", "desk"} {
			trial.requireNoError(trial.SaveCursor(trial.ctx, ann, device, rookery.Cursor{Number: 2}))
		}
		trial.requireNoError(trial.SaveCursor(trial.ctx, bob, "phone", rookery.Cursor{Number: 2}))
		trial.requireEqual("receipt", trial.forgetDevice(ann, 1, rookery.RequestKey{}), rookery.Receipt{})
		trial.checkAcrossRestart(func() {
			trial.requireEqual(
				"devices", trial.listDevices(ann),
				[]rookery.Device{{ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true}},
			)
			trial.requireEqual(
				"sessions", trial.listSessions(),
				[]rookery.Session{newSession(ann, "", 3), newSession(ann, "desk", 2), newSession(bob, "phone", 4)},
			)
			trial.requireEqual("place", trial.loadCursor(ann, "phone"), rookery.Cursor{})
			trial.requireEqual("place of the other", trial.loadCursor(ann, "desk").Number, uint64(2))
			trial.requireEqual("place of another account's", trial.loadCursor(bob, "phone").Number, uint64(2))
		})
	}},
	{"a forgotten device cannot store a cursor", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1))
		trial.forgetDevice(ann, 1, rookery.RequestKey{})
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 1}))
		trial.checkAcrossRestart(
			func() { trial.requireEqual("place", trial.loadCursor(ann, "phone"), rookery.Cursor{}) },
		)
		trial.deliverTexts(ann, bob, "1", "2")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 2}))
		trial.requireEqual("it keeps nothing", trial.purgeAll(noon.Add(oneDay), 10), 1)
	}},
	{"forgetting a missing device is refused and not remembered", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.startSessions(newSession(bob, "phone", 1))
		for _, uin := range []rookery.UIN{ann, nobody} {
			key := longKey(uin, 1, time.Minute)
			_, err := trial.ForgetDevice(trial.ctx, uin, 1, key)
			trial.requireCode(err, rookery.CodeParameter)
			trial.requireRecorded(key, false)
		}
		trial.requireEqual("devices of bob", len(trial.listDevices(bob)), 1)
	}},
	{"device numbers are not reused", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		trial.forgetDevice(ann, 2, rookery.RequestKey{})
		trial.forgetDevice(ann, 1, rookery.RequestKey{})
		trial.restart()
		trial.startSessions(newSession(ann, "phone", 3), newSession(ann, "desk", 4))
		trial.requireEqual("devices", trial.listDevices(ann), []rookery.Device{
			{
				ID: 3, Name: "phone", SignedInAt: noon, SignedIn: true,
			}, {ID: 4, Name: "desk", SignedInAt: noon, SignedIn: true},
		})
	}},
	{"a repeated ForgetDevice gets the first outcome and changes nothing", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		key := onDevice(longKey(ann, 1, time.Minute), "desk")
		trial.forgetDevice(ann, 1, key)
		trial.startSessions(newSession(ann, "phone", 3))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("receipt", trial.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true})
			trial.requireEqual("devices", len(trial.listDevices(ann)), 2)
		})
	}},
	{"a device that forgets itself can repeat the request", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		trial.forgetDevice(ann, 1, key)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("receipt", trial.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true})
		})
	}},
	{"requests of a forgotten device are no repeats for a new one of its name, others' are",
		func(trial *contractTrial) {
			trial.createAccounts(ann, bob)
			trial.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
			phone, recent := onDevice(longKey(ann, 1, time.Minute), "phone"), onDevice(
				shortKey(ann, 2, time.Minute), "phone",
			)
			others := []rookery.RequestKey{
				onDevice(longKey(ann, 3, time.Minute), "desk"), onDevice(longKey(bob, 4, time.Minute), "phone"),
				longKey(ann, 5, time.Minute),
			}
			for _, key := range append(others, phone, recent) {
				trial.recordOnce(key)
			}
			trial.requireRecorded(phone, true)
			trial.requireRecorded(recent, true)
			trial.forgetDevice(ann, 1, rookery.RequestKey{})
			trial.startSessions(newSession(ann, "phone", 3))
			trial.checkAcrossRestart(func() {
				trial.requireRecorded(phone, false)
				trial.requireRecorded(recent, false)
				for _, key := range others {
					trial.requireRecorded(key, true)
				}
			})
			trial.recordOnce(recent)
			trial.recordOnce(phone)
			trial.checkAcrossRestart(func() {
				trial.requireRecorded(phone, true)
				trial.requireRecorded(recent, false)
			})
		}},
	{"a second sign-in keeps the device's remembered requests", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		trial.recordOnce(key)
		trial.requireNoError(trial.EndSessions(trial.ctx, trial.listSessions()))
		trial.startSessions(newSession(ann, "phone", 2))
		trial.checkAcrossRestart(func() { trial.requireRecorded(key, true) })
	}},
	{"requests of a forgotten device stay void when the forgetting itself is forgotten",
		func(trial *contractTrial) {
			trial.createAccounts(ann)
			trial.startSessions(newSession(ann, "phone", 1))
			old := onDevice(longKey(ann, 1, time.Minute), "phone")
			trial.recordOnce(old)
			trial.forgetDevice(ann, 1, longKey(ann, 2, time.Minute))
			trial.recordOnce(longKey(ann, 3, 3*time.Minute))
			trial.requireNoError(trial.RecordUptime(trial.ctx, 3*time.Minute, 2*time.Minute))
			trial.checkAcrossRestart(func() { trial.requireRecorded(old, false) })
		}},
}

// requireNotAsleep requires that no sleeping session of the account has the token.
func (ct *contractTrial) requireNotAsleep(uin rookery.UIN, token rookery.TokenHash) {
	ct.Helper()
	_, err := ct.SleepingSession(ct.ctx, uin, token)
	ct.requireCode(err, rookery.CodeNotSignedIn)
}

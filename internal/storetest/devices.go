package storetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

func (x *contractTrial) listDevices(uin rookery.UIN) []rookery.Device {
	x.Helper()
	devices, err := x.Devices(x.ctx, uin)
	x.requireNoError(err)
	return devices
}

func (x *contractTrial) forgetDevice(uin rookery.UIN, id uint64, key rookery.RequestKey) rookery.Receipt {
	x.Helper()
	receipt, err := x.ForgetDevice(x.ctx, uin, id, key)
	x.requireNoError(err)
	return receipt
}

var deviceTests = []contractTest{
	{"a device is made by its first sign-in, and devices are listed by number", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		desk := newSession(ann, "desk", 2)
		desk.SignedInAt = noon.Add(time.Hour)
		x.startSessions(newSession(ann, "phone", 1), desk, newSession(ann, "", 3), newSession(bob, "desk", 4))
		x.checkAcrossRestart(func() {
			x.requireEqual("devices of ann", x.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon, SignedIn: true}, {ID: 2, Name: "desk", SignedInAt: noon.Add(time.Hour), SignedIn: true},
			})
			x.requireEqual("devices of bob", x.listDevices(bob), []rookery.Device{{ID: 1, Name: "desk", SignedInAt: noon, SignedIn: true}})
			x.requireEqual("devices of nobody", x.listDevices(nobody), []rookery.Device(nil))
		})
	}},
	{"a device outlives its session", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		x.requireNoError(x.EndSessions(x.ctx, []rookery.Session{newSession(ann, "phone", 1)}))
		x.checkAcrossRestart(func() {
			x.requireEqual("devices", x.listDevices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true},
			})
		})
		x.requireNoError(x.SetCredential(x.ctx, ann, "secret"))
		x.checkAcrossRestart(func() {
			x.requireEqual("with a new credential", x.listDevices(ann), []rookery.Device{{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon}})
		})
	}},
	{"a session that sleeps stays, and is found by its token", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		x.startSessions(phone, desk, newSession(bob, "phone", 3))
		late := desk
		late.ID = 9
		x.requireNoError(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone, late, newSession(nobody, "phone", 4)}))
		phone.Asleep = true
		x.checkAcrossRestart(func() {
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{desk, phone, newSession(bob, "phone", 3)})
			found, err := x.SleepingSession(x.ctx, ann, phone.Token)
			x.requireNoError(err)
			x.requireEqual("found", found, phone)
			x.requireNotAsleep(ann, desk.Token)
			x.requireNotAsleep(bob, phone.Token)
			x.requireNotAsleep(nobody, phone.Token)
		})
		x.requireEqual("devices", x.listDevices(ann)[0].SignedIn, true)
	}},
	{"a session that sleeps has the account's status when it wakes", func(x *contractTrial) {
		x.createAccounts(ann)
		phone := newSession(ann, "phone", 1)
		x.startSessions(phone)
		x.requireNoError(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone}))
		_, err := x.SetStatus(x.ctx, ann, rookery.StatusInvisible, rookery.RequestKey{})
		x.requireNoError(err)
		phone.Status, phone.Address = rookery.StatusInvisible, netip.MustParseAddr("192.0.2.7")
		late := phone
		late.ID = 9
		x.requireCode(x.WakeSession(x.ctx, late), rookery.CodeNotSignedIn)
		x.requireNoError(x.WakeSession(x.ctx, phone))
		x.checkAcrossRestart(func() {
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{phone})
			x.requireNotAsleep(ann, phone.Token)
		})
		x.requireCode(x.WakeSession(x.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a sign-in and a sign-out end a sleep for good", func(x *contractTrial) {
		x.createAccounts(ann)
		phone, desk := newSession(ann, "phone", 1), newSession(ann, "desk", 2)
		x.startSessions(phone, desk)
		x.requireNoError(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone, desk}))
		x.startSessions(newSession(ann, "phone", 3))
		x.requireNoError(x.EndSessions(x.ctx, []rookery.Session{desk}))
		x.checkAcrossRestart(func() {
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "phone", 3)})
			x.requireNotAsleep(ann, phone.Token)
			x.requireNotAsleep(ann, desk.Token)
		})
		x.requireCode(x.WakeSession(x.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a renewed sign-in keeps the device's number and place, and has its own time and token", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1))
		want := rookery.Cursor{Number: 3, RepeatFrom: 2, State: []byte("memo")}
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", want))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 9}))
		again := newSession(ann, "phone", 2)
		again.SignedInAt = noon.Add(time.Hour)
		x.startSessions(again)
		x.checkAcrossRestart(func() {
			x.requireEqual("devices", x.listDevices(ann), []rookery.Device{{ID: 1, Name: "phone", SignedInAt: again.SignedInAt, SignedIn: true}})
			x.requireEqual("place", x.loadCursor(ann, "phone"), want)
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{again})
		})
	}},
	{"a new device's place is the furthest of all collectors of the account", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "first", 1))
		x.requireEqual("with nobody before it", x.loadCursor(ann, "first"), rookery.Cursor{})
		x.requireNoError(x.SaveCursor(x.ctx, ann, "first", rookery.Cursor{Number: 2, RepeatFrom: 1, State: []byte("memo")}))
		x.requireNoError(x.SaveCursor(x.ctx, bob, "", rookery.Cursor{Number: 9}))
		x.startSessions(newSession(ann, "second", 2))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 5}))
		x.startSessions(newSession(ann, "third", 3))
		x.checkAcrossRestart(func() {
			x.requireEqual("behind a device", x.loadCursor(ann, "second"), rookery.Cursor{Number: 2})
			x.requireEqual("behind an address", x.loadCursor(ann, "third"), rookery.Cursor{Number: 5})
		})
	}},
	{"a new device begins behind what a forgotten one has taken", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 4, RepeatFrom: 2}))
		x.forgetDevice(ann, 1, rookery.RequestKey{})
		x.forgetDevice(ann, 2, rookery.RequestKey{})
		x.restart()
		x.startSessions(newSession(ann, "phone", 3))
		x.requireEqual("place", x.loadCursor(ann, "phone"), rookery.Cursor{Number: 4})
	}},
	{"one device more than allowed is refused, one that is known is not", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		for i := range uint64(rookery.MaxDevices) {
			x.startSessions(newSession(ann, fmt.Sprint(i), i+1))
		}
		known := newSession(ann, "new", 100)
		known.Address = known.Address.Next()
		x.requireCode(x.StartSession(x.ctx, known, "secret"), rookery.CodeRefused)
		x.requireEqual("sessions", len(x.listSessions()), rookery.MaxDevices)
		x.requireEqual("devices", len(x.listDevices(ann)), rookery.MaxDevices)
		is, err := x.IsKnownAddress(x.ctx, ann, known.Address)
		x.requireNoError(err)
		x.requireEqual("the address is known", is, false)
		x.startSessions(newSession(ann, "0", 101), newSession(ann, "", 102), newSession(bob, "new", 103))
		x.forgetDevice(ann, 7, rookery.RequestKey{})
		x.startSessions(known)
	}},
	{"a refused or unproved sign-in makes no device", func(x *contractTrial) {
		x.createAccounts(ann)
		x.requireCode(x.StartSession(x.ctx, newSession(ann, "phone", 1), "guess"), rookery.CodeConflict)
		x.requireEqual("devices", x.listDevices(ann), []rookery.Device(nil))
	}},
	{"a forgotten device takes its session and its place along, and nothing else", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2), newSession(ann, "", 3), newSession(bob, "phone", 4))
		for _, device := range []string{"phone", "desk"} {
			x.requireNoError(x.SaveCursor(x.ctx, ann, device, rookery.Cursor{Number: 2}))
		}
		x.requireNoError(x.SaveCursor(x.ctx, bob, "phone", rookery.Cursor{Number: 2}))
		x.requireEqual("receipt", x.forgetDevice(ann, 1, rookery.RequestKey{}), rookery.Receipt{})
		x.checkAcrossRestart(func() {
			x.requireEqual("devices", x.listDevices(ann), []rookery.Device{{ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true}})
			x.requireEqual("sessions", x.listSessions(), []rookery.Session{newSession(ann, "", 3), newSession(ann, "desk", 2), newSession(bob, "phone", 4)})
			x.requireEqual("place", x.loadCursor(ann, "phone"), rookery.Cursor{})
			x.requireEqual("place of the other", x.loadCursor(ann, "desk").Number, uint64(2))
			x.requireEqual("place of another account's", x.loadCursor(bob, "phone").Number, uint64(2))
		})
	}},
	{"nothing is stored of what a forgotten device collects", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1))
		x.forgetDevice(ann, 1, rookery.RequestKey{})
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 1}))
		x.checkAcrossRestart(func() { x.requireEqual("place", x.loadCursor(ann, "phone"), rookery.Cursor{}) })
		x.deliverTexts(ann, bob, "1", "2")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 2}))
		x.requireEqual("it keeps nothing", x.purgeAll(noon.Add(oneDay), 10), 1)
	}},
	{"to forget what is no device of the account is refused, and is not remembered", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(bob, "phone", 1))
		for _, uin := range []rookery.UIN{ann, nobody} {
			key := longKey(uin, 1, time.Minute)
			_, err := x.ForgetDevice(x.ctx, uin, 1, key)
			x.requireCode(err, rookery.CodeParameter)
			x.requireRecorded(key, false)
		}
		x.requireEqual("devices of bob", len(x.listDevices(bob)), 1)
	}},
	{"numbers of devices are not given twice", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		x.forgetDevice(ann, 2, rookery.RequestKey{})
		x.forgetDevice(ann, 1, rookery.RequestKey{})
		x.restart()
		x.startSessions(newSession(ann, "phone", 3), newSession(ann, "desk", 4))
		x.requireEqual("devices", x.listDevices(ann), []rookery.Device{
			{ID: 3, Name: "phone", SignedInAt: noon, SignedIn: true}, {ID: 4, Name: "desk", SignedInAt: noon, SignedIn: true},
		})
	}},
	{"a repeated forgetting gets the first outcome and does nothing", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		key := onDevice(longKey(ann, 1, time.Minute), "desk")
		x.forgetDevice(ann, 1, key)
		x.startSessions(newSession(ann, "phone", 3))
		x.checkAcrossRestart(func() {
			x.requireEqual("receipt", x.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true})
			x.requireEqual("devices", len(x.listDevices(ann)), 2)
		})
	}},
	{"a device that forgets itself gets the first outcome too", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		x.forgetDevice(ann, 1, key)
		x.checkAcrossRestart(func() { x.requireEqual("receipt", x.forgetDevice(ann, 1, key), rookery.Receipt{Repeated: true}) })
	}},
	{"marks of a forgotten device are of no use to a new one of its name, others' marks stay", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		x.startSessions(newSession(ann, "phone", 1), newSession(ann, "desk", 2))
		phone, recent := onDevice(longKey(ann, 1, time.Minute), "phone"), onDevice(shortKey(ann, 2, time.Minute), "phone")
		others := []rookery.RequestKey{onDevice(longKey(ann, 3, time.Minute), "desk"), onDevice(longKey(bob, 4, time.Minute), "phone"), longKey(ann, 5, time.Minute)}
		for _, key := range append(others, phone, recent) {
			x.recordOnce(key)
		}
		x.requireRecorded(phone, true)
		x.requireRecorded(recent, true)
		x.forgetDevice(ann, 1, rookery.RequestKey{})
		x.startSessions(newSession(ann, "phone", 3))
		x.checkAcrossRestart(func() {
			x.requireRecorded(phone, false)
			x.requireRecorded(recent, false)
			for _, key := range others {
				x.requireRecorded(key, true)
			}
		})
		x.recordOnce(recent)
		x.recordOnce(phone)
		x.checkAcrossRestart(func() {
			x.requireRecorded(phone, true)
			x.requireRecorded(recent, false)
		})
	}},
	{"marks of a renewed device go on to count", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1))
		key := onDevice(longKey(ann, 1, time.Minute), "phone")
		x.recordOnce(key)
		x.requireNoError(x.EndSessions(x.ctx, x.listSessions()))
		x.startSessions(newSession(ann, "phone", 2))
		x.checkAcrossRestart(func() { x.requireRecorded(key, true) })
	}},
	{"what a forgotten device did long ago does not come back when its forgetting is forgotten", func(x *contractTrial) {
		x.createAccounts(ann)
		x.startSessions(newSession(ann, "phone", 1))
		old := onDevice(longKey(ann, 1, time.Minute), "phone")
		x.recordOnce(old)
		x.forgetDevice(ann, 1, longKey(ann, 2, time.Minute))
		x.recordOnce(longKey(ann, 3, 3*time.Minute))
		x.requireNoError(x.RecordUptime(x.ctx, 3*time.Minute, 2*time.Minute))
		x.checkAcrossRestart(func() { x.requireRecorded(old, false) })
	}},
}

// requireNotAsleep says that no session of an account that sleeps has the token.
func (x *contractTrial) requireNotAsleep(uin rookery.UIN, token rookery.TokenHash) {
	x.Helper()
	_, err := x.SleepingSession(x.ctx, uin, token)
	x.requireCode(err, rookery.CodeNotSignedIn)
}

package storetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

func (x *trial) devices(uin rookery.UIN) []rookery.Device {
	x.Helper()
	devices, err := x.Devices(x.ctx, uin)
	x.must(err)
	return devices
}

func (x *trial) forget(uin rookery.UIN, id uint64, key rookery.RequestKey) rookery.Receipt {
	x.Helper()
	receipt, err := x.ForgetDevice(x.ctx, uin, id, key)
	x.must(err)
	return receipt
}

var deviceTests = []test{
	{"a device is made by its first sign-in, and devices are listed by number", func(x *trial) {
		x.add(ann, bob)
		desk := session(ann, "desk", 2)
		desk.SignedInAt = noon.Add(time.Hour)
		x.signIn(session(ann, "phone", 1), desk, session(ann, "", 3), session(bob, "desk", 4))
		x.twice(func() {
			x.equal("devices of ann", x.devices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon, SignedIn: true}, {ID: 2, Name: "desk", SignedInAt: noon.Add(time.Hour), SignedIn: true},
			})
			x.equal("devices of bob", x.devices(bob), []rookery.Device{{ID: 1, Name: "desk", SignedInAt: noon, SignedIn: true}})
			x.equal("devices of nobody", x.devices(nobody), []rookery.Device(nil))
		})
	}},
	{"a device outlives its session", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		x.must(x.EndSessions(x.ctx, []rookery.Session{session(ann, "phone", 1)}))
		x.twice(func() {
			x.equal("devices", x.devices(ann), []rookery.Device{
				{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true},
			})
		})
		x.must(x.SetCredential(x.ctx, ann, "secret"))
		x.twice(func() {
			x.equal("with a new credential", x.devices(ann), []rookery.Device{{ID: 1, Name: "phone", SignedInAt: noon}, {ID: 2, Name: "desk", SignedInAt: noon}})
		})
	}},
	{"a session that sleeps stays, and is found by its token", func(x *trial) {
		x.add(ann, bob)
		phone, desk := session(ann, "phone", 1), session(ann, "desk", 2)
		x.signIn(phone, desk, session(bob, "phone", 3))
		late := desk
		late.ID = 9
		x.must(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone, late, session(nobody, "phone", 4)}))
		phone.Asleep = true
		x.twice(func() {
			x.equal("sessions", x.sessions(), []rookery.Session{desk, phone, session(bob, "phone", 3)})
			found, err := x.SleepingSession(x.ctx, ann, phone.Token)
			x.must(err)
			x.equal("found", found, phone)
			x.refusedAsleep(ann, desk.Token)
			x.refusedAsleep(bob, phone.Token)
			x.refusedAsleep(nobody, phone.Token)
		})
		x.equal("devices", x.devices(ann)[0].SignedIn, true)
	}},
	{"a session that sleeps has the account's status when it wakes", func(x *trial) {
		x.add(ann)
		phone := session(ann, "phone", 1)
		x.signIn(phone)
		x.must(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone}))
		_, err := x.SetStatus(x.ctx, ann, rookery.StatusInvisible, rookery.RequestKey{})
		x.must(err)
		phone.Status, phone.Address = rookery.StatusInvisible, netip.MustParseAddr("192.0.2.7")
		late := phone
		late.ID = 9
		x.refused(x.WakeSession(x.ctx, late), rookery.CodeNotSignedIn)
		x.must(x.WakeSession(x.ctx, phone))
		x.twice(func() {
			x.equal("sessions", x.sessions(), []rookery.Session{phone})
			x.refusedAsleep(ann, phone.Token)
		})
		x.refused(x.WakeSession(x.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a sign-in and a sign-out end a sleep for good", func(x *trial) {
		x.add(ann)
		phone, desk := session(ann, "phone", 1), session(ann, "desk", 2)
		x.signIn(phone, desk)
		x.must(x.SetSessionsAsleep(x.ctx, []rookery.Session{phone, desk}))
		x.signIn(session(ann, "phone", 3))
		x.must(x.EndSessions(x.ctx, []rookery.Session{desk}))
		x.twice(func() {
			x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "phone", 3)})
			x.refusedAsleep(ann, phone.Token)
			x.refusedAsleep(ann, desk.Token)
		})
		x.refused(x.WakeSession(x.ctx, phone), rookery.CodeNotSignedIn)
	}},
	{"a renewed sign-in keeps the device's number and place, and has its own time and token", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1))
		want := rookery.Cursor{Number: 3, RepeatFrom: 2, State: []byte("memo")}
		x.must(x.SaveCursor(x.ctx, ann, "phone", want))
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 9}))
		again := session(ann, "phone", 2)
		again.SignedInAt = noon.Add(time.Hour)
		x.signIn(again)
		x.twice(func() {
			x.equal("devices", x.devices(ann), []rookery.Device{{ID: 1, Name: "phone", SignedInAt: again.SignedInAt, SignedIn: true}})
			x.equal("place", x.place(ann, "phone"), want)
			x.equal("sessions", x.sessions(), []rookery.Session{again})
		})
	}},
	{"a new device's place is the furthest of all collectors of the account", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "first", 1))
		x.equal("with nobody before it", x.place(ann, "first"), rookery.Cursor{})
		x.must(x.SaveCursor(x.ctx, ann, "first", rookery.Cursor{Number: 2, RepeatFrom: 1, State: []byte("memo")}))
		x.must(x.SaveCursor(x.ctx, bob, "", rookery.Cursor{Number: 9}))
		x.signIn(session(ann, "second", 2))
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 5}))
		x.signIn(session(ann, "third", 3))
		x.twice(func() {
			x.equal("behind a device", x.place(ann, "second"), rookery.Cursor{Number: 2})
			x.equal("behind an address", x.place(ann, "third"), rookery.Cursor{Number: 5})
		})
	}},
	{"a new device begins behind what a forgotten one has taken", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 4, RepeatFrom: 2}))
		x.forget(ann, 1, rookery.RequestKey{})
		x.forget(ann, 2, rookery.RequestKey{})
		x.reopen()
		x.signIn(session(ann, "phone", 3))
		x.equal("place", x.place(ann, "phone"), rookery.Cursor{Number: 4})
	}},
	{"one device more than allowed is refused, one that is known is not", func(x *trial) {
		x.add(ann, bob)
		for i := range uint64(rookery.MaxDevices) {
			x.signIn(session(ann, fmt.Sprint(i), i+1))
		}
		known := session(ann, "new", 100)
		known.Address = known.Address.Next()
		x.refused(x.StartSession(x.ctx, known, "secret"), rookery.CodeRefused)
		x.equal("sessions", len(x.sessions()), rookery.MaxDevices)
		x.equal("devices", len(x.devices(ann)), rookery.MaxDevices)
		is, err := x.IsKnownAddress(x.ctx, ann, known.Address)
		x.must(err)
		x.equal("the address is known", is, false)
		x.signIn(session(ann, "0", 101), session(ann, "", 102), session(bob, "new", 103))
		x.forget(ann, 7, rookery.RequestKey{})
		x.signIn(known)
	}},
	{"a refused or unproved sign-in makes no device", func(x *trial) {
		x.add(ann)
		x.refused(x.StartSession(x.ctx, session(ann, "phone", 1), "guess"), rookery.CodeConflict)
		x.equal("devices", x.devices(ann), []rookery.Device(nil))
	}},
	{"a forgotten device takes its session and its place along, and nothing else", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2), session(ann, "", 3), session(bob, "phone", 4))
		for _, device := range []string{"phone", "desk"} {
			x.must(x.SaveCursor(x.ctx, ann, device, rookery.Cursor{Number: 2}))
		}
		x.must(x.SaveCursor(x.ctx, bob, "phone", rookery.Cursor{Number: 2}))
		x.equal("receipt", x.forget(ann, 1, rookery.RequestKey{}), rookery.Receipt{})
		x.twice(func() {
			x.equal("devices", x.devices(ann), []rookery.Device{{ID: 2, Name: "desk", SignedInAt: noon, SignedIn: true}})
			x.equal("sessions", x.sessions(), []rookery.Session{session(ann, "", 3), session(ann, "desk", 2), session(bob, "phone", 4)})
			x.equal("place", x.place(ann, "phone"), rookery.Cursor{})
			x.equal("place of the other", x.place(ann, "desk").Number, uint64(2))
			x.equal("place of another account's", x.place(bob, "phone").Number, uint64(2))
		})
	}},
	{"nothing is stored of what a forgotten device collects", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1))
		x.forget(ann, 1, rookery.RequestKey{})
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 3, RepeatFrom: 1}))
		x.twice(func() { x.equal("place", x.place(ann, "phone"), rookery.Cursor{}) })
		x.send(ann, bob, "1", "2")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 2}))
		x.equal("it keeps nothing", x.purge(noon.Add(tomorrow), 10), 1)
	}},
	{"to forget what is no device of the account is refused, and is not remembered", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(bob, "phone", 1))
		for _, uin := range []rookery.UIN{ann, nobody} {
			key := mark(uin, 1, time.Minute)
			_, err := x.ForgetDevice(x.ctx, uin, 1, key)
			x.refused(err, rookery.CodeParameter)
			x.recalls(key, false)
		}
		x.equal("devices of bob", len(x.devices(bob)), 1)
	}},
	{"numbers of devices are not given twice", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		x.forget(ann, 2, rookery.RequestKey{})
		x.forget(ann, 1, rookery.RequestKey{})
		x.reopen()
		x.signIn(session(ann, "phone", 3), session(ann, "desk", 4))
		x.equal("devices", x.devices(ann), []rookery.Device{
			{ID: 3, Name: "phone", SignedInAt: noon, SignedIn: true}, {ID: 4, Name: "desk", SignedInAt: noon, SignedIn: true},
		})
	}},
	{"a repeated forgetting gets the first outcome and does nothing", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		key := onDevice(mark(ann, 1, time.Minute), "desk")
		x.forget(ann, 1, key)
		x.signIn(session(ann, "phone", 3))
		x.twice(func() {
			x.equal("receipt", x.forget(ann, 1, key), rookery.Receipt{Repeated: true})
			x.equal("devices", len(x.devices(ann)), 2)
		})
	}},
	{"a device that forgets itself gets the first outcome too", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1))
		key := onDevice(mark(ann, 1, time.Minute), "phone")
		x.forget(ann, 1, key)
		x.twice(func() { x.equal("receipt", x.forget(ann, 1, key), rookery.Receipt{Repeated: true}) })
	}},
	{"marks of a forgotten device are of no use to a new one of its name, others' marks stay", func(x *trial) {
		x.add(ann, bob)
		x.signIn(session(ann, "phone", 1), session(ann, "desk", 2))
		phone, recent := onDevice(mark(ann, 1, time.Minute), "phone"), onDevice(short(ann, 2, time.Minute), "phone")
		others := []rookery.RequestKey{onDevice(mark(ann, 3, time.Minute), "desk"), onDevice(mark(bob, 4, time.Minute), "phone"), mark(ann, 5, time.Minute)}
		for _, key := range append(others, phone, recent) {
			x.do(key)
		}
		x.recalls(phone, true)
		x.recalls(recent, true)
		x.forget(ann, 1, rookery.RequestKey{})
		x.signIn(session(ann, "phone", 3))
		x.twice(func() {
			x.recalls(phone, false)
			x.recalls(recent, false)
			for _, key := range others {
				x.recalls(key, true)
			}
		})
		x.do(recent)
		x.do(phone)
		x.twice(func() {
			x.recalls(phone, true)
			x.recalls(recent, false)
		})
	}},
	{"marks of a renewed device go on to count", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1))
		key := onDevice(mark(ann, 1, time.Minute), "phone")
		x.do(key)
		x.must(x.EndSessions(x.ctx, x.sessions()))
		x.signIn(session(ann, "phone", 2))
		x.twice(func() { x.recalls(key, true) })
	}},
	{"what a forgotten device did long ago does not come back when its forgetting is forgotten", func(x *trial) {
		x.add(ann)
		x.signIn(session(ann, "phone", 1))
		old := onDevice(mark(ann, 1, time.Minute), "phone")
		x.do(old)
		x.forget(ann, 1, mark(ann, 2, time.Minute))
		x.do(mark(ann, 3, 3*time.Minute))
		x.must(x.RecordUptime(x.ctx, 3*time.Minute, 2*time.Minute))
		x.twice(func() { x.recalls(old, false) })
	}},
}

// refusedAsleep says that no session of an account that sleeps has the token.
func (x *trial) refusedAsleep(uin rookery.UIN, token rookery.TokenHash) {
	x.Helper()
	_, err := x.SleepingSession(x.ctx, uin, token)
	x.refused(err, rookery.CodeNotSignedIn)
}

package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (d *dice) session() rookery.Session {
	d.ids++
	s := session(d.uin(), d.device(), d.ids)
	s.Address, s.Status = d.addr(), rookery.Status(d.IntN(7)*10+10)
	return s
}

func (d *dice) signIn() call {
	session := d.session()
	return call{fmt.Sprintf("sign in %+v", session), func(store service.Store) any {
		return outcome(store.StartSession(d.ctx, session, "secret"))
	}}
}

func (d *dice) signOut() call {
	session := d.session()
	session.ID = d.ids - uint64(d.IntN(40))
	return call{fmt.Sprintf("sign out %+v", session), func(store service.Store) any {
		return outcome(store.EndSessions(d.ctx, []rookery.Session{session}))
	}}
}

func (d *dice) sleep() call {
	session := d.session()
	session.ID = d.ids - uint64(d.IntN(10))
	return call{fmt.Sprintf("sleep %+v", session), func(store service.Store) any {
		return outcome(store.SetSessionsAsleep(d.ctx, []rookery.Session{session}))
	}}
}

func (d *dice) wake() call {
	session := d.session()
	session.ID = d.ids - uint64(d.IntN(10))
	session.Token = rookery.NewToken([rookery.TokenBytes]byte{byte(session.ID), byte(session.ID >> 8)}).Hash()
	return call{fmt.Sprintf("wake %+v", session), func(store service.Store) any {
		found, err := store.SleepingSession(d.ctx, session.Account, session.Token)
		if err == nil {
			err = store.WakeSession(d.ctx, found)
		}
		return outcome(err, found)
	}}
}

func (d *dice) setEncoding() call {
	session := d.session()
	session.ID, session.Encoding = d.ids-uint64(d.IntN(40)), uint8(d.IntN(3))
	return call{fmt.Sprintf("set encoding %+v", session), func(store service.Store) any { return outcome(store.SetSessionEncoding(d.ctx, session)) }}
}

func (d *dice) setByNumber() call {
	session := d.session()
	session.ID, session.ConfirmsByNumber = d.ids-uint64(d.IntN(40)), d.IntN(3) > 0
	return call{fmt.Sprintf("set by number %+v", session), func(store service.Store) any { return outcome(store.SetConfirmsByNumber(d.ctx, session)) }}
}

func (d *dice) setStatus() call {
	uin, status, key := d.uin(), rookery.Status(d.IntN(7)*10+10), d.mark()
	return call{fmt.Sprintf("set status %d of %d, %+v", status, uin, key), func(store service.Store) any {
		receipt, err := store.SetStatus(d.ctx, uin, status, key)
		return outcome(err, receipt)
	}}
}

func (d *dice) known() call {
	uin, addr := d.uin(), d.addr()
	return call{fmt.Sprint("known ", uin, addr), func(store service.Store) any {
		known, err := store.IsKnownAddress(d.ctx, uin, addr)
		return outcome(err, known)
	}}
}

// forgetDevice forgets one that the account has, or one that it never had.
func (d *dice) forgetDevice() call {
	uin, i, key := d.uin(), d.IntN(3), d.mark()
	return call{fmt.Sprintf("forget device of %d, %+v", uin, key), func(store service.Store) any {
		devices, err := store.Devices(d.ctx, uin)
		if err != nil {
			return outcome(err)
		}
		id := uint64(1 << 40)
		if i < len(devices) {
			id = devices[i].ID
		}
		receipt, err := store.ForgetDevice(d.ctx, uin, id, key)
		return outcome(err, receipt, devices)
	}}
}

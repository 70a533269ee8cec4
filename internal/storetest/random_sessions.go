package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (d *operationGenerator) randomSession() rookery.Session {
	d.sessionIDs++
	s := newSession(d.randomUIN(), d.randomDevice(), d.sessionIDs)
	s.Address, s.Status = d.randomAddress(), rookery.Status(d.IntN(7)*10+10)
	return s
}

func (d *operationGenerator) startSession() operation {
	session := d.randomSession()
	return operation{fmt.Sprintf("sign in %+v", session), func(store service.Store) any {
		return resultOf(store.StartSession(d.ctx, session, "secret"))
	}}
}

func (d *operationGenerator) endSessions() operation {
	session := d.randomSession()
	session.ID = d.sessionIDs - uint64(d.IntN(40))
	return operation{fmt.Sprintf("sign out %+v", session), func(store service.Store) any {
		return resultOf(store.EndSessions(d.ctx, []rookery.Session{session}))
	}}
}

func (d *operationGenerator) setAsleep() operation {
	session := d.randomSession()
	session.ID = d.sessionIDs - uint64(d.IntN(10))
	return operation{fmt.Sprintf("sleep %+v", session), func(store service.Store) any {
		return resultOf(store.SetSessionsAsleep(d.ctx, []rookery.Session{session}))
	}}
}

func (d *operationGenerator) wakeSession() operation {
	session := d.randomSession()
	session.ID = d.sessionIDs - uint64(d.IntN(10))
	session.Token = rookery.NewToken([rookery.TokenBytes]byte{byte(session.ID), byte(session.ID >> 8)}).Hash()
	return operation{fmt.Sprintf("wake %+v", session), func(store service.Store) any {
		found, err := store.SleepingSession(d.ctx, session.Account, session.Token)
		if err == nil {
			err = store.WakeSession(d.ctx, found)
		}
		return resultOf(err, found)
	}}
}

func (d *operationGenerator) setSessionEncoding() operation {
	session := d.randomSession()
	session.ID, session.Encoding = d.sessionIDs-uint64(d.IntN(40)), uint8(d.IntN(3))
	return operation{
		fmt.Sprintf("set encoding %+v", session),
		func(store service.Store) any { return resultOf(store.SetSessionEncoding(d.ctx, session)) },
	}
}

func (d *operationGenerator) setConfirmsByNumber() operation {
	session := d.randomSession()
	session.ID, session.ConfirmsByNumber = d.sessionIDs-uint64(d.IntN(40)), d.IntN(3) > 0
	return operation{
		fmt.Sprintf("set by number %+v", session),
		func(store service.Store) any { return resultOf(store.SetConfirmsByNumber(d.ctx, session)) },
	}
}

func (d *operationGenerator) setStatus() operation {
	uin, status, key := d.randomUIN(), rookery.Status(d.IntN(7)*10+10), d.randomKey()
	return operation{fmt.Sprintf("set status %d of %d, %+v", status, uin, key), func(store service.Store) any {
		receipt, err := store.SetStatus(d.ctx, uin, status, key)
		return resultOf(err, receipt)
	}}
}

func (d *operationGenerator) isKnownAddress() operation {
	uin, addr := d.randomUIN(), d.randomAddress()
	return operation{fmt.Sprint("known ", uin, addr), func(store service.Store) any {
		known, err := store.IsKnownAddress(d.ctx, uin, addr)
		return resultOf(err, known)
	}}
}

// forgetDevice forgets a device of the account, or one that the account never had.
func (d *operationGenerator) forgetDevice() operation {
	uin, i, key := d.randomUIN(), d.IntN(3), d.randomKey()
	return operation{fmt.Sprintf("forget device of %d, %+v", uin, key), func(store service.Store) any {
		devices, err := store.Devices(d.ctx, uin)
		if err != nil {
			return resultOf(err)
		}
		id := uint64(1 << 40)
		if i < len(devices) {
			id = devices[i].ID
		}
		receipt, err := store.ForgetDevice(d.ctx, uin, id, key)
		return resultOf(err, receipt, devices)
	}}
}

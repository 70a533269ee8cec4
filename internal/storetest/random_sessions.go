package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (g *operationGenerator) randomSession() rookery.Session {
	g.sessionIDs++
	s := newSession(g.randomUIN(), g.randomDevice(), g.sessionIDs)
	s.Address, s.Status = g.randomAddress(), rookery.Status(g.IntN(7)*10+10)
	return s
}

func (g *operationGenerator) startSession() operation {
	session := g.randomSession()
	return operation{fmt.Sprintf("sign in %+v", session), func(store service.Store) any {
		return resultOf(store.StartSession(g.ctx, session, "secret"))
	}}
}

func (g *operationGenerator) endSessions() operation {
	session := g.randomSession()
	session.ID = g.sessionIDs - uint64(g.IntN(40))
	return operation{fmt.Sprintf("sign out %+v", session), func(store service.Store) any {
		return resultOf(store.EndSessions(g.ctx, []rookery.Session{session}))
	}}
}

func (g *operationGenerator) setAsleep() operation {
	session := g.randomSession()
	session.ID = g.sessionIDs - uint64(g.IntN(10))
	return operation{fmt.Sprintf("sleep %+v", session), func(store service.Store) any {
		return resultOf(store.SetSessionsAsleep(g.ctx, []rookery.Session{session}))
	}}
}

func (g *operationGenerator) wakeSession() operation {
	session := g.randomSession()
	session.ID = g.sessionIDs - uint64(g.IntN(10))
	session.Token = rookery.NewToken([rookery.TokenBytes]byte{byte(session.ID), byte(session.ID >> 8)}).Hash()
	return operation{fmt.Sprintf("wake %+v", session), func(store service.Store) any {
		found, err := store.SleepingSession(g.ctx, session.Account, session.Token)
		if err == nil {
			err = store.WakeSession(g.ctx, found)
		}
		return resultOf(err, found)
	}}
}

func (g *operationGenerator) setSessionEncoding() operation {
	session := g.randomSession()
	session.ID, session.Encoding = g.sessionIDs-uint64(g.IntN(40)), uint8(g.IntN(3))
	return operation{
		fmt.Sprintf("set encoding %+v", session),
		func(store service.Store) any { return resultOf(store.SetSessionEncoding(g.ctx, session)) },
	}
}

func (g *operationGenerator) setConfirmsByNumber() operation {
	session := g.randomSession()
	session.ID, session.ConfirmsByNumber = g.sessionIDs-uint64(g.IntN(40)), g.IntN(3) > 0
	return operation{
		fmt.Sprintf("set by number %+v", session),
		func(store service.Store) any { return resultOf(store.SetConfirmsByNumber(g.ctx, session)) },
	}
}

func (g *operationGenerator) setStatus() operation {
	uin, status, key := g.randomUIN(), rookery.Status(g.IntN(7)*10+10), g.randomKey()
	return operation{fmt.Sprintf("set status %d of %d, %+v", status, uin, key), func(store service.Store) any {
		receipt, err := store.SetStatus(g.ctx, uin, status, key)
		return resultOf(err, receipt)
	}}
}

func (g *operationGenerator) isKnownAddress() operation {
	uin, addr := g.randomUIN(), g.randomAddress()
	return operation{fmt.Sprint("known ", uin, addr), func(store service.Store) any {
		known, err := store.IsKnownAddress(g.ctx, uin, addr)
		return resultOf(err, known)
	}}
}

// forgetDevice forgets a device of the account, or one that the account never had.
func (g *operationGenerator) forgetDevice() operation {
	uin, i, key := g.randomUIN(), g.IntN(3), g.randomKey()
	return operation{fmt.Sprintf("forget device of %d, %+v", uin, key), func(store service.Store) any {
		devices, err := store.Devices(g.ctx, uin)
		if err != nil {
			return resultOf(err)
		}
		id := uint64(1 << 40)
		if i < len(devices) {
			id = devices[i].ID
		}
		receipt, err := store.ForgetDevice(g.ctx, uin, id, key)
		return resultOf(err, receipt, devices)
	}}
}

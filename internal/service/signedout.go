package service

import (
	"context"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// unsavedLogouts are sessions whose users have signed out while the store could not
// be told, because its disk was full. For everybody they have ended. If the
// server dies before the store knows, they are back.
type unsavedLogouts struct {
	mu   sync.Mutex
	list []rookery.Session // guarded by mu
}

// end has the store end a session, now or as soon as it can.
func (o *unsavedLogouts) end(ctx context.Context, svc *Service, session rookery.Session) {
	err := svc.store.EndSessions(ctx, []rookery.Session{session})
	if err == nil {
		return
	}
	svc.log.Warn("a session has ended, and the store cannot be told yet: it is back if the server is killed before",
		"account", session.Account, "device", session.Device, "error", err)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hasLocked(session) {
		o.list = append(o.list, session)
	}
}

// has reports whether a session of the store has ended.
func (o *unsavedLogouts) has(session rookery.Session) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hasLocked(session)
}

func (o *unsavedLogouts) hasLocked(session rookery.Session) bool {
	return slices.ContainsFunc(o.list, same(session))
}

func same(session rookery.Session) func(rookery.Session) bool {
	return func(other rookery.Session) bool { return other.Account == session.Account && other.ID == session.ID }
}

// store tells the store of those that it does not know of.
func (o *unsavedLogouts) store(ctx context.Context, svc *Service) {
	o.mu.Lock()
	list := slices.Clone(o.list)
	o.mu.Unlock()
	if len(list) == 0 {
		return
	}
	if err := svc.store.EndSessions(ctx, list); err != nil {
		return // said already; the store tells when it works again
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, known := range list {
		o.list = slices.DeleteFunc(o.list, same(known))
	}
}

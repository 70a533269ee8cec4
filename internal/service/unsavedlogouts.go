package service

import (
	"context"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// unsavedLogouts holds the sessions that have ended but could not be deleted from the store, for
// example because the disk was full. The service treats them as ended. They are valid again if the
// process dies before the store is updated.
type unsavedLogouts struct {
	mu       sync.Mutex
	sessions []rookery.Session // guarded by mu
}

// signOut deletes a session from the store, or remembers it for retry if that fails.
func (o *unsavedLogouts) signOut(ctx context.Context, service *Service, session rookery.Session) {
	err := service.store.EndSessions(ctx, []rookery.Session{session})
	if err == nil {
		return
	}
	service.log.Warn("cannot delete an ended session from the store yet: it is valid again if the server is killed first",
		"account", session.Account, "device", session.Device, "error", err)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.containsLocked(session) {
		o.sessions = append(o.sessions, session)
	}
}

// contains reports whether a session that the store still has was ended.
func (o *unsavedLogouts) contains(session rookery.Session) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.containsLocked(session)
}

func (o *unsavedLogouts) containsLocked(session rookery.Session) bool {
	return slices.ContainsFunc(o.sessions, matchesSession(session))
}

func matchesSession(session rookery.Session) func(rookery.Session) bool {
	return func(other rookery.Session) bool { return other.Account == session.Account && other.ID == session.ID }
}

// retry deletes the remembered sessions from the store.
func (o *unsavedLogouts) retry(ctx context.Context, service *Service) {
	o.mu.Lock()
	sessions := slices.Clone(o.sessions)
	o.mu.Unlock()
	if len(sessions) == 0 {
		return
	}
	if err := service.store.EndSessions(ctx, sessions); err != nil {
		return // signOut has logged the failure
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, known := range sessions {
		o.sessions = slices.DeleteFunc(o.sessions, matchesSession(known))
	}
}

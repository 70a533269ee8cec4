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
func (u *unsavedLogouts) signOut(ctx context.Context, service *Service, session rookery.Session) {
	err := service.store.EndSessions(ctx, []rookery.Session{session})
	if err == nil {
		return
	}
	service.log.Warn("an ended session is still in the store: it is valid again if the server is killed now",
		"account", session.Account, "device", session.Device, "error", err)
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.containsLocked(session) {
		u.sessions = append(u.sessions, session)
	}
}

// contains reports whether a session that the store still has was ended.
func (u *unsavedLogouts) contains(session rookery.Session) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.containsLocked(session)
}

func (u *unsavedLogouts) containsLocked(session rookery.Session) bool {
	return slices.ContainsFunc(u.sessions, matchesSession(session))
}

func matchesSession(session rookery.Session) func(rookery.Session) bool {
	return func(other rookery.Session) bool { return other.Account == session.Account && other.ID == session.ID }
}

// retry deletes the remembered sessions from the store.
func (u *unsavedLogouts) retry(ctx context.Context, service *Service) {
	u.mu.Lock()
	sessions := slices.Clone(u.sessions)
	u.mu.Unlock()
	if len(sessions) == 0 {
		return
	}
	if err := service.store.EndSessions(ctx, sessions); err != nil {
		return // signOut has logged the failure
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, known := range sessions {
		u.sessions = slices.DeleteFunc(u.sessions, matchesSession(known))
	}
}

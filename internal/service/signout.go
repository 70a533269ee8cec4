package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// SignOut ends the session that a request belongs to, asleep or not, and does nothing if there is none.
// The session ends at once even if the store cannot record that now.
func (s *Service) SignOut(ctx context.Context, uin rookery.UIN, caller Caller) {
	ctx = context.WithoutCancel(ctx) // the session ends even if the client has hung up
	exists, err := s.hasSession(ctx, uin, caller)
	if err == nil && exists {
		err = s.signOut(ctx, uin, caller)
	}
	if err != nil {
		s.log.Warn("cannot read the store during a sign-out: a sleeping session stays valid", "account", uin,
			"error", err)
	}
}

func (s *Service) signOut(ctx context.Context, uin rookery.UIN, caller Caller) error {
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return err
	}
	defer account.changeLock.release()
	if session := account.sessionOfCaller(caller); session != nil {
		s.unsavedLogouts.signOut(ctx, s, session.details)
		s.removeEndedSessions(ctx, account, []*Session{session})
		return nil
	}
	if caller.Token == "" {
		return nil
	}
	asleepSession, err := s.store.SleepingSession(ctx, uin, caller.Token.Hash())
	switch {
	case rookery.CodeOf(err) == rookery.CodeNotSignedIn:
		return nil
	case err != nil:
		return err
	}
	s.unsavedLogouts.signOut(ctx, s, asleepSession)
	return nil
}

// hasSession reports whether a request belongs to a session, asleep or not. It creates no
// activeAccount, because anybody can send requests for any account.
func (s *Service) hasSession(ctx context.Context, uin rookery.UIN, caller Caller) (bool, error) {
	if account := s.hub.get(uin); account != nil && account.sessionOfCaller(caller) != nil {
		return true, nil
	}
	if caller.Token == "" {
		return false, nil
	}
	_, err := s.store.SleepingSession(ctx, uin, caller.Token.Hash())
	if rookery.CodeOf(err) != rookery.CodeNotSignedIn {
		return err == nil, err
	}
	account := s.hub.get(uin)
	if account == nil {
		return false, nil
	}
	if err := account.changeLock.acquire(ctx); err != nil { // another request may be waking the session
		return false, err
	}
	defer account.changeLock.release()
	return account.sessionOfCaller(caller) != nil, nil
}

// endSessions ends sessions for good and notifies friends. The caller holds account.changeLock.
func (s *Service) endSessions(ctx context.Context, account *activeAccount, endedSessions []*Session) error {
	if len(endedSessions) == 0 {
		return nil
	}
	if err := s.store.EndSessions(ctx, sessionDetails(endedSessions)); err != nil {
		return err
	}
	s.removeEndedSessions(ctx, account, endedSessions)
	return nil
}

// sessionDetails returns the stored form of sessions.
func sessionDetails(sessions []*Session) []rookery.Session {
	stored := make([]rookery.Session, len(sessions))
	for i, session := range sessions {
		stored[i] = session.details
	}
	return stored
}

// removeEndedSessions removes sessions that have ended in the store, and notifies friends. The caller
// holds account.changeLock.
func (s *Service) removeEndedSessions(ctx context.Context, account *activeAccount, endedSessions []*Session) {
	oldStatus := account.announcedStatus()
	s.hub.ended(account, endedSessions, s.uptime())
	s.announceStatus(ctx, account, oldStatus)
}

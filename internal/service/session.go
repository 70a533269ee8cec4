package service

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// Session is one live session of an account. Except for its atomic fields it is immutable: a renewed
// sign-in creates another Session.
type Session struct {
	account *activeAccount
	details rookery.Session
	// consumer reads the mailbox for this session. The account's address sessions share one.
	consumer *consumer
	// lastRequest is the uptime of the session's latest request, in nanoseconds.
	lastRequest atomic.Int64
	encoding    atomic.Uint32
}

func newSession(account *activeAccount, details rookery.Session, now time.Duration) *Session {
	session := &Session{account: account, details: details}
	session.lastRequest.Store(int64(now))
	session.encoding.Store(uint32(details.Encoding))
	return session
}

// Caller identifies the sender of a request.
type Caller struct {
	Address netip.Addr
	// Token identifies a device session. A request without a token belongs to the session of its
	// address.
	Token rookery.Token
}

// AuthenticateSession returns the session that a request belongs to and records the request as a sign
// of life. A sleeping device session is woken. It returns CodeNotSignedIn if there is no session.
func (s *Service) AuthenticateSession(ctx context.Context, uin rookery.UIN, caller Caller) (*Session, error) {
	if account := s.hub.get(uin); account != nil {
		if session := account.sessionOfCaller(caller); session != nil && session.touch(s.uptime()) {
			return session, nil
		}
	}
	if caller.Token == "" {
		return nil, errNotSignedIn
	}
	return s.wakeDeviceSession(ctx, uin, caller)
}

// wakeDeviceSession wakes the sleeping device session of a token. A device may send a request only once
// a day, so that its token stays valid much longer than the account looks online.
func (s *Service) wakeDeviceSession(ctx context.Context, uin rookery.UIN, caller Caller) (*Session, error) {
	switch exists, err := s.hasSession(ctx, uin, caller); {
	case err != nil:
		return nil, err
	case !exists:
		return nil, errNotSignedIn
	}
	account, err := s.lockAccount(ctx, uin)
	if err != nil {
		return nil, err
	}
	defer account.changeLock.release()
	if err := s.endExpiredSessions(ctx, account); err != nil {
		return nil, err
	}
	if session := account.sessionOfCaller(caller); session != nil && session.touch(s.uptime()) {
		return session, nil // another request has woken it meanwhile
	}
	details, err := s.store.SleepingSession(ctx, uin, caller.Token.Hash())
	if err != nil {
		return nil, asNotSignedIn(err)
	}
	if s.unsavedLogouts.contains(details) {
		return nil, errNotSignedIn
	}
	details.Asleep, details.Address = false, caller.Address
	if err := s.store.WakeSession(ctx, details); err != nil {
		return nil, asNotSignedIn(err)
	}
	session := s.attachSession(ctx, account, details)
	s.log.Info("device session woken", "account", uin, "device", details.Device, "address", caller.Address)
	return session, nil
}

// asNotSignedIn replaces the store's CodeNotSignedIn by the message that clients get.
func asNotSignedIn(err error) error {
	if rookery.CodeOf(err) == rookery.CodeNotSignedIn {
		return errNotSignedIn
	}
	return err
}

// RefreshSession returns the session or its renewal, and records a sign of life. It returns
// CodeNotSignedIn if the session has ended, was replaced, or its device has signed in again.
func (s *Service) RefreshSession(session *Session) (*Session, error) {
	session = session.account.currentSession(session)
	if session == nil || !session.touch(s.uptime()) {
		return nil, errNotSignedIn
	}
	return session, nil
}

// Account is the number of the account that the session belongs to.
func (se *Session) Account() rookery.UIN { return se.details.Account }

// Device is the name of the session's device, empty for an address session.
func (se *Session) Device() string { return se.details.Device }

// Encoding tells how the client's texts are decoded if that is in doubt. The numbers are those of
// package wire.
func (se *Session) Encoding() uint8 { return uint8(se.encoding.Load()) }

// SetEncoding stores an encoding for the session.
func (s *Service) SetEncoding(ctx context.Context, session *Session, encoding uint8) error {
	details := session.details
	details.Encoding = encoding
	if err := s.store.SetSessionEncoding(ctx, details); err != nil {
		return err
	}
	session.encoding.Store(uint32(encoding))
	return nil
}

func (se *Session) isAlive(now time.Duration) bool {
	return now-time.Duration(se.lastRequest.Load()) < SessionTimeout
}

// touch records a request of the session. It returns false if the session has expired.
func (se *Session) touch(now time.Duration) bool {
	if !se.isAlive(now) {
		return false
	}
	se.lastRequest.Store(int64(now))
	return true
}

// isSameOrRenewal reports whether other can take the place of this session without its client noticing.
// Address sessions are identified by the address, device sessions by the sign-in that issued the token.
func (se *Session) isSameOrRenewal(other *Session) bool {
	if se.details.Device != other.details.Device {
		return false
	}
	if se.details.Device == "" {
		return se.details.Address == other.details.Address
	}
	return se.details.ID == other.details.ID
}

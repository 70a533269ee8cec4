package service

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/rookery-im/rookery"
)

// SignInRequest is what an account's owner signs in with.
type SignInRequest struct {
	UIN rookery.UIN
	// Proof is nil if what the client sent proves nothing: it costs the same
	// as a wrong one.
	Proof   *Proof
	Address netip.Addr
	// Status is the first status; 0 keeps the account's while another session
	// of it lives, and is online otherwise.
	Status  rookery.Status
	Program string
	// Device is the device's name; empty for an address session.
	Device string
}

var (
	errNotSignedIn   = rookery.Errorf(rookery.CodeNotSignedIn, "not logged in, or the login has ended")
	errWrongPassword = rookery.Errorf(rookery.CodePassword, "Password error")
)

// SignInRequest begins the account's address session, ends the one that it had from
// another address, or renews the one from this. CodePassword for a wrong proof
// and for no account alike, and while guessing has to wait; CodeTemporary if
// too many sign in at once.
//
// With a device's name it begins or renews the device's session, and returns
// its new token; the old one is worth nothing any more.
func (s *Service) SignIn(ctx context.Context, request SignInRequest) (*Session, rookery.Token, error) {
	if err := s.checkDeviceName(ctx, request); err != nil {
		return nil, "", err
	}
	provedCredential, err := s.verifyPassword(ctx, request)
	if err != nil {
		return nil, "", err
	}
	account, err := s.lockAccount(ctx, request.UIN)
	if err != nil {
		return nil, "", err
	}
	defer account.changeLock.release()
	if err := s.endExpiredSessions(ctx, account); err != nil {
		return nil, "", err
	}
	if err := s.checkSessionAllowed(ctx, request); err != nil {
		return nil, "", err
	}
	details, token := s.newSessionDetails(account, request)
	switch err := s.store.StartSession(ctx, details, provedCredential); rookery.CodeOf(err) {
	case 0:
	case rookery.CodeNoAccount, rookery.CodeConflict:
		return nil, "", errWrongPassword // removed, or another password, just now
	default:
		return nil, "", err
	}
	oldStatus := account.announcedStatus()
	session := newSession(account, details, s.uptime())
	account.addSession(session)
	if details.Device != "" {
		account.invalidateDevices()
	}
	s.announceStatus(ctx, account, oldStatus)
	s.log.Info("signed in", "account", request.UIN, "device", request.Device, "address", request.Address, "program", request.Program)
	return session, token, nil
}

// checkDeviceName reports with CodeParameter a name that no new device can have.
// Devices that have one already keep it.
func (s *Service) checkDeviceName(ctx context.Context, request SignInRequest) error {
	if request.Device == "" {
		return nil
	}
	nameErr := rookery.CheckDeviceName(request.Device)
	if nameErr == nil {
		return nil
	}
	devices, err := s.store.Devices(ctx, request.UIN)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(devices, func(device rookery.Device) bool { return device.Name == request.Device }) {
		return nil
	}
	return nameErr
}

// checkSessionAllowed reports as an error that the account takes no such session.
func (s *Service) checkSessionAllowed(ctx context.Context, request SignInRequest) error {
	if request.Device != "" {
		return nil
	}
	account, err := s.accountCache.peek(ctx, request.UIN)
	switch {
	case rookery.CodeOf(err) == rookery.CodeNoAccount:
		return errWrongPassword // removed just now
	case err != nil:
		return err
	case account.DevicesOnly:
		return rookery.Errorf(rookery.CodeRefused, "this account accepts device sessions only: log in with DV")
	}
	return nil
}

// newSessionDetails is the session to be stored, with the token of a device.
func (s *Service) newSessionDetails(account *activeAccount, request SignInRequest) (details rookery.Session, token rookery.Token) {
	details = rookery.Session{ID: newSessionID(), Account: request.UIN, Device: request.Device, Address: request.Address, Status: request.Status,
		Program: request.Program, SignedInAt: s.now()}
	if details.Status == 0 {
		details.Status = account.signInStatus()
	}
	if request.Device != "" {
		var random [rookery.TokenBytes]byte
		rand.Read(random[:]) // never fails
		token = rookery.NewToken(random)
		details.Token = token.Hash()
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	if oldSession := account.renewedSessionLocked(details); oldSession != nil {
		details.Encoding, details.ConfirmsByNumber = uint8(oldSession.encoding.Load()), oldSession.consumer.confirmsByNumber
	}
	return details, token
}

// lockAccount returns the member of an account, made if need be, with its turn
// held. CodeTemporary if ctx ends before.
func (s *Service) lockAccount(ctx context.Context, uin rookery.UIN) (*activeAccount, error) {
	for {
		account := s.activeAccount(uin)
		if err := account.changeLock.acquire(ctx); err != nil {
			return nil, err
		}
		if !account.isRemoved() {
			return account, nil
		}
		account.changeLock.release()
	}
}

// verificationKey is what equal proofs that come at once have in common.
type verificationKey struct {
	account rookery.UIN
	address netip.Addr
	proof   Proof
	stored  rookery.Credential
}

// StopPasswordChecks has no password checked any more that takes a hash: whoever signs in
// with one, or waits for it, gets CodeTemporary. The server ends, and strangers can
// make it hash for long.
func (s *Service) StopPasswordChecks() { s.passwordVerifier.hashQueue.close() }

// verifyPassword returns the credential that the proof was found right for.
func (s *Service) verifyPassword(ctx context.Context, request SignInRequest) (rookery.Credential, error) {
	storedCredential, err := s.store.Credential(ctx, request.UIN)
	if err != nil && rookery.CodeOf(err) != rookery.CodeNoAccount {
		return "", err
	}
	var proof Proof // where there is none, any: it is compared with an empty credential
	if request.Proof != nil {
		proof = *request.Proof
	} else {
		storedCredential = ""
	}

	if storedCredential != "" && s.passwordVerifier.wasVerified(request.UIN, storedCredential, proof) {
		return storedCredential, s.admitVerifiedLogin(ctx, request)
	}
	// A client that signs in several times at once proves itself once: its
	// right proofs must not count as that many tries. What it proves is the
	// credential that was read here, and no other that it may have by now.
	key := verificationKey{request.UIN, request.Address, proof, storedCredential}
	return storedCredential, s.verifications.do(ctx, key, func(ctx context.Context) error { return s.checkProof(ctx, request, storedCredential, proof) })
}

// admitVerifiedLogin reports as an error that a proof that is right has to wait.
func (s *Service) admitVerifiedLogin(ctx context.Context, request SignInRequest) error {
	if s.loginLimiter.hasNoFailures(request.UIN, rookery.Network(request.Address)) {
		return nil
	}
	attempt, err := s.newLoginAttempt(ctx, request)
	if err != nil {
		return err
	}
	if waitTime := s.loginLimiter.requiredWait(attempt, s.uptime()); waitTime > 0 {
		return newWaitError(waitTime)
	}
	s.loginLimiter.clearFailures(attempt)
	return nil
}

func (s *Service) newLoginAttempt(ctx context.Context, request SignInRequest) (loginAttempt, error) {
	isKnown, err := s.store.IsKnownAddress(ctx, request.UIN, request.Address)
	return loginAttempt{request.UIN, rookery.Network(request.Address), isKnown}, err
}

// checkProof checks a proof that is not recognised.
func (s *Service) checkProof(ctx context.Context, request SignInRequest, storedCredential rookery.Credential, proof Proof) error {
	attempt, err := s.newLoginAttempt(ctx, request)
	if err != nil {
		return err
	}
	waitTime, err := s.loginLimiter.beginCheck(ctx, attempt, s.uptime)
	switch {
	case err != nil:
		return err
	case waitTime > 0:
		return newWaitError(waitTime)
	}
	defer s.loginLimiter.endCheck(attempt)
	if err := s.passwordVerifier.hashQueue.acquire(ctx, s.hashPriorityOf(attempt), attempt.address); err != nil {
		return err
	}
	defer s.passwordVerifier.hashQueue.release()
	if waitTime := s.loginLimiter.requiredWait(attempt, s.uptime()); waitTime > 0 { // others of the address were wrong meanwhile
		return newWaitError(waitTime)
	}
	isRight, err := s.passwordVerifier.verify(request.UIN, storedCredential, proof)
	switch {
	case err != nil:
		return err
	case !isRight:
		s.loginLimiter.recordFailure(attempt, s.uptime())
		s.log.Info("wrong password", "account", request.UIN, "address", request.Address, "program", request.Program)
		return errWrongPassword
	}
	s.loginLimiter.clearFailures(attempt)
	return nil
}

// hashPriority is how soon a proof is checked.
func (s *Service) hashPriorityOf(attempt loginAttempt) hashPriority {
	switch {
	case attempt.fromKnownAddress:
		return priorityKnownAddress
	case s.loginLimiter.isGuessing(attempt.address):
		return priorityGuessing
	}
	return priorityNewAddress
}

func newWaitError(waitTime time.Duration) error {
	return &rookery.Error{Code: rookery.CodePassword,
		Text: fmt.Sprintf("Password error: too many tries, wait %d seconds", int(math.Ceil(waitTime.Seconds())))}
}

func newSessionID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 1
}

// AuthenticateSession finds the session that a request belongs to, and notes that it was
// heard of; a device session that sleeps wakes up. CodeNotSignedIn if there is
// none.
func (s *Service) AuthenticateSession(ctx context.Context, uin rookery.UIN, caller Caller) (*Session, error) {
	if account := s.activeAccounts.get(uin); account != nil {
		if session := account.sessionOfCaller(caller); session != nil && session.touch(s.uptime()) {
			return session, nil
		}
	}
	if caller.Token == "" {
		return nil, errNotSignedIn
	}
	return s.wakeDeviceSession(ctx, uin, caller)
}

// RefreshSession returns the session as it is now, after a renewal perhaps, and notes
// that it was heard of. CodeNotSignedIn if it has ended, been displaced, or its
// device has signed in anew.
func (s *Service) RefreshSession(session *Session) (*Session, error) {
	session = session.account.currentSession(session)
	if session == nil || !session.touch(s.uptime()) {
		return nil, errNotSignedIn
	}
	return session, nil
}

// SignOut ends the session that a request belongs to, asleep or not. Without one
// there is nothing to do. It ends at once, even if the store cannot be told now.
func (s *Service) SignOut(ctx context.Context, uin rookery.UIN, caller Caller) {
	ctx = context.WithoutCancel(ctx) // whether or not the client waits for it
	exists, err := s.hasSession(ctx, uin, caller)
	if err == nil && exists {
		err = s.signOut(ctx, uin, caller)
	}
	if err != nil {
		s.log.Warn("somebody signs out, and the store cannot be read: a session that sleeps goes on", "account", uin, "error", err)
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

// hasSession reports whether a request belongs to a session, asleep or not. It
// makes no member: strangers can ask for any account.
func (s *Service) hasSession(ctx context.Context, uin rookery.UIN, caller Caller) (bool, error) {
	if account := s.activeAccounts.get(uin); account != nil && account.sessionOfCaller(caller) != nil {
		return true, nil
	}
	if caller.Token == "" {
		return false, nil
	}
	_, err := s.store.SleepingSession(ctx, uin, caller.Token.Hash())
	if rookery.CodeOf(err) != rookery.CodeNotSignedIn {
		return err == nil, err
	}
	account := s.activeAccounts.get(uin)
	if account == nil {
		return false, nil
	}
	if err := account.changeLock.acquire(ctx); err != nil { // another request may be about to wake it
		return false, err
	}
	defer account.changeLock.release()
	return account.sessionOfCaller(caller) != nil, nil
}

// endSessions ends sessions of a member, whose turn it is, for good.
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

// sessionDetails is what the store has of sessions.
func sessionDetails(sessions []*Session) []rookery.Session {
	stored := make([]rookery.Session, len(sessions))
	for i, session := range sessions {
		stored[i] = session.details
	}
	return stored
}

// removeEndedSessions drops sessions that the store has ended, and tells friends.
func (s *Service) removeEndedSessions(ctx context.Context, account *activeAccount, endedSessions []*Session) {
	oldStatus := account.announcedStatus()
	account.removeSessions(endedSessions, s.uptime())
	s.announceStatus(ctx, account, oldStatus)
}

// endExpiredSessions ends the sessions of a member, whose turn it is, that have run out,
// and their connections. Those of devices fall asleep.
func (s *Service) endExpiredSessions(ctx context.Context, account *activeAccount) error {
	endedSessions := account.expiredSessions(s.uptime())
	if len(endedSessions) == 0 {
		return nil
	}
	sinks := liveSinks(endedSessions)
	if err := s.storeExpiredSessions(ctx, endedSessions); err != nil {
		return err
	}
	s.removeEndedSessions(ctx, account, endedSessions)
	for _, sink := range sinks {
		s.closeSink(sink)
	}
	for _, session := range endedSessions {
		s.log.Info("session ended: nothing heard of it", "account", account.uin, "device", session.details.Device, "address", session.details.Address)
	}
	return nil
}

// storeExpiredSessions stores that nothing was heard of sessions for SessionTimeout.
func (s *Service) storeExpiredSessions(ctx context.Context, sessions []*Session) error {
	var endedSessions, asleepSessions []*Session
	for _, session := range sessions {
		if session.details.Device == "" {
			endedSessions = append(endedSessions, session)
		} else {
			asleepSessions = append(asleepSessions, session)
		}
	}
	if len(endedSessions) > 0 {
		if err := s.store.EndSessions(ctx, sessionDetails(endedSessions)); err != nil {
			return err
		}
	}
	if len(asleepSessions) > 0 {
		return s.store.SetSessionsAsleep(ctx, sessionDetails(asleepSessions))
	}
	return nil
}

// liveSinks are the live connections of sessions.
func liveSinks(sessions []*Session) (sinks []PushSink) {
	for _, session := range sessions {
		if subscription := session.consumer.liveSubscription(); subscription != nil {
			sinks = append(sinks, subscription.sink)
		}
	}
	return sinks
}

// retryInterval is how long a session that could not be ended is left alone.
const retryInterval = 10 * time.Second

// sweepAccount looks at a member whose time may have come: it settles it, and forgets
// it or queues it again.
func (s *Service) sweepAccount(ctx context.Context, account *activeAccount) error {
	at, isIdle := s.uptime()+retryInterval, false // if it fails, or panics
	defer func() {
		if !isIdle {
			s.sweeps.schedule(account, at)
		}
	}()
	if err := account.changeLock.acquire(ctx); err != nil {
		return err
	}
	defer account.changeLock.release()
	if err := s.endExpiredSessions(ctx, account); err != nil {
		return err
	}
	if account.hasNoSessions() {
		if err := s.saveConsumers(ctx, account); err != nil {
			return err
		}
	}
	if at, isIdle = account.nextSweep(s.uptime()); isIdle {
		s.activeAccounts.remove(account)
	}
	return nil
}

// Encoding is what the session's doubtful texts are read as, in numbers that
// only the protocol knows.
func (se *Session) Encoding() uint8 { return uint8(se.encoding.Load()) }

// SetEncoding stores a new one.
func (s *Service) SetEncoding(ctx context.Context, session *Session, encoding uint8) error {
	details := session.details
	details.Encoding = encoding
	if err := s.store.SetSessionEncoding(ctx, details); err != nil {
		return err
	}
	session.encoding.Store(uint32(encoding))
	return nil
}

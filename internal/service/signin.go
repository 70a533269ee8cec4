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

// SignInRequest is what a client signs in with.
type SignInRequest struct {
	UIN rookery.UIN
	// Proof is nil if the client sent nothing that could be a proof. Such a request takes as long as
	// one with a wrong proof.
	Proof   *Proof
	Address netip.Addr
	// Status is the status to begin with. 0 keeps the status of the account's other sessions, or means
	// online if there are none.
	Status  rookery.Status
	Program string
	// Device is the name of the device, empty for an address session.
	Device string
}

var (
	errNotSignedIn   = rookery.Errorf(rookery.CodeNotSignedIn, "not logged in, or the login has ended")
	errWrongPassword = rookery.Errorf(rookery.CodePassword, "Password error")
)

// SignIn starts a session. Without a device name it is the account's address session: it renews the
// session of the same address and replaces one of another address. With a device name it starts the
// device's session and returns its token; an earlier token of the device becomes invalid.
//
// Errors: CodePassword for a wrong proof, for an account that does not exist, and while the login
// limiter requires a wait; CodeRefused if the account accepts device sessions only or has too many
// devices; CodeParameter for a bad device name; CodeTemporary if too many clients sign in at once.
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
		return nil, "", errWrongPassword // the account was removed or got another password meanwhile
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
	s.log.Info("signed in", "account", request.UIN, "device", request.Device, "address", request.Address, "program",
		request.Program)
	return session, token, nil
}

// checkDeviceName returns CodeParameter if the name is not allowed for a new device. An existing device
// keeps its name, whatever it is.
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

// checkSessionAllowed returns CodeRefused for an address session if the account accepts device sessions
// only.
func (s *Service) checkSessionAllowed(ctx context.Context, request SignInRequest) error {
	if request.Device != "" {
		return nil
	}
	account, err := s.accountCache.peek(ctx, request.UIN)
	switch {
	case rookery.CodeOf(err) == rookery.CodeNoAccount:
		return errWrongPassword // removed meanwhile
	case err != nil:
		return err
	case account.DevicesOnly:
		return rookery.Errorf(rookery.CodeRefused, "this account accepts device sessions only: log in with DV")
	}
	return nil
}

// newSessionDetails returns the session to be stored, and its token if it belongs to a device. The
// details of a renewed session are carried over.
func (s *Service) newSessionDetails(account *activeAccount,
	request SignInRequest) (details rookery.Session, token rookery.Token) {
	details = rookery.Session{ID: newSessionID(), Account: request.UIN, Device: request.Device,
		Address: request.Address, Status: request.Status,
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
		details.Encoding = uint8(oldSession.encoding.Load())
		details.ConfirmsByNumber = oldSession.consumer.confirmsByNumber
	}
	return details, token
}

// lockAccount returns the active account with its changeLock held, and creates it if necessary. It
// returns CodeTemporary if ctx ends first.
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

// verificationKey identifies sign-ins that can share one verification.
type verificationKey struct {
	account rookery.UIN
	address netip.Addr
	proof   Proof
	stored  rookery.Credential
}

// StopPasswordChecks makes every sign-in that needs a password hash fail with CodeTemporary, including
// those that wait in the queue. A server that shuts down calls it first, because a long queue would
// delay the shutdown.
func (s *Service) StopPasswordChecks() { s.passwordVerifier.hashQueue.close() }

// verifyPassword checks the proof of a sign-in and returns the credential that it matches.
func (s *Service) verifyPassword(ctx context.Context, request SignInRequest) (rookery.Credential, error) {
	storedCredential, err := s.store.Credential(ctx, request.UIN)
	if err != nil && rookery.CodeOf(err) != rookery.CodeNoAccount {
		return "", err
	}
	var proof Proof // stays zero without a proof; verify rejects it because the credential is empty
	if request.Proof != nil {
		proof = *request.Proof
	} else {
		storedCredential = ""
	}

	if storedCredential != "" && s.passwordVerifier.wasVerified(request.UIN, storedCredential, proof) {
		return storedCredential, s.admitVerifiedLogin(ctx, request)
	}
	// A client that signs in several times at once is verified once, so that its attempts do not count
	// separately. The stored credential is part of the key because it may change meanwhile.
	key := verificationKey{request.UIN, request.Address, proof, storedCredential}
	return storedCredential, s.verifications.do(ctx, key,
		func(ctx context.Context) error { return s.checkProof(ctx, request, storedCredential, proof) })
}

// admitVerifiedLogin returns CodePassword if the login limiter requires a wait. Otherwise it clears the
// failures of this account and address.
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

// checkProof hashes the proof, as far as the login limiter allows, and compares it with the stored
// credential.
func (s *Service) checkProof(ctx context.Context, request SignInRequest, storedCredential rookery.Credential,
	proof Proof) error {
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
	// more failures may have been counted while this attempt waited
	if waitTime := s.loginLimiter.requiredWait(attempt, s.uptime()); waitTime > 0 {
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

// hashPriorityOf returns the place of an attempt in the hash queue.
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

// AuthenticateSession returns the session that a request belongs to and records the request as a sign
// of life. A sleeping device session is woken. It returns CodeNotSignedIn if there is no session.
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

// RefreshSession returns the session or its renewal, and records a sign of life. It returns
// CodeNotSignedIn if the session has ended, was replaced, or its device has signed in again.
func (s *Service) RefreshSession(session *Session) (*Session, error) {
	session = session.account.currentSession(session)
	if session == nil || !session.touch(s.uptime()) {
		return nil, errNotSignedIn
	}
	return session, nil
}

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
	account.removeSessions(endedSessions, s.uptime())
	s.announceStatus(ctx, account, oldStatus)
}

// endExpiredSessions ends the account's expired sessions and closes their connections. Device sessions
// fall asleep instead. The caller holds account.changeLock.
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
		s.log.Info("session expired", "account", account.uin, "device", session.details.Device,
			"address", session.details.Address)
	}
	return nil
}

// storeExpiredSessions ends expired address sessions in the store and marks expired device sessions as
// asleep.
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

// liveSinks returns the connections with a live subscription of sessions.
func liveSinks(sessions []*Session) (sinks []PushSink) {
	for _, session := range sessions {
		if subscription := session.consumer.liveSubscription(); subscription != nil {
			sinks = append(sinks, subscription.sink)
		}
	}
	return sinks
}

// retryInterval is how long the service waits before it repeats a failed background task.
const retryInterval = 10 * time.Second

// sweepAccount ends the account's expired sessions. It then removes the account from memory if it is
// idle, or schedules the next sweep.
func (s *Service) sweepAccount(ctx context.Context, account *activeAccount) error {
	at, isIdle := s.uptime()+retryInterval, false // applies if this sweep fails or panics
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

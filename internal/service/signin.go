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

// SignIn is what an account's owner signs in with.
type SignIn struct {
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
	errNotSignedIn = rookery.Errorf(rookery.CodeNotSignedIn, "not logged in, or the login has ended")
	errPassword    = rookery.Errorf(rookery.CodePassword, "Password error")
)

// SignIn begins the account's address session, ends the one that it had from
// another address, or renews the one from this. CodePassword for a wrong proof
// and for no account alike, and while guessing has to wait; CodeTemporary if
// too many sign in at once.
//
// With a device's name it begins or renews the device's session, and returns
// its new token; the old one is worth nothing any more.
func (s *Service) SignIn(ctx context.Context, in SignIn) (*Session, rookery.Token, error) {
	if err := s.checkDeviceName(ctx, in); err != nil {
		return nil, "", err
	}
	proved, err := s.prove(ctx, in)
	if err != nil {
		return nil, "", err
	}
	active, err := s.takeTurn(ctx, in.UIN)
	if err != nil {
		return nil, "", err
	}
	defer active.turn.end()
	if err := s.settle(ctx, active); err != nil {
		return nil, "", err
	}
	if err := s.admits(ctx, in); err != nil {
		return nil, "", err
	}
	about, token := s.newSignIn(active, in)
	switch err := s.store.StartSession(ctx, about, proved); rookery.CodeOf(err) {
	case 0:
	case rookery.CodeNoAccount, rookery.CodeConflict:
		return nil, "", errPassword // removed, or another password, just now
	default:
		return nil, "", err
	}
	before := active.shown()
	session := newSession(active, about, s.uptime())
	active.put(session)
	if about.Device != "" {
		active.forgetDevices()
	}
	s.announce(ctx, active, before)
	s.log.Info("signed in", "account", in.UIN, "device", in.Device, "address", in.Address, "program", in.Program)
	return session, token, nil
}

// checkDeviceName reports with CodeParameter a name that no new device can have.
// Devices that have one already keep it.
func (s *Service) checkDeviceName(ctx context.Context, in SignIn) error {
	if in.Device == "" {
		return nil
	}
	invalid := rookery.CheckDeviceName(in.Device)
	if invalid == nil {
		return nil
	}
	devices, err := s.store.Devices(ctx, in.UIN)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(devices, func(device rookery.Device) bool { return device.Name == in.Device }) {
		return nil
	}
	return invalid
}

// admits reports as an error that the account takes no such session.
func (s *Service) admits(ctx context.Context, in SignIn) error {
	if in.Device != "" {
		return nil
	}
	account, err := s.accounts.peek(ctx, in.UIN)
	switch {
	case rookery.CodeOf(err) == rookery.CodeNoAccount:
		return errPassword // removed just now
	case err != nil:
		return err
	case account.DevicesOnly:
		return rookery.Errorf(rookery.CodeRefused, "this account accepts device sessions only: log in with DV")
	}
	return nil
}

// newSignIn is the session to be stored, with the token of a device.
func (s *Service) newSignIn(active *activeAccount, in SignIn) (about rookery.Session, token rookery.Token) {
	about = rookery.Session{ID: newSessionID(), Account: in.UIN, Device: in.Device, Address: in.Address, Status: in.Status,
		Program: in.Program, SignedInAt: s.now()}
	if about.Status == 0 {
		about.Status = active.statusToKeep()
	}
	if in.Device != "" {
		var random [rookery.TokenBytes]byte
		rand.Read(random[:]) // never fails
		token = rookery.NewToken(random)
		about.Token = token.Hash()
	}
	active.mu.Lock()
	defer active.mu.Unlock()
	if old := active.renews(about); old != nil {
		about.Encoding, about.ConfirmsByNumber = uint8(old.encoding.Load()), old.box.byNumber
	}
	return about, token
}

// takeTurn returns the member of an account, made if need be, with its turn
// held. CodeTemporary if ctx ends before.
func (s *Service) takeTurn(ctx context.Context, uin rookery.UIN) (*activeAccount, error) {
	for {
		active := s.member(uin)
		if err := active.turn.take(ctx); err != nil {
			return nil, err
		}
		if !active.isGone() {
			return active, nil
		}
		active.turn.end()
	}
}

// verificationKey is what equal proofs that come at once have in common.
type verificationKey struct {
	account rookery.UIN
	address netip.Addr
	proof   Proof
	stored  rookery.Credential
}

// StopProving has no password checked any more that takes a hash: whoever signs in
// with one, or waits for it, gets CodeTemporary. The server ends, and strangers can
// make it hash for long.
func (s *Service) StopProving() { s.prover.queue.close() }

// prove returns the credential that the proof was found right for.
func (s *Service) prove(ctx context.Context, in SignIn) (rookery.Credential, error) {
	stored, err := s.store.Credential(ctx, in.UIN)
	if err != nil && rookery.CodeOf(err) != rookery.CodeNoAccount {
		return "", err
	}
	var proof Proof // where there is none, any: it is compared with an empty credential
	if in.Proof != nil {
		proof = *in.Proof
	} else {
		stored = ""
	}

	if stored != "" && s.prover.recognises(in.UIN, stored, proof) {
		return stored, s.mayEnter(ctx, in)
	}
	// A client that signs in several times at once proves itself once: its
	// right proofs must not count as that many tries. What it proves is the
	// credential that was read here, and no other that it may have by now.
	key := verificationKey{in.UIN, in.Address, proof, stored}
	return stored, s.proving.do(ctx, key, func(ctx context.Context) error { return s.try(ctx, in, stored, proof) })
}

// mayEnter reports as an error that a proof that is right has to wait.
func (s *Service) mayEnter(ctx context.Context, in SignIn) error {
	if s.guard.quiet(in.UIN, rookery.Network(in.Address)) {
		return nil
	}
	attempt, err := s.attempt(ctx, in)
	if err != nil {
		return err
	}
	if wait := s.guard.wait(attempt, s.uptime()); wait > 0 {
		return mustWait(wait)
	}
	s.guard.forgive(attempt)
	return nil
}

func (s *Service) attempt(ctx context.Context, in SignIn) (loginAttempt, error) {
	known, err := s.store.IsKnownAddress(ctx, in.UIN, in.Address)
	return loginAttempt{in.UIN, rookery.Network(in.Address), known}, err
}

// try checks a proof that is not recognised.
func (s *Service) try(ctx context.Context, in SignIn, stored rookery.Credential, proof Proof) error {
	attempt, err := s.attempt(ctx, in)
	if err != nil {
		return err
	}
	wait, err := s.guard.begin(ctx, attempt, s.uptime)
	switch {
	case err != nil:
		return err
	case wait > 0:
		return mustWait(wait)
	}
	defer s.guard.end(attempt)
	if err := s.prover.queue.take(ctx, s.rank(attempt), attempt.address); err != nil {
		return err
	}
	defer s.prover.queue.leave()
	if wait := s.guard.wait(attempt, s.uptime()); wait > 0 { // others of the address were wrong meanwhile
		return mustWait(wait)
	}
	right, err := s.prover.proves(in.UIN, stored, proof)
	switch {
	case err != nil:
		return err
	case !right:
		s.guard.wrong(attempt, s.uptime())
		s.log.Info("wrong password", "account", in.UIN, "address", in.Address, "program", in.Program)
		return errPassword
	}
	s.guard.forgive(attempt)
	return nil
}

// hashPriority is how soon a proof is checked.
func (s *Service) rank(attempt loginAttempt) hashPriority {
	switch {
	case attempt.known:
		return rankKnown
	case s.guard.guesses(attempt.address):
		return rankGuessing
	}
	return rankNew
}

func mustWait(wait time.Duration) error {
	return &rookery.Error{Code: rookery.CodePassword,
		Text: fmt.Sprintf("Password error: too many tries, wait %d seconds", int(math.Ceil(wait.Seconds())))}
}

func newSessionID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 1
}

// Session finds the session that a request belongs to, and notes that it was
// heard of; a device session that sleeps wakes up. CodeNotSignedIn if there is
// none.
func (s *Service) Session(ctx context.Context, uin rookery.UIN, from Caller) (*Session, error) {
	if active := s.members.get(uin); active != nil {
		if session := active.sessionOf(from); session != nil && session.heard(s.uptime()) {
			return session, nil
		}
	}
	if from.Token == "" {
		return nil, errNotSignedIn
	}
	return s.wake(ctx, uin, from)
}

// Heard returns the session as it is now, after a renewal perhaps, and notes
// that it was heard of. CodeNotSignedIn if it has ended, been displaced, or its
// device has signed in anew.
func (s *Service) Heard(session *Session) (*Session, error) {
	session = session.member.current(session)
	if session == nil || !session.heard(s.uptime()) {
		return nil, errNotSignedIn
	}
	return session, nil
}

// SignOut ends the session that a request belongs to, asleep or not. Without one
// there is nothing to do. It ends at once, even if the store cannot be told now.
func (s *Service) SignOut(ctx context.Context, uin rookery.UIN, from Caller) {
	ctx = context.WithoutCancel(ctx) // whether or not the client waits for it
	there, err := s.hasSession(ctx, uin, from)
	if err == nil && there {
		err = s.signOut(ctx, uin, from)
	}
	if err != nil {
		s.log.Warn("somebody signs out, and the store cannot be read: a session that sleeps goes on", "account", uin, "error", err)
	}
}

func (s *Service) signOut(ctx context.Context, uin rookery.UIN, from Caller) error {
	active, err := s.takeTurn(ctx, uin)
	if err != nil {
		return err
	}
	defer active.turn.end()
	if session := active.sessionOf(from); session != nil {
		s.signedOut.end(ctx, s, session.about)
		s.forget(ctx, active, []*Session{session})
		return nil
	}
	if from.Token == "" {
		return nil
	}
	sleeping, err := s.store.SleepingSession(ctx, uin, from.Token.Hash())
	switch {
	case rookery.CodeOf(err) == rookery.CodeNotSignedIn:
		return nil
	case err != nil:
		return err
	}
	s.signedOut.end(ctx, s, sleeping)
	return nil
}

// hasSession reports whether a request belongs to a session, asleep or not. It
// makes no member: strangers can ask for any account.
func (s *Service) hasSession(ctx context.Context, uin rookery.UIN, from Caller) (bool, error) {
	if active := s.members.get(uin); active != nil && active.sessionOf(from) != nil {
		return true, nil
	}
	if from.Token == "" {
		return false, nil
	}
	_, err := s.store.SleepingSession(ctx, uin, from.Token.Hash())
	if rookery.CodeOf(err) != rookery.CodeNotSignedIn {
		return err == nil, err
	}
	active := s.members.get(uin)
	if active == nil {
		return false, nil
	}
	if err := active.turn.take(ctx); err != nil { // another request may be about to wake it
		return false, err
	}
	defer active.turn.end()
	return active.sessionOf(from) != nil, nil
}

// end ends sessions of a member, whose turn it is, for good.
func (s *Service) end(ctx context.Context, active *activeAccount, ended []*Session) error {
	if len(ended) == 0 {
		return nil
	}
	if err := s.store.EndSessions(ctx, storedOf(ended)); err != nil {
		return err
	}
	s.forget(ctx, active, ended)
	return nil
}

// storedOf is what the store has of sessions.
func storedOf(list []*Session) []rookery.Session {
	stored := make([]rookery.Session, len(list))
	for i, session := range list {
		stored[i] = session.about
	}
	return stored
}

// forget drops sessions that the store has ended, and tells friends.
func (s *Service) forget(ctx context.Context, active *activeAccount, ended []*Session) {
	before := active.shown()
	active.drop(ended, s.uptime())
	s.announce(ctx, active, before)
}

// settle ends the sessions of a member, whose turn it is, that have run out,
// and their connections. Those of devices fall asleep.
func (s *Service) settle(ctx context.Context, active *activeAccount) error {
	ended := active.ended(s.uptime())
	if len(ended) == 0 {
		return nil
	}
	outlets := liveOutlets(ended)
	if err := s.runOut(ctx, ended); err != nil {
		return err
	}
	s.forget(ctx, active, ended)
	for _, out := range outlets {
		s.hangUp(out)
	}
	for _, session := range ended {
		s.log.Info("session ended: nothing heard of it", "account", active.uin, "device", session.about.Device, "address", session.about.Address)
	}
	return nil
}

// runOut stores that nothing was heard of sessions for SessionLife.
func (s *Service) runOut(ctx context.Context, list []*Session) error {
	var ended, asleep []*Session
	for _, session := range list {
		if session.about.Device == "" {
			ended = append(ended, session)
		} else {
			asleep = append(asleep, session)
		}
	}
	if len(ended) > 0 {
		if err := s.store.EndSessions(ctx, storedOf(ended)); err != nil {
			return err
		}
	}
	if len(asleep) > 0 {
		return s.store.SetSessionsAsleep(ctx, storedOf(asleep))
	}
	return nil
}

// liveOutlets are the live connections of sessions.
func liveOutlets(list []*Session) (outlets []PushSink) {
	for _, session := range list {
		if sub := session.box.liveFeed(); sub != nil {
			outlets = append(outlets, sub.out)
		}
	}
	return outlets
}

// retryPause is how long a session that could not be ended is left alone.
const retryPause = 10 * time.Second

// visit looks at a member whose time may have come: it settles it, and forgets
// it or queues it again.
func (s *Service) visit(ctx context.Context, active *activeAccount) error {
	at, gone := s.uptime()+retryPause, false // if it fails, or panics
	defer func() {
		if !gone {
			s.due.push(active, at)
		}
	}()
	if err := active.turn.take(ctx); err != nil {
		return err
	}
	defer active.turn.end()
	if err := s.settle(ctx, active); err != nil {
		return err
	}
	if active.idle() {
		if err := s.remember(ctx, active); err != nil {
			return err
		}
	}
	if at, gone = active.next(s.uptime()); gone {
		s.members.remove(active)
	}
	return nil
}

// Encoding is what the session's doubtful texts are read as, in numbers that
// only the protocol knows.
func (se *Session) Encoding() uint8 { return uint8(se.encoding.Load()) }

// SetEncoding stores a new one.
func (s *Service) SetEncoding(ctx context.Context, session *Session, encoding uint8) error {
	about := session.about
	about.Encoding = encoding
	if err := s.store.SetSessionEncoding(ctx, about); err != nil {
		return err
	}
	session.encoding.Store(uint32(encoding))
	return nil
}

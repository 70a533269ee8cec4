package service

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
)

// SignInRequest is what a client signs in with.
type SignInRequest struct {
	UIN rookery.UIN
	// Proof is nil if the client sent nothing that could be a proof. Such a request takes as long as
	// one with a wrong proof.
	Proof   *auth.Proof
	Address netip.Addr
	// Status is the status to begin with. 0 keeps the status of the account's other sessions, or means
	// online if there are none.
	Status  rookery.Status
	Program string
	// Device is the name of the device, empty for an address session.
	Device string
}

var errNotSignedIn = rookery.Errorf(rookery.CodeNotSignedIn, "not logged in, or the login has ended")

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
	credential, err := s.verifyPassword(ctx, request)
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
	if request.Device != "" && !account.hasConsumer(request.Device) {
		// A new device begins at the furthest stored cursor, which must not lag behind what clients have.
		if err := s.saveConsumers(ctx, account); err != nil {
			s.log.Debug("cannot "+saveTask, "account", request.UIN, "error", err)
		}
	}
	details, token := s.newSessionDetails(account, request)
	switch err := s.store.StartSession(ctx, details, credential); rookery.CodeOf(err) {
	case 0:
	case rookery.CodeNoAccount, rookery.CodeConflict:
		return nil, "", auth.ErrWrongPassword // the account was removed or got another password meanwhile
	default:
		return nil, "", err
	}
	session := s.attachSession(ctx, account, details)
	s.log.Info("signed in", "account", request.UIN, "device", request.Device, "address", request.Address, "program",
		request.Program)
	return session, token, nil
}

// attachSession makes a stored session usable and notifies friends. The caller holds
// account.changeLock.
func (s *Service) attachSession(ctx context.Context, account *activeAccount, details rookery.Session) *Session {
	oldStatus := account.announcedStatus()
	session := newSession(account, details, s.uptime())
	s.hub.attached(account, session)
	s.announceStatus(ctx, account, oldStatus)
	return session
}

// verifyPassword checks the proof of a sign-in and returns the credential that it matches.
func (s *Service) verifyPassword(ctx context.Context, request SignInRequest) (rookery.Credential, error) {
	hash, err := s.store.Credential(ctx, request.UIN)
	if err != nil && rookery.CodeOf(err) != rookery.CodeNoAccount {
		return "", err
	}
	attempt := auth.Attempt{
		Account: request.UIN, Address: request.Address, Use: auth.UseAddressSession, Program: request.Program,
		Credentials: namedCredentials(hash),
		IsKnownAddress: func(ctx context.Context) (bool, error) {
			return s.store.IsKnownAddress(ctx, request.UIN, request.Address)
		},
	}
	if request.Device != "" {
		attempt.Use = auth.UseDeviceSession
	}
	if request.Proof != nil {
		attempt.Secret = auth.SecretFromProof(*request.Proof)
	}
	matched, err := s.passwords.Verify(ctx, attempt)
	return matched.Hash, err
}

// namedCredentials returns the credentials of an account: its password, or none if hash is empty because
// there is no account or nobody may sign in to it.
func namedCredentials(hash rookery.Credential) []auth.NamedCredential {
	if hash == "" {
		return nil
	}
	return []auth.NamedCredential{
		{Name: "password", Kind: auth.KindPasswordMD5, Uses: auth.UseEverything, Hash: hash},
	}
}

// StopPasswordChecks makes every sign-in that needs a password hash fail with CodeTemporary. A server
// that shuts down calls it first, because a long queue would delay the shutdown.
func (s *Service) StopPasswordChecks() { s.passwords.RefuseNew() }

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
	account, err := s.hub.profiles.peek(ctx, request.UIN)
	switch {
	case rookery.CodeOf(err) == rookery.CodeNoAccount:
		return auth.ErrWrongPassword // removed meanwhile
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
		Address: request.Address, Status: request.Status, Program: request.Program, SignedInAt: s.now()}
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

func newSessionID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 1
}

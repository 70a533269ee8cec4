package service

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

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

// verificationKey identifies sign-ins that can share one verification.
type verificationKey struct {
	account rookery.UIN
	address netip.Addr
	proof   Proof
	stored  rookery.Credential
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
	// More failures may have been counted while this attempt waited.
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

func (s *Service) newLoginAttempt(ctx context.Context, request SignInRequest) (loginAttempt, error) {
	isKnown, err := s.store.IsKnownAddress(ctx, request.UIN, request.Address)
	return loginAttempt{request.UIN, rookery.Network(request.Address), isKnown}, err
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

// StopPasswordChecks makes every sign-in that needs a password hash fail with CodeTemporary, including
// those that wait in the queue. A server that shuts down calls it first, because a long queue would
// delay the shutdown.
func (s *Service) StopPasswordChecks() { s.passwordVerifier.hashQueue.close() }

// Package auth verifies passwords and limits guessing.
package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rookery-im/rookery"
)

// ErrWrongPassword is the answer to a wrong password. An account that does not exist gets the same.
var ErrWrongPassword = rookery.Errorf(rookery.CodePassword, "Password error")

// Config configures Passwords. Every field has a default.
type Config struct {
	// Cost is the cost of new password hashes. Stored hashes keep their own.
	Cost Cost
	// ConcurrentHashes is how many passwords are hashed at once, by default one per processor.
	// MaxQueuedHashes is how many more may wait, by default 64.
	ConcurrentHashes, MaxQueuedHashes int
	// Now is the clock of the login limiter.
	Now func() time.Time
	Log *slog.Logger
}

// Passwords verifies passwords. It limits how many are hashed at once, and how often somebody may
// guess. Its methods may be called concurrently.
type Passwords struct {
	cost      Cost
	startedAt time.Time
	now       func() time.Time
	log       *slog.Logger

	hashQueue *hashQueue
	limiter   *loginLimiter
	calls     *callGroup[callKey]
	// dummyCredential is verified if there is no account, so that the answer takes as long as for an
	// existing one.
	dummyCredential rookery.Credential
	// verified holds keyed digests of accounts, credentials and the proofs that were right for them. A
	// client that signs in for every message then needs only one hash.
	verified  *lru.Cache[proofDigest, struct{}]
	digestKey [32]byte
}

const maxVerified = 100_000

// New returns Passwords. Close stops its goroutines.
func New(config Config) *Passwords {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	verified, err := lru.New[proofDigest, struct{}](maxVerified)
	if err != nil {
		panic(err) // only if the size is not positive
	}
	p := &Passwords{
		cost:      cmp.Or(config.Cost, DefaultCost),
		startedAt: config.Now(),
		now:       config.Now,
		log:       config.Log,
		hashQueue: newHashQueue(cmp.Or(config.ConcurrentHashes, runtime.NumCPU()), cmp.Or(config.MaxQueuedHashes, 64)),
		limiter:   newLoginLimiter(),
		calls:     newCallGroup[callKey](),
		verified:  verified,
	}
	rand.Read(p.digestKey[:]) // never fails
	var randomProof Proof
	rand.Read(randomProof[:])
	p.dummyCredential = HashProof(randomProof, p.cost)
	return p
}

// Attempt is an attempt to sign in.
type Attempt struct {
	Account rookery.UIN
	Address netip.Addr
	// Proof is nil if the client sent nothing that could be a proof. Such an attempt takes as long as
	// one with a wrong proof.
	Proof *Proof
	// Credential is the account's stored credential. It is empty if there is no account.
	Credential rookery.Credential
	// IsKnownAddress reports whether the account has signed in from Address before. It is called only if
	// that matters.
	IsKnownAddress func(context.Context) (bool, error)
	// Program is the client's name, for the log.
	Program string
}

// Verify returns nil if the attempt's proof matches its credential. It returns CodePassword if not, or
// if the login limiter requires a wait, and CodeTemporary if too many passwords wait to be hashed.
func (p *Passwords) Verify(ctx context.Context, attempt Attempt) error {
	var proof Proof // without a proof it stays zero, and matches nothing because the credential is empty
	if attempt.Proof != nil {
		proof = *attempt.Proof
	} else {
		attempt.Credential = ""
	}
	digest := p.digestOf(attempt.Account, attempt.Credential, proof)
	if p.verified.Contains(digest) {
		p.verified.Get(digest) // marks it as recently used
		return p.admitVerified(ctx, attempt)
	}
	// A client that signs in several times at once is verified once, so that its attempts do not count
	// separately. The credential is part of the key because it may change meanwhile.
	key := callKey{attempt.Account, attempt.Address, proof, attempt.Credential}
	return p.calls.do(ctx, key, func(ctx context.Context) error { return p.check(ctx, attempt, proof) })
}

// callKey identifies attempts that can share one check.
type callKey struct {
	account    rookery.UIN
	address    netip.Addr
	proof      Proof
	credential rookery.Credential
}

// admitVerified returns CodePassword if the login limiter requires a wait. Otherwise it clears the
// failures of this account and address.
func (p *Passwords) admitVerified(ctx context.Context, attempt Attempt) error {
	if p.limiter.hasNoFailures(attempt.Account, rookery.Network(attempt.Address)) {
		return nil
	}
	login, err := newLoginAttempt(ctx, attempt)
	if err != nil {
		return err
	}
	if waitTime := p.limiter.requiredWait(login, p.uptime()); waitTime > 0 {
		return newWaitError(waitTime)
	}
	p.limiter.clearFailures(login)
	return nil
}

// check hashes the proof, as far as the login limiter allows, and compares it with the credential.
func (p *Passwords) check(ctx context.Context, attempt Attempt, proof Proof) error {
	login, err := newLoginAttempt(ctx, attempt)
	if err != nil {
		return err
	}
	waitTime, err := p.limiter.beginCheck(ctx, login, p.uptime)
	switch {
	case err != nil:
		return err
	case waitTime > 0:
		return newWaitError(waitTime)
	}
	defer p.limiter.endCheck(login)
	if err := p.hashQueue.acquire(ctx, p.priorityOf(login), login.address); err != nil {
		return err
	}
	defer p.hashQueue.release()
	// More failures may have been counted while this attempt waited.
	if waitTime := p.limiter.requiredWait(login, p.uptime()); waitTime > 0 {
		return newWaitError(waitTime)
	}
	isRight, err := p.compare(attempt.Account, attempt.Credential, proof)
	switch {
	case err != nil:
		return err
	case !isRight:
		p.limiter.recordFailure(login, p.uptime())
		p.log.Info("wrong password", "account", attempt.Account, "address", attempt.Address,
			"program", attempt.Program)
		return ErrWrongPassword
	}
	p.limiter.clearFailures(login)
	return nil
}

// compare reports whether proof matches the credential, and remembers it if so. An empty credential
// never matches, but takes as long. The caller holds a slot of the hash queue.
func (p *Passwords) compare(uin rookery.UIN, credential rookery.Credential, proof Proof) (bool, error) {
	matches, err := matchesProof(cmp.Or(credential, p.dummyCredential), proof)
	if err != nil || !matches || credential == "" {
		return false, err
	}
	p.verified.Add(p.digestOf(uin, credential, proof), struct{}{})
	return true, nil
}

func newLoginAttempt(ctx context.Context, attempt Attempt) (loginAttempt, error) {
	isKnown, err := attempt.IsKnownAddress(ctx)
	return loginAttempt{attempt.Account, rookery.Network(attempt.Address), isKnown}, err
}

// priorityOf returns the place of an attempt in the hash queue.
func (p *Passwords) priorityOf(login loginAttempt) hashPriority {
	switch {
	case login.fromKnownAddress:
		return priorityKnownAddress
	case p.limiter.isGuessing(login.address):
		return priorityGuessing
	}
	return priorityNewAddress
}

func newWaitError(waitTime time.Duration) error {
	return &rookery.Error{Code: rookery.CodePassword,
		Text: fmt.Sprintf("Password error: too many tries, wait %d seconds", int(math.Ceil(waitTime.Seconds())))}
}

// Hash returns the credential to be stored for a password. It waits in the hash queue with the
// operator's priority.
func (p *Passwords) Hash(ctx context.Context, password string) (rookery.Credential, error) {
	if err := p.hashQueue.acquire(ctx, priorityOperator, netip.Addr{}); err != nil {
		return "", err
	}
	defer p.hashQueue.release()
	return HashProof(ProofOf(password), p.cost), nil
}

// Matches reports whether a password is right. It is for the operator and not subject to the login
// limiter.
func (p *Passwords) Matches(
	ctx context.Context, uin rookery.UIN, credential rookery.Credential, password string,
) (bool, error) {
	if err := p.hashQueue.acquire(ctx, priorityOperator, netip.Addr{}); err != nil {
		return false, err
	}
	defer p.hashQueue.release()
	return p.compare(uin, credential, ProofOf(password))
}

// ClearFailures resets the failures at an account from unknown addresses. Call it when the password has
// changed.
func (p *Passwords) ClearFailures(uin rookery.UIN) { p.limiter.clearAccountFailures(uin) }

// RefuseNew makes every sign-in that needs a password hash fail with CodeTemporary, including those
// that wait in the queue. A server that shuts down calls it first, because a long queue would delay
// the shutdown.
func (p *Passwords) RefuseNew() { p.hashQueue.close() }

// Close cancels the checks in progress and waits for them.
func (p *Passwords) Close() { p.calls.close() }

// uptime is the clock of the login limiter.
func (p *Passwords) uptime() time.Duration { return p.now().Sub(p.startedAt) }

// proofDigest identifies a proof together with the account and the credential that it was right for.
type proofDigest [sha256.Size]byte

func (p *Passwords) digestOf(uin rookery.UIN, credential rookery.Credential, proof Proof) proofDigest {
	hasher := hmac.New(sha256.New, p.digestKey[:])
	_ = binary.Write(hasher, binary.BigEndian, uint32(uin)) // a hash never fails
	hasher.Write(proof[:])
	hasher.Write([]byte(credential))
	return proofDigest(hasher.Sum(nil))
}

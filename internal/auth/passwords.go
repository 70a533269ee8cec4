// Package auth verifies passwords and limits guessing.
package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rookery-im/rookery"
)

// ErrWrongPassword is the answer to a wrong password. An account that does not exist gets the same.
var ErrWrongPassword = rookery.Errorf(rookery.CodePassword, "Password error")

// Config configures Passwords. Every field has a default.
type Config struct {
	// Cost is the cost of new password hashes, by default DefaultCost. Either all of its fields are zero or
	// none is. Stored hashes keep their own.
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
	calls     *callGroup[callKey, NamedCredential]
	// dummyHash takes the place of a credential that the account does not have, so that the answer takes
	// as long as with one.
	dummyHash rookery.Credential
	// matchesHash compares with an Argon2id hash. Tests replace it to count the hashes.
	matchesHash func(hash rookery.Credential, input []byte) (bool, error)
	// verified holds keyed digests of credentials and the secrets that were right for them. A client that
	// signs in for every message then needs only one hash.
	verified  *lru.Cache[secretDigest, struct{}]
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
	verified, err := lru.New[secretDigest, struct{}](maxVerified)
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
		calls:     newCallGroup[callKey, NamedCredential](),
		verified:  verified,

		matchesHash: matchesHash,
	}
	rand.Read(p.digestKey[:]) // never fails
	var randomProof Proof
	rand.Read(randomProof[:])
	p.dummyHash = HashProof(randomProof, p.cost)
	return p
}

// Attempt is an attempt to sign in.
type Attempt struct {
	Account rookery.UIN
	Address netip.Addr
	Use     Use // what the client wants to do
	Secret  Secret
	// Credentials are those of the account, empty if there is no account. Of KindRandom, only the one
	// whose hash is that of the secret is needed.
	Credentials []NamedCredential
	// IsKnownAddress reports whether the account has signed in from Address before. It is called only if
	// that matters.
	IsKnownAddress func(context.Context) (bool, error)
	// Program is the client's name, for the log.
	Program string
}

// Verify returns the credential that the attempt's secret matches and that allows its use. It returns
// CodePassword if there is none, or if the login limiter requires a wait, and CodeTemporary if too many
// passwords wait to be hashed.
func (p *Passwords) Verify(ctx context.Context, attempt Attempt) (NamedCredential, error) {
	attempt.Credentials = attempt.usableCredentials()
	for _, credential := range attempt.Credentials {
		if credential.matchesRandom(attempt.Secret) || p.isVerified(credential, attempt.Secret) {
			return credential, p.admitVerified(ctx, attempt)
		}
	}
	// A client that signs in several times at once is verified once, so that its attempts do not count
	// separately. The credentials are part of the key because they may change meanwhile.
	key := callKey{attempt.Account, attempt.Address, attempt.Secret, joinHashes(attempt.Credentials)}
	return p.calls.do(ctx, key, func(ctx context.Context) (NamedCredential, error) { return p.check(ctx, attempt) })
}

// usableCredentials returns the credentials that allow the attempt's use. There are none without a
// secret.
func (a Attempt) usableCredentials() []NamedCredential {
	if !a.Secret.isPresent {
		return nil
	}
	var usable []NamedCredential
	for _, credential := range a.Credentials {
		if credential.Uses&a.Use != 0 {
			usable = append(usable, credential)
		}
	}
	return usable
}

// callKey identifies attempts that can share one check.
type callKey struct {
	account rookery.UIN
	address netip.Addr
	secret  Secret
	hashes  string // of the usable credentials
}

func joinHashes(credentials []NamedCredential) string {
	var joined strings.Builder
	for _, credential := range credentials {
		joined.WriteString(string(credential.Hash) + "\n")
	}
	return joined.String()
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

// check hashes the secret, as far as the login limiter allows, and compares it with the credentials.
func (p *Passwords) check(ctx context.Context, attempt Attempt) (matched NamedCredential, err error) {
	login, err := newLoginAttempt(ctx, attempt)
	if err != nil {
		return matched, err
	}
	waitTime, err := p.limiter.beginCheck(ctx, login, p.uptime)
	switch {
	case err != nil:
		return matched, err
	case waitTime > 0:
		return matched, newWaitError(waitTime)
	}
	defer p.limiter.endCheck(login)
	if err := p.hashQueue.acquire(ctx, p.priorityOf(login), login.address); err != nil {
		return matched, err
	}
	defer p.hashQueue.release()
	// More failures may have been counted while this attempt waited.
	if waitTime := p.limiter.requiredWait(login, p.uptime()); waitTime > 0 {
		return matched, newWaitError(waitTime)
	}
	matched, isRight, err := p.compare(attempt.Credentials, attempt.Secret, p.dummyHash)
	switch {
	case err != nil:
		return matched, err
	case !isRight:
		p.limiter.recordFailure(login, p.uptime())
		p.log.Info("wrong password", "account", attempt.Account, "address", attempt.Address,
			"program", attempt.Program)
		return matched, ErrWrongPassword
	}
	p.limiter.clearFailures(login)
	return matched, nil
}

// compare returns the chosen password that the secret matches, and remembers that it does. For each kind
// that the secret could match it computes one hash, even after a match. If the account has no credential
// of a kind, it uses dummyHash, or skips the kind if that is empty. The caller holds a slot of the hash
// queue.
func (p *Passwords) compare(credentials []NamedCredential, secret Secret, dummyHash rookery.Credential) (
	matched NamedCredential, isRight bool, err error) {
	for _, kind := range []Kind{KindPassword, KindPasswordMD5} {
		input := secret.inputOf(kind)
		position, hash := hashOfKind(credentials, kind)
		if hash = cmp.Or(hash, dummyHash); input == nil || hash == "" {
			continue
		}
		matches, err := p.matchesHash(hash, input)
		if err != nil {
			return NamedCredential{}, false, err
		}
		if matches && position >= 0 {
			matched, isRight = credentials[position], true
			p.verified.Add(p.digestOf(matched, secret), struct{}{})
		}
	}
	return matched, isRight, nil
}

// isVerified reports whether compare has found that the secret matches the credential.
func (p *Passwords) isVerified(credential NamedCredential, secret Secret) bool {
	if secret.inputOf(credential.Kind) == nil {
		return false
	}
	_, isVerified := p.verified.Get(p.digestOf(credential, secret)) // also marks it as recently used
	return isVerified
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

// Hash returns the hash to be stored for a password, of KindPasswordMD5. It waits in the hash queue with the
// operator's priority.
func (p *Passwords) Hash(ctx context.Context, password string) (rookery.Credential, error) {
	if err := p.hashQueue.acquire(ctx, priorityOperator, netip.Addr{}); err != nil {
		return "", err
	}
	defer p.hashQueue.release()
	return HashProof(ProofOf(password), p.cost), nil
}

// Matches reports whether a password matches one of the chosen passwords. It is for the operator and not
// subject to the login limiter.
func (p *Passwords) Matches(ctx context.Context, credentials []NamedCredential, password string) (bool, error) {
	if err := p.hashQueue.acquire(ctx, priorityOperator, netip.Addr{}); err != nil {
		return false, err
	}
	defer p.hashQueue.release()
	_, isRight, err := p.compare(credentials, SecretFromPassword(password), "")
	return isRight, err
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

// secretDigest identifies a secret together with the credential that it was right for.
type secretDigest [sha256.Size]byte

// digestOf needs no account, because the random salt makes each hash unique.
func (p *Passwords) digestOf(credential NamedCredential, secret Secret) secretDigest {
	hasher := hmac.New(sha256.New, p.digestKey[:])
	hasher.Write([]byte(credential.Hash))
	hasher.Write([]byte{0, byte(credential.Kind)}) // no hash contains a zero byte
	hasher.Write(secret.inputOf(credential.Kind))
	return secretDigest(hasher.Sum(nil))
}

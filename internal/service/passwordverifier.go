package service

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/argon2"

	"github.com/rookery-im/rookery"
)

// Proof is the MD5 of a password's UTF-8 bytes. Clients log in with it, so that it is as valuable as
// the password and is stored only as a hash.
type Proof [md5.Size]byte

// ProofOf returns the proof of a password.
func ProofOf(password string) Proof { return md5.Sum([]byte(password)) }

// PasswordCost holds the parameters of Argon2id.
type PasswordCost struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

// MinPasswordCost is the lowest allowed cost and the default. It is OWASP's recommendation for
// Argon2id.
var MinPasswordCost = PasswordCost{MemoryKiB: 19 * 1024, Passes: 2, Threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

func (c PasswordCost) validate() error {
	if c.MemoryKiB < MinPasswordCost.MemoryKiB || c.Passes < MinPasswordCost.Passes ||
		c.Threads < MinPasswordCost.Threads {
		return rookery.Errorf(rookery.CodeParameter,
			"password cost is below the floor: at least %d KiB, %d passes, %d thread",
			MinPasswordCost.MemoryKiB, MinPasswordCost.Passes, MinPasswordCost.Threads)
	}
	return nil
}

// HashProof returns the credential to be stored for a proof: an Argon2id hash with a random salt, in
// the PHC string format.
func HashProof(proof Proof, cost PasswordCost) rookery.Credential {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	hash := argon2.IDKey(proof[:], salt, cost.Passes, cost.MemoryKiB, cost.Threads, hashBytes)
	return rookery.Credential(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.MemoryKiB,
		cost.Passes, cost.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash)))
}

// parseCredential splits a credential made by HashProof.
func parseCredential(storedCredential rookery.Credential) (cost PasswordCost, salt, hash []byte, err error) {
	var version int
	parts := strings.Split(string(storedCredential), "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return cost, nil, nil, fmt.Errorf("stored password hash has an unknown format")
	}
	if _, err = fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return cost, nil, nil, fmt.Errorf("stored password hash has the unsupported version %q", parts[2])
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.MemoryKiB, &cost.Passes, &cost.Threads); err != nil {
		return cost, nil, nil, fmt.Errorf("stored password hash has the invalid cost %q", parts[3])
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	return cost, salt, hash, err
}

// GeneratePassword returns a random password that is easy to read out and to type.
func GeneratePassword() string { return strings.ToLower(rand.Text()[:16]) }

// passwordVerifier compares proofs with stored credentials.
type passwordVerifier struct {
	cost      PasswordCost
	hashQueue *hashQueue
	// dummyCredential is verified if there is no account, so that the answer takes as long as for an
	// existing one.
	dummyCredential rookery.Credential
	// verifiedDigests holds keyed digests of verified proofs, each bound to its credential. A client
	// that signs in for every message then needs only one hash.
	verifiedDigests *lru.Cache[rookery.UIN, [sha256.Size]byte]
	digestKey       [32]byte
}

const maxVerifiedDigests = 100_000

func newPasswordVerifier(cost PasswordCost, slots, maxWaiting int) (*passwordVerifier, error) {
	if cost == (PasswordCost{}) {
		cost = MinPasswordCost
	}
	if err := cost.validate(); err != nil {
		return nil, err
	}
	digests, err := lru.New[rookery.UIN, [sha256.Size]byte](maxVerifiedDigests)
	if err != nil {
		return nil, err
	}
	p := &passwordVerifier{cost: cost, hashQueue: newHashQueue(slots, maxWaiting), verifiedDigests: digests}
	rand.Read(p.digestKey[:])
	var randomProof Proof
	rand.Read(randomProof[:])
	p.dummyCredential = HashProof(randomProof, cost)
	return p, nil
}

// hashProof waits for a slot with the operator's priority and returns a new credential.
func (p *passwordVerifier) hashProof(ctx context.Context, proof Proof) (rookery.Credential, error) {
	if err := p.hashQueue.acquire(ctx, priorityOperator, netip.Addr{}); err != nil {
		return "", err
	}
	defer p.hashQueue.release()
	return HashProof(proof, p.cost), nil
}

// wasVerified reports whether the proof was verified for this credential before. It computes no
// password hash.
func (p *passwordVerifier) wasVerified(uin rookery.UIN, storedCredential rookery.Credential, proof Proof) bool {
	digest, ok := p.verifiedDigests.Get(uin)
	wantedDigest := p.proofDigest(uin, storedCredential, proof)
	return ok && hmac.Equal(digest[:], wantedDigest[:])
}

// verify reports whether proof matches the stored credential. An empty credential never matches, but
// takes as long. The caller holds a slot of the hash queue.
func (p *passwordVerifier) verify(uin rookery.UIN, storedCredential rookery.Credential, proof Proof) (bool, error) {
	comparedCredential := storedCredential
	if storedCredential == "" {
		comparedCredential = p.dummyCredential
	}
	cost, salt, hash, err := parseCredential(comparedCredential)
	if err != nil {
		return false, rookery.Temporary(err)
	}
	computedHash := argon2.IDKey(proof[:], salt, cost.Passes, cost.MemoryKiB, cost.Threads, uint32(len(hash)))
	if subtle.ConstantTimeCompare(computedHash, hash) != 1 || storedCredential == "" {
		return false, nil
	}
	p.verifiedDigests.Add(uin, p.proofDigest(uin, storedCredential, proof))
	return true, nil
}

func (p *passwordVerifier) proofDigest(uin rookery.UIN, storedCredential rookery.Credential,
	proof Proof) [sha256.Size]byte {
	hasher := hmac.New(sha256.New, p.digestKey[:])
	_ = binary.Write(hasher, binary.BigEndian, uint32(uin)) // a hash never fails
	hasher.Write(proof[:])
	hasher.Write([]byte(storedCredential))
	return [sha256.Size]byte(hasher.Sum(nil))
}

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

// Proof is the MD5 of a password's UTF-8 bytes. On the wire it is as good as
// the password, so it is hashed again before it is stored.
type Proof [md5.Size]byte

// ProofOf makes the proof of a password.
func ProofOf(password string) Proof { return md5.Sum([]byte(password)) }

// PasswordCost is what hashing one proof with Argon2id costs.
type PasswordCost struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

// FloorCost is the least cost and the default: OWASP's recommendation for
// Argon2id.
var FloorCost = PasswordCost{MemoryKiB: 19 * 1024, Passes: 2, Threads: 1}

const (
	saltBytes = 16
	hashBytes = 32
)

func (c PasswordCost) check() error {
	if c.MemoryKiB < FloorCost.MemoryKiB || c.Passes < FloorCost.Passes || c.Threads < FloorCost.Threads {
		return rookery.Errorf(rookery.CodeParameter, "password cost is below the floor: at least %d KiB, %d passes, %d thread",
			FloorCost.MemoryKiB, FloorCost.Passes, FloorCost.Threads)
	}
	return nil
}

// HashProof makes the credential to be stored for a proof, in the PHC string
// format.
func HashProof(proof Proof, passwordCost PasswordCost) rookery.Credential {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	hash := argon2.IDKey(proof[:], salt, passwordCost.Passes, passwordCost.MemoryKiB, passwordCost.Threads, hashBytes)
	return rookery.Credential(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passwordCost.MemoryKiB, passwordCost.Passes, passwordCost.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash)))
}

// parseCredential is the reverse of HashProof's last line.
func parseCredential(stored rookery.Credential) (passwordCost PasswordCost, salt, hash []byte, err error) {
	var version int
	parts := strings.Split(string(stored), "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return passwordCost, nil, nil, fmt.Errorf("stored password hash has no known form")
	}
	if _, err = fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return passwordCost, nil, nil, fmt.Errorf("stored password hash is of version %q", parts[2])
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &passwordCost.MemoryKiB, &passwordCost.Passes, &passwordCost.Threads); err != nil {
		return passwordCost, nil, nil, fmt.Errorf("stored password hash has the cost %q", parts[3])
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		hash, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	return passwordCost, salt, hash, err
}

// NewPassword makes a random password that can be read out and typed.
func NewPassword() string { return strings.ToLower(rand.Text()[:16]) }

// passwordVerifier checks proofs against credentials.
type passwordVerifier struct {
	cost  PasswordCost
	queue *hashQueue
	// nobody is checked where there is no account, so that this takes as long.
	nobody rookery.Credential
	// known holds keyed digests of proofs that were right, each bound to the
	// credential that it was right for: clients that sign in for every message
	// must not cost a hash each time.
	known *lru.Cache[rookery.UIN, [sha256.Size]byte]
	key   [32]byte
}

const knownProofs = 100_000

func newProver(cost PasswordCost, hashes, queue int) (*passwordVerifier, error) {
	if cost == (PasswordCost{}) {
		cost = FloorCost
	}
	if err := cost.check(); err != nil {
		return nil, err
	}
	known, err := lru.New[rookery.UIN, [sha256.Size]byte](knownProofs)
	if err != nil {
		return nil, err
	}
	p := &passwordVerifier{cost: cost, queue: newHashQueue(hashes, queue), known: known}
	rand.Read(p.key[:])
	var unguessable Proof
	rand.Read(unguessable[:])
	p.nobody = HashProof(unguessable, cost)
	return p, nil
}

// hash makes a credential, for the operator.
func (p *passwordVerifier) hash(ctx context.Context, proof Proof) (rookery.Credential, error) {
	if err := p.queue.take(ctx, rankOperator, netip.Addr{}); err != nil {
		return "", err
	}
	defer p.queue.leave()
	return HashProof(proof, p.cost), nil
}

// recognises reports whether the proof was found right for the credential
// before. It costs next to nothing.
func (p *passwordVerifier) recognises(uin rookery.UIN, stored rookery.Credential, proof Proof) bool {
	digest, ok := p.known.Get(uin)
	want := p.digest(uin, stored, proof)
	return ok && hmac.Equal(digest[:], want[:])
}

// proves hashes the proof and compares; the caller has a place in the queue. An
// empty credential takes as long as any and is never proved.
func (p *passwordVerifier) proves(uin rookery.UIN, stored rookery.Credential, proof Proof) (bool, error) {
	against := stored
	if stored == "" {
		against = p.nobody
	}
	passwordCost, salt, hash, err := parseCredential(against)
	if err != nil {
		return false, rookery.Temporary(err)
	}
	got := argon2.IDKey(proof[:], salt, passwordCost.Passes, passwordCost.MemoryKiB, passwordCost.Threads, uint32(len(hash)))
	if subtle.ConstantTimeCompare(got, hash) != 1 || stored == "" {
		return false, nil
	}
	p.known.Add(uin, p.digest(uin, stored, proof))
	return true, nil
}

func (p *passwordVerifier) digest(uin rookery.UIN, stored rookery.Credential, proof Proof) [sha256.Size]byte {
	mac := hmac.New(sha256.New, p.key[:])
	_ = binary.Write(mac, binary.BigEndian, uint32(uin)) // a hash takes all
	mac.Write(proof[:])
	mac.Write([]byte(stored))
	return [sha256.Size]byte(mac.Sum(nil))
}

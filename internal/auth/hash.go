package auth

import (
	"crypto/md5"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/rookery-im/rookery"
)

// Proof is the MD5 of a password's UTF-8 bytes. Clients log in with it, so that it is as valuable as
// the password and is stored only as a hash.
type Proof [md5.Size]byte

// ProofOf returns the proof of a password.
func ProofOf(password string) Proof { return md5.Sum([]byte(password)) }

// GeneratePassword returns a random password with 80 bits that is easy to read out and to type.
func GeneratePassword() string { return strings.ToLower(rand.Text()[:16]) }

// Cost holds the parameters of Argon2id.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Threads   uint8
}

var (
	// DefaultCost is OWASP's recommendation for Argon2id.
	DefaultCost = Cost{MemoryKiB: 19 * 1024, Passes: 2, Threads: 1}
	// TestCost is the lowest cost that Argon2id allows. It protects no password.
	TestCost = Cost{MemoryKiB: 8, Passes: 1, Threads: 1}
)

const (
	saltBytes = 16
	hashBytes = 32
)

// HashProof returns the credential to be stored for a proof, of KindPasswordMD5: an Argon2id hash with a
// random salt, in the PHC string format.
func HashProof(proof Proof, cost Cost) rookery.Credential { return hashInput(proof[:], cost) }

func hashInput(input []byte, cost Cost) rookery.Credential {
	hash, err := argon2id.CreateHash(string(input), &argon2id.Params{
		Memory: cost.MemoryKiB, Iterations: cost.Passes, Parallelism: cost.Threads,
		SaltLength: saltBytes, KeyLength: hashBytes,
	})
	if err != nil {
		panic(err) // only if there is no random salt, which crypto/rand does not let happen
	}
	return rookery.Credential(hash)
}

// matchesHash reports whether an Argon2id hash is that of input.
func matchesHash(hash rookery.Credential, input []byte) (bool, error) {
	matches, err := argon2id.ComparePasswordAndHash(string(input), string(hash))
	if err != nil {
		return false, rookery.Temporary(fmt.Errorf("read a stored password hash: %w", err))
	}
	return matches, nil
}

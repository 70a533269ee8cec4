package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"

	"github.com/rookery-im/rookery"
)

// Kind says what the hash of a credential is made of, and how.
type Kind uint8

const (
	// KindPassword is the Argon2id hash of a password that somebody has chosen.
	KindPassword Kind = iota + 1
	// KindPasswordMD5 is the Argon2id hash of such a password's MD5, for clients that send only the MD5.
	KindPasswordMD5
	// KindRandom is the SHA-256 of the MD5 of a password made by GeneratePassword, in hexadecimal. Nobody
	// can guess 80 random bits, so a fast hash without salt protects them, and a store can look it up.
	KindRandom
)

// Use is a set of purposes for which a credential is accepted.
type Use uint8

const (
	// UseAddressSession is to sign in without a device, as old programs do.
	UseAddressSession Use = 1 << iota
	// UseDeviceSession is to sign in as a device.
	UseDeviceSession
	// UseEverything is all of the above.
	UseEverything = UseAddressSession | UseDeviceSession
)

// NamedCredential is one of the credentials that an account may sign in with. An account has at most one
// of KindPassword and one of KindPasswordMD5.
type NamedCredential struct {
	// Name tells the account's credentials apart.
	Name string
	Kind Kind
	Uses Use
	Hash rookery.Credential
}

// Secret is what a client shows to sign in: a password or only its MD5. The zero Secret matches no
// credential, and takes as long to refuse as a wrong MD5.
type Secret struct {
	isPresent bool
	password  string // empty if the client has sent only the MD5
	proof     Proof
}

// SecretFromPassword returns the secret of a client that sends the password. It matches every kind of
// credential.
func SecretFromPassword(password string) Secret {
	return Secret{isPresent: true, password: password, proof: ProofOf(password)}
}

// SecretFromProof returns the secret of a client that sends the MD5. It cannot match KindPassword.
func SecretFromProof(proof Proof) Secret { return Secret{isPresent: true, proof: proof} }

// inputOf returns what is hashed for a kind of credential, or nil if the client has not sent it.
func (s Secret) inputOf(kind Kind) []byte {
	switch {
	case kind != KindPassword:
		return s.proof[:]
	case s.password != "":
		return []byte(s.password)
	}
	return nil
}

// hashRandomProof returns the hash of a KindRandom credential.
func hashRandomProof(proof Proof) rookery.Credential {
	sum := sha256.Sum256(proof[:])
	return rookery.Credential(hex.EncodeToString(sum[:]))
}

// matchesRandom reports whether the credential is of KindRandom and the secret matches it.
func (c NamedCredential) matchesRandom(secret Secret) bool {
	hash := hashRandomProof(secret.proof)
	return c.Kind == KindRandom && subtle.ConstantTimeCompare([]byte(hash), []byte(c.Hash)) == 1
}

// hashOfKind returns the hash of the credential of the given kind and its position, or -1.
func hashOfKind(credentials []NamedCredential, kind Kind) (position int, hash rookery.Credential) {
	i := slices.IndexFunc(credentials, func(c NamedCredential) bool { return c.Kind == kind })
	if i < 0 {
		return -1, ""
	}
	return i, credentials[i].Hash
}

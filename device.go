package rookery

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// Limits of devices.
const (
	// MaxDeviceName is how long a device's name may be, in bytes of UTF-8.
	MaxDeviceName = 64
	// MaxDevices is how many devices an account may have.
	MaxDevices = 64
)

// Device is a place of its own that an account signs in from: with its own
// session, its own place in the mailbox, and its own memory of requests. It
// outlives its sessions.
type Device struct {
	// ID is the device's number within the account. It is not given twice.
	ID   uint64
	Name string
	// SignedInAt is when it signed in last.
	SignedInAt time.Time
	// SignedIn: it has a session.
	SignedIn bool
}

// CheckDeviceName reports with CodeParameter what keeps a name from being a
// device's. Devices that were named otherwise before keep their names.
func CheckDeviceName(name string) error {
	switch {
	case name == "":
		return Errorf(CodeParameter, "the device's name is empty")
	case len(name) > MaxDeviceName:
		return Errorf(CodeParameter, "the device's name has %d bytes, allowed are %d", len(name), MaxDeviceName)
	}
	return CheckName("the device's name", name)
}

// Token proves a device session. Whoever has it acts for the device; only its
// hash is stored.
type Token string

// TokenHash is what is stored of a token. A token holds 256 random bits, so
// that a fast hash is enough: there is nothing to guess.
type TokenHash [sha256.Size]byte

const (
	tokenPrefix = "rk_"
	// TokenBytes is how many random bytes a token is made of.
	TokenBytes = 32
)

// NewToken makes the token of random bytes.
func NewToken(random [TokenBytes]byte) Token {
	return Token(tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:]))
}

// ParseToken reports whether a text has the form of a token: rk_ and 43
// characters. Clients of old send other things as SID.
func ParseToken(text string) (Token, bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(TokenBytes) {
		return "", false
	}
	for _, c := range []byte(rest) {
		if !('A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	return Token(text), true
}

// Hash is what is stored of the token.
func (t Token) Hash() TokenHash { return sha256.Sum256([]byte(t)) }

package rookery

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// Limits of devices.
const (
	// MaxDeviceName is the longest name of a device, in bytes of UTF-8.
	MaxDeviceName = 64
	// MaxDevices is the number of devices that an account can have.
	MaxDevices = 64
)

// Device is a client of an account with its own session, its own cursor in the
// mailbox, and its own request keys. It outlives its sessions.
type Device struct {
	// ID is the device's number within the account. An account never reuses one.
	ID   uint64
	Name string
	// SignedInAt is the time of the latest login.
	SignedInAt time.Time
	// SignedIn is true while the device has a session.
	SignedIn bool
}

// CheckDeviceName returns an error with CodeParameter if name is not a valid name for
// a new device. Existing devices keep their names.
func CheckDeviceName(name string) error {
	switch {
	case name == "":
		return Errorf(CodeParameter, "the device's name is empty")
	case len(name) > MaxDeviceName:
		return Errorf(CodeParameter, "the device's name has %d bytes, allowed are %d", len(name), MaxDeviceName)
	}
	return CheckName("the device's name", name)
}

// Token is the bearer token of a device session. Whoever has it acts for the device.
// The server stores its hash only.
type Token string

// TokenHash is the SHA-256 hash of a token. A fast hash is sufficient, because nobody
// can guess the 256 random bits of a token.
type TokenHash [sha256.Size]byte

const (
	tokenPrefix = "rk_"
	// TokenBytes is the number of random bytes in a token.
	TokenBytes = 32
)

// NewToken encodes random bytes as a token.
func NewToken(random [TokenBytes]byte) Token {
	return Token(tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:]))
}

// ParseToken reports whether text has the form of a token: rk_ and 43 characters of
// unpadded base64url. Old clients send other values in the same key, SID.
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

// Hash returns the hash under which the store finds the token.
func (t Token) Hash() TokenHash { return sha256.Sum256([]byte(t)) }

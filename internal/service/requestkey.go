package service

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"time"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
)

// A SEQ of at least minLongSEQLength characters is expected to be unique. Old clients draw shorter ones
// from a few hundred values. A short SEQ therefore identifies a request for a short time only, and only
// within one sign-in.
const (
	minLongSEQLength = 6
	longSEQWindow    = 120 * time.Second
	shortSEQWindow   = 15 * time.Second
)

// NewRequestKey returns the key of a request that changes something. content is the command with all
// values that matter for its effect. An empty SEQ makes a key that equals no other, but still counts as
// the owner's latest request.
func (s *Service) NewRequestKey(session *Session, seq string, content []byte) rookery.RequestKey {
	s.noteTimedWrite()
	requestKey := rookery.RequestKey{Owner: session.details.Account, Device: session.details.Device,
		ReceivedAt: s.uptime()}
	switch {
	case seq == "":
		rand.Read(requestKey.Digest[:]) // never fails
		return requestKey
	case isShortSEQ(seq):
		requestKey.RepeatWindow, requestKey.LatestOnly = shortSEQWindow, true
	default:
		requestKey.RepeatWindow = longSEQWindow
	}
	requestKey.Digest = session.requestDigest(seq, content)
	return requestKey
}

func isShortSEQ(seq string) bool { return utf8.RuneCountInString(seq) < minLongSEQLength }

// requestDigest returns a digest of the account, the SEQ and the content.
func (se *Session) requestDigest(seq string, content []byte) [16]byte {
	data := make([]byte, 0, 256)
	data = binary.BigEndian.AppendUint32(data, uint32(se.details.Account))
	data = append(se.appendSEQ(data, seq), content...)
	sum := sha256.Sum256(data)
	return [16]byte(sum[:])
}

// appendSEQ appends an encoding of the session's device and SEQ to data. A short SEQ is encoded
// differently after each sign-in. The encoding is self-delimiting.
func (se *Session) appendSEQ(data []byte, seq string) []byte {
	var signIn uint64
	if isShortSEQ(seq) {
		signIn = se.details.ID
	}
	data = binary.BigEndian.AppendUint64(data, signIn)
	for _, part := range []string{se.details.Device, seq} {
		data = binary.AppendUvarint(data, uint64(len(part)))
		data = append(data, part...)
	}
	return data
}

// seqKey is the digest of a collecting request's SEQ. The zero value stands for an empty SEQ.
type seqKey struct {
	digest  uint64
	isShort bool
}

// newSEQKey is called for every poll and uses a fast hash without collision resistance. A consumer
// compares at most 17 keys of its own account, so that a client could only deceive itself.
func (se *Session) newSEQKey(seq string) seqKey {
	if seq == "" {
		return seqKey{}
	}
	hasher := fnv.New64a()
	hasher.Write(se.appendSEQ(make([]byte, 0, 128), seq))
	return seqKey{digest: hasher.Sum64(), isShort: isShortSEQ(seq)}
}

func (k seqKey) repeatWindow() time.Duration {
	if k.isShort {
		return shortSEQWindow
	}
	return longSEQWindow
}

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

// A SEQ of at least longSEQ characters is taken for fresh. A shorter one is
// drawn from a few hundred values and collides, so that it counts only briefly
// and only within one sign-in.
const (
	minLongSEQLength = 6
	longSEQWindow    = 120 * time.Second
	shortSEQWindow   = 15 * time.Second
)

// NewRequestKey is what a changing request is remembered by: its SEQ and its content,
// which is the command with the values that decide what it does. With an empty
// SEQ it repeats nothing and nothing repeats it, but it is the owner's latest
// all the same.
func (s *Service) NewRequestKey(session *Session, seq string, content []byte) rookery.RequestKey {
	s.noteTimedWrite()
	requestKey := rookery.RequestKey{Owner: session.details.Account, Device: session.details.Device, ReceivedAt: s.uptime()}
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

// requestDigest stands for a SEQ of this session's owner with what it marks.
func (se *Session) requestDigest(seq string, content []byte) [16]byte {
	data := make([]byte, 0, 256)
	data = binary.BigEndian.AppendUint32(data, uint32(se.details.Account))
	data = append(se.appendSEQ(data, seq), content...)
	sum := sha256.Sum256(data)
	return [16]byte(sum[:])
}

// appendSEQ appends what a SEQ means, to which anything may be appended. A short
// one means something else after each sign-in.
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

// seqKey is a SEQ of a collecting request, as remembered. The zero ticket is
// the empty SEQ.
type seqKey struct {
	digest  uint64
	isShort bool
}

// seqKey is made for every poll, so its hash is a cheap one: a collector
// compares 17 SEQs of one account, and who makes two of his own collide deceives
// himself.
func (se *Session) newSEQKey(seq string) seqKey {
	if seq == "" {
		return seqKey{}
	}
	hasher := fnv.New64a()
	hasher.Write(se.appendSEQ(make([]byte, 0, 128), seq))
	return seqKey{digest: hasher.Sum64(), isShort: isShortSEQ(seq)}
}

func (t seqKey) repeatWindow() time.Duration {
	if t.isShort {
		return shortSEQWindow
	}
	return longSEQWindow
}

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
	longSEQ     = 6
	longWindow  = 120 * time.Second
	shortWindow = 15 * time.Second
)

// Mark is what a changing request is remembered by: its SEQ and its content,
// which is the command with the values that decide what it does. With an empty
// SEQ it repeats nothing and nothing repeats it, but it is the owner's latest
// all the same.
func (s *Service) Mark(session *Session, seq string, content []byte) rookery.RequestKey {
	s.changed()
	key := rookery.RequestKey{Owner: session.about.Account, Device: session.about.Device, ReceivedAt: s.uptime()}
	switch {
	case seq == "":
		rand.Read(key.Digest[:]) // never fails
		return key
	case isShort(seq):
		key.RepeatWindow, key.LatestOnly = shortWindow, true
	default:
		key.RepeatWindow = longWindow
	}
	key.Digest = session.digest(seq, content)
	return key
}

func isShort(seq string) bool { return utf8.RuneCountInString(seq) < longSEQ }

// digest stands for a SEQ of this session's owner with what it marks.
func (se *Session) digest(seq string, content []byte) [16]byte {
	b := make([]byte, 0, 256)
	b = binary.BigEndian.AppendUint32(b, uint32(se.about.Account))
	b = append(se.appendSEQ(b, seq), content...)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:])
}

// appendSEQ appends what a SEQ means, to which anything may be appended. A short
// one means something else after each sign-in.
func (se *Session) appendSEQ(b []byte, seq string) []byte {
	var signIn uint64
	if isShort(seq) {
		signIn = se.about.ID
	}
	b = binary.BigEndian.AppendUint64(b, signIn)
	for _, part := range []string{se.about.Device, seq} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// seqKey is a SEQ of a collecting request, as remembered. The zero ticket is
// the empty SEQ.
type seqKey struct {
	digest uint64
	short  bool
}

// seqKey is made for every poll, so its hash is a cheap one: a collector
// compares 17 SEQs of one account, and who makes two of his own collide deceives
// himself.
func (se *Session) ticket(seq string) seqKey {
	if seq == "" {
		return seqKey{}
	}
	h := fnv.New64a()
	h.Write(se.appendSEQ(make([]byte, 0, 128), seq))
	return seqKey{digest: h.Sum64(), short: isShort(seq)}
}

func (t seqKey) window() time.Duration {
	if t.short {
		return shortWindow
	}
	return longWindow
}

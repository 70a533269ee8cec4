package service

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/rookery-im/rookery"
)

// A memory is stored as Place.Memo: a version byte, then, all big endian,
//
//	batch:    1 byte, 0 for none; ticket, at, after, upTo; number of notices (4 bytes); each a friend (4), a status (1)
//	recent:   to the end; each a ticket and at
//	ticket:   digest (8), short (1)
//	at:       nanoseconds of uptime (8)
const memoVersion = 1

var errMemo = errors.New("what is stored of an account's latest collections is not readable")

// encode makes the place to be stored. Requests that are too old to matter are
// left out.
func (m *consumerState) encode(now time.Duration) rookery.Cursor {
	cursor := rookery.Cursor{Number: m.place}
	b := append(make([]byte, 0, 64+17*len(m.recent)), memoVersion)
	if m.batch == nil {
		b = append(b, 0)
	} else {
		cursor.RepeatFrom = m.batch.after + 1
		b = append(b, 1)
		b = m.batch.ticket.append(b, m.batch.at)
		b = binary.BigEndian.AppendUint64(b, m.batch.after)
		b = binary.BigEndian.AppendUint64(b, m.batch.upTo)
		b = binary.BigEndian.AppendUint32(b, uint32(len(m.batch.notices)))
		for _, notice := range m.batch.notices {
			b = append(binary.BigEndian.AppendUint32(b, uint32(notice.Friend)), byte(notice.Status))
		}
	}
	for _, past := range m.recent {
		if now-past.at < longWindow {
			b = past.ticket.append(b, past.at)
		}
	}
	cursor.State = b
	return cursor
}

func (t seqKey) append(b []byte, at time.Duration) []byte {
	b = binary.BigEndian.AppendUint64(b, t.digest)
	short := byte(0)
	if t.short {
		short = 1
	}
	return binary.BigEndian.AppendUint64(append(b, short), uint64(at))
}

// decodeMemory is the reverse of encode.
func decodeMemory(cursor rookery.Cursor) (consumerState, error) {
	m := consumerState{place: cursor.Number}
	if len(cursor.State) == 0 {
		return m, nil
	}
	r := stateReader{rest: cursor.State}
	if r.byte() != memoVersion {
		return consumerState{}, errMemo
	}
	if r.byte() == 1 {
		m.batch = new(handedBatch)
		m.batch.ticket, m.batch.at = r.ticket()
		m.batch.after, m.batch.upTo = r.uint64(), r.uint64()
		for range r.uint32() {
			notice := Notice{rookery.UIN(r.uint32()), rookery.Status(r.byte())}
			if r.short {
				break
			}
			m.batch.notices = append(m.batch.notices, notice)
		}
	}
	for len(r.rest) > 0 && !r.short {
		var past pastRequest
		past.ticket, past.at = r.ticket()
		m.recent = append(m.recent, past)
	}
	if r.short {
		return consumerState{}, errMemo
	}
	return m, nil
}

// stateReader reads the fields of a memo; short is set when one is cut off.
type stateReader struct {
	rest  []byte
	short bool
}

func (r *stateReader) take(n int) []byte {
	if len(r.rest) < n {
		r.short = true
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *stateReader) byte() byte     { return r.take(1)[0] }
func (r *stateReader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *stateReader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

func (r *stateReader) ticket() (seqKey, time.Duration) {
	t := seqKey{digest: r.uint64(), short: r.byte() == 1}
	return t, time.Duration(r.uint64())
}

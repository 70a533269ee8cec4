package service

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/rookery-im/rookery"
)

// A consumerState is stored as Cursor.State: a version byte, then these parts, with big-endian numbers:
//
//	batch:    1 byte, 0 if there is none; key, collectedAt, after, upTo; number of notices (4 bytes);
//	          for each notice the friend (4) and the status (1)
//	requests: to the end; for each a key and receivedAt
//	key:      digest (8), isShort (1)
//	times:    nanoseconds of uptime (8)
const consumerStateVersion = 1

var errUnreadableState = errors.New("the stored state of a consumer is not readable")

// encode returns the cursor to be stored. It leaves out requests that are too old to matter.
func (s *consumerState) encode(now time.Duration) rookery.Cursor {
	cursor := rookery.Cursor{Number: s.cursor}
	data := append(make([]byte, 0, 64+17*len(s.recentRequests)), consumerStateVersion)
	if s.lastBatch == nil {
		data = append(data, 0)
	} else {
		cursor.RepeatFrom = s.lastBatch.after + 1
		data = append(data, 1)
		data = s.lastBatch.key.appendTo(data, s.lastBatch.collectedAt)
		data = binary.BigEndian.AppendUint64(data, s.lastBatch.after)
		data = binary.BigEndian.AppendUint64(data, s.lastBatch.upTo)
		data = binary.BigEndian.AppendUint32(data, uint32(len(s.lastBatch.notices)))
		for _, notice := range s.lastBatch.notices {
			data = append(binary.BigEndian.AppendUint32(data, uint32(notice.Friend)), byte(notice.Status))
		}
	}
	for _, request := range s.recentRequests {
		if now-request.receivedAt < longSEQWindow {
			data = request.key.appendTo(data, request.receivedAt)
		}
	}
	cursor.State = data
	return cursor
}

func (k seqKey) appendTo(data []byte, at time.Duration) []byte {
	data = binary.BigEndian.AppendUint64(data, k.digest)
	short := byte(0)
	if k.isShort {
		short = 1
	}
	return binary.BigEndian.AppendUint64(append(data, short), uint64(at))
}

// decodeConsumerState is the inverse of encode.
func decodeConsumerState(cursor rookery.Cursor) (consumerState, error) {
	state := consumerState{cursor: cursor.Number}
	if len(cursor.State) == 0 {
		return state, nil
	}
	reader := stateReader{remaining: cursor.State}
	if reader.readByte() != consumerStateVersion {
		return consumerState{}, errUnreadableState
	}
	if reader.readByte() == 1 {
		state.lastBatch = new(handedBatch)
		state.lastBatch.key, state.lastBatch.collectedAt = reader.readSEQKey()
		state.lastBatch.after, state.lastBatch.upTo = reader.readUint64(), reader.readUint64()
		for range reader.readUint32() {
			notice := rookery.StatusNotice{Friend: rookery.UIN(reader.readUint32()),
				Status: rookery.Status(reader.readByte())}
			if reader.isTruncated {
				break
			}
			state.lastBatch.notices = append(state.lastBatch.notices, notice)
		}
	}
	for len(reader.remaining) > 0 && !reader.isTruncated {
		var request pastRequest
		request.key, request.receivedAt = reader.readSEQKey()
		state.recentRequests = append(state.recentRequests, request)
	}
	if reader.isTruncated {
		return consumerState{}, errUnreadableState
	}
	return state, nil
}

// stateReader decodes the fields of a stored state. isTruncated is set if a field is incomplete.
type stateReader struct {
	remaining   []byte
	isTruncated bool
}

func (r *stateReader) readBytes(n int) []byte {
	if len(r.remaining) < n {
		r.isTruncated = true
		return make([]byte, n)
	}
	data := r.remaining[:n]
	r.remaining = r.remaining[n:]
	return data
}

func (r *stateReader) readByte() byte     { return r.readBytes(1)[0] }
func (r *stateReader) readUint32() uint32 { return binary.BigEndian.Uint32(r.readBytes(4)) }
func (r *stateReader) readUint64() uint64 { return binary.BigEndian.Uint64(r.readBytes(8)) }

func (r *stateReader) readSEQKey() (seqKey, time.Duration) {
	key := seqKey{digest: r.readUint64(), isShort: r.readByte() == 1}
	return key, time.Duration(r.readUint64())
}

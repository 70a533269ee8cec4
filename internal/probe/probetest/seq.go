package probetest

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// isShortSeq reports whether a SEQ is so short that two requests may have the same one by chance.
func isShortSeq(seq string) bool { return utf8.RuneCountInString(seq) < minLongSeq }

// seqMemory remembers the answers to an account's changing requests, so that a repeat has no second
// effect.
type seqMemory struct {
	answers   map[seqKey]rememberedAnswer
	latestKey seqKey
	latestAt  time.Duration
	hasLatest bool // latestKey is valid
}

// seqKey identifies equal requests. content encodes the parameters.
type seqKey struct {
	seq     string
	command commandID
	content string
}

type rememberedAnswer struct {
	fields   []field
	storedAt time.Duration
}

// findAnswer returns the fields of the remembered answer to an equal request. It returns false if
// the request is not a repeat: the SEQ is empty, no equal request is remembered for window, or the SEQ
// is short and another changing request came in between.
func (m *seqMemory) findAnswer(key seqKey, now, window time.Duration) ([]field, bool) {
	remembered, ok := m.answers[key]
	if !ok || key.seq == "" {
		return nil, false
	}
	if isShortSeq(key.seq) {
		return remembered.fields, m.hasLatest && m.latestKey == key && now-m.latestAt <= shortWindow
	}
	return remembered.fields, now-remembered.storedAt <= window
}

func (m *seqMemory) storeAnswer(key seqKey, fields []field, now, window time.Duration) {
	if m.answers == nil {
		m.answers = map[seqKey]rememberedAnswer{}
	}
	if len(m.answers) > 1000 {
		for oldKey, remembered := range m.answers {
			if now-remembered.storedAt > window {
				delete(m.answers, oldKey)
			}
		}
	}
	m.answers[key] = rememberedAnswer{slices.Clone(fields), now}
	m.latestKey, m.latestAt, m.hasLatest = key, now, true
}

// forgetShortSeqs runs at each login, because some clients then number their requests from 1 again.
func (m *seqMemory) forgetShortSeqs() {
	if isShortSeq(m.latestKey.seq) {
		m.hasLatest = false
	}
}

// seqMemoryOf returns the memory for an account's requests. A mutant uses one for all accounts.
func (w *serverState) seqMemoryOf(account *testAccount) *seqMemory {
	if w.mail.sharesSeqMemory {
		return &w.sharedSeqMemory
	}
	return &account.seqMemory
}

// executeOnce calls apply to execute a changing request. For a repeat it sets the fields of the
// earlier answer instead. Only successful answers are remembered.
func (c *serverCall) executeOnce(apply func()) {
	memory, key, rules := c.seqMemoryOf(c.account), c.repeatKey(), &c.mail
	if fields, ok := memory.findAnswer(key, c.now, rules.repeatWindow); ok && !rules.executesRepeats {
		c.fields = slices.Clone(fields)
		return
	}
	if apply(); c.code == codeDone {
		memory.storeAnswer(key, c.fields, c.now, rules.repeatWindow)
	}
}

// repeatKey returns what a repeat of the request has in common with it: SEQ, command and content,
// or less in mutants.
func (c *serverCall) repeatKey() seqKey {
	rules, seq := &c.mail, c.head.seq
	if number := rules.significantSeqLength; number > 0 && len(seq) > number {
		seq = seq[:number]
	}
	if rules.seqIgnoresCase {
		seq = strings.ToUpper(seq)
	}
	switch {
	case rules.seqIgnoresCommand:
		return seqKey{seq: seq}
	case rules.seqIgnoresContent:
		return seqKey{seq: seq, command: c.head.command}
	}
	var content strings.Builder
	for _, parameter := range c.parameters {
		content.WriteString(strconv.Itoa(len(parameter.value)) + ":" + parameter.value)
	}
	return seqKey{seq, c.head.command, content.String()}
}

// batchHistory remembers an account's GetMsgEx requests.
type batchHistory struct {
	lastBatch []storedMessage
	sentAt    time.Duration
	canRepeat bool          // lastBatch may be requested again
	requests  []pastRequest // the last few in order; lastBatch answered the latest
}

type pastRequest struct {
	seq    string
	sentAt time.Duration
}

// collectionKind says how to answer a GetMsgEx.
type collectionKind int

const (
	collectNew       collectionKind = iota // with a new batch
	collectRepeat                          // with the last batch again
	collectStraggler                       // with nothing
)

// classify compares the SEQ of a GetMsgEx with those of earlier ones.
func (b *batchHistory) classify(seq string, now time.Duration) collectionKind {
	if seq == "" || len(b.requests) == 0 {
		return collectNew
	}
	window := stragglerWindow
	if isShortSeq(seq) {
		window = shortWindow
	}
	if latest := b.requests[len(b.requests)-1]; latest.seq == seq {
		if b.canRepeat && (!isShortSeq(seq) || now-b.sentAt <= window) {
			return collectRepeat
		}
		return collectNew
	}
	for _, past := range b.requests {
		if past.seq == seq && now-past.sentAt <= window {
			return collectStraggler
		}
	}
	return collectNew
}

// addBatch records a new batch, which confirms the previous one.
func (b *batchHistory) addBatch(seq string, now time.Duration, batch []storedMessage) {
	b.lastBatch, b.sentAt, b.canRepeat = batch, now, len(batch) > 0 && seq != ""
	b.requests = append(b.requests, pastRequest{seq, now})
	if len(b.requests) > maxStragglers {
		b.requests = b.requests[1:]
	}
}

// forgetShortSeqs runs at each login, like that of seqMemory.
func (b *batchHistory) forgetShortSeqs() {
	if number := len(b.requests); number > 0 && isShortSeq(b.requests[number-1].seq) {
		b.canRepeat = false
	}
	b.requests = slices.DeleteFunc(b.requests, func(past pastRequest) bool { return isShortSeq(past.seq) })
}

package probetest

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// isShort reports whether a SEQ comes out of so few that two may be equal by
// chance.
func isShort(seq string) bool { return utf8.RuneCountInString(seq) < shortSeq }

// seqMemory is what an account's changing requests left, so that they are not done
// twice.
type seqMemory struct {
	done     map[seqKey]remembered
	latest   seqKey
	latestAt time.Duration
	fresh    bool // latest holds something
}

// A mark is what makes two requests equal.
type seqKey struct {
	seq     string
	cmd     Command
	content string
}

type remembered struct {
	fields []field
	at     time.Duration
}

// find is what a request equal to this one was answered.
func (m *seqMemory) find(k seqKey, now, window time.Duration) ([]field, bool) {
	remembered, ok := m.done[k]
	if !ok || k.seq == "" {
		return nil, false
	}
	if isShort(k.seq) {
		return remembered.fields, m.fresh && m.latest == k && now-m.latestAt <= shortWindow
	}
	return remembered.fields, now-remembered.at <= window
}

func (m *seqMemory) remember(k seqKey, fields []field, now, window time.Duration) {
	if m.done == nil {
		m.done = map[seqKey]remembered{}
	}
	if len(m.done) > 1000 {
		for old, remembered := range m.done {
			if now-remembered.at > window {
				delete(m.done, old)
			}
		}
	}
	m.done[k] = remembered{slices.Clone(fields), now}
	m.latest, m.latestAt, m.fresh = k, now, true
}

// forgetShort is what a Login does: some clients count from 1.
func (m *seqMemory) forgetShort() {
	if isShort(m.latest.seq) {
		m.fresh = false
	}
}

func (w *serverState) memoryOf(a *testAccount) *seqMemory {
	if w.mail.shared {
		return &w.memory
	}
	return &a.memory
}

// once does what a changing request asks for, unless it was done before.
func (c *serverCall) once(do func()) {
	seqMemory, seqKey, mailRules := c.memoryOf(c.me), c.mark(), &c.mail
	if fields, ok := seqMemory.find(seqKey, c.now, mailRules.window); ok && !mailRules.repeats {
		c.fields = slices.Clone(fields)
		return
	}
	if do(); c.code == Done {
		seqMemory.remember(seqKey, c.fields, c.now, mailRules.window)
	}
}

func (c *serverCall) mark() seqKey {
	mailRules, seq := &c.mail, c.head.seq
	if n := mailRules.seqCounts; n > 0 && len(seq) > n {
		seq = seq[:n]
	}
	if mailRules.seqAnyCase {
		seq = strings.ToUpper(seq)
	}
	switch {
	case mailRules.anyCommand:
		return seqKey{seq: seq}
	case mailRules.anyContent:
		return seqKey{seq: seq, cmd: c.head.cmd}
	}
	var content strings.Builder
	for _, parameter := range c.params {
		content.WriteString(strconv.Itoa(len(parameter.value)) + ":" + parameter.value)
	}
	return seqKey{seq, c.head.cmd, content.String()}
}

// batches is what an account's GetMsgEx left.
type batches struct {
	batch []storedMessage
	at    time.Duration
	held  bool          // batch may be asked for again
	asked []pastRequest // the last few, the latest at the end; batch belongs to it
}

type pastRequest struct {
	seq string
	at  time.Duration
}

// What a GetMsgEx is.
type collection int

const (
	newBatch collection = iota
	sameBatch
	straggler
)

func (b *batches) kind(seq string, now time.Duration) collection {
	if seq == "" || len(b.asked) == 0 {
		return newBatch
	}
	window := stragglerWindow
	if isShort(seq) {
		window = shortWindow
	}
	if latest := b.asked[len(b.asked)-1]; latest.seq == seq {
		if b.held && (!isShort(seq) || now-b.at <= window) {
			return sameBatch
		}
		return newBatch
	}
	for _, pastRequest := range b.asked {
		if pastRequest.seq == seq && now-pastRequest.at <= window {
			return straggler
		}
	}
	return newBatch
}

// remember notes a new batch, by which the one before it has arrived.
func (b *batches) remember(seq string, now time.Duration, batch []storedMessage) {
	b.batch, b.at, b.held = batch, now, len(batch) > 0 && seq != ""
	b.asked = append(b.asked, pastRequest{seq, now})
	if len(b.asked) > stragglers {
		b.asked = b.asked[1:]
	}
}

func (b *batches) forgetShort() {
	if n := len(b.asked); n > 0 && isShort(b.asked[n-1].seq) {
		b.held = false
	}
	b.asked = slices.DeleteFunc(b.asked, func(a pastRequest) bool { return isShort(a.seq) })
}

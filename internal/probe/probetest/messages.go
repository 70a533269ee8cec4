package probetest

import (
	"slices"
	"strconv"
)

// send delivers a text.
func (c *call) send() {
	text := c.param(KeyText)
	switch {
	case text == "":
		c.wrong(KeyText, "is empty")
		return
	case len(text) > c.rules.text.most:
		c.wrong(KeyText, "is too long")
		return
	}
	a, ok := c.known()
	if !ok {
		return
	}
	if a == c.me && c.mail.noNoteToSelf {
		c.wrong(KeyTarget, "is yourself")
		return
	}
	if !a.session.live && c.mail.lostIfOffline {
		return
	}
	m := message{TypeText, c.uin, text}
	c.post(a, m)
	if !a.session.live && c.mail.twiceIfOffline {
		c.post(a, m)
	}
	if c.rules.session.mailRefreshes && a.session.live {
		a.session.last = c.now
	}
}

// post puts a message into a mailbox.
func (w *world) post(to *account, m message) { to.mailbox = append(to.mailbox, m) }

// collect answers GetMsgEx: the last batch again, nothing, or a new batch.
func (c *call) collect() {
	b := &c.me.batches
	switch b.kind(c.head.seq, c.now) {
	case sameBatch:
		if c.mail.noRepeat {
			c.messages(nil)
		} else {
			c.messages(b.batch)
		}
	case straggler:
		c.messages(nil)
	default:
		batch := c.newBatch()
		b.remember(c.head.seq, c.now, batch)
		c.messages(batch)
	}
}

// newBatch takes stored messages, oldest first, then notices, as many as one
// answer may hold, but at least one.
func (c *call) newBatch() []message {
	var batch []message
	size := c.emptySize()
	fits := func(m message) bool {
		size += c.size(m)
		return len(batch) == 0 || len(batch) < c.mail.batch && size <= c.head.version.Batch
	}
	for c.me.taken < len(c.me.mailbox) {
		m := c.me.mailbox[c.me.taken]
		if !fits(m) {
			return c.inOrder(batch)
		}
		batch = append(batch, m)
		c.me.taken++
	}
	c.me.mailbox, c.me.taken = c.me.mailbox[:0], 0
	for len(c.me.notices) > 0 {
		n := c.me.notices[0]
		m := message{TypeStatus, n.from, c.d.Statuses[n.status]}
		if !fits(m) {
			break
		}
		batch = append(batch, m)
		c.me.notices = c.me.notices[1:]
	}
	return c.inOrder(batch)
}

func (c *call) inOrder(batch []message) []message {
	if c.mail.newestFirst {
		slices.Reverse(batch)
	}
	return batch
}

// emptySize is the size of an answer with messages, less the messages.
func (c *call) emptySize() int {
	var a answer
	a.set(KeyMessages, strconv.Itoa(c.mail.batch))
	for _, k := range []Key{KeyTypes, KeySenders, KeyTexts} {
		a.list(k, nil)
	}
	return len(c.write(c.head, a, ""))
}

// size is what a message adds to an answer.
func (c *call) size(m message) int {
	return len(c.typeName(m.kind)) + len(itoa(m.from)) + len(c.appendEscaped(nil, m.text)) + 3*len(c.d.ListEnd)
}

func (c *call) typeName(t Type) string {
	if t == TypeText && c.mail.typeOfText != "" {
		return c.mail.typeOfText
	}
	return c.d.Types[t]
}

func (c *call) messages(batch []message) {
	var types, senders, texts []string
	for _, m := range batch {
		types = append(types, c.typeName(m.kind))
		senders = append(senders, itoa(m.from))
		texts = append(texts, m.text)
	}
	c.number(KeyMessages, len(batch))
	c.list(KeyTypes, types)
	c.list(KeySenders, senders)
	c.list(KeyTexts, texts)
}

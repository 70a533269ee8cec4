package probetest

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// send delivers a text.
func (c *serverCall) send() {
	text := c.param(KeyText)
	switch {
	case text == "":
		c.wrong(KeyText, "is empty")
		return
	case c.rules.text.size(text) > c.rules.text.most:
		c.wrong(KeyText, "is too long")
		return
	}
	testAccount, ok := c.known()
	if !ok {
		return
	}
	if testAccount == c.me && c.mail.noNoteToSelf {
		c.wrong(KeyTarget, "is yourself")
		return
	}
	if !testAccount.session.live && c.mail.lostIfOffline {
		return
	}
	if cut := c.rules.text.cut; cut > 0 && len(text) > cut {
		text = text[:cut]
	}
	m := storedMessage{kind: TypeText, from: c.uin, text: text}
	if each := c.mail.losesEach; each > 0 && c.me.past[CmdMessage].count%each == 0 {
		return
	}
	if n := c.mail.mostAway; n > 0 && !testAccount.session.live && len(testAccount.mailbox)-testAccount.taken >= n {
		return
	}
	c.post(testAccount, m)
	if !testAccount.session.live && c.mail.twiceIfOffline {
		c.post(testAccount, m)
	}
	if c.rules.session.mailRefreshes && testAccount.session.live {
		testAccount.session.last = c.now
	}
}

// post puts a message into a mailbox.
func (w *serverState) post(to *testAccount, m storedMessage) {
	m.at = w.now
	to.mailbox = append(to.mailbox, m)
	if n := w.mail.most; n > 0 {
		to.taken = max(to.taken, len(to.mailbox)-n)
	}
}

// collect answers GetMsgEx: the last batch again, nothing, or a new batch.
func (c *serverCall) collect() {
	batches, requestHistory := &c.me.batches, &c.me.past[CmdCollect]
	if c.mail.firstEmpty && !requestHistory.asked {
		requestHistory.asked = true
		c.messages(nil)
		return
	}
	switch batches.kind(c.head.seq, c.now) {
	case sameBatch:
		if c.mail.noRepeat {
			c.messages(nil)
		} else {
			c.messages(batches.batch)
		}
	case straggler:
		c.messages(nil)
	default:
		batch := c.newBatch()
		batches.remember(c.head.seq, c.now, batch)
		c.messages(batch)
	}
}

// newBatch takes stored messages, oldest first, then notices, as many as one
// answer may hold, but at least one.
func (c *serverCall) newBatch() []storedMessage {
	var batch []storedMessage
	size := c.emptySize()
	fits := func(m storedMessage) bool {
		size += c.size(m)
		return len(batch) == 0 || len(batch) < c.mail.batch && size <= c.head.version.Batch
	}
	for c.me.taken < len(c.me.mailbox) {
		storedMessage := c.me.mailbox[c.me.taken]
		if c.mail.kept > 0 && c.now-storedMessage.at >= c.mail.kept {
			c.me.taken++
			continue
		}
		if !fits(storedMessage) {
			if c.mail.losesOne {
				c.me.taken++
			}
			return c.inOrder(batch)
		}
		batch = append(batch, storedMessage)
		c.me.taken++
	}
	c.me.mailbox, c.me.taken = c.me.mailbox[:0], 0
	for len(c.me.notices) > 0 {
		statusNotice := c.me.notices[0]
		m := storedMessage{kind: TypeStatus, from: statusNotice.from, text: c.d.Statuses[statusNotice.status]}
		if !fits(m) {
			break
		}
		batch = append(batch, m)
		c.me.notices = c.me.notices[1:]
	}
	return c.inOrder(batch)
}

func (c *serverCall) inOrder(batch []storedMessage) []storedMessage {
	if c.mail.newestFirst {
		slices.Reverse(batch)
	}
	if n := c.mail.orderedMost; n > 0 && len(batch) > n {
		slices.Reverse(batch[n:])
	}
	return batch
}

// emptySize is the size of an answer with messages, less the messages.
func (c *serverCall) emptySize() int {
	var a answer
	a.set(KeyMessages, strconv.Itoa(c.mail.batch))
	for _, key := range []Key{KeyTypes, KeySenders, KeyTexts} {
		a.list(key, nil)
	}
	return len(c.write(c.head, a, ""))
}

// size is what a message adds to an answer.
func (c *serverCall) size(m storedMessage) int {
	return len(c.typeName(m.kind)) + len(itoa(m.from)) + len(c.appendEscaped(nil, m.text)) + 3*len(c.d.ListEnd)
}

func (c *serverCall) typeName(t Type) string {
	if t == TypeText && c.mail.typeOfText != "" {
		return c.mail.typeOfText
	}
	return c.d.Types[t]
}

func (c *serverCall) messages(batch []storedMessage) {
	var types, senders, texts []string
	for _, storedMessage := range batch {
		types = append(types, c.typeName(storedMessage.kind))
		senders = append(senders, itoa(storedMessage.from))
		texts = append(texts, storedMessage.text)
	}
	c.number(KeyMessages, len(batch))
	c.list(KeyTypes, types)
	c.list(KeySenders, senders)
	c.list(KeyTexts, texts)
}

// size is what a text's length is counted in.
func (t *textRules) size(text string) int {
	if t.characters {
		return utf8.RuneCountInString(text)
	}
	return len(text)
}

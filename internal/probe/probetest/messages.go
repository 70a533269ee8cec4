package probetest

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// sendMessage answers CLTMSG: it stores a text in the mailbox of the target.
func (c *serverCall) sendMessage() {
	text := c.parameterValue(keyText)
	switch {
	case text == "":
		c.failParameter(keyText, "is empty")
		return
	case c.serverRules.text.textLength(text) > c.serverRules.text.maxLength:
		c.failParameter(keyText, "is too long")
		return
	}
	account, ok := c.findTargetOrFail()
	if !ok {
		return
	}
	if account == c.account && c.mail.refusesNoteToSelf {
		c.failParameter(keyTarget, "is yourself")
		return
	}
	if !account.session.isLive && c.mail.losesOffline {
		return
	}
	if cut := c.serverRules.text.cutAfterBytes; cut > 0 && len(text) > cut {
		text = text[:cut]
	}
	message := storedMessage{messageType: typeText, from: c.uin, text: text}
	if interval := c.mail.losesEvery; interval > 0 && c.account.requestHistories[cmdMessage].count%interval == 0 {
		return
	}
	if number := c.mail.maxOfflineMessages; number > 0 && !account.session.isLive &&
		len(account.mailbox)-account.collected >= number {
		return
	}
	c.storeMessage(account, message)
	if !account.session.isLive && c.mail.duplicatesOffline {
		c.storeMessage(account, message)
	}
	if c.serverRules.session.messagesRefresh && account.session.isLive {
		account.session.lastRequestAt = c.now
	}
}

// storeMessage adds a message to the mailbox of recipient, whether it is logged in or not.
func (w *serverState) storeMessage(recipient *testAccount, message storedMessage) {
	message.storedAt = w.now
	recipient.mailbox = append(recipient.mailbox, message)
	if number := w.mail.maxMessages; number > 0 {
		recipient.collected = max(recipient.collected, len(recipient.mailbox)-number)
	}
}

// collectMessages answers GetMsgEx: with the last batch for a repeat, with nothing for a straggler,
// and with a new batch otherwise.
func (c *serverCall) collectMessages() {
	batches, requestHistory := &c.account.batchHistory, &c.account.requestHistories[cmdCollect]
	if c.mail.firstIsEmpty && !requestHistory.askedSinceLogin {
		requestHistory.askedSinceLogin = true
		c.setMessages(nil)
		return
	}
	switch batches.classify(c.head.seq, c.now) {
	case collectRepeat:
		if c.mail.repeatIsEmpty {
			c.setMessages(nil)
		} else {
			c.setMessages(batches.lastBatch)
		}
	case collectStraggler:
		c.setMessages(nil)
	default:
		batch := c.nextBatch()
		batches.addBatch(c.head.seq, c.now, batch)
		c.setMessages(batch)
	}
}

// nextBatch removes and returns stored messages, oldest first, and then notices: as many as fit into
// an answer, but at least one if there are any.
func (c *serverCall) nextBatch() []storedMessage {
	var batch []storedMessage
	size := c.emptyAnswerSize()
	fitsAnswer := func(message storedMessage) bool {
		size += c.messageSize(message)
		return len(batch) == 0 || len(batch) < c.mail.batchSize && size <= c.head.version.Batch
	}
	for c.account.collected < len(c.account.mailbox) {
		message := c.account.mailbox[c.account.collected]
		if c.mail.messageLifetime > 0 && c.now-message.storedAt >= c.mail.messageLifetime {
			c.account.collected++
			continue
		}
		if !fitsAnswer(message) {
			if c.mail.losesAfterFullBatch {
				c.account.collected++
			}
			return c.orderBatch(batch)
		}
		batch = append(batch, message)
		c.account.collected++
	}
	c.account.mailbox, c.account.collected = c.account.mailbox[:0], 0
	for len(c.account.notices) > 0 {
		notice := c.account.notices[0]
		message := storedMessage{messageType: typeStatus, from: notice.from, text: c.dialect.Statuses[notice.status]}
		if !fitsAnswer(message) {
			break
		}
		batch = append(batch, message)
		c.account.notices = c.account.notices[1:]
	}
	return c.orderBatch(batch)
}

// orderBatch applies the mutants that change the order of a batch. It modifies batch.
func (c *serverCall) orderBatch(batch []storedMessage) []storedMessage {
	if c.mail.newestFirst {
		slices.Reverse(batch)
	}
	if number := c.mail.orderedMessages; number > 0 && len(batch) > number {
		slices.Reverse(batch[number:])
	}
	return batch
}

// emptyAnswerSize returns the size in bytes of a GetMsgEx answer without messages.
func (c *serverCall) emptyAnswerSize() int {
	var a answer
	a.setValue(keyMessages, strconv.Itoa(c.mail.batchSize))
	for _, key := range []keyID{keyTypes, keySenders, keyTexts} {
		a.setList(key, nil)
	}
	return len(c.formatAnswer(c.head, a, ""))
}

// messageSize returns how many bytes a message adds to an answer.
func (c *serverCall) messageSize(message storedMessage) int {
	return len(c.typeName(message.messageType)) + len(formatUIN(message.from)) +
		len(c.appendEscaped(nil, message.text)) + 3*len(c.dialect.ListEnd)
}

func (c *serverCall) typeName(t messageType) string {
	if t == typeText && c.mail.textTypeName != "" {
		return c.mail.textTypeName
	}
	return c.dialect.Types[t]
}

func (c *serverCall) setMessages(batch []storedMessage) {
	var types, senders, texts []string
	for _, message := range batch {
		types = append(types, c.typeName(message.messageType))
		senders = append(senders, formatUIN(message.from))
		texts = append(texts, message.text)
	}
	c.setNumber(keyMessages, len(batch))
	c.setList(keyTypes, types)
	c.setList(keySenders, senders)
	c.setList(keyTexts, texts)
}

// textLength returns the length of a text in the unit of maxLength, which is bytes unless a mutant
// counts characters.
func (t *textRules) textLength(text string) int {
	if t.countsCharacters {
		return utf8.RuneCountInString(text)
	}
	return len(text)
}

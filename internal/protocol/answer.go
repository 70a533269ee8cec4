package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// beginAnswer starts the answer to a successful request. The add methods append fields to it.
func (c *clientRequest) beginAnswer() {
	c.answer = wire.AppendHead(c.answer[:c.answerStart], c.peer.Form, c.version, c.commandName, c.seq, c.uinText, 0)
}

func (c *clientRequest) addText(key, value string) {
	c.answer = wire.AppendText(c.answer, c.peer.Form, key, value)
}

func (c *clientRequest) addNumber(key string, n int) {
	c.answer = wire.AppendNumber(c.answer, key, uint64(n))
}

func (c *clientRequest) addUint64(key string, number uint64) {
	c.answer = wire.AppendNumber(c.answer, key, number)
}

func (c *clientRequest) addUIN(key string, uin rookery.UIN) {
	c.answer = wire.AppendNumber(c.answer, key, uint64(uin))
}

func (c *clientRequest) addFlag(key string, set bool) {
	n := 0
	if set {
		n = 1
	}
	c.addNumber(key, n)
}

// addKey starts a list; the elements must follow.
func (c *clientRequest) addKey(key string) { c.answer = wire.AppendKey(c.answer, key) }

func (c *clientRequest) addTextElement(value string) {
	c.answer = wire.AppendElement(c.answer, c.peer.Form, value)
}

func (c *clientRequest) addNumberElement(n int) {
	c.answer = wire.AppendNumberElement(c.answer, uint64(n))
}

func (c *clientRequest) addUint64Element(number uint64) {
	c.answer = wire.AppendNumberElement(c.answer, number)
}

func (c *clientRequest) addUINElement(uin rookery.UIN) {
	c.answer = wire.AppendNumberElement(c.answer, uint64(uin))
}

// addList appends a list, with one call of write per element.
func addList[E any](request *clientRequest, key string, list []E, write func(*clientRequest, E)) {
	request.addKey(key)
	for _, e := range list {
		write(request, e)
	}
}

// maxPageBytes limits the answer with a page of a list, in bytes. A page has at least one element.
const maxPageBytes = 32 << 10

// longestNumber is the longest possible number field, the maximum of uint64.
const longestNumber = "18446744073709551615"

// remainingPageBytes returns how many bytes are left for list elements, after what is written
// already and the given other fields.
func (c *clientRequest) remainingPageBytes(fields string) int {
	return maxPageBytes - (len(c.answer) - c.answerStart) - len(fields)
}

// countFitting returns how many elements of list fit into room bytes, at least one; size returns
// the encoded size of an element.
func countFitting[E any](room int, list []E, size func(E) int) int {
	for n, e := range list {
		if room -= size(e); room < 0 && n > 0 {
			return n
		}
	}
	return len(list)
}

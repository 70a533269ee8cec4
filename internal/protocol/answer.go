package protocol

import (
	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/wire"
)

// ok begins the answer to a request that was done.
func (c *request) ok() {
	c.dst = wire.AppendHead(c.dst[:c.start], c.peer.Form, c.version, c.name, c.seq, c.uinText, 0)
}

func (c *request) text(key, value string) {
	c.dst = wire.AppendText(c.dst, c.peer.Form, key, value)
}

func (c *request) number(key string, n int) {
	c.dst = wire.AppendNumber(c.dst, key, uint64(n))
}

func (c *request) big(key string, n uint64) { c.dst = wire.AppendNumber(c.dst, key, n) }

func (c *request) account(key string, uin rookery.UIN) {
	c.dst = wire.AppendNumber(c.dst, key, uint64(uin))
}

func (c *request) flag(key string, set bool) {
	n := 0
	if set {
		n = 1
	}
	c.number(key, n)
}

// key begins a list.
func (c *request) key(key string) { c.dst = wire.AppendKey(c.dst, key) }

func (c *request) textElement(value string) {
	c.dst = wire.AppendElement(c.dst, c.peer.Form, value)
}

func (c *request) numberElement(n int) { c.dst = wire.AppendNumberElement(c.dst, uint64(n)) }

func (c *request) bigElement(n uint64) { c.dst = wire.AppendNumberElement(c.dst, n) }

func (c *request) uinElement(uin rookery.UIN) { c.dst = wire.AppendNumberElement(c.dst, uint64(uin)) }

// elements writes a list.
func elements[E any](req *request, key string, list []E, write func(*request, E)) {
	req.key(key)
	for _, e := range list {
		write(req, e)
	}
}

// pageBytes bounds an answer to a device session, in bytes; one element is
// always in it.
const pageBytes = 32 << 10

// maxNumber is the longest that a number can get.
const maxNumber = "18446744073709551615"

// room is what is left for a page's elements behind what is written already and
// the fields that are given.
func (c *request) room(fields string) int { return pageBytes - (len(c.dst) - c.start) - len(fields) }

// fitting is how many elements fit from the first on, where size says how long
// each is, in bytes.
func fitting[E any](room int, list []E, size func(E) int) int {
	for n, e := range list {
		if room -= size(e); room < 0 && n > 0 {
			return n
		}
	}
	return len(list)
}

package probetest

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// A nearRule says which proofs pass beside the right one.
type nearRule int

const (
	noneNear nearRule = iota
	lastIgnored
	prefixPasses
	zerosPass
)

// same reports whether a proof is taken for the right one.
func (n nearRule) same(proof, right string, equal func(a, b string) bool) bool {
	switch n {
	case lastIgnored:
		return len(proof) == len(right) && equal(proof[:len(proof)-1], right[:len(right)-1])
	case prefixPasses:
		return len(proof) >= len(right) && equal(proof[:len(right)], right)
	case zerosPass:
		return equal(strings.TrimLeft(proof, "0"), strings.TrimLeft(right, "0"))
	}
	return equal(proof, right)
}

// A limit is how many requests of a command an account has in a time; none if it is
// zero.
type requestLimit struct {
	most int
	in   time.Duration
}

// A past is what an account's requests of one command left.
type requestHistory struct {
	count   int             // since the reset
	latest  []time.Duration // of those that the limit let pass
	asked   bool            // since the latest Login
	fields  []field         // of the answer that is given again
	content string
	at      time.Duration
}

// tooMany counts a request of the account that asks, and reports whether it is
// beyond a limit.
func (c *serverCall) tooMany() bool {
	if c.me == nil || c.head.cmd == Unknown {
		return false
	}
	requestHistory := &c.me.past[c.head.cmd]
	requestHistory.count++
	if each := c.lists[c.head.cmd].refusesEach; each > 0 && requestHistory.count%each == 0 {
		return true
	}
	requestLimit := c.limits[c.head.cmd]
	if requestLimit.most == 0 {
		return false
	}
	requestHistory.latest = slices.DeleteFunc(requestHistory.latest, func(t time.Duration) bool { return t <= c.now-requestLimit.in })
	if len(requestHistory.latest) >= requestLimit.most {
		return true
	}
	requestHistory.latest = append(requestHistory.latest, c.now)
	return false
}

// stale answers a list as it was, and reports whether that is so; answer makes it
// anew otherwise.
func (c *serverCall) stale(answer func()) {
	requestHistory, d := &c.me.past[c.head.cmd], c.lists[c.head.cmd].stale
	content := c.mark().content
	if d > 0 && requestHistory.asked && requestHistory.content == content && c.now-requestHistory.at < d {
		c.fields = slices.Clone(requestHistory.fields)
		return
	}
	answer()
	requestHistory.asked, requestHistory.content, requestHistory.fields, requestHistory.at = true, content, slices.Clone(c.fields), c.now
}

// odd are the friends that a list has after what a mutant does to long ones, or to
// the first after a Login.
func (c *serverCall) odd(all []*testAccount) []*testAccount {
	listRules := &c.lists[c.head.cmd]
	if n := listRules.skips; n > 0 && len(all) >= n {
		all = slices.Delete(slices.Clone(all), n-1, n)
	}
	if n := listRules.ordered; n > 0 && len(all) > n {
		all = slices.Clone(all)
		slices.Reverse(all[n:])
	}
	if listRules.firstEmpty && !c.me.past[c.head.cmd].asked {
		return nil
	}
	return all
}

// day is which day it is: the world begins at midnight.
func (w *serverState) day() int { return int(w.now / (24 * time.Hour)) }

// A togetherRule says how two requests that come at once are answered.
type togetherRule int

const (
	inOrder togetherRule = iota
	swapped
	oneAnswered
)

// togetherListener is a listener whose connections answer two requests that come at
// once in their own way.
type togetherListener struct {
	net.Listener
	rule togetherRule
}

func (l togetherListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || l.rule == inOrder {
		return conn, err
	}
	return &togetherConn{Conn: conn, rule: l.rule}, nil
}

// togetherConn holds the first of two answers back.
type togetherConn struct {
	net.Conn
	rule togetherRule

	mu    sync.Mutex // guards what follows
	due   int        // answers to requests that came at once
	first []byte
}

func (c *togetherConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Count(b[:n], []byte(" HTTP/1.1\r\n")) == 2 {
		c.due = 2
	}
	return n, err
}

func (c *togetherConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due == 0 {
		return c.Conn.Write(b)
	}
	c.due--
	var err error
	switch {
	case c.rule == oneAnswered && c.due == 1:
		_, err = c.Conn.Write(b)
	case c.rule == oneAnswered:
	case c.due == 1:
		c.first = bytes.Clone(b)
	default:
		_, err = c.Conn.Write(append(bytes.Clone(b), c.first...))
	}
	return len(b), err
}

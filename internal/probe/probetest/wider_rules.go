package probetest

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// proofMatchRule says which wrong proofs of a password are accepted.
type proofMatchRule int

const (
	matchExact         proofMatchRule = iota // none
	matchIgnoringLast                        // those with another last character
	matchPrefix                              // those that begin with the right one
	matchIgnoringZeros                       // those with other zeros at the beginning
)

// matches reports whether proof is accepted if right is the correct one. equal compares characters.
func (n proofMatchRule) matches(proof, right string, equal func(first, second string) bool) bool {
	switch n {
	case matchIgnoringLast:
		return len(proof) == len(right) && equal(proof[:len(proof)-1], right[:len(right)-1])
	case matchPrefix:
		return len(proof) >= len(right) && equal(proof[:len(right)], right)
	case matchIgnoringZeros:
		return equal(strings.TrimLeft(proof, "0"), strings.TrimLeft(right, "0"))
	}
	return equal(proof, right)
}

// requestLimit is how many requests of a command an account may send in a period. The zero value is
// no limit.
type requestLimit struct {
	maxRequests int
	period      time.Duration
}

// requestHistory remembers an account's requests of one command.
type requestHistory struct {
	count           int             // since the reset
	allowedAt       []time.Duration // times of the requests that the limit counts
	askedSinceLogin bool            // whether there was a request since the latest login
	lastFields      []field         // the cached answer
	lastContent     string          // content of the request that got lastFields
	lastAt          time.Duration   // time of that request
}

// countAndLimit counts a request and reports whether a mutant refuses it as one too many.
func (c *serverCall) countAndLimit() bool {
	if c.account == nil || c.head.command == cmdUnknown {
		return false
	}
	history := &c.account.requestHistories[c.head.command]
	history.count++
	if interval := c.lists[c.head.command].refusesEvery; interval > 0 && history.count%interval == 0 {
		return true
	}
	limit := c.limits[c.head.command]
	if limit.maxRequests == 0 {
		return false
	}
	history.allowedAt = slices.DeleteFunc(history.allowedAt,
		func(servedAt time.Duration) bool { return servedAt <= c.now-limit.period })
	if len(history.allowedAt) >= limit.maxRequests {
		return true
	}
	history.allowedAt = append(history.allowedAt, c.now)
	return false
}

// answerCached calls answer, which sets the fields of a list. A mutant with a cache repeats the
// fields of the previous equal request since the login instead.
func (c *serverCall) answerCached(answer func()) {
	history, lifetime := &c.account.requestHistories[c.head.command], c.lists[c.head.command].cacheLifetime
	content := c.repeatKey().content
	if lifetime > 0 && history.askedSinceLogin && history.lastContent == content && c.now-history.lastAt < lifetime {
		c.fields = slices.Clone(history.lastFields)
		return
	}
	answer()
	history.askedSinceLogin, history.lastContent, history.lastFields, history.lastAt = true, content,
		slices.Clone(c.fields), c.now
}

// distortList applies the mutants that skip, reorder or hide elements of a whole list.
func (c *serverCall) distortList(accounts []*testAccount) []*testAccount {
	rules := &c.lists[c.head.command]
	if number := rules.skippedElement; number > 0 && len(accounts) >= number {
		accounts = slices.Delete(slices.Clone(accounts), number-1, number)
	}
	if number := rules.orderedElements; number > 0 && len(accounts) > number {
		accounts = slices.Clone(accounts)
		slices.Reverse(accounts[number:])
	}
	if rules.firstIsEmpty && !c.account.requestHistories[c.head.command].askedSinceLogin {
		return nil
	}
	return accounts
}

// currentDay returns the number of days since the reset, which counts as midnight.
func (w *serverState) currentDay() int { return int(w.now / (24 * time.Hour)) }

// pipelineRule says how two pipelined requests are answered: requests that a client sends on one
// connection without waiting for the first answer.
type pipelineRule int

const (
	answersInOrder   pipelineRule = iota
	answersSwapped                // the second one first
	answersFirstOnly              // the second one not at all
)

// pipelineListener applies a pipelineRule to its connections.
type pipelineListener struct {
	net.Listener
	rule pipelineRule
}

func (l pipelineListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || l.rule == answersInOrder {
		return conn, err
	}
	return &pipelineConn{Conn: conn, rule: l.rule}, nil
}

// pipelineConn delays or drops one of two pipelined answers. It recognises two requests that arrive in
// one read, and relies on net/http to write each answer in one call.
type pipelineConn struct {
	net.Conn
	rule pipelineRule

	mu             sync.Mutex // guards the fields below
	pendingAnswers int        // answers to pipelined requests that are still to be written
	heldAnswer     []byte     // the first answer, until the second is written
}

func (c *pipelineConn) Read(raw []byte) (int, error) {
	number, err := c.Conn.Read(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Count(raw[:number], []byte(" HTTP/1.1\r\n")) == 2 {
		c.pendingAnswers = 2
	}
	return number, err
}

func (c *pipelineConn) Write(raw []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pendingAnswers == 0 {
		return c.Conn.Write(raw)
	}
	c.pendingAnswers--
	var err error
	switch {
	case c.rule == answersFirstOnly && c.pendingAnswers == 1:
		_, err = c.Conn.Write(raw)
	case c.rule == answersFirstOnly:
	case c.pendingAnswers == 1:
		c.heldAnswer = bytes.Clone(raw)
	default:
		_, err = c.Conn.Write(append(bytes.Clone(raw), c.heldAnswer...))
	}
	return len(raw), err
}

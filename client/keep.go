package client

import (
	"context"
	"errors"
	"time"
)

// keep tends the link, and gets another when it breaks, until the client is
// closed or signing in again is of no use.
func (c *Client) keep(conn serverConn) {
	var f retryBackoff
	for {
		began := time.Now()
		why := c.tend(conn)
		conn.breaks(why)
		if c.ctx.Err() != nil {
			return
		}
		f.ended(c.options.times, age(began), why)
		for conn = nil; conn == nil; {
			wait := f.pause(c.options.times)
			c.disconnected(why, time.Now().Add(wait))
			if !sleep(c.ctx, wait) {
				return
			}
			c.connecting()
			if conn, why = c.connect(c.ctx); c.ctx.Err() != nil {
				if conn != nil {
					conn.breaks(ErrClosed)
				}
				return
			}
			if why != nil && final(why) {
				c.bury(why)
				return
			}
			if why != nil {
				f.inARow++
			}
		}
		c.connected(conn)
	}
}

// connecting says that an attempt is being made.
func (c *Client) connecting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Retry = time.Time{}
}

// retryBackoff counts what went wrong in a row.
type retryBackoff struct {
	inARow int
	// cut counts connections that the server has ended soon after they were
	// made.
	cut int
}

// takeovers: after so many connections that were cut in a row, it is likely
// that two clients take one session from each other.
const takeovers = 3

// ended notes the end of a link that lasted for a while.
func (f *retryBackoff) ended(times timeouts, lasted time.Duration, why error) {
	if lasted >= times.settled {
		*f = retryBackoff{}
	}
	f.inARow++
	if errors.Is(why, errEnded) {
		f.cut++
	} else {
		f.cut = 0
	}
}

func (f *retryBackoff) pause(times timeouts) time.Duration {
	if f.cut >= takeovers {
		return times.lastPause
	}
	return pause(times, f.inARow)
}

// tend does what a link needs until it breaks or the client is closed, and
// returns why.
func (c *Client) tend(conn serverConn) error {
	if sequence := conn.pushes(); sequence != nil {
		return c.tendStream(conn, sequence)
	}
	return c.tendPosts(conn)
}

// tendStream confirms what the program has taken, and lets the server hear of
// the session.
func (c *Client) tendStream(conn serverConn, sequence *messageSequence) error {
	beat := time.NewTicker(c.beat())
	defer beat.Stop()
	var confirmed uint64
	for {
		repeats := c.inbox.repeats(sequence)
		if taken := c.inbox.taken(); taken > confirmed || repeats {
			if err := conn.confirm(c.confirmation(taken)); err != nil {
				return err
			}
			confirmed = taken
		}
		if c.inbox.lacks(sequence) {
			return errBehind
		}
		select {
		case <-c.inbox.notices:
		case <-beat.C:
			if _, err := c.askOnce(c.ctx, conn, heartbeat); err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
		case <-conn.broken():
			return conn.cause()
		case <-c.ctx.Done():
			if taken := c.inbox.taken(); taken > 0 {
				return c.part(conn, taken)
			}
			return ErrClosed
		}
	}
}

// partTime is how long closing a client may take for what it has still to say.
const partTime = 2 * time.Second

// part confirms a last time. Records are answered in their order, so an answer
// to another shows that the confirmation has got there, and a client that comes
// right after this one is not handed out the same again.
func (c *Client) part(conn serverConn, taken uint64) error {
	if err := conn.confirm(c.confirmation(taken)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), partTime)
	defer cancel()
	_, _ = c.askOnce(ctx, conn, heartbeat) // what it says does not matter any more
	return ErrClosed
}

// errBehind ends a connection on which more was pushed than the program could
// take: on the next one the rest comes again.
var errBehind = errors.New("more has arrived than was taken")

// beat is how often the server hears of the session: somewhat more often than it
// asks for.
func (c *Client) beat() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rhythm * 3 / 4
}

// confirmation says that the messages up to a number have arrived (section 6 of
// the protocol).
func (c *Client) confirmation(upTo uint64) []byte {
	var b []byte
	for _, field := range []Field{
		text("VER", "1.4"), text("CMD", "Server_Msg"), number("SEQ", upTo), number("UIN", c.UIN()), text("RES", "0")} {
		b = appendField(b, field)
	}
	return b
}

// tendPosts asks for messages while a loop wants them, and lets the server hear
// of the session otherwise.
func (c *Client) tendPosts(conn serverConn) error {
	beat, poll := time.NewTicker(c.beat()), time.NewTimer(0)
	defer beat.Stop()
	defer poll.Stop()
	due := false
	for {
		for due && c.inbox.hungry() {
			some, err := c.collect(conn)
			if err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
			if due = some; !some {
				poll.Reset(c.options.poll)
			}
		}
		select {
		case <-c.inbox.notices:
		case <-poll.C:
			due = true
		case <-beat.C:
			if _, err := c.askOnce(c.ctx, conn, heartbeat); err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
		case <-conn.broken():
			return conn.cause()
		case <-c.ctx.Done():
			return ErrClosed
		}
	}
}

// collect asks for messages once, and reports whether there were some. The next
// request with another SEQ tells the server that they arrived; so there is a new
// SEQ only when all of the last batch have been taken.
func (c *Client) collect(conn serverConn) (some bool, err error) {
	if c.inbox.pollSEQ == "" {
		c.inbox.pollSEQ = newSEQ()
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	answer, _, err := c.try(ctx, conn, request{command: "GetMsgEx"}, c.inbox.pollSEQ)
	if err != nil {
		return false, err
	}
	events, err := readBatch(answer)
	if err != nil {
		return false, err
	}
	c.inbox.pollSEQ = ""
	for _, event := range events {
		if message, ok := event.(Message); ok {
			c.heardOf(message.Number)
		}
		c.inbox.put(event, &messageSequence{})
	}
	return len(events) > 0, nil
}

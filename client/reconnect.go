package client

import (
	"context"
	"errors"
	"time"
)

// maintainConn serves the connection and reconnects when it closes, until the client is
// closed or the server refuses the sign-in for good.
func (c *Client) maintainConn(conn serverConn) {
	var backoff retryBackoff
	for {
		startedAt := time.Now()
		reason := c.serveConn(conn)
		conn.closeWith(reason)
		if c.ctx.Err() != nil {
			return
		}
		backoff.recordEnd(c.options.timeouts, elapsedSince(startedAt), reason)
		for conn = nil; conn == nil; {
			delay := backoff.delay(c.options.timeouts)
			c.setDisconnected(reason, time.Now().Add(delay))
			if !sleepContext(c.ctx, delay) {
				return
			}
			c.setConnecting()
			if conn, reason = c.connect(c.ctx); c.ctx.Err() != nil {
				if conn != nil {
					conn.closeWith(ErrClosed)
				}
				return
			}
			if reason != nil && isFinal(reason) {
				c.setClosed(reason)
				return
			}
			if reason != nil {
				backoff.failures++
			}
		}
		c.setConnected(conn)
	}
}

// setConnecting records that an attempt is running.
func (c *Client) setConnecting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.RetryAt = time.Time{}
}

// retryBackoff chooses the pauses between connection attempts.
type retryBackoff struct {
	failures int // in a row
	// earlyCloses counts consecutive connections that the server closed early.
	earlyCloses int
}

// takeoverThreshold is the number of earlyCloses after which two clients probably
// replace each other's connection of one session.
const takeoverThreshold = 3

// recordEnd records the end of a connection and its lifetime.
func (b *retryBackoff) recordEnd(limits timeouts, lifetime time.Duration, reason error) {
	if lifetime >= limits.stableAfter {
		*b = retryBackoff{}
	}
	b.failures++
	if errors.Is(reason, errClosedByServer) {
		b.earlyCloses++
	} else {
		b.earlyCloses = 0
	}
}

func (b *retryBackoff) delay(limits timeouts) time.Duration {
	if b.earlyCloses >= takeoverThreshold {
		return limits.maxRetryDelay
	}
	return retryDelay(limits, b.failures)
}

// serveConn confirms or polls messages and sends heartbeats. It returns the reason when
// the connection closes or the client is closed.
func (c *Client) serveConn(conn serverConn) error {
	if sequence := conn.pushSequence(); sequence != nil {
		return c.serveStream(conn, sequence)
	}
	return c.servePolling(conn)
}

// serveStream confirms the messages that the program has consumed, and sends heartbeats.
func (c *Client) serveStream(conn serverConn, sequence *messageSequence) error {
	heartbeat := time.NewTicker(c.heartbeatInterval())
	defer heartbeat.Stop()
	var confirmed uint64
	for {
		hasRepeats := c.queue.clearRepeats(sequence)
		if consumed := c.queue.lastConsumed(); consumed > confirmed || hasRepeats {
			if err := conn.confirm(c.confirmationRecord(consumed)); err != nil {
				return err
			}
			confirmed = consumed
		}
		if c.queue.needsReconnect(sequence) {
			return errQueueOverflow
		}
		select {
		case <-c.queue.eventsConsumed:
		case <-heartbeat.C:
			if _, err := c.requestOnce(c.ctx, conn, heartbeatRequest); err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
		case <-conn.closed():
			return conn.closeErr()
		case <-c.ctx.Done():
			if consumed := c.queue.lastConsumed(); consumed > 0 {
				return c.confirmBeforeClose(conn, consumed)
			}
			return ErrClosed
		}
	}
}

// closeTimeout bounds the last confirmation of a closing client.
const closeTimeout = 2 * time.Second

// confirmBeforeClose sends a last confirmation and waits until the server has handled
// it. Answers come in the order of the requests, so the answer to a heartbeat proves
// that. Otherwise the next client could receive the same messages again.
func (c *Client) confirmBeforeClose(conn serverConn, consumed uint64) error {
	if err := conn.confirm(c.confirmationRecord(consumed)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), closeTimeout)
	defer cancel()
	_, _ = c.requestOnce(ctx, conn, heartbeatRequest) // only the arrival of the answer matters
	return ErrClosed
}

// errQueueOverflow closes a connection after messages were dropped from a full queue.
// The server pushes them again on the next connection.
var errQueueOverflow = errors.New("more messages arrived than the program has consumed")

// heartbeatInterval is somewhat shorter than the interval that the server asks for.
func (c *Client) heartbeatInterval() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keepaliveInterval * 3 / 4
}

// confirmationRecord confirms all messages up to a number (section 6 of the protocol).
func (c *Client) confirmationRecord(upTo uint64) []byte {
	var record []byte
	for _, field := range []Field{
		textField("VER", "1.4"), textField("CMD", "Server_Msg"), numberField("SEQ", upTo), numberField("UIN", c.UIN()),
		textField("RES", "0")} {
		record = appendField(record, field)
	}
	return record
}

// servePolling polls for messages while an Events loop needs some, and sends heartbeats.
func (c *Client) servePolling(conn serverConn) error {
	heartbeat, pollTimer := time.NewTicker(c.heartbeatInterval()), time.NewTimer(0)
	defer heartbeat.Stop()
	defer pollTimer.Stop()
	pollDue := false
	for {
		for pollDue && c.queue.needsMessages() {
			hasEvents, err := c.pollMessages(conn)
			if err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
			if pollDue = hasEvents; !hasEvents {
				pollTimer.Reset(c.options.pollInterval)
			}
		}
		select {
		case <-c.queue.eventsConsumed:
		case <-pollTimer.C:
			pollDue = true
		case <-heartbeat.C:
			if _, err := c.requestOnce(c.ctx, conn, heartbeatRequest); err != nil && !errors.Is(err, ErrTemporary) {
				return err
			}
		case <-conn.closed():
			return conn.closeErr()
		case <-c.ctx.Done():
			return ErrClosed
		}
	}
}

// pollMessages polls once and reports whether there were events. A poll with a new SEQ
// confirms the previous batch, so the caller must wait until the program has consumed
// that batch. An unanswered poll keeps its SEQ.
func (c *Client) pollMessages(conn serverConn) (hasEvents bool, err error) {
	if c.queue.pollSEQ == "" {
		c.queue.pollSEQ = newSEQ()
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	answer, _, err := c.tryRequest(ctx, conn, commandRequest{command: "GetMsgEx"}, c.queue.pollSEQ)
	if err != nil {
		return false, err
	}
	events, err := parseBatch(answer)
	if err != nil {
		return false, err
	}
	c.queue.pollSEQ = ""
	for _, event := range events {
		if message, ok := event.(Message); ok {
			c.raiseNewestNumber(message.Number)
		}
		c.queue.enqueue(event, &messageSequence{})
	}
	return len(events) > 0, nil
}

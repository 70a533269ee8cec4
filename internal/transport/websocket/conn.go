package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery/internal/transport"
)

// webSocketConn is one WebSocket. It is the transport.PushConn of the stream.
type webSocketConn struct {
	handler       *Handler
	webSocket     *websocket.Conn
	transportConn *transport.Conn
	peer          transport.Peer
	rate          transport.RateCounter
	closed        atomic.Bool

	// answerLock is held while a record is answered. closeOnShutdown takes it before it sets
	// closed, so that the current answer is complete and no other follows.
	answerLock chan struct{} // a lock of capacity 1; synctest cannot wait for a sync.Mutex
}

// serve answers records until the connection ends. ctx is cancelled when a shutdown runs out of
// time.
func (c *webSocketConn) serve(ctx context.Context) {
	stream := c.handler.streamHandler.NewStream(c)
	connCtx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { c.sendPings(connCtx) })
	background.Go(func() { c.closeOnShutdown(connCtx) })
	// Deferred, so that a panic cleans up too. The stream is closed first: a client that sees the
	// end of the connection must get no more pushes.
	defer func() {
		c.closed.Store(true)
		stream.Close()
		_ = c.webSocket.CloseNow()
		cancel()
		background.Wait()
	}()
	for {
		record, ok := c.readRecord(connCtx)
		if !ok {
			return
		}
		if c.rate.Allow(1, c.handler.limits.RecordsPerSecond) == 0 {
			c.handler.warnings.WarnTooManyRecords(c.transportConn.Addr, c.handler.limits.RecordsPerSecond)
			c.closeWithCode(websocket.StatusPolicyViolation, "too many records in a second")
			return
		}
		if !c.answerRecord(ctx, stream, record) {
			return
		}
	}
}

// readRecord returns the next record. ok is false if the connection has ended.
func (c *webSocketConn) readRecord(ctx context.Context) (record []byte, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, c.handler.limits.IdleTime)
	defer cancel()
	messageType, reader, err := c.webSocket.Reader(ctx)
	if err != nil {
		return nil, false
	}
	record, err = c.readMessage(reader)
	switch {
	case errors.Is(err, errMemoryRevoked):
		c.closeWithCode(websocket.StatusTryAgainLater, "send messages in one piece")
		return nil, false
	case err != nil:
		return nil, false
	case messageType != websocket.MessageText:
		c.closeWithCode(websocket.StatusUnsupportedData, "send records as text messages")
		return nil, false
	case !utf8.Valid(record):
		c.closeWithCode(websocket.StatusInvalidFramePayloadData, "a text message must be UTF-8")
		return nil, false
	}
	return record, true
}

// errMemoryRevoked: the memory reservation of the message was revoked.
var errMemoryRevoked = errors.New("memory needed by others")

// unreservedBytes is how much of a message is read without a memory reservation.
const unreservedBytes = 1 << 10

// readMessage reads a whole message.
func (c *webSocketConn) readMessage(reader io.Reader) ([]byte, error) {
	defer c.transportConn.ReserveMemory(0)
	message := make([]byte, 0, unreservedBytes)
	for {
		if len(message) == cap(message) {
			message = slices.Grow(message, len(message))
		}
		if cap(message) > unreservedBytes && !c.transportConn.ReserveMemory(cap(message)) {
			return nil, errMemoryRevoked
		}
		n, err := reader.Read(message[len(message):cap(message)])
		message = message[:len(message)+n]
		switch {
		case errors.Is(err, io.EOF):
			return message, nil
		case err != nil:
			return nil, err
		}
	}
}

// answerRecord answers a record. It returns false if the connection is closed.
func (c *webSocketConn) answerRecord(ctx context.Context, stream transport.RecordStream, record []byte) bool {
	c.answerLock <- struct{}{}
	defer func() { <-c.answerLock }()
	if c.closed.Load() {
		return false
	}
	stream.AnswerRecords(ctx, &c.peer, [][]byte{record}, c.Push)
	return true
}

// sendPings pings the client until ctx ends, and closes the connection if a pong is missing.
func (c *webSocketConn) sendPings(ctx context.Context) {
	interval := c.handler.limits.PingTime
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		pongCtx, cancel := context.WithTimeout(ctx, interval)
		err := c.webSocket.Ping(pongCtx)
		cancel()
		if err != nil && !c.closed.Load() {
			c.closeNow()
		}
	}
}

// closeOnShutdown closes the connection when the server shuts down, after the current answer.
func (c *webSocketConn) closeOnShutdown(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-c.transportConn.ShutdownStarted():
		c.answerLock <- struct{}{}
		c.closed.Store(true)
		<-c.answerLock
		c.closeWithCode(websocket.StatusGoingAway, "the server shuts down")
	}
}

// Push writes one record. The connection is closed if the client does not accept it within the
// write timeout.
func (c *webSocketConn) Push(record []byte) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.handler.limits.WriteTime)
	defer cancel()
	return c.webSocket.Write(ctx, websocket.MessageText, record)
}

// Framed returns true: each record is one message.
func (c *webSocketConn) Framed() bool { return true }

// Close closes the connection without waiting for the client.
func (c *webSocketConn) Close() {
	if !c.closed.Swap(true) {
		go c.closeWithCode(websocket.StatusNormalClosure, "")
	}
}

// closeWithCode sends a close frame and closes the connection when the client has confirmed it, or
// after CloseTime.
func (c *webSocketConn) closeWithCode(code websocket.StatusCode, reason string) {
	timer := time.AfterFunc(c.handler.limits.CloseTime, c.closeNow)
	defer timer.Stop()
	_ = c.webSocket.Close(code, reason)
}

// closeNow closes the connection at once. CloseNow of package websocket cannot do so while a Close
// waits for the client.
func (c *webSocketConn) closeNow() { _ = c.transportConn.Close() }

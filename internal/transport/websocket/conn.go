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

// conn is one WebSocket. It is the dialogue's transport.PushConn.
type conn struct {
	handler *Handler
	ws      *websocket.Conn
	net     *transport.Conn
	peer    transport.Peer
	rate    transport.RateCounter
	gone    atomic.Bool

	// answering is held while a record is answered. Who ends the connection in
	// good order takes it before, and then nothing is answered any more.
	answering chan struct{} // a lock of capacity 1; tests in virtual time cannot wait for a sync.Mutex
}

// serve answers records until the connection ends. ctx ends when the server
// gives up on requests in flight.
func (c *conn) serve(ctx context.Context) {
	dialogue := c.handler.host.Converse(c)
	lasting, end := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	beside.Go(func() { c.ping(lasting) })
	beside.Go(func() { c.heedShutdown(lasting) })
	// A panic must end all this as well. The dialogue ends first, so that a client
	// that sees the connection end knows that nothing is pushed on it any more.
	defer func() {
		c.gone.Store(true)
		dialogue.End()
		_ = c.ws.CloseNow()
		end()
		beside.Wait()
	}()
	for {
		record, ok := c.read(lasting)
		if !ok {
			return
		}
		if c.rate.Allow(1, c.handler.limits.RecordsPerSecond) == 0 {
			c.handler.warnings.Flood(c.net.Addr, c.handler.limits.RecordsPerSecond)
			c.close(websocket.StatusPolicyViolation, "too many records in a second")
			return
		}
		if !c.answer(ctx, dialogue, record) {
			return
		}
	}
}

// read returns the next record; ok is false if the connection is done for.
func (c *conn) read(ctx context.Context) (record []byte, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, c.handler.limits.IdleTime)
	defer cancel()
	kind, r, err := c.ws.Reader(ctx)
	if err != nil {
		return nil, false
	}
	record, err = c.join(r)
	switch {
	case errors.Is(err, errGaveWay):
		c.close(websocket.StatusTryAgainLater, "send messages in one piece")
		return nil, false
	case err != nil:
		return nil, false
	case kind != websocket.MessageText:
		c.close(websocket.StatusUnsupportedData, "send records as text messages")
		return nil, false
	case !utf8.Valid(record):
		c.close(websocket.StatusInvalidFramePayloadData, "a text message must be UTF-8")
		return nil, false
	}
	return record, true
}

// errGaveWay: others need the memory that a message holds.
var errGaveWay = errors.New("memory needed by others")

// freeBytes is how much of a message is read before it counts as held.
const freeBytes = 1 << 10

// join reads a message to its end.
func (c *conn) join(r io.Reader) ([]byte, error) {
	defer c.net.Hold(0)
	message := make([]byte, 0, freeBytes)
	for {
		if len(message) == cap(message) {
			message = slices.Grow(message, len(message))
		}
		if cap(message) > freeBytes && !c.net.Hold(cap(message)) {
			return nil, errGaveWay
		}
		n, err := r.Read(message[len(message):cap(message)])
		message = message[:len(message)+n]
		switch {
		case errors.Is(err, io.EOF):
			return message, nil
		case err != nil:
			return nil, err
		}
	}
}

// answer answers a record, unless the connection is gone: then it returns
// false.
func (c *conn) answer(ctx context.Context, dialogue transport.RecordStream, record []byte) bool {
	c.answering <- struct{}{}
	defer func() { <-c.answering }()
	if c.gone.Load() {
		return false
	}
	dialogue.Answer(ctx, &c.peer, [][]byte{record}, c.Push)
	return true
}

// ping pings the client until ctx ends, and cuts the connection if that gets
// no answer.
func (c *conn) ping(ctx context.Context) {
	every := c.handler.limits.PingTime
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answered, cancel := context.WithTimeout(ctx, every)
		err := c.ws.Ping(answered)
		cancel()
		if err != nil && !c.gone.Load() {
			c.cut()
		}
	}
}

// heedShutdown says goodbye when the server shuts down, after the answer to the
// record in flight.
func (c *conn) heedShutdown(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-c.net.Quit():
		c.answering <- struct{}{}
		c.gone.Store(true)
		<-c.answering
		c.close(websocket.StatusGoingAway, "the server shuts down")
	}
}

// Push writes one record. If the client makes no room for it in time, the
// connection is closed.
func (c *conn) Push(record []byte) error {
	if c.gone.Load() {
		return net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.handler.limits.WriteTime)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, record)
}

// Framed: each record is a message.
func (c *conn) Framed() bool { return true }

// Close ends the connection without waiting for the client.
func (c *conn) Close() {
	if !c.gone.Swap(true) {
		go c.close(websocket.StatusNormalClosure, "")
	}
}

// close says why the connection is closed, and closes it when the client has
// said so too, or has had time to.
func (c *conn) close(code websocket.StatusCode, reason string) {
	timer := time.AfterFunc(c.handler.limits.CloseTime, c.cut)
	defer timer.Stop()
	_ = c.ws.Close(code, reason)
}

// cut closes the connection at once. That of package websocket cannot, while it
// waits for the client's goodbye.
func (c *conn) cut() { _ = c.net.Close() }

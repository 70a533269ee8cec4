package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Client is a signed-in account. Its methods are safe for concurrent use.
type Client struct {
	addresses     []serverAddress // all of one account, in the order of attempts
	options       options
	httpTransport *http.Transport
	queue         *eventQueue
	recentSends   recentSends

	// ctx is cancelled by cancel when the client closes. Close waits for goroutines.
	ctx        context.Context
	cancel     context.CancelFunc
	goroutines sync.WaitGroup

	// newestNumber is the highest mailbox number that the client has seen.
	newestNumber atomic.Uint64

	mu                sync.Mutex    // guards the fields below
	addressIndex      int           // of the latest sign-in
	conn              serverConn    // nil while disconnected
	connChanged       chan struct{} // closed and replaced when conn or closedErr changes
	closedErr         error         // why the client will not reconnect, or nil
	token             string
	status            Status // the latest choice, 0 without one
	state             State
	keepaliveInterval time.Duration // the server expects a record this often
	hasSignedIn       bool          // at least one sign-in has succeeded
}

const (
	// signInTimeout bounds one attempt to connect and sign in at one address.
	signInTimeout = 30 * time.Second
	// fallbackDialTimeout bounds a TCP dial if there are several addresses, because a
	// firewall may drop packets to one of them silently.
	fallbackDialTimeout = 5 * time.Second
)

// Dial connects to a server and signs in. The address is qq://10001@host, optionally
// with another scheme (http, https, tcp, ws, wss), a port and a path; the package
// comment explains the schemes. Without a port, qq, tcp, ws and http try both 8000 and
// 14000.
//
// Dial returns once the client is signed in. Its errors wrap ErrPassword for a wrong
// password, ErrNotLoggedIn for a token that is no longer valid, and ErrTemporary, through an
// *UnreachableError, for a server that cannot be reached. ctx bounds Dial only; the
// client reconnects by itself until Close.
func Dial(ctx context.Context, address string, opts ...Option) (*Client, error) {
	options := newOptions(opts)
	addresses, err := parseAddresses(address, options.fallbacks)
	if err != nil {
		return nil, err
	}
	if err := options.validate(); err != nil {
		return nil, err
	}
	client := &Client{
		addresses:         addresses,
		options:           options,
		queue:             newEventQueue(),
		connChanged:       make(chan struct{}),
		token:             options.token,
		status:            options.initialStatus,
		keepaliveInterval: time.Minute,
	}
	client.ctx, client.cancel = context.WithCancel(context.WithoutCancel(ctx))
	client.httpTransport = client.newHTTPTransport()
	conn, err := client.connect(ctx)
	if err != nil {
		client.stopGoroutines()
		return nil, err
	}
	client.setConnected(conn)
	client.goroutines.Go(func() { client.maintainConn(conn) })
	return client, nil
}

// UIN returns the account number.
func (c *Client) UIN() UIN { return c.addresses[0].uin }

// String returns the address of the latest sign-in with its port, such as
// qq://10001@chat.example:14000. It contains no secrets.
func (c *Client) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addresses[c.addressIndex].String()
}

// GoString returns String, so that %#v prints no secrets.
func (c *Client) GoString() string { return c.String() }

// Token returns the secret that resumes the device session in a later Dial. It is
// empty for an address session.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// Logout ends the session on the server and closes the client. It retries until ctx
// ends. The client is closed even if Logout fails.
func (c *Client) Logout(ctx context.Context) error {
	// Confirm first: the logout ends the session that the messages belong to.
	if conn, err := c.waitForConn(ctx); err == nil {
		if number := c.queue.lastConsumed(); number > 0 {
			_ = conn.confirm(c.confirmationRecord(number)) // a failure shows in the logout below
		}
	}
	_, err := c.sendRequest(ctx, commandRequest{command: "Logout"})
	if errors.Is(err, ErrNotLoggedIn) {
		err = nil // already logged out
	}
	return errors.Join(err, c.Close())
}

// Close ends the connection but not the session: friends see the account go offline
// some minutes later, and a device can resume with its token. It always returns nil.
func (c *Client) Close() error {
	c.setClosed(ErrClosed)
	c.stopGoroutines()
	return nil
}

// stopGoroutines cancels c.ctx and waits for all goroutines of the client.
func (c *Client) stopGoroutines() {
	c.cancel()
	c.goroutines.Wait()
	c.httpTransport.CloseIdleConnections()
}

// State describes the connection.
type State struct {
	Connected bool
	// Err is the reason for the disconnection, nil while connected.
	Err error
	// RetryAt is the time of the next attempt. It is zero during an attempt, and if
	// there will be none.
	RetryAt time.Time
}

// State returns the current state of the connection. Events yields its changes.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// setConnected records that conn is signed in, and wakes waiting requests.
func (c *Client) setConnected(conn serverConn) {
	c.mu.Lock()
	if c.closedErr != nil { // Close was called meanwhile
		c.mu.Unlock()
		return
	}
	isFirst := !c.hasSignedIn
	c.conn, c.hasSignedIn, c.state = conn, true, State{Connected: true}
	c.signalConnChange()
	c.mu.Unlock()
	c.options.logger.Info("connected", "address", c.String())
	if !isFirst {
		c.queue.enqueue(State{Connected: true}, nil)
	}
}

// setDisconnected records the loss of the connection and the time of the next attempt.
func (c *Client) setDisconnected(reason error, retryAt time.Time) {
	state := State{Err: reason, RetryAt: retryAt}
	c.mu.Lock()
	if c.closedErr != nil { // Close was called meanwhile
		c.mu.Unlock()
		return
	}
	c.conn, c.state = nil, state
	c.mu.Unlock()
	c.options.logger.Warn("disconnected", "address", c.String(), "error", reason, "retry", retryAt)
	c.queue.enqueue(state, nil)
}

// setClosed records that the client will not reconnect. Only the first reason counts.
func (c *Client) setClosed(reason error) {
	c.mu.Lock()
	if c.closedErr != nil {
		c.mu.Unlock()
		return
	}
	c.conn, c.closedErr, c.state = nil, reason, State{Err: reason}
	c.signalConnChange()
	c.mu.Unlock()
	if reason != ErrClosed {
		c.options.logger.Error("gave up", "address", c.String(), "error", reason)
		c.queue.enqueue(State{Err: reason}, nil)
	}
	c.queue.finish(reason == ErrClosed)
}

// signalConnChange wakes all callers of waitForConn. The caller holds c.mu.
func (c *Client) signalConnChange() {
	close(c.connChanged)
	c.connChanged = make(chan struct{})
}

// waitForConn returns the connection once it works, or the reason why none will.
func (c *Client) waitForConn(ctx context.Context) (serverConn, error) {
	for {
		c.mu.Lock()
		conn, closedErr, changed := c.conn, c.closedErr, c.connChanged
		c.mu.Unlock()
		if closedErr != nil {
			return nil, closedErr
		}
		if conn != nil && !isClosed(conn) {
			return conn, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Client is one account, signed in. Its methods may be called at the same time.
type Client struct {
	addresses []serverAddress // of one account, in the order in which they are tried
	options   options
	transport *http.Transport
	inbox     *eventQueue
	said      recentSends

	// ctx ends with the client, which then waits for what is running.
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	// newest is the highest number in the mailbox that the client has heard of.
	newest atomic.Uint64

	mu     sync.Mutex    // guards all below
	at     int           // which of the addresses was spoken to last
	link   serverConn    // nil while there is none that works
	moved  chan struct{} // closed and made anew when link or dead changes
	dead   error         // why there will be no link any more
	token  string
	status Status // chosen last, 0 if none was
	state  State
	rhythm time.Duration // how often a record is due
	signed bool          // the session has been signed in to once
}

const (
	// dialTime bounds one attempt to connect and sign in at an address.
	dialTime = 30 * time.Second
	// reachTime bounds the connection to one of several addresses: a firewall may
	// drop what goes there.
	reachTime = 5 * time.Second
)

// Dial signs in at an address: qq://10001@host, or with http, https, tcp, ws or
// wss in the place of qq, a port, a path. The package's comment says what they
// mean. Without a port qq, tcp, ws and http try both usual ports of a server, their
// own first.
//
// It returns when the client is signed in. A wrong password is ErrPassword, a
// token that has ended ErrNotLoggedIn, a server that cannot be reached
// an *Unreachable, which wraps ErrTemporary. Later the client connects again by itself. ctx is for
// Dial alone.
func Dial(ctx context.Context, address string, opts ...Option) (*Client, error) {
	options := newOptions(opts)
	all, err := parseAddresses(address, options.fallback)
	if err != nil {
		return nil, err
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	messenger := &Client{
		addresses: all,
		options:   options,
		inbox:     newInbox(),
		moved:     make(chan struct{}),
		token:     options.token,
		status:    options.status,
		rhythm:    time.Minute,
	}
	messenger.ctx, messenger.end = context.WithCancel(context.WithoutCancel(ctx))
	messenger.transport = messenger.newTransport()
	conn, err := messenger.connect(ctx)
	if err != nil {
		messenger.stop()
		return nil, err
	}
	messenger.connected(conn)
	messenger.running.Go(func() { messenger.keep(conn) })
	return messenger, nil
}

// UIN is the client's account.
func (c *Client) UIN() UIN { return c.addresses[0].uin }

// String is the address at which the client was signed in last, with the port,
// such as qq://10001@chat.example:14000. It holds no secrets.
func (c *Client) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addresses[c.at].String()
}

// GoString is String: %#v would print secrets.
func (c *Client) GoString() string { return c.String() }

// Token proves the device session in a later Dial; empty for an address
// session. It is a secret.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// Logout ends the session and closes the client. It tries until ctx ends; the
// client is closed in any case.
func (c *Client) Logout(ctx context.Context) error {
	// The connection may belong to nobody afterwards.
	if conn, err := c.working(ctx); err == nil {
		if taken := c.inbox.taken(); taken > 0 {
			_ = conn.confirm(c.confirmation(taken)) // if it fails, Logout finds out
		}
	}
	_, err := c.ask(ctx, request{command: "Logout"})
	if errors.Is(err, ErrNotLoggedIn) {
		err = nil // it is what was wanted
	}
	return errors.Join(err, c.Close())
}

// Close ends the connection and leaves the session to itself: friends see it
// go some minutes later, and a device can go on with its token. It never
// fails.
func (c *Client) Close() error {
	c.bury(ErrClosed)
	c.stop()
	return nil
}

// stop ends all that runs.
func (c *Client) stop() {
	c.end()
	c.running.Wait()
	c.transport.CloseIdleConnections()
}

// State is how the connection stands.
type State struct {
	Connected bool
	// Err is why it is not, nil if it is.
	Err error
	// Retry is when the next attempt is made, the zero Time if none will be, or
	// one is being made.
	Retry time.Time
}

// State returns the connection's state. Its changes are Events too.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// connected says that a link works.
func (c *Client) connected(conn serverConn) {
	c.mu.Lock()
	if c.dead != nil { // closed in the same moment
		c.mu.Unlock()
		return
	}
	first := !c.signed
	c.link, c.signed, c.state = conn, true, State{Connected: true}
	c.move()
	c.mu.Unlock()
	c.options.log.Info("connected", "address", c.String())
	if !first {
		c.inbox.put(State{Connected: true}, nil)
	}
}

// disconnected says that there is no link, why, and until when.
func (c *Client) disconnected(why error, retry time.Time) {
	state := State{Err: why, Retry: retry}
	c.mu.Lock()
	if c.dead != nil { // closed in the same moment
		c.mu.Unlock()
		return
	}
	c.link, c.state = nil, state
	c.mu.Unlock()
	c.options.log.Warn("disconnected", "address", c.String(), "error", why, "retry", retry)
	c.inbox.put(state, nil)
}

// bury says that there will be no link any more. The first reason counts.
func (c *Client) bury(why error) {
	c.mu.Lock()
	if c.dead != nil {
		c.mu.Unlock()
		return
	}
	c.link, c.dead, c.state = nil, why, State{Err: why}
	c.move()
	c.mu.Unlock()
	if why != ErrClosed {
		c.options.log.Error("gave up", "address", c.String(), "error", why)
		c.inbox.put(State{Err: why}, nil)
	}
	c.inbox.finish(why == ErrClosed)
}

// move wakes whoever waits for a link. c.mu is held.
func (c *Client) move() {
	close(c.moved)
	c.moved = make(chan struct{})
}

// working waits for a link that works.
func (c *Client) working(ctx context.Context) (serverConn, error) {
	for {
		c.mu.Lock()
		conn, dead, moved := c.link, c.dead, c.moved
		c.mu.Unlock()
		if dead != nil {
			return nil, dead
		}
		if conn != nil && !isBroken(conn) {
			return conn, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

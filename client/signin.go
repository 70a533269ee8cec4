package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rookery-im/rookery"
)

// connect makes one attempt to get a link that is signed in, at each address
// until one works, from the one on that worked last. An error that is not final
// wraps ErrTemporary.
func (c *Client) connect(ctx context.Context) (serverConn, error) {
	c.mu.Lock()
	last := c.at
	c.mu.Unlock()
	var failed Unreachable
	for i := range c.addresses {
		at := (last + i) % len(c.addresses)
		a := c.addresses[at]
		l, err := c.connectTo(ctx, a)
		var refused *Error
		switch {
		case err == nil:
			c.mu.Lock()
			c.at = at
			c.mu.Unlock()
			return l, nil
		case final(err) || errors.As(err, &refused):
			return nil, fmt.Errorf("%v: %w", a, err)
		case !errors.Is(err, ErrTemporary):
			err = unreachable(err)
		}
		failed.Tried = append(failed.Tried, Attempt{a.String(), err})
		if ctx.Err() != nil || c.ctx.Err() != nil {
			break
		}
	}
	return nil, &failed
}

func (c *Client) connectTo(ctx context.Context, a serverAddress) (serverConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	l, err := schemes[a.scheme].open(c, ctx, a)
	if err != nil {
		return nil, err
	}
	if err := c.enter(ctx, l); err != nil {
		l.breaks(err)
		return nil, err
	}
	return l, nil
}

// dial opens a connection.
func (c *Client) dial(ctx context.Context, network, host string) (net.Conn, error) {
	if len(c.addresses) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, reachTime)
		defer cancel()
	}
	return c.options.dial(ctx, network, host)
}

// enter signs in on a link: with the token if there is one that works, else
// with the password.
func (c *Client) enter(ctx context.Context, l serverConn) error {
	c.mu.Lock()
	token, signed := c.token, c.signed
	c.mu.Unlock()
	if token != "" || signed && l.pushes() == nil {
		err := c.goOn(ctx, l, token, signed)
		if !errors.Is(err, ErrNotLoggedIn) || c.options.proof == "" {
			return err
		}
	}
	if err := c.login(ctx, l); err != nil {
		return err
	}
	c.look(ctx, l)
	return nil
}

// goOn looks whether the session is still there. On a line the first record
// with a token binds the connection to its session, and pushes begin. signed
// says that this client was in the session before, and that it has its status.
func (c *Client) goOn(ctx context.Context, l serverConn, token string, signed bool) error {
	if s := c.options.status; s != 0 && !signed {
		if _, err := c.askOnce(ctx, l, c.changeStatus(s)); err != nil {
			return err
		}
	}
	if token == "" {
		_, err := c.askOnce(ctx, l, heartbeat)
		return err
	}
	a, err := c.askOnce(ctx, l, newestWord)
	var refused *Error
	if errors.As(err, &refused) && refused.Res != resNotLoggedIn && refused.Res != resTemporary {
		return nil // signed in, but this server has no history
	}
	c.learnNewest(a)
	return err
}

// look learns how far a device's mailbox has got, which Send needs to know if
// an answer is lost for long. If it cannot be learnt, so be it.
func (c *Client) look(ctx context.Context, l serverConn) {
	if c.Token() != "" {
		if a, err := c.askOnce(ctx, l, newestWord); err == nil {
			c.learnNewest(a)
		}
	}
}

var (
	// heartbeat is a request that costs next to nothing.
	heartbeat = request{command: "List", fields: []Field{text("TN", "1")}}
	// newestWord asks for the newest entry of all conversations.
	newestWord = request{command: "History", fields: []Field{text("UN", "0"), text("TN", "1")}}
)

func (c *Client) learnNewest(a Answer) {
	rows, check := a.rows("SN", "ID")
	for _, r := range rows {
		if n := r.number("ID", 64); check() == nil {
			c.heardOf(n)
		}
	}
}

// heardOf notes a number of the mailbox.
func (c *Client) heardOf(number uint64) {
	for {
		known := c.newest.Load()
		if number <= known || c.newest.CompareAndSwap(known, number) {
			return
		}
	}
}

// login signs in with the password.
func (c *Client) login(ctx context.Context, l serverConn) error {
	c.mu.Lock()
	status := c.status
	c.mu.Unlock()
	v := c.options.traits()
	r := request{command: "Login", fields: []Field{
		text("PS", c.options.proof), text("M5", "1"), text("LC", c.options.program)}}
	// A status that was chosen goes along each time: if the session has ended,
	// who wants to be invisible must not show for a moment.
	if status != 0 && v.firstStatus {
		r.fields = append(r.fields, number("ST", status))
	}
	if c.options.device != "" {
		r.fields = append(r.fields, text("DV", c.options.device))
	}
	a, err := c.askOnce(ctx, l, r)
	if err != nil {
		return err
	}
	if !a.is("RS", "0") {
		return &Error{Command: r.command, Reason: a.Text("RA"), kind: ErrPassword}
	}
	token := a.Text("SID")
	if _, ok := rookery.ParseToken(token); !ok && c.options.device != "" {
		return fmt.Errorf("%w: the server gives no token to devices; sign in without client.Device", ErrRefused)
	}
	c.mu.Lock()
	c.token = token
	if seconds, err := a.count("HI"); err == nil && seconds > 0 {
		c.rhythm = time.Duration(min(seconds, 3600)) * time.Second
	}
	c.mu.Unlock()
	if status != 0 && !v.firstStatus {
		_, err = c.askOnce(ctx, l, c.changeStatus(status))
	}
	return err
}

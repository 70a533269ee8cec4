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
		address := c.addresses[at]
		conn, err := c.connectTo(ctx, address)
		var refused *Error
		switch {
		case err == nil:
			c.mu.Lock()
			c.at = at
			c.mu.Unlock()
			return conn, nil
		case final(err) || errors.As(err, &refused):
			return nil, fmt.Errorf("%v: %w", address, err)
		case !errors.Is(err, ErrTemporary):
			err = unreachable(err)
		}
		failed.Tried = append(failed.Tried, Attempt{address.String(), err})
		if ctx.Err() != nil || c.ctx.Err() != nil {
			break
		}
	}
	return nil, &failed
}

func (c *Client) connectTo(ctx context.Context, address serverAddress) (serverConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	conn, err := schemes[address.scheme].open(c, ctx, address)
	if err != nil {
		return nil, err
	}
	if err := c.enter(ctx, conn); err != nil {
		conn.breaks(err)
		return nil, err
	}
	return conn, nil
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
func (c *Client) enter(ctx context.Context, conn serverConn) error {
	c.mu.Lock()
	token, signed := c.token, c.signed
	c.mu.Unlock()
	if token != "" || signed && conn.pushes() == nil {
		err := c.goOn(ctx, conn, token, signed)
		if !errors.Is(err, ErrNotLoggedIn) || c.options.proof == "" {
			return err
		}
	}
	if err := c.login(ctx, conn); err != nil {
		return err
	}
	c.look(ctx, conn)
	return nil
}

// goOn looks whether the session is still there. On a line the first record
// with a token binds the connection to its session, and pushes begin. signed
// says that this client was in the session before, and that it has its status.
func (c *Client) goOn(ctx context.Context, conn serverConn, token string, signed bool) error {
	if status := c.options.status; status != 0 && !signed {
		if _, err := c.askOnce(ctx, conn, c.changeStatus(status)); err != nil {
			return err
		}
	}
	if token == "" {
		_, err := c.askOnce(ctx, conn, heartbeat)
		return err
	}
	answer, err := c.askOnce(ctx, conn, newestWord)
	var refused *Error
	if errors.As(err, &refused) && refused.Res != resNotLoggedIn && refused.Res != resTemporary {
		return nil // signed in, but this server has no history
	}
	c.learnNewest(answer)
	return err
}

// look learns how far a device's mailbox has got, which Send needs to know if
// an answer is lost for long. If it cannot be learnt, so be it.
func (c *Client) look(ctx context.Context, conn serverConn) {
	if c.Token() != "" {
		if answer, err := c.askOnce(ctx, conn, newestWord); err == nil {
			c.learnNewest(answer)
		}
	}
}

var (
	// heartbeat is a request that costs next to nothing.
	heartbeat = request{command: "List", fields: []Field{text("TN", "1")}}
	// newestWord asks for the newest entry of all conversations.
	newestWord = request{command: "History", fields: []Field{text("UN", "0"), text("TN", "1")}}
)

func (c *Client) learnNewest(answer Answer) {
	rows, check := answer.rows("SN", "ID")
	for _, row := range rows {
		if n := row.number("ID", 64); check() == nil {
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
func (c *Client) login(ctx context.Context, conn serverConn) error {
	c.mu.Lock()
	status := c.status
	c.mu.Unlock()
	protocolTraits := c.options.traits()
	r := request{command: "Login", fields: []Field{
		text("PS", c.options.proof), text("M5", "1"), text("LC", c.options.program)}}
	// A status that was chosen goes along each time: if the session has ended,
	// who wants to be invisible must not show for a moment.
	if status != 0 && protocolTraits.firstStatus {
		r.fields = append(r.fields, number("ST", status))
	}
	if c.options.device != "" {
		r.fields = append(r.fields, text("DV", c.options.device))
	}
	answer, err := c.askOnce(ctx, conn, r)
	if err != nil {
		return err
	}
	if !answer.is("RS", "0") {
		return &Error{Command: r.command, Reason: answer.Text("RA"), kind: ErrPassword}
	}
	token := answer.Text("SID")
	if _, ok := rookery.ParseToken(token); !ok && c.options.device != "" {
		return fmt.Errorf("%w: the server gives no token to devices; sign in without client.Device", ErrRefused)
	}
	c.mu.Lock()
	c.token = token
	if seconds, err := answer.count("HI"); err == nil && seconds > 0 {
		c.rhythm = time.Duration(min(seconds, 3600)) * time.Second
	}
	c.mu.Unlock()
	if status != 0 && !protocolTraits.firstStatus {
		_, err = c.askOnce(ctx, conn, c.changeStatus(status))
	}
	return err
}

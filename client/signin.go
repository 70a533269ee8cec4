package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rookery-im/rookery"
)

// connect tries each address once, beginning with the one that worked last, and
// returns a signed-in connection. If the server refuses, connect stops at that address.
// An error for which isFinal is false wraps ErrTemporary.
func (c *Client) connect(ctx context.Context) (serverConn, error) {
	c.mu.Lock()
	first := c.addressIndex
	c.mu.Unlock()
	var unreachable UnreachableError
	for i := range c.addresses {
		index := (first + i) % len(c.addresses)
		address := c.addresses[index]
		conn, err := c.connectToAddress(ctx, address)
		var refusal *Error
		switch {
		case err == nil:
			c.mu.Lock()
			c.addressIndex = index
			c.mu.Unlock()
			return conn, nil
		case isFinal(err) || errors.As(err, &refusal):
			return nil, fmt.Errorf("%v: %w", address, err)
		case !errors.Is(err, ErrTemporary):
			err = newTemporaryError(err)
		}
		unreachable.Attempts = append(unreachable.Attempts, Attempt{address.String(), err})
		if ctx.Err() != nil || c.ctx.Err() != nil {
			break
		}
	}
	return nil, &unreachable
}

func (c *Client) connectToAddress(ctx context.Context, address serverAddress) (serverConn, error) {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	conn, err := schemes[address.scheme].openConn(c, ctx, address)
	if err != nil {
		return nil, err
	}
	if err := c.signIn(ctx, conn); err != nil {
		conn.closeWith(err)
		return nil, err
	}
	return conn, nil
}

// dialServer opens a network connection through the configured dialer.
func (c *Client) dialServer(ctx context.Context, network, hostPort string) (net.Conn, error) {
	if len(c.addresses) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, fallbackDialTimeout)
		defer cancel()
	}
	return c.options.dialContext(ctx, network, hostPort)
}

// signIn resumes the session if the client has one. Otherwise, or if the session has
// ended and there is a password, it logs in.
func (c *Client) signIn(ctx context.Context, conn serverConn) error {
	c.mu.Lock()
	token, signedInBefore := c.token, c.hasSignedIn
	c.mu.Unlock()
	if token != "" || signedInBefore && conn.pushSequence() == nil {
		err := c.resumeSession(ctx, conn, token, signedInBefore)
		if !errors.Is(err, ErrNotLoggedIn) || c.options.passwordProof == "" {
			return err
		}
	}
	if err := c.logIn(ctx, conn); err != nil {
		return err
	}
	c.fetchNewestNumber(ctx, conn)
	return nil
}

// resumeSession checks that the session still exists. On a stream, the first record
// with a token binds the connection to the session, and the server begins to push.
// signedInBefore is true if this client has set the initial status already.
func (c *Client) resumeSession(ctx context.Context, conn serverConn, token string, signedInBefore bool) error {
	if status := c.options.initialStatus; status != 0 && !signedInBefore {
		if _, err := c.requestOnce(ctx, conn, c.statusRequest(status)); err != nil {
			return err
		}
	}
	if token == "" {
		_, err := c.requestOnce(ctx, conn, heartbeatRequest)
		return err
	}
	answer, err := c.requestOnce(ctx, conn, newestEntryRequest)
	var refusal *Error
	if errors.As(err, &refusal) && refusal.Code != resultNotLoggedIn && refusal.Code != resultTemporary {
		return nil // the session exists, but the server has no history
	}
	c.readNewestNumber(answer)
	return err
}

// fetchNewestNumber asks for the newest mailbox number of a device session, which Send
// compares with the history after a long outage. Errors are ignored: Send then reports
// an unknown outcome.
func (c *Client) fetchNewestNumber(ctx context.Context, conn serverConn) {
	if c.Token() != "" {
		if answer, err := c.requestOnce(ctx, conn, newestEntryRequest); err == nil {
			c.readNewestNumber(answer)
		}
	}
}

var (
	// heartbeatRequest keeps the session alive at little cost.
	heartbeatRequest = commandRequest{command: "List", fields: []Field{textField("TN", "1")}}
	// newestEntryRequest asks for the newest entry of all conversations.
	newestEntryRequest = commandRequest{command: "History", fields: []Field{textField("UN", "0"), textField("TN", "1")}}
)

func (c *Client) readNewestNumber(answer Answer) {
	rows, rowsErr := answer.parseRows("SN", "ID")
	for _, row := range rows {
		if number := row.number("ID", 64); rowsErr() == nil {
			c.raiseNewestNumber(number)
		}
	}
}

// raiseNewestNumber records a mailbox number that the client has seen.
func (c *Client) raiseNewestNumber(number uint64) {
	for {
		newest := c.newestNumber.Load()
		if number <= newest || c.newestNumber.CompareAndSwap(newest, number) {
			return
		}
	}
}

// logIn signs in with the password.
func (c *Client) logIn(ctx context.Context, conn serverConn) error {
	c.mu.Lock()
	status := c.status
	c.mu.Unlock()
	traits := c.options.protocolTraits()
	request := commandRequest{command: "Login", fields: []Field{
		textField("PS", c.options.passwordProof), textField("M5", "1"), textField("LC", c.options.program)}}
	// Every login sends the chosen status. Otherwise an invisible user would appear
	// online for a moment after the session has expired.
	if status != 0 && traits.loginSetsStatus {
		request.fields = append(request.fields, numberField("ST", status))
	}
	if c.options.deviceName != "" {
		request.fields = append(request.fields, textField("DV", c.options.deviceName))
	}
	answer, err := c.requestOnce(ctx, conn, request)
	if err != nil {
		return err
	}
	if !answer.hasValue("RS", "0") {
		return &Error{Command: request.command, Reason: answer.Text("RA"), kind: ErrPassword}
	}
	token := answer.Text("SID")
	if _, ok := rookery.ParseToken(token); !ok && c.options.deviceName != "" {
		return fmt.Errorf("%w: the server gives no token to devices; sign in without client.Device", ErrRefused)
	}
	c.mu.Lock()
	c.token = token
	if seconds, err := answer.number("HI"); err == nil && seconds > 0 {
		c.keepaliveInterval = time.Duration(min(seconds, 3600)) * time.Second
	}
	c.mu.Unlock()
	if status != 0 && !traits.loginSetsStatus {
		_, err = c.requestOnce(ctx, conn, c.statusRequest(status))
	}
	return err
}

// Package oldclient acts as the client programs of HTTP QQ did: each kind sends
// its requests byte for byte as its HTTP library wrote them, and reads answers
// in the way in which its author took them apart. They were written against a
// server that nobody had documented, so they rely on what they saw: on the
// order of fields, on the comma behind a list, on a line end or its absence.
//
// A server that all kinds can use as they are keeps its promise to old
// clients. The package knows nothing of the server and shares no code with
// it.
package oldclient

import (
	"bufio"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// A Dialer connects to the server.
type Dialer func(ctx context.Context) (net.Conn, error)

// ErrPassword is what Login returns when the client would tell its user that
// the password is wrong.
var ErrPassword = errors.New("the password is wrong")

// A Friend is one line of a client's contact list.
type Friend struct {
	UIN, Status string
	// Face and Nick are empty in kinds that do not ask for them.
	Face, Nick string
}

// A Message is what a client shows, or acts upon.
type Message struct {
	Type, From, Text string
}

// A Client is a client program at work for one account. It is not safe for
// concurrent use.
type Client struct {
	kind     Kind
	dial     Dialer
	uin      string
	password string
	count    int // requests so far

	// The connection that kinds with keep-alive hold.
	conn   net.Conn
	reader *bufio.Reader
	// pushed came on a line and was not received yet.
	pushed []Message
}

// Client starts a program of the kind for an account.
func (k Kind) Client(dial Dialer, uin, password string) *Client {
	return &Client{kind: k, dial: dial, uin: uin, password: password}
}

// Close closes the connection, if the kind holds one.
func (c *Client) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn, c.reader = nil, nil
	return err
}

// Login logs in. It returns [ErrPassword] if the client understands that the
// password is wrong.
func (c *Client) Login(ctx context.Context) error {
	record, err := c.ask(ctx, "Login", fmt.Sprintf("PS=%x", md5.Sum([]byte(c.password)))+c.kind.login)
	if err != nil {
		return err
	}
	if strings.Contains(record, "Password error") {
		return ErrPassword
	}
	if !c.kind.accepted(record) {
		return c.confused("Login", record, errors.New("it looks like no success"))
	}
	return nil
}

// Friends returns the account numbers of the contact list.
func (c *Client) Friends(ctx context.Context) ([]string, error) {
	columns, err := c.list(ctx, "List", "TN=160&UN=0", "UN")
	if err != nil {
		return nil, err
	}
	return columns[0], nil
}

// Online returns the friends who are not offline.
func (c *Client) Online(ctx context.Context) ([]Friend, error) { return c.kind.online(ctx, c) }

// SetStatus tells friends how the user is, in the numbers of ST.
func (c *Client) SetStatus(ctx context.Context, status string) error {
	return c.do(ctx, "Change_Stat", "ST="+status)
}

// Send sends a message.
func (c *Client) Send(ctx context.Context, to, text string) error {
	return c.do(ctx, "CLTMSG", "UN="+to+"&MG="+c.kind.encode(text))
}

// Receive returns what has come since the last time; on a line it waits if that
// is nothing.
func (c *Client) Receive(ctx context.Context) ([]Message, error) {
	if c.kind.receive != nil {
		return c.kind.receive(ctx, c)
	}
	columns, err := c.list(ctx, "GetMsgEx", "", "MT", "UN", "MG")
	if err != nil {
		return nil, err
	}
	var all []Message
	for i := range columns[0] {
		all = append(all, Message{columns[0][i], columns[1][i], unescape(columns[2][i])})
	}
	return all, nil
}

// Logout logs out.
func (c *Client) Logout(ctx context.Context) error { return c.do(ctx, "Logout", "") }

// do makes a request whose answer says no more than that it is done.
func (c *Client) do(ctx context.Context, command, rest string) error {
	record, err := c.ask(ctx, command, rest)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(record, "&RES=0") {
		return c.confused(command, record, errors.New("it does not end in &RES=0"))
	}
	return nil
}

// list makes a request and takes lists of equal length from its answer.
func (c *Client) list(ctx context.Context, command, rest string, keys ...string) ([][]string, error) {
	record, err := c.ask(ctx, command, rest)
	if err != nil {
		return nil, err
	}
	var columns [][]string
	for _, key := range keys {
		value, err := c.kind.field(record, command, key)
		if err != nil {
			return nil, c.confused(command, record, err)
		}
		elements, err := c.kind.elements(value)
		if err != nil {
			return nil, c.confused(command, record, fmt.Errorf("%s: %w", key, err))
		}
		if len(columns) > 0 && len(elements) != len(columns[0]) {
			return nil, c.confused(command, record, fmt.Errorf("%d of %s, %d of %s", len(columns[0]), keys[0], len(elements), key))
		}
		columns = append(columns, elements)
	}
	return columns, nil
}

// ask sends one record and returns the one that comes back, as the kind finds
// it in the response.
func (c *Client) ask(ctx context.Context, command, rest string) (string, error) {
	c.count++
	version := c.kind.Version
	if slices.Contains(c.kind.older, command) {
		version = "1.1"
	}
	record := fmt.Sprintf("VER=%s%s&CMD=%s&SEQ=%s&UIN=%s", version, c.kind.extra, command, c.kind.seq(c.count), c.uin)
	if rest != "" {
		record += "&" + rest
	}
	record += c.kind.end
	response, err := c.kind.post(ctx, c, record)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", c.kind.Name, command, err)
	}
	answer, err := c.kind.record(response)
	if err == nil {
		err = c.echoes(answer, command)
	}
	if err != nil {
		return "", c.confused(command, response, err)
	}
	return answer, nil
}

// echoes reports whether an answer is to the latest request: a program that
// runs several accounts tells their answers apart by the pairs in front.
func (c *Client) echoes(answer, command string) error {
	pairs := strings.SplitN(answer, "&", 5)
	if len(pairs) < 5 {
		return errors.New("it has fewer than five pairs")
	}
	if pairs[3] != "UIN="+c.uin {
		return fmt.Errorf("it is for %s, not for %s", pairs[3], c.uin)
	}
	if want := "SEQ=" + c.kind.seq(c.count); pairs[2] != want {
		return fmt.Errorf("it answers %s, not %s", pairs[2], want)
	}
	if !strings.EqualFold(pairs[1], "CMD="+command) {
		return fmt.Errorf("it answers %s, not %s", pairs[1], command)
	}
	return nil
}

// confused is the error of a client that does not understand a response.
func (c *Client) confused(command, response string, err error) error {
	return fmt.Errorf("%s: %s: cannot read %q: %w", c.kind.Name, command, response, err)
}

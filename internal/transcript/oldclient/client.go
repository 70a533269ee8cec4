// Package oldclient imitates historical client programs of HTTP QQ. Each kind of program sends requests byte
// for byte as its HTTP library did, and parses answers the way its author wrote the parser. These programs
// were written against an undocumented server, so they depend on what its answers looked like: the order of
// fields, the comma after a list, the presence or absence of a line end.
//
// A server that works with all kinds is compatible with old clients. The package shares no code with the server.
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

// ErrWrongPassword is returned by Login if the program understands the answer as a wrong password.
var ErrWrongPassword = errors.New("the password is wrong")

// A Friend is one entry of the program's contact list.
type Friend struct {
	UIN, Status string
	// Face and Nick are empty in kinds that do not request them.
	Face, Nick string
}

// A Message is a received message as the program parsed it.
type Message struct {
	Type, From, Text string
}

// A Client is a running program, signed in to one account. It is not safe for concurrent use.
type Client struct {
	kind         ProgramKind
	dial         Dialer
	uin          string
	password     string
	requestCount int // requests sent so far

	// The persistent connection of kinds that keep one.
	conn   net.Conn
	reader *bufio.Reader
	// pushedMessages arrived while the program waited for an answer. Receive returns them.
	pushedMessages []Message
}

// NewClient starts a program of this kind for an account.
func (k ProgramKind) NewClient(dial Dialer, uin, password string) *Client {
	return &Client{kind: k, dial: dial, uin: uin, password: password}
}

// Close closes the persistent connection, if any.
func (c *Client) Close() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn, c.reader = nil, nil
	return err
}

// Login logs in. It returns ErrWrongPassword if the program understands that the password is wrong.
func (c *Client) Login(ctx context.Context) error {
	record, err := c.request(ctx, "Login", fmt.Sprintf("PS=%x", md5.Sum([]byte(c.password)))+c.kind.loginPairs)
	if err != nil {
		return err
	}
	if strings.Contains(record, "Password error") {
		return ErrWrongPassword
	}
	if !c.kind.isLoginAccepted(record) {
		return c.readError("Login", record, errors.New("it looks like no success"))
	}
	return nil
}

// Friends returns the account numbers in the contact list.
func (c *Client) Friends(ctx context.Context) ([]string, error) {
	columns, err := c.requestLists(ctx, "List", "TN=160&UN=0", "UN")
	if err != nil {
		return nil, err
	}
	return columns[0], nil
}

// OnlineFriends returns the friends that are not offline.
func (c *Client) OnlineFriends(ctx context.Context) ([]Friend, error) {
	return c.kind.listOnline(ctx, c)
}

// SetStatus changes the account's status. status is the number for the key ST.
func (c *Client) SetStatus(ctx context.Context, status string) error {
	return c.requestDone(ctx, "Change_Stat", "ST="+status)
}

// Send sends a message.
func (c *Client) Send(ctx context.Context, to, text string) error {
	return c.requestDone(ctx, "CLTMSG", "UN="+to+"&MG="+c.kind.encodeText(text))
}

// Receive returns the messages that arrived since the last call. On a persistent connection it waits for the
// first one if there are none.
func (c *Client) Receive(ctx context.Context) ([]Message, error) {
	if c.kind.receive != nil {
		return c.kind.receive(ctx, c)
	}
	columns, err := c.requestLists(ctx, "GetMsgEx", "", "MT", "UN", "MG")
	if err != nil {
		return nil, err
	}
	var messages []Message
	for i := range columns[0] {
		messages = append(messages, Message{columns[0][i], columns[1][i], unescape(columns[2][i])})
	}
	return messages, nil
}

// Logout logs out.
func (c *Client) Logout(ctx context.Context) error { return c.requestDone(ctx, "Logout", "") }

// requestDone sends a request whose answer contains only a result code.
func (c *Client) requestDone(ctx context.Context, command, pairs string) error {
	record, err := c.request(ctx, command, pairs)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(record, "&RES=0") {
		return c.readError(command, record, errors.New("it does not end in &RES=0"))
	}
	return nil
}

// requestLists sends a request and returns the named lists of its answer, which must have equal lengths.
func (c *Client) requestLists(ctx context.Context, command, pairs string, keys ...string) ([][]string, error) {
	record, err := c.request(ctx, command, pairs)
	if err != nil {
		return nil, err
	}
	var columns [][]string
	for _, key := range keys {
		value, err := c.kind.findField(record, command, key)
		if err != nil {
			return nil, c.readError(command, record, err)
		}
		elements, err := c.kind.splitList(value)
		if err != nil {
			return nil, c.readError(command, record, fmt.Errorf("%s: %w", key, err))
		}
		if len(columns) > 0 && len(elements) != len(columns[0]) {
			return nil, c.readError(command, record,
				fmt.Errorf("%d of %s, %d of %s", len(columns[0]), keys[0], len(elements), key))
		}
		columns = append(columns, elements)
	}
	return columns, nil
}

// request sends one record and returns the answer record as this kind extracts it from the response.
func (c *Client) request(ctx context.Context, command, pairs string) (string, error) {
	c.requestCount++
	version := c.kind.Version
	if slices.Contains(c.kind.version11Commands, command) {
		version = "1.1"
	}
	record := fmt.Sprintf("VER=%s%s&CMD=%s&SEQ=%s&UIN=%s", version, c.kind.extraPairs, command,
		c.kind.formatSEQ(c.requestCount), c.uin)
	if pairs != "" {
		record += "&" + pairs
	}
	record += c.kind.recordEnd
	response, err := c.kind.exchange(ctx, c, record)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", c.kind.Name, command, err)
	}
	answer, err := c.kind.findRecord(response)
	if err == nil {
		err = c.checkEcho(answer, command)
	}
	if err != nil {
		return "", c.readError(command, response, err)
	}
	return answer, nil
}

// checkEcho checks that an answer belongs to the latest request. Programs with several accounts rely on the
// leading pairs to tell answers apart.
func (c *Client) checkEcho(answer, command string) error {
	pairs := strings.SplitN(answer, "&", 5)
	if len(pairs) < 5 {
		return errors.New("it has fewer than five pairs")
	}
	if pairs[3] != "UIN="+c.uin {
		return fmt.Errorf("it is for %s, not for %s", pairs[3], c.uin)
	}
	if want := "SEQ=" + c.kind.formatSEQ(c.requestCount); pairs[2] != want {
		return fmt.Errorf("it answers %s, not %s", pairs[2], want)
	}
	if !strings.EqualFold(pairs[1], "CMD="+command) {
		return fmt.Errorf("it answers %s, not %s", pairs[1], command)
	}
	return nil
}

// readError is the error of a program that cannot parse a response.
func (c *Client) readError(command, response string, err error) error {
	return fmt.Errorf("%s: %s: cannot read %q: %w", c.kind.Name, command, response, err)
}

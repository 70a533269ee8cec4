package client

import (
	"context"
	"time"
)

// Added says what adding somebody came to.
type Added int

const (
	AddedFriend Added = 0 // friends now
	AddMustAsk  Added = 1 // Ask first
	AddClosed   Added = 3 // takes no one
)

// addNoAccount is AddToList's CD for an account that does not exist.
const addNoAccount = 2

// Add makes friends with an account that lets everybody. ErrNoAccount if there
// is none.
func (c *Client) Add(ctx context.Context, uin UIN) (Added, error) {
	const command = "AddToList"
	answer, err := c.ask(ctx, request{command: command, fields: []Field{number("UN", uin)}})
	if err != nil {
		return 0, err
	}
	came, err := answer.count("CD")
	if err == nil && came == addNoAccount {
		err = &Error{Command: command, kind: ErrNoAccount}
	}
	return Added(came), err
}

// Ask asks an account, with words, to become a friend. The words may be empty.
func (c *Client) Ask(ctx context.Context, uin UIN, words string) error {
	return c.acknowledge(ctx, uin, "2", words)
}

// Accept makes a friend of one whose request waits. ErrParameter if none does.
func (c *Client) Accept(ctx context.Context, uin UIN) error {
	return c.acknowledge(ctx, uin, "0", "")
}

// Reject turns a request that waits down, with words that may be empty.
// ErrParameter if none waits.
func (c *Client) Reject(ctx context.Context, uin UIN, words string) error {
	return c.acknowledge(ctx, uin, "1", words)
}

func (c *Client) acknowledge(ctx context.Context, uin UIN, act, words string) error {
	_, err := c.ask(ctx, request{command: "Ack_AddToList", fields: []Field{number("UN", uin), text("CD", act), text("RS", words)}, once: true})
	return err
}

// Request is a friend request that waits for an answer.
type Request struct {
	From  UIN
	Words string
	Time  time.Time
}

// Requests lists those that wait, by number of the asker. Only for device
// sessions; elsewhere it is ErrRefused.
func (c *Client) Requests(ctx context.Context) ([]Request, error) {
	var all []Request
	err := c.pages(ctx, request{command: "Requests"}, func(answer Answer) error {
		rows, check := answer.rows("SN", "UN", "TM", "RS")
		for _, row := range rows {
			all = append(all, Request{From: row.uin("UN"), Words: row.text("RS"), Time: row.time("TM")})
		}
		return check()
	})
	return all, err
}

// Block takes nothing of an account any more, and looks offline to it. It ends a
// friendship. Only for device sessions; elsewhere it is ErrRefused.
func (c *Client) Block(ctx context.Context, uin UIN) error { return c.block(ctx, uin, "1") }

// Unblock takes that back; the friendship stays ended.
func (c *Client) Unblock(ctx context.Context, uin UIN) error { return c.block(ctx, uin, "0") }

func (c *Client) block(ctx context.Context, uin UIN, act string) error {
	_, err := c.ask(ctx, request{command: "Block", fields: []Field{number("UN", uin), text("CD", act)}})
	return err
}

// Blocked lists those whom the account blocks, by number. Only for device
// sessions; elsewhere it is ErrRefused.
func (c *Client) Blocked(ctx context.Context) ([]UIN, error) {
	answer, err := c.ask(ctx, request{command: "Block"})
	if err != nil {
		return nil, err
	}
	rows, check := answer.rows("SN", "UN")
	var all []UIN
	for _, row := range rows {
		all = append(all, row.uin("UN"))
	}
	return all, check()
}

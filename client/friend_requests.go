package client

import (
	"context"
	"time"
)

// AddResult is the outcome of AddFriend.
type AddResult int

const (
	AddedFriend     AddResult = 0 // the accounts are friends now
	AddNeedsRequest AddResult = 1 // the account wants a request: call RequestFriendship
	AddClosed       AddResult = 3 // the account accepts nobody
)

// addNoAccount is CD in the answer to AddToList if the account does not exist.
const addNoAccount = 2

// AddFriend makes an account a friend if its rule is open. It returns ErrNoAccount if
// the account does not exist.
func (c *Client) AddFriend(ctx context.Context, uin UIN) (AddResult, error) {
	const command = "AddToList"
	answer, err := c.sendRequest(ctx, commandRequest{command: command, fields: []Field{numberField("UN", uin)}})
	if err != nil {
		return 0, err
	}
	result, err := answer.number("CD")
	if err == nil && result == addNoAccount {
		err = &Error{Command: command, kind: ErrNoAccount}
	}
	return AddResult(result), err
}

// RequestFriendship sends a friend request with a comment, which may be empty.
func (c *Client) RequestFriendship(ctx context.Context, uin UIN, comment string) error {
	return c.sendFriendAction(ctx, uin, "2", comment)
}

// AcceptRequest accepts the pending request of an account. It returns ErrParameter if
// there is none.
func (c *Client) AcceptRequest(ctx context.Context, uin UIN) error {
	return c.sendFriendAction(ctx, uin, "0", "")
}

// RejectRequest rejects the pending request of an account with a comment, which may be
// empty. It returns ErrParameter if there is none.
func (c *Client) RejectRequest(ctx context.Context, uin UIN, comment string) error {
	return c.sendFriendAction(ctx, uin, "1", comment)
}

func (c *Client) sendFriendAction(ctx context.Context, uin UIN, action, comment string) error {
	_, err := c.sendRequest(ctx, commandRequest{command: "Ack_AddToList",
		fields:        []Field{numberField("UN", uin), textField("CD", action), textField("RS", comment)},
		notRepeatable: true})
	return err
}

// FriendRequest is a pending friend request.
type FriendRequest struct {
	From UIN
	Text string
	Time time.Time
}

// FriendRequests lists the pending requests in the order of the senders' numbers. It
// requires a device session and returns ErrRefused otherwise.
func (c *Client) FriendRequests(ctx context.Context) ([]FriendRequest, error) {
	var requests []FriendRequest
	err := c.fetchPages(ctx, commandRequest{command: "Requests"}, func(answer Answer) error {
		rows, rowsErr := answer.parseRows("SN", "UN", "TM", "RS")
		for _, row := range rows {
			requests = append(requests, FriendRequest{From: row.uin("UN"), Text: row.text("RS"), Time: row.time("TM")})
		}
		return rowsErr()
	})
	return requests, err
}

// Block rejects all future messages and requests of an account, appears offline to it,
// and ends a friendship. It requires a device session and returns ErrRefused otherwise.
func (c *Client) Block(ctx context.Context, uin UIN) error { return c.setBlocked(ctx, uin, "1") }

// Unblock ends a block. It does not restore a friendship.
func (c *Client) Unblock(ctx context.Context, uin UIN) error { return c.setBlocked(ctx, uin, "0") }

func (c *Client) setBlocked(ctx context.Context, uin UIN, action string) error {
	_, err := c.sendRequest(ctx, commandRequest{command: "Block",
		fields: []Field{numberField("UN", uin), textField("CD", action)}})
	return err
}

// Blocked lists the blocked accounts in the order of their numbers. It requires a device
// session and returns ErrRefused otherwise.
func (c *Client) Blocked(ctx context.Context) ([]UIN, error) {
	answer, err := c.sendRequest(ctx, commandRequest{command: "Block"})
	if err != nil {
		return nil, err
	}
	rows, rowsErr := answer.parseRows("SN", "UN")
	var uins []UIN
	for _, row := range rows {
		uins = append(uins, row.uin("UN"))
	}
	return uins, rowsErr()
}

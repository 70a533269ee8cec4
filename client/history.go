package client

import (
	"context"
	"strconv"
)

// HistoryQuery selects a page of the message history.
type HistoryQuery struct {
	Peer   UIN    // the conversation; 0 selects all
	Before uint64 // only messages with lower numbers; 0 selects the newest
	Limit  int    // page size, at most 200; 0 selects 50
	Text   string // only messages that contain this text
}

// maxHistory is the largest page size.
const maxHistory = 200

// History is one page of messages, oldest first.
type History struct {
	Messages   []Message
	IsLastPage bool   // there are no older messages
	ReadUpTo   uint64 // the account has read up to this number; set on the newest page of one conversation
}

// History returns the newest messages that match query. It requires a device session
// and returns ErrRefused otherwise.
func (c *Client) History(ctx context.Context, query HistoryQuery) (History, error) {
	fields := []Field{numberField("UN", query.Peer), numberField("BF", query.Before)}
	if query.Limit > 0 {
		fields = append(fields, textField("TN", strconv.Itoa(query.Limit)))
	}
	if query.Text != "" {
		fields = append(fields, textField("QY", query.Text))
	}
	answer, err := c.sendRequest(ctx, commandRequest{command: "History", fields: fields})
	if err != nil {
		return History{}, err
	}
	history := History{IsLastPage: answer.hasValue("FN", "1")}
	rows, rowsErr := answer.parseRows("SN", "ID", "TM", "MT", "UN", "MG")
	for _, row := range rows {
		history.Messages = append(history.Messages, Message{
			Number: row.number("ID", 64), Kind: Kind(row.number("MT", 8)), Peer: row.uin("UN"), Text: row.text("MG"),
			Time: row.time("TM")})
	}
	if len(answer.rawValue("RD")) > 0 && rowsErr() == nil {
		history.ReadUpTo, err = answer.number("RD")
	}
	if err == nil {
		err = rowsErr()
	}
	return history, err
}

// MarkRead marks a conversation as read up to a message number. The account's other
// devices receive a ReadMark. It requires a device session and returns ErrRefused
// otherwise.
func (c *Client) MarkRead(ctx context.Context, with UIN, upTo uint64) error {
	_, err := c.sendRequest(ctx, commandRequest{command: "Read",
		fields: []Field{numberField("UN", with), numberField("ID", upTo)}})
	return err
}

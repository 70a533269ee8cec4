package client

import (
	"context"
	"strconv"
)

// HistoryQuery asks for a page of a conversation.
type HistoryQuery struct {
	With   UIN    // 0: everybody
	Before uint64 // a message's number; 0: the newest
	Limit  int    // at most, up to 200; 0: 50
	Text   string // only what contains it
}

// maxHistory is the most that a page holds.
const maxHistory = 200

// History is a page of it, oldest first.
type History struct {
	Messages []Message
	Last     bool   // nothing is older
	Read     uint64 // how far the account has read it; on the first page of one conversation only
}

// History returns the newest messages that are asked for. Only for device
// sessions; elsewhere it is ErrRefused.
func (c *Client) History(ctx context.Context, query HistoryQuery) (History, error) {
	fields := []Field{number("UN", query.With), number("BF", query.Before)}
	if query.Limit > 0 {
		fields = append(fields, text("TN", strconv.Itoa(query.Limit)))
	}
	if query.Text != "" {
		fields = append(fields, text("QY", query.Text))
	}
	answer, err := c.ask(ctx, request{command: "History", fields: fields})
	if err != nil {
		return History{}, err
	}
	history := History{Last: answer.is("FN", "1")}
	rows, check := answer.rows("SN", "ID", "TM", "MT", "UN", "MG")
	for _, row := range rows {
		history.Messages = append(history.Messages, Message{
			Number: row.number("ID", 64), Kind: Kind(row.number("MT", 8)), Peer: row.uin("UN"), Text: row.text("MG"), Time: row.time("TM")})
	}
	if len(answer.raw("RD")) > 0 && check() == nil {
		history.Read, err = answer.count("RD")
	}
	if err == nil {
		err = check()
	}
	return history, err
}

// MarkRead says that a conversation was read up to a message; the account's
// other devices get a ReadMark. Only for device sessions; elsewhere it is ErrRefused.
func (c *Client) MarkRead(ctx context.Context, with UIN, upTo uint64) error {
	_, err := c.ask(ctx, request{command: "Read", fields: []Field{number("UN", with), number("ID", upTo)}})
	return err
}

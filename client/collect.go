package client

import "context"

// Collect asks once for what waits in the mailbox, for programs that do not stay:
// at most 50 messages, and statuses of friends; nothing if nothing waits. It does
// not go together with Events.
//
// What was handed out counts as received once somebody asks with another SEQ. So a
// program that keeps the SEQ (a fresh one, of 6 to 32 characters) until it has
// done its work, and asks with the same SEQ if it was interrupted, loses nothing
// (section 2.1 of the protocol).
func (c *Client) Collect(ctx context.Context, seq string) ([]Event, error) {
	answer, err := c.askAs(ctx, request{command: "GetMsgEx"}, seq)
	if err != nil {
		return nil, err
	}
	return readBatch(answer)
}

package client

import "context"

// Collect polls the mailbox once, for programs that do not stay. It returns at most 50
// messages, and status changes of friends. Do not combine it with Events.
//
// The messages count as received when any program polls with another seq. Choose a new
// seq of 6 to 32 characters and save it until the messages are processed. After an
// interruption, a call with the same seq returns the same messages (section 2.1 of the
// protocol).
func (c *Client) Collect(ctx context.Context, seq string) ([]Event, error) {
	answer, err := c.sendRequestWithSEQ(ctx, commandRequest{command: "GetMsgEx"}, seq)
	if err != nil {
		return nil, err
	}
	return parseBatch(answer)
}

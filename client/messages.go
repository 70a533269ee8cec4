package client

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/rookery-im/rookery"
)

// Send sends a text of at most 4000 bytes of UTF-8. It returns nil once the server has
// stored the message durably. Send retries through lost connections until ctx ends, and
// the message arrives once. If the outcome is unknown, the error says so and wraps
// ErrTemporary.
//
// Line ends arrive as LF. Control characters other than TAB are removed.
func (c *Client) Send(ctx context.Context, to UIN, text string) error {
	if err := rookery.CheckText(text); err != nil {
		return fmt.Errorf("%w: %w", ErrParameter, err)
	}
	newestBefore, sentBefore := c.newestNumber.Load(), c.recentSends.addAndCheck(to, text)
	_, err := c.sendRequest(ctx, commandRequest{
		command:       "CLTMSG",
		fields:        []Field{numberField("UN", to), textField("MG", text)},
		notRepeatable: true,
		wasExecuted: func(ctx context.Context) (bool, error) {
			if c.Token() == "" || newestBefore == 0 || sentBefore {
				return false, errRepeatExpired
			}
			return c.historyContains(ctx, to, text, newestBefore)
		},
	})
	return err
}

// historyContains reports whether the account sent text to a peer after a mailbox number.
func (c *Client) historyContains(ctx context.Context, to UIN, text string, after uint64) (bool, error) {
	for query := (HistoryQuery{Peer: to, Limit: maxHistory}); ; {
		page, err := c.History(ctx, query)
		if err != nil {
			return false, err
		}
		for _, message := range page.Messages {
			isOwn := message.IsOutgoing() || to == c.UIN()
			if isOwn && message.Number > after && comparableText(message.Text) == comparableText(text) {
				return true, nil
			}
		}
		if page.IsLastPage || len(page.Messages) == 0 || page.Messages[0].Number <= after {
			return false, nil
		}
		query.Before = page.Messages[0].Number
	}
}

// comparableText removes the characters that the server may change.
func comparableText(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || 0x7F <= r && r <= 0x9F {
			return -1
		}
		return r
	}, text)
}

// recentSends remembers recent messages. The history can show that a text was sent, but
// not that it was sent a second time.
type recentSends struct {
	mu     sync.Mutex
	seed   maphash.Seed
	hashes [1024]uint64 // ring buffer
	total  int
}

// addAndCheck records a message and reports whether the same one was sent recently.
func (s *recentSends) addAndCheck(to UIN, text string) (sentBefore bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total == 0 {
		s.seed = maphash.MakeSeed()
	}
	hash := maphash.String(s.seed, to.String()+" "+text)
	sentBefore = slices.Contains(s.hashes[:min(s.total, len(s.hashes))], hash)
	s.hashes[s.total%len(s.hashes)] = hash
	s.total++
	return sentBefore
}

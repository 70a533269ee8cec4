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

// Send sends a text of at most 4000 bytes of UTF-8. When it returns nil the
// server has it for good. It goes on trying through lost connections until ctx
// ends, and the receiver gets it once. If it is not known whether it arrived, the
// error says so and wraps ErrTemporary.
//
// Line ends arrive as LF; other control characters than TAB do not arrive.
func (c *Client) Send(ctx context.Context, to UIN, words string) error {
	if err := rookery.CheckText(words); err != nil {
		return fmt.Errorf("%w: %w", ErrParameter, err)
	}
	known, before := c.newest.Load(), c.said.note(to, words)
	_, err := c.ask(ctx, request{
		command: "CLTMSG",
		fields:  []Field{number("UN", to), text("MG", words)},
		once:    true,
		done: func(ctx context.Context) (bool, error) {
			if c.Token() == "" || known == 0 || before {
				return false, errTooLate
			}
			return c.wasSent(ctx, to, words, known)
		},
	})
	return err
}

// wasSent looks in the history for own words to somebody that are newer than a
// number.
func (c *Client) wasSent(ctx context.Context, to UIN, words string, after uint64) (bool, error) {
	for query := (HistoryQuery{With: to, Limit: maxHistory}); ; {
		page, err := c.History(ctx, query)
		if err != nil {
			return false, err
		}
		for _, message := range page.Messages {
			own := message.Mine() || to == c.UIN()
			if own && message.Number > after && bare(message.Text) == bare(words) {
				return true, nil
			}
		}
		if page.Last || len(page.Messages) == 0 || page.Messages[0].Number <= after {
			return false, nil
		}
		query.Before = page.Messages[0].Number
	}
}

// bare is a text without what may change on its way.
func bare(words string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || 0x7F <= r && r <= 0x9F {
			return -1
		}
		return r
	}, words)
}

// recentSends remembers what was said lately. The history tells whether words were
// said, not whether they were said once more.
type recentSends struct {
	mu     sync.Mutex
	seed   maphash.Seed
	latest [1024]uint64 // a ring of hashes
	said   int
}

// note remembers words, and reports whether the same were said lately.
func (s *recentSends) note(to UIN, words string) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said == 0 {
		s.seed = maphash.MakeSeed()
	}
	hash := maphash.String(s.seed, to.String()+" "+words)
	before = slices.Contains(s.latest[:min(s.said, len(s.latest))], hash)
	s.latest[s.said%len(s.latest)] = hash
	s.said++
	return before
}

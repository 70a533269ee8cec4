package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery"
)

// pair is a sender and a receiver. Only one worker at a time writes for it.
type pair struct{ from, to rookery.UIN }

// ledger counts the acknowledged messages of each pair, and knows where the
// receivers' mailboxes ended before the first.
type ledger struct {
	counts map[pair]*uint64
	before map[rookery.UIN]uint64
}

func newLedger() *ledger {
	return &ledger{counts: map[pair]*uint64{}, before: map[rookery.UIN]uint64{}}
}

// entry is the counter of a pair.
func (l *ledger) entry(from, to rookery.UIN) *uint64 {
	p := pair{from, to}
	if l.counts[p] == nil {
		l.counts[p] = new(uint64)
	}
	return l.counts[p]
}

// total is how many messages were acknowledged.
func (l *ledger) total() (n uint64) {
	for _, count := range l.counts {
		n += *count
	}
	return n
}

// maxFaults bounds how many differences one error tells.
const maxFaults = 10

// audit counts the messages in a store that no server has open. Each
// acknowledged one must be there, once, in the order of its sender, and nothing
// else.
func (l *ledger) audit(ctx context.Context, store Store) error {
	var faults []error
	for pair, count := range l.counts {
		found, err := l.count(ctx, store, pair)
		if err == nil && found != *count {
			err = fmt.Errorf("%d of %d acknowledged messages are there", found, *count)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("from %d to %d: %w", pair.from, pair.to, err))
		}
		if len(faults) == maxFaults {
			break
		}
	}
	return errors.Join(faults...)
}

const auditPage = 1000

// count reads what has come from one account to another since before, and fails
// at the first message that does not follow the one before it.
func (l *ledger) count(ctx context.Context, store Store, p pair) (found uint64, err error) {
	last, _, err := store.MailboxState(ctx, p.to, "")
	if err != nil {
		return 0, err
	}
	for after := l.before[p.to]; after < last; {
		entries, err := store.Entries(ctx, p.to, after, last, auditPage)
		if err != nil {
			return 0, err
		}
		if len(entries) == 0 {
			return 0, fmt.Errorf("the mailbox ends at %d, not at %d", after, last)
		}
		for _, entry := range entries {
			after = entry.Number
			if entry.Kind != rookery.KindMessage || entry.Peer != p.from {
				continue
			}
			found++
			if n := numberOf(entry.Text); n != found {
				return 0, fmt.Errorf("entry %d holds message %d where %d follows", entry.Number, n, found)
			}
		}
	}
	return found, nil
}

// numberOf is the number that a text of a worker begins with, 0 for any other
// text.
func numberOf(text string) uint64 {
	number, found := strings.CutSuffix(text, filler)
	if !found {
		return 0
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

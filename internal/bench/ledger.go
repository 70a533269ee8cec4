package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery"
)

// accountPair is a sender and a receiver. Only one worker at a time sends for a pair, so the pair's counter needs no
// lock.
type accountPair struct{ from, to rookery.UIN }

// ledger counts the acknowledged messages of each pair. startNumbers holds the last entry number of each receiver's
// mailbox before the bench began; messages of earlier benches have lower numbers and are not audited.
type ledger struct {
	counts       map[accountPair]*uint64
	startNumbers map[rookery.UIN]uint64
}

func newLedger() *ledger {
	return &ledger{counts: map[accountPair]*uint64{}, startNumbers: map[rookery.UIN]uint64{}}
}

// counterOf returns the counter of a pair and creates it if necessary.
func (led *ledger) counterOf(sender, receiver rookery.UIN) *uint64 {
	p := accountPair{sender, receiver}
	if led.counts[p] == nil {
		led.counts[p] = new(uint64)
	}
	return led.counts[p]
}

// total returns the number of acknowledged messages of all pairs.
func (led *ledger) total() (n uint64) {
	for _, count := range led.counts {
		n += *count
	}
	return n
}

// maxReportedFaults bounds the number of pairs that the error of an audit names.
const maxReportedFaults = 10

// auditStore checks the messages in a store that no server has open. For each pair, the receiver's mailbox must
// contain all acknowledged messages of the sender, each once and in the order of sending, and no others.
func (led *ledger) auditStore(ctx context.Context, store Store) error {
	var faults []error
	for pair, count := range led.counts {
		found, err := led.countStored(ctx, store, pair)
		if err == nil && found != *count {
			err = fmt.Errorf("%d of %d acknowledged messages are there", found, *count)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("from %d to %d: %w", pair.from, pair.to, err))
		}
		if len(faults) == maxReportedFaults {
			break
		}
	}
	return errors.Join(faults...)
}

// auditPageSize is the number of mailbox entries that an audit reads at a time.
const auditPageSize = 1000

// countStored counts the messages of a pair since the bench began. It fails at the first message whose number
// does not follow the previous one.
func (led *ledger) countStored(ctx context.Context, store Store, p accountPair) (found uint64, err error) {
	last, _, err := store.MailboxState(ctx, p.to, "")
	if err != nil {
		return 0, err
	}
	for after := led.startNumbers[p.to]; after < last; {
		entries, err := store.Entries(ctx, p.to, after, last, auditPageSize)
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
			if n := messageNumber(entry.Text); n != found {
				return 0, fmt.Errorf("entry %d holds message %d where %d follows", entry.Number, n, found)
			}
		}
	}
	return found, nil
}

// messageNumber returns the number at the beginning of a bench message, 0 for any other text.
func messageNumber(text string) uint64 {
	number, found := strings.CutSuffix(text, textFiller)
	if !found {
		return 0
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

package sqlite

import (
	"math"

	"github.com/rookery-im/rookery"
)

// backlogCount is what waits in a mailbox, above the highest place of all its
// collectors. A row for each mailbox would be a page more to write with each
// letter. So it is counted from the entries once, when a letter with a limit
// comes, and kept up in memory from then on.
type backlogCount struct {
	rookery.Backlog
	top uint64
	// unknown: it is to be counted anew. In a batch only.
	unknown bool
}

// counted is what is known of a mailbox, within the batch.
func (b *writeBatch) counted(uin rookery.UIN) (backlogCount, bool) {
	count, ok := b.recount[uin]
	if !ok {
		count, ok = b.waiting[uin]
	}
	return count, ok && !count.unknown
}

// count counts a mailbox if that was not done yet.
func (b *writeBatch) count(uin rookery.UIN) (backlogCount, error) {
	if count, ok := b.counted(uin); ok {
		return count, nil
	}
	top, err := b.conn.top(uin)
	if err != nil {
		return backlogCount{}, err
	}
	sum, err := b.sum(uin, top, math.MaxInt64)
	if err != nil {
		return backlogCount{}, err
	}
	count := backlogCount{Backlog: sum, top: top}
	b.recount[uin] = count
	return count, nil
}

// uncount has a mailbox counted anew when somebody asks.
func (b *writeBatch) uncount(uin rookery.UIN) { b.recount[uin] = backlogCount{unknown: true} }

// top is the highest place of all collectors of an account.
func (c *conn) top(uin rookery.UIN) (top uint64, err error) {
	_, err = c.first("SELECT coalesce(max(number), 0) FROM places WHERE account = ?",
		func(r row) { top = uint64(r.int(0)) }, uin)
	return top, err
}

// sum adds up what waits among the entries above after and up to upTo, wherever
// they are: in the mailbox, in the journal, in the batch.
func (b *writeBatch) sum(uin rookery.UIN, after, upTo uint64) (sum rookery.Backlog, err error) {
	inMailbox := upTo
	recent := b.recent.entries(uin, max(after, b.settledUpTo(uin)), upTo, math.MaxInt)
	if len(recent) > 0 {
		inMailbox = recent[0].Number - 1
	}
	_, err = b.conn.first(`SELECT count(*), coalesce(sum(octet_length(text)), 0) FROM entries
		WHERE account = ? AND number > ? AND number <= ? AND kind <> ?`,
		func(r row) { sum = rookery.Backlog{Messages: int(r.int(0)), Bytes: r.int(1)} },
		uin, clamp(after), clamp(inMailbox), rookery.KindSent)
	for _, entry := range recent {
		sum = plus(sum, entry)
	}
	for _, entry := range b.letters {
		if entry.to == uin && entry.entry.Number > after && entry.entry.Number <= upTo {
			sum = plus(sum, entry.entry)
		}
	}
	return sum, err
}

// settledUpTo is how far the batch has moved an account's recent letters to its
// mailbox.
func (b *writeBatch) settledUpTo(uin rookery.UIN) (upTo uint64) {
	for _, span := range b.settled {
		if span.account == uin {
			upTo = max(upTo, span.upTo)
		}
	}
	return upTo
}

func plus(sum rookery.Backlog, entry rookery.Entry) rookery.Backlog {
	if entry.Kind.CountsAsBacklog() {
		sum.Messages++
		sum.Bytes += int64(len(entry.Text))
	}
	return sum
}

// admit reports as an error that a letter exceeds its limit, with those of the
// same delivery before it, or that the disk has no room for any that has one.
func (b *writeBatch) admit(newEntry rookery.NewEntry, before []rookery.NewEntry) error {
	switch {
	case newEntry.Limit == nil:
		return nil
	case b.reserve.short.Load():
		return errShort
	}
	count, err := b.count(newEntry.To)
	if err != nil {
		return err
	}
	sum := count.Backlog
	for _, other := range before {
		if other.To == newEntry.To {
			sum = plus(sum, rookery.Entry{Kind: other.Kind, Text: other.Text})
		}
	}
	return newEntry.Limit.Check(sum, newEntry.Text)
}

// arrived counts an entry that was posted, where the mailbox is counted at all.
func (b *writeBatch) arrived(uin rookery.UIN, entry rookery.Entry) {
	if count, ok := b.counted(uin); ok {
		count.Backlog = plus(count.Backlog, entry)
		b.recount[uin] = count
	}
}

// passed takes off what a collector has passed that was at from and is at to now.
func (b *writeBatch) passed(uin rookery.UIN, from, to uint64) error {
	count, ok := b.counted(uin)
	switch {
	case !ok || to == count.top:
		return nil
	case to < count.top:
		if from == count.top {
			b.uncount(uin) // it has gone back, and another may be the highest now
		}
		return nil
	case to >= b.heads[uin]:
		b.recount[uin] = backlogCount{top: to}
		return nil
	}
	gone, err := b.sum(uin, count.top, to)
	if err != nil {
		return err
	}
	count.top = to
	count.Messages -= gone.Messages
	count.Bytes -= gone.Bytes
	b.recount[uin] = count
	return nil
}

// publishWaiting makes what the batch has counted known.
func (b *writeBatch) publishWaiting() {
	for uin, count := range b.recount {
		if count.unknown {
			delete(b.waiting, uin)
		} else {
			b.waiting[uin] = count
		}
	}
}

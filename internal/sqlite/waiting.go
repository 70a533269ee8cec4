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
	w, ok := b.recount[uin]
	if !ok {
		w, ok = b.waiting[uin]
	}
	return w, ok && !w.unknown
}

// count counts a mailbox if that was not done yet.
func (b *writeBatch) count(uin rookery.UIN) (backlogCount, error) {
	if w, ok := b.counted(uin); ok {
		return w, nil
	}
	top, err := b.conn.top(uin)
	if err != nil {
		return backlogCount{}, err
	}
	sum, err := b.sum(uin, top, math.MaxInt64)
	if err != nil {
		return backlogCount{}, err
	}
	w := backlogCount{Backlog: sum, top: top}
	b.recount[uin] = w
	return w, nil
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
	for _, e := range recent {
		sum = plus(sum, e)
	}
	for _, l := range b.letters {
		if l.to == uin && l.entry.Number > after && l.entry.Number <= upTo {
			sum = plus(sum, l.entry)
		}
	}
	return sum, err
}

// settledUpTo is how far the batch has moved an account's recent letters to its
// mailbox.
func (b *writeBatch) settledUpTo(uin rookery.UIN) (upTo uint64) {
	for _, s := range b.settled {
		if s.account == uin {
			upTo = max(upTo, s.upTo)
		}
	}
	return upTo
}

func plus(sum rookery.Backlog, e rookery.Entry) rookery.Backlog {
	if e.Kind.Waits() {
		sum.Messages++
		sum.Bytes += int64(len(e.Text))
	}
	return sum
}

// admit reports as an error that a letter exceeds its limit, with those of the
// same delivery before it, or that the disk has no room for any that has one.
func (b *writeBatch) admit(l rookery.NewEntry, before []rookery.NewEntry) error {
	switch {
	case l.Limit == nil:
		return nil
	case b.reserve.short.Load():
		return errShort
	}
	w, err := b.count(l.To)
	if err != nil {
		return err
	}
	sum := w.Backlog
	for _, other := range before {
		if other.To == l.To {
			sum = plus(sum, rookery.Entry{Kind: other.Kind, Text: other.Text})
		}
	}
	return l.Limit.Check(sum, l.Text)
}

// arrived counts an entry that was posted, where the mailbox is counted at all.
func (b *writeBatch) arrived(uin rookery.UIN, e rookery.Entry) {
	if w, ok := b.counted(uin); ok {
		w.Backlog = plus(w.Backlog, e)
		b.recount[uin] = w
	}
}

// passed takes off what a collector has passed that was at from and is at to now.
func (b *writeBatch) passed(uin rookery.UIN, from, to uint64) error {
	w, ok := b.counted(uin)
	switch {
	case !ok || to == w.top:
		return nil
	case to < w.top:
		if from == w.top {
			b.uncount(uin) // it has gone back, and another may be the highest now
		}
		return nil
	case to >= b.heads[uin]:
		b.recount[uin] = backlogCount{top: to}
		return nil
	}
	gone, err := b.sum(uin, w.top, to)
	if err != nil {
		return err
	}
	w.top = to
	w.Messages -= gone.Messages
	w.Bytes -= gone.Bytes
	b.recount[uin] = w
	return nil
}

// publishWaiting makes what the batch has counted known.
func (b *writeBatch) publishWaiting() {
	for uin, w := range b.recount {
		if w.unknown {
			delete(b.waiting, uin)
		} else {
			b.waiting[uin] = w
		}
	}
}

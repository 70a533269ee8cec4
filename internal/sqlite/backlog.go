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
	highestCursor uint64
	// unknown: it is to be counted anew. In a batch only.
	needsRecount bool
}

// cachedBacklog is what is known of a mailbox, within the batch.
func (b *writeBatch) cachedBacklog(uin rookery.UIN) (backlogCount, bool) {
	count, ok := b.changedBacklogs[uin]
	if !ok {
		count, ok = b.backlogs[uin]
	}
	return count, ok && !count.needsRecount
}

// loadBacklog counts a mailbox if that was not done yet.
func (b *writeBatch) loadBacklog(uin rookery.UIN) (backlogCount, error) {
	if count, ok := b.cachedBacklog(uin); ok {
		return count, nil
	}
	top, err := b.conn.highestCursor(uin)
	if err != nil {
		return backlogCount{}, err
	}
	total, err := b.sumBacklog(uin, top, math.MaxInt64)
	if err != nil {
		return backlogCount{}, err
	}
	count := backlogCount{Backlog: total, highestCursor: top}
	b.changedBacklogs[uin] = count
	return count, nil
}

// discardBacklog has a mailbox counted anew when somebody asks.
func (b *writeBatch) discardBacklog(uin rookery.UIN) {
	b.changedBacklogs[uin] = backlogCount{needsRecount: true}
}

// highestCursor is the highest place of all collectors of an account.
func (c *dbConn) highestCursor(uin rookery.UIN) (top uint64, err error) {
	_, err = c.queryFirst("SELECT coalesce(max(number), 0) FROM places WHERE account = ?",
		func(row resultRow) { top = uint64(row.int(0)) }, uin)
	return top, err
}

// sumBacklog adds up what waits among the entries above after and up to upTo, wherever
// they are: in the mailbox, in the journal, in the batch.
func (b *writeBatch) sumBacklog(uin rookery.UIN, after, upTo uint64) (total rookery.Backlog, err error) {
	inMailbox := upTo
	recent := b.journaled.entriesBetween(uin, max(after, b.flushedUpTo(uin)), upTo, math.MaxInt)
	if len(recent) > 0 {
		inMailbox = recent[0].Number - 1
	}
	_, err = b.conn.queryFirst(`SELECT count(*), coalesce(sum(octet_length(text)), 0) FROM entries
		WHERE account = ? AND number > ? AND number <= ? AND kind <> ?`,
		func(row resultRow) { total = rookery.Backlog{Messages: int(row.int(0)), Bytes: row.int(1)} },
		uin, clampToInt64(after), clampToInt64(inMailbox), rookery.KindSent)
	for _, entry := range recent {
		total = addToBacklog(total, entry)
	}
	for _, entry := range b.newEntries {
		if entry.account == uin && entry.entry.Number > after && entry.entry.Number <= upTo {
			total = addToBacklog(total, entry.entry)
		}
	}
	return total, err
}

// flushedUpTo is how far the batch has moved an account's recent letters to its
// mailbox.
func (b *writeBatch) flushedUpTo(uin rookery.UIN) (upTo uint64) {
	for _, span := range b.flushedSpans {
		if span.account == uin {
			upTo = max(upTo, span.lastNumber)
		}
	}
	return upTo
}

func addToBacklog(total rookery.Backlog, entry rookery.Entry) rookery.Backlog {
	if entry.Kind.CountsAsBacklog() {
		total.Messages++
		total.Bytes += int64(len(entry.Text))
	}
	return total
}

// checkLimit reports as an error that a letter exceeds its limit, with those of the
// same delivery before it, or that the disk has no room for any that has one.
func (b *writeBatch) checkLimit(newEntry rookery.NewEntry, before []rookery.NewEntry) error {
	switch {
	case newEntry.Limit == nil:
		return nil
	case b.diskReserve.isReleased.Load():
		return errDiskNearlyFull
	}
	count, err := b.loadBacklog(newEntry.To)
	if err != nil {
		return err
	}
	total := count.Backlog
	for _, other := range before {
		if other.To == newEntry.To {
			total = addToBacklog(total, rookery.Entry{Kind: other.Kind, Text: other.Text})
		}
	}
	return newEntry.Limit.Check(total, newEntry.Text)
}

// countNewEntry counts an entry that was posted, where the mailbox is counted at all.
func (b *writeBatch) countNewEntry(uin rookery.UIN, entry rookery.Entry) {
	if count, ok := b.cachedBacklog(uin); ok {
		count.Backlog = addToBacklog(count.Backlog, entry)
		b.changedBacklogs[uin] = count
	}
}

// subtractCollected takes off what a collector has passed that was at from and is at to now.
func (b *writeBatch) subtractCollected(uin rookery.UIN, from, to uint64) error {
	count, ok := b.cachedBacklog(uin)
	switch {
	case !ok || to == count.highestCursor:
		return nil
	case to < count.highestCursor:
		if from == count.highestCursor {
			b.discardBacklog(uin) // it has gone back, and another may be the highest now
		}
		return nil
	case to >= b.newestNumbers[uin]:
		b.changedBacklogs[uin] = backlogCount{highestCursor: to}
		return nil
	}
	gone, err := b.sumBacklog(uin, count.highestCursor, to)
	if err != nil {
		return err
	}
	count.highestCursor = to
	count.Messages -= gone.Messages
	count.Bytes -= gone.Bytes
	b.changedBacklogs[uin] = count
	return nil
}

// publishBacklogs makes what the batch has counted known.
func (b *writeBatch) publishBacklogs() {
	for uin, count := range b.changedBacklogs {
		if count.needsRecount {
			delete(b.backlogs, uin)
		} else {
			b.backlogs[uin] = count
		}
	}
}

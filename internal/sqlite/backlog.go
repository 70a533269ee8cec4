package sqlite

import (
	"math"

	"github.com/rookery-im/rookery"
)

// backlogCount is the number and size of a mailbox's entries above the highest cursor of its
// consumers. A stored count would cost a page write for each entry. So the backlog is counted when the
// first entry with a limit arrives, and kept up to date in memory from then on.
type backlogCount struct {
	rookery.Backlog
	highestCursor uint64
	// needsRecount means that the batch has invalidated the count.
	needsRecount bool
}

// cachedBacklog returns the count that the batch or the writer knows.
func (b *writeBatch) cachedBacklog(uin rookery.UIN) (backlogCount, bool) {
	count, ok := b.changedBacklogs[uin]
	if !ok {
		count, ok = b.backlogs[uin]
	}
	return count, ok && !count.needsRecount
}

// loadBacklog returns the backlog of a mailbox, and counts it if it is not known.
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

// discardBacklog makes the next loadBacklog count again.
func (b *writeBatch) discardBacklog(uin rookery.UIN) {
	b.changedBacklogs[uin] = backlogCount{needsRecount: true}
}

// highestCursor returns the highest cursor of all consumers of an account.
func (c *dbConn) highestCursor(uin rookery.UIN) (top uint64, err error) {
	_, err = c.queryFirst("SELECT coalesce(max(number), 0) FROM places WHERE account = ?",
		func(row resultRow) { top = uint64(row.int(0)) }, uin)
	return top, err
}

// sumBacklog counts the entries with after < number <= upTo in the mailbox, the journal and the batch.
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

// flushedUpTo returns the number up to which the batch has flushed the account's journaled entries.
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

// checkLimit returns an error if an entry, after earlier ones of the same delivery, exceeds its limit,
// or if the disk has no space for entries with a limit.
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

// countNewEntry adds a new entry to the backlog if the backlog is known.
func (b *writeBatch) countNewEntry(uin rookery.UIN, entry rookery.Entry) {
	if count, ok := b.cachedBacklog(uin); ok {
		count.Backlog = addToBacklog(count.Backlog, entry)
		b.changedBacklogs[uin] = count
	}
}

// subtractCollected updates the backlog when a consumer's cursor moves.
func (b *writeBatch) subtractCollected(uin rookery.UIN, from, to uint64) error {
	count, ok := b.cachedBacklog(uin)
	switch {
	case !ok || to == count.highestCursor:
		return nil
	case to < count.highestCursor:
		if from == count.highestCursor {
			b.discardBacklog(uin) // the cursor went back, and another may be the highest now
		}
		return nil
	case to >= b.newestNumbers[uin]:
		b.changedBacklogs[uin] = backlogCount{highestCursor: to}
		return nil
	}
	collected, err := b.sumBacklog(uin, count.highestCursor, to)
	if err != nil {
		return err
	}
	count.highestCursor = to
	count.Messages -= collected.Messages
	count.Bytes -= collected.Bytes
	b.changedBacklogs[uin] = count
	return nil
}

// publishBacklogs copies the batch's counts to the writer after the commit.
func (b *writeBatch) publishBacklogs() {
	for uin, count := range b.changedBacklogs {
		if count.needsRecount {
			delete(b.backlogs, uin)
		} else {
			b.backlogs[uin] = count
		}
	}
}

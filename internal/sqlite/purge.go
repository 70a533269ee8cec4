package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/rookery-im/rookery"
)

// accountsPerPurge is how many accounts one PurgeEntries call examines.
const accountsPerPurge = 64

// PurgeEntries implements service.Store. It searches with a reader; only the deletion occupies the
// writer.
func (s *Store) PurgeEntries(
	ctx context.Context, after rookery.UIN, before time.Time, limit int,
) (next rookery.UIN, deleted int, err error) {
	accounts, err := s.accountsWithCursors(ctx, after)
	if err != nil {
		return 0, 0, err
	}
	for _, uin := range accounts {
		if err := s.flushMailbox(ctx, uin); err != nil {
			return 0, deleted, err
		}
		deletable, err := s.findDeletable(ctx, uin, before, limit-deleted)
		if err != nil {
			return 0, deleted, err
		}
		n, err := s.deleteEntries(ctx, uin, deletable)
		if err != nil {
			return 0, deleted, err
		}
		deleted += n
		if deleted >= limit {
			return uin - 1, deleted, nil // this account may have more
		}
	}
	if len(accounts) < accountsPerPurge {
		return 0, deleted, nil
	}
	return accounts[len(accounts)-1], deleted, nil
}

// accountsWithCursors returns at most accountsPerPurge accounts above after that have a cursor.
func (s *Store) accountsWithCursors(ctx context.Context, after rookery.UIN) (accounts []rookery.UIN, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows("SELECT DISTINCT account FROM places WHERE account > ? ORDER BY account LIMIT ?",
			func(row resultRow) bool {
				accounts = append(accounts, row.uin(0))
				return true
			}, after, accountsPerPurge)
	})
	return accounts, err
}

// flushMailbox moves an account's journaled entries to its mailbox. It leaves them in the journal while
// the disk reserve is in use: the move would take space that collecting and signing in need, and
// deleting entries would not give it back to the disk.
func (s *Store) flushMailbox(ctx context.Context, uin rookery.UIN) error {
	if s.journaled.newestNumber(uin) == 0 || s.writer.diskReserve.isReleased.Load() {
		return nil
	}
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		_, _, err := batch.flushAccount(uin, math.MaxInt)
		return err
	}})
}

// deletableEntry is an entry that PurgeEntries may delete. Copies of the account's own messages may
// be deleted before any consumer has read up to them.
type deletableEntry struct {
	number      uint64
	sentByOwner bool
}

// findDeletable returns at most limit entries from before a time that may be deleted. It stops at the
// first newer entry, because mailboxes can be long.
func (s *Store) findDeletable(
	ctx context.Context, uin rookery.UIN, before time.Time, limit int,
) (deletable []deletableEntry, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = s.withReader(ctx, func(conn *dbConn) error {
		bounds, err := conn.loadPurgeBounds(uin)
		if err != nil {
			return err
		}
		return conn.queryRows(`SELECT number, time < ?, kind FROM entries
			WHERE account = ? AND number < ? ORDER BY number`, func(row resultRow) bool {
			entry := deletableEntry{uint64(row.int(0)), rookery.Kind(row.int(2)) == rookery.KindSent}
			if !row.bool(1) {
				return false
			}
			if bounds.allowsDeletion(entry) {
				deletable = append(deletable, entry)
			}
			return len(deletable) < limit
		}, before, uin, clampToInt64(bounds.upperBound()))
	})
	return deletable, err
}

// deleteEntries deletes entries of an account and returns how many. It checks the cursors again: a
// consumer may have changed its cursor since findDeletable.
func (s *Store) deleteEntries(
	ctx context.Context, uin rookery.UIN, deletable []deletableEntry,
) (deleted int, err error) {
	if len(deletable) == 0 {
		return 0, nil
	}
	err = s.submitWrite(ctx, writeRequest{entryCount: len(deletable), apply: func(batch *writeBatch) error {
		bounds, err := batch.conn.loadPurgeBounds(uin)
		if err != nil {
			return err
		}
		deleted = 0 // apply may run twice
		for _, entry := range deletable {
			if !bounds.allowsDeletion(entry) {
				continue
			}
			for _, statement := range []string{
				`DELETE FROM conversations WHERE account = ?1 AND number = ?2
					AND peer = (SELECT peer FROM entries WHERE account = ?1 AND number = ?2)`,
				"DELETE FROM entries WHERE account = ?1 AND number = ?2",
			} {
				if _, err := batch.conn.execute(statement, uin, entry.number); err != nil {
					return err
				}
			}
			deleted++
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// purgeBounds says which old entries of a mailbox may be deleted.
type purgeBounds struct {
	// collectedUpTo is the highest entry that some consumer has read and that no consumer may ask
	// for again.
	collectedUpTo uint64
	// highestCursor is the highest cursor of all consumers.
	highestCursor uint64
	newestNumber  uint64
	// hasHadDevices means that the mailbox may hold entries that the account sent.
	hasHadDevices bool
}

// upperBound is above every entry that may be deleted.
func (p purgeBounds) upperBound() uint64 {
	if p.hasHadDevices {
		return p.newestNumber
	}
	return min(p.collectedUpTo+1, p.newestNumber)
}

func (p purgeBounds) allowsDeletion(entry deletableEntry) bool {
	return entry.number < p.newestNumber &&
		(entry.number <= p.collectedUpTo || entry.sentByOwner && entry.number > p.highestCursor)
}

// loadPurgeBounds computes the bounds from the cursors of all consumers, the rows of table places.
// max(number) is the highest cursor. keep is a cursor's RepeatFrom: the entries from the lowest keep
// on may be requested again, so collectedUpTo ends before it. keep is 0 where there is none.
func (c *dbConn) loadPurgeBounds(uin rookery.UIN) (p purgeBounds, err error) {
	_, err = c.queryFirst(`SELECT min(max(number), coalesce(min(nullif(keep, 0)) - 1, max(number))), max(number),
			coalesce((SELECT max(number) FROM entries WHERE account = ?1), 0),
			coalesce((SELECT devices_made > 0 FROM accounts WHERE account = ?1), 0)
		FROM places WHERE account = ?1`, func(row resultRow) {
		p = purgeBounds{
			collectedUpTo: uint64(max(row.int(0), 0)), highestCursor: uint64(row.int(1)),
			newestNumber: uint64(row.int(2)), hasHadDevices: row.bool(3),
		}
	}, uin)
	return p, err
}

package sqlite

import (
	"context"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// Deliver implements service.Store.
func (s *Store) Deliver(
	ctx context.Context, newEntries []rookery.NewEntry, now time.Time, key rookery.RequestKey,
) (receipt rookery.Receipt, err error) {
	err = s.submitWrite(ctx, writeRequest{entryCount: len(newEntries), apply: func(batch *writeBatch) (err error) {
		receipt, err = batch.deliverEntries(newEntries, now, key)
		return err
	}})
	if err != nil {
		return rookery.Receipt{}, err
	}
	return receipt, nil
}

// DeliverInOrder implements service.Store. All deliveries are one request to the writer, so that no
// other entry comes between them.
func (s *Store) DeliverInOrder(
	ctx context.Context, deliveries []rookery.Delivery, now time.Time,
) []rookery.DeliveryResult {
	results := make([]rookery.DeliveryResult, len(deliveries))
	if len(results) == 0 {
		return results
	}
	entryCount := 0
	for _, delivery := range deliveries {
		entryCount += len(delivery.Entries)
	}
	err := s.submitWrite(ctx, writeRequest{entryCount: entryCount, apply: func(batch *writeBatch) error {
		for i, delivery := range deliveries {
			receipt, err := batch.deliverEntries(delivery.Entries, now, delivery.Key)
			if err != nil && !isRefusal(err) {
				return err
			}
			results[i] = rookery.DeliveryResult{Receipt: receipt, Err: err}
		}
		return nil
	}})
	if err != nil {
		for i := range results {
			results[i] = rookery.DeliveryResult{Err: err}
		}
	}
	return results
}

// deliverEntries checks a delivery completely before it changes the batch.
func (b *writeBatch) deliverEntries(
	newEntries []rookery.NewEntry, now time.Time, key rookery.RequestKey,
) (rookery.Receipt, error) {
	if receipt, ok := b.findRepeat(key); ok {
		return receipt, nil
	}
	for _, newEntry := range newEntries {
		switch exists, err := b.loadNewestNumber(newEntry.To); {
		case err != nil:
			return rookery.Receipt{}, err
		case !exists:
			return rookery.Receipt{}, noAccountError(newEntry.To)
		}
	}
	for i, newEntry := range newEntries {
		if err := b.checkLimit(newEntry, newEntries[:i]); err != nil {
			return rookery.Receipt{}, err
		}
	}
	if err := b.checkKeyCapacity(key); err != nil {
		return rookery.Receipt{}, err
	}
	receipt := rookery.Receipt{Outcome: rookery.OutcomeDone, Numbers: make([]uint64, len(newEntries))}
	for i, newEntry := range newEntries {
		receipt.Numbers[i] = b.appendEntry(newEntry, now)
	}
	b.recordKey(key, rookery.OutcomeDone)
	return receipt, nil
}

// appendEntry gives an entry its number and adds it to the batch. The caller has called
// loadNewestNumber for the account.
func (b *writeBatch) appendEntry(newEntry rookery.NewEntry, now time.Time) uint64 {
	n := b.newestNumbers[newEntry.To] + 1
	b.newestNumbers[newEntry.To] = n
	b.highestNumber = max(b.highestNumber, n)
	entry := rookery.Entry{
		Number:       n,
		Kind:         newEntry.Kind,
		Peer:         newEntry.Peer,
		Time:         time.UnixMicro(now.UnixMicro()).UTC(), // the precision of the database
		Text:         strings.Clone(newEntry.Text),          // the caller reuses its buffer
		OriginDevice: strings.Clone(newEntry.OriginDevice),
	}
	b.newEntries = append(b.newEntries, numberedEntry{newEntry.To, entry})
	b.countNewEntry(newEntry.To, entry)
	return n
}

// RequestOutcome implements service.Store.
func (s *Store) RequestOutcome(_ context.Context, key rookery.RequestKey) (rookery.Outcome, bool, error) {
	select {
	case <-s.closed:
		return 0, false, errClosed
	default:
	}
	outcome, ok := s.requestKeys.findOutcome(key)
	return outcome, ok, nil
}

// RecordRequest implements service.Store.
func (s *Store) RecordRequest(
	ctx context.Context, key rookery.RequestKey, outcome rookery.Outcome,
) (rookery.Receipt, error) {
	return s.applyOnce(ctx, key, outcome, func(*writeBatch) error { return nil })
}

// applyOnce calls do and records the key with the outcome, unless the request is a repeat.
func (s *Store) applyOnce(
	ctx context.Context, key rookery.RequestKey, outcome rookery.Outcome, do func(*writeBatch) error,
) (receipt rookery.Receipt, err error) {
	err = s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		var repeated bool
		if receipt, repeated = batch.findRepeat(key); repeated {
			return nil
		}
		if err := batch.checkKeyCapacity(key); err != nil {
			return err
		}
		if err := do(batch); err != nil {
			return err
		}
		batch.recordKey(key, outcome)
		receipt = rookery.Receipt{Outcome: outcome}
		return nil
	}})
	if err != nil {
		return rookery.Receipt{}, err
	}
	return receipt, nil
}

// MailboxState implements service.Store.
func (s *Store) MailboxState(
	ctx context.Context, uin rookery.UIN, device string,
) (last uint64, cursor rookery.Cursor, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		// Read memory first: an entry that is flushed in between is in the database by then.
		last = s.journaled.newestNumber(uin)
		if last == 0 {
			_, err := conn.queryFirst(
				"SELECT max(number) FROM entries WHERE account = ?", func(row resultRow) { last = uint64(row.int(0)) },
				uin,
			)
			if err != nil {
				return err
			}
		}
		_, err := conn.queryFirst("SELECT number, keep, memo FROM places WHERE account = ? AND device = ?",
			func(row resultRow) {
				cursor = rookery.Cursor{Number: uint64(row.int(0)), RepeatFrom: uint64(row.int(1)), State: row.blob(2)}
			}, uin, device)
		return err
	})
	return last, cursor, err
}

// Entries implements service.Store.
func (s *Store) Entries(
	ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int,
) (list []rookery.Entry, err error) {
	recent := s.journaled.entriesBetween(uin, after, upTo, limit)
	if len(recent) > 0 && recent[0].Number == after+1 {
		return recent, s.withReader(ctx, func(*dbConn) error { return nil })
	}
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows("SELECT "+entryColumns+` FROM entries
			WHERE account = ? AND number > ? AND number <= ? ORDER BY number LIMIT ?`, func(row resultRow) bool {
			list = append(list, scanEntry(row))
			return true
		}, uin, clampToInt64(after), clampToInt64(upTo), max(limit, 0))
	})
	// Some journaled entries may have been flushed before the query and are in list already.
	for _, entry := range recent {
		if len(list) < limit && (len(list) == 0 || entry.Number > list[len(list)-1].Number) {
			list = append(list, entry)
		}
	}
	return list, err
}

// entryColumns lists the columns in the order of scanEntry.
const entryColumns = "number, kind, peer, time, text, origin"

func scanEntry(r resultRow) rookery.Entry {
	return rookery.Entry{
		Number: uint64(r.int(0)), Kind: rookery.Kind(r.int(1)), Peer: r.uin(2), Time: r.time(3), Text: r.text(4),
		OriginDevice: r.text(5),
	}
}

// clampToInt64 limits a number to the database's signed integers.
func clampToInt64(n uint64) uint64 { return min(n, 1<<63-1) }

var errCursorMoved = rookery.Errorf(rookery.CodeConflict, "another writer has moved the cursor")

// SaveCursor implements service.Store. The cursor of a device exists from its first sign-in on, so
// nothing is stored for a device that was forgotten.
func (s *Store) SaveCursor(
	ctx context.Context, uin rookery.UIN, device string, was uint64, cursor rookery.Cursor,
) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		switch exists, err := batch.loadNewestNumber(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(uin)
		}
		var stored uint64
		found, err := batch.conn.queryFirst("SELECT number FROM places WHERE account = ? AND device = ?",
			func(row resultRow) { stored = uint64(row.int(0)) }, uin, device)
		switch {
		case err != nil:
			return err
		case !found && device != "":
			return nil // the device is forgotten
		case stored != was:
			return errCursorMoved
		}
		statement := "UPDATE places SET number = ?3, keep = ?4, memo = ?5 WHERE account = ?1 AND device = ?2"
		if device == "" {
			statement = "INSERT OR REPLACE INTO places VALUES (?1, ?2, ?3, ?4, ?5)"
		}
		if _, err := batch.conn.execute(
			statement, uin, device, cursor.Number, cursor.RepeatFrom, cursor.State,
		); err != nil {
			return err
		}
		return batch.subtractCollected(uin, stored, cursor.Number)
	}})
}

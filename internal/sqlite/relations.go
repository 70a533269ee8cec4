package sqlite

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
)

// Friends implements service.Store.
func (s *Store) Friends(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	return s.queryUINs(ctx, "SELECT friend FROM friends WHERE account = ? ORDER BY friend", uin)
}

// Relation implements service.Store. It waits for a commit in progress: a caller that sees the effect
// of a request must also find its key, or it would take a repeat for a new request.
func (s *Store) Relation(ctx context.Context, me, other rookery.UIN) (relation rookery.Relation, err error) {
	s.writer.publishLock.RLock()
	defer s.writer.publishLock.RUnlock()
	err = s.withReader(ctx, func(conn *dbConn) (err error) {
		relation, err = conn.loadRelation(me, other)
		return err
	})
	return relation, err
}

// FriendRequests implements service.Store.
func (s *Store) FriendRequests(
	ctx context.Context, uin, after rookery.UIN, limit int,
) (list []rookery.FriendRequest, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows(`SELECT asker, words, time FROM requests
			WHERE account = ? AND asker > ? ORDER BY asker LIMIT ?`, func(row resultRow) bool {
			list = append(list, rookery.FriendRequest{From: row.uin(0), Text: row.text(1), Time: row.time(2)})
			return true
		}, uin, after, max(limit, 0))
	})
	return list, err
}

// BlockedAccounts implements service.Store.
func (s *Store) BlockedAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	return s.queryUINs(ctx, "SELECT blocked FROM blocks WHERE account = ? ORDER BY blocked", uin)
}

// BlockingAccounts implements service.Store.
func (s *Store) BlockingAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	return s.queryUINs(ctx, "SELECT account FROM blocks WHERE blocked = ? ORDER BY account", uin)
}

// queryUINs returns the account numbers that a query selects for uin.
func (s *Store) queryUINs(ctx context.Context, query string, uin rookery.UIN) (list []rookery.UIN, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		return conn.queryRows(query, func(row resultRow) bool {
			list = append(list, row.uin(0))
			return true
		}, uin)
	})
	return list, err
}

func (c *dbConn) loadRelation(me, other rookery.UIN) (rel rookery.Relation, err error) {
	_, err = c.queryFirst(`SELECT EXISTS (SELECT 1 FROM friends WHERE account = ?1 AND friend = ?2),
		EXISTS (SELECT 1 FROM requests WHERE account = ?2 AND asker = ?1),
		EXISTS (SELECT 1 FROM requests WHERE account = ?1 AND asker = ?2),
		EXISTS (SELECT 1 FROM blocks WHERE account = ?1 AND blocked = ?2),
		EXISTS (SELECT 1 FROM blocks WHERE account = ?2 AND blocked = ?1)`,
		func(row resultRow) {
			rel = rookery.Relation{
				Friends: row.bool(0), RequestSent: row.bool(1), RequestReceived: row.bool(2), Blocks: row.bool(3),
				BlockedByOther: row.bool(4),
			}
		}, me, other)
	return rel, err
}

// ChangeRelation implements service.Store.
func (s *Store) ChangeRelation(
	ctx context.Context, change rookery.RelationChange,
) (receipt rookery.Receipt, err error) {
	err = s.submitWrite(ctx, writeRequest{entryCount: 1, apply: func(batch *writeBatch) (err error) {
		receipt, err = batch.changeRelation(change)
		return err
	}})
	if err != nil {
		return rookery.Receipt{}, err
	}
	return receipt, nil
}

func (b *writeBatch) changeRelation(change rookery.RelationChange) (rookery.Receipt, error) {
	if receipt, ok := b.findRepeat(change.Key); ok {
		return receipt, nil
	}
	switch now, err := b.conn.loadRelation(change.Me, change.Other); {
	case err != nil:
		return rookery.Receipt{}, err
	case now != change.From:
		return rookery.Receipt{}, rookery.Errorf(rookery.CodeConflict, "the relation was changed meanwhile")
	}
	for _, uin := range []rookery.UIN{change.Me, change.Other} {
		switch exists, err := b.loadNewestNumber(uin); {
		case err != nil:
			return rookery.Receipt{}, err
		case !exists:
			return rookery.Receipt{}, noAccountError(uin)
		}
	}
	if err := b.checkKeyCapacity(change.Key); err != nil {
		return rookery.Receipt{}, err
	}
	notice, err := b.planNotice(change)
	if err != nil {
		return rookery.Receipt{}, err
	}
	if err := b.storeRelation(change); err != nil {
		return rookery.Receipt{}, err
	}
	receipt := rookery.Receipt{Outcome: change.Transition.Outcome}
	if receipt.Numbers, err = b.deliverNotice(change, notice); err != nil {
		return rookery.Receipt{}, err
	}
	b.recordKey(change.Key, change.Transition.Outcome)
	return receipt, nil
}

// pendingNotice says how a relation change is announced to the other account.
type pendingNotice struct {
	appendsEntry bool
	// rewordedNumber is the entry whose text is replaced, 0 for none.
	rewordedNumber uint64
}

// planNotice decides how the other account learns of a change. If the previous notice is uncollected,
// its text is replaced. If it was collected less than NoticePause ago, there is no notice. planNotice
// returns an error if a new notice exceeds its limit.
func (b *writeBatch) planNotice(change rookery.RelationChange) (n pendingNotice, err error) {
	if change.Transition.Notice == 0 {
		return pendingNotice{}, nil
	}
	if change.Transition.NoticePause > 0 {
		var number, collectedUpTo uint64
		var age time.Duration
		last, err := b.conn.queryFirst(`SELECT number, time,
				max(taken, coalesce((SELECT max(number) FROM places WHERE account = ?1), 0))
			FROM asked JOIN accounts USING (account) WHERE account = ?1 AND asker = ?2`,
			func(row resultRow) {
				number, age, collectedUpTo = uint64(row.int(0)), change.Time.Sub(row.time(1)), uint64(row.int(2))
			}, change.Other, change.Me)
		switch {
		case err != nil:
			return pendingNotice{}, err
		case last && number > collectedUpTo:
			return pendingNotice{rewordedNumber: number}, nil
		case last && 0 <= age && age < change.Transition.NoticePause:
			return pendingNotice{}, nil
		}
	}
	return pendingNotice{appendsEntry: true}, b.checkLimit(change.Notice(), nil)
}

// deliverNotice carries out a planned notice and returns the number of the new entry, if there is one.
func (b *writeBatch) deliverNotice(change rookery.RelationChange, n pendingNotice) ([]uint64, error) {
	if n.rewordedNumber > 0 {
		return nil, b.replaceEntryText(change.Other, n.rewordedNumber, change.Transition.NoticeText)
	}
	if !n.appendsEntry {
		return nil, nil
	}
	number := b.appendEntry(change.Notice(), change.Time)
	if change.Transition.NoticePause == 0 {
		return []uint64{number}, nil
	}
	_, err := b.conn.execute(
		"INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?)", change.Other, change.Me, number, change.Time,
	)
	return []uint64{number}, err
}

// replaceEntryText changes the text of an uncollected entry, in the batch or in the mailbox, and its
// backlog.
func (b *writeBatch) replaceEntryText(uin rookery.UIN, number uint64, text string) error {
	text = strings.Clone(text) // the caller reuses its buffer
	oldBytes := -1
	for i := range b.newEntries {
		if entry := &b.newEntries[i]; entry.account == uin && entry.entry.Number == number {
			oldBytes, entry.entry.Text = len(entry.entry.Text), text
		}
	}
	if oldBytes < 0 {
		if _, _, err := b.flushAccount(uin, math.MaxInt); err != nil {
			return err
		}
		_, err := b.conn.queryFirst("SELECT octet_length(text) FROM entries WHERE account = ? AND number = ?",
			func(row resultRow) { oldBytes = int(row.int(0)) }, uin, number)
		if err != nil {
			return err
		}
		_, err = b.conn.execute("UPDATE entries SET text = ? WHERE account = ? AND number = ?", text, uin, number)
		if err != nil {
			return err
		}
	}
	if count, ok := b.cachedBacklog(uin); ok && oldBytes >= 0 {
		count.Bytes += int64(len(text) - oldBytes)
		b.changedBacklogs[uin] = count
	}
	return nil
}

// storeRelation writes the rows of the relation after a change.
func (b *writeBatch) storeRelation(change rookery.RelationChange) error {
	from, to := change.From, change.Transition.Result
	if from.Friends != to.Friends {
		statement := "INSERT INTO friends VALUES (?1, ?2), (?2, ?1)"
		if from.Friends {
			statement = "DELETE FROM friends WHERE (account, friend) IN (VALUES (?1, ?2), (?2, ?1))"
		}
		if _, err := b.conn.execute(statement, change.Me, change.Other); err != nil {
			return err
		}
	}
	if err := errors.Join(
		b.storeBlock(change.Me, change.Other, from.Blocks, to.Blocks),
		b.storeBlock(change.Other, change.Me, from.BlockedByOther, to.BlockedByOther),
	); err != nil {
		return err
	}
	if from == to && change.Transition.Notice == 0 {
		return nil // a pending request keeps its text
	}
	if err := b.storeFriendRequest(
		change.Other, change.Me, to.RequestSent, change.Transition.RequestText, change.Time,
	); err != nil {
		return err
	}
	if from.RequestReceived == to.RequestReceived {
		return nil // the other account's request keeps its text
	}
	return b.storeFriendRequest(change.Me, change.Other, to.RequestReceived, change.Transition.RequestText, change.Time)
}

// storeBlock inserts or deletes a block if it changes.
func (b *writeBatch) storeBlock(account, blocked rookery.UIN, from, to bool) (err error) {
	switch {
	case to && !from:
		_, err = b.conn.execute("INSERT INTO blocks VALUES (?, ?)", account, blocked)
	case from && !to:
		_, err = b.conn.execute("DELETE FROM blocks WHERE account = ? AND blocked = ?", account, blocked)
	}
	return err
}

// storeFriendRequest inserts, replaces or deletes the friend request of asker to account.
func (b *writeBatch) storeFriendRequest(
	account, asker rookery.UIN, isPending bool, text string, at time.Time,
) (err error) {
	if isPending {
		_, err = b.conn.execute("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)", account, asker, text, at)
	} else {
		_, err = b.conn.execute("DELETE FROM requests WHERE account = ? AND asker = ?", account, asker)
	}
	return err
}

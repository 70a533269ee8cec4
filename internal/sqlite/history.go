package sqlite

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/rookery-im/rookery"
)

// An index of all entries by peer would cost every message a sixth more CPU (1.7 of 10 us), even for
// accounts that never read their history. So the first History of a conversation lists the account's
// messages by peer in the table conversations. Later ones scan what is newer than the list, at most a
// page; if there is more, they extend the list first. A text search has no index: it scans one
// conversation, or all messages of the mailbox, page by page.

// historyPageEntries is how many entries are read or listed at once. A long read would delay the
// checkpoint of the write-ahead log, and a long write would block other writers.
const historyPageEntries = 1000

// Each query returns messages before the entry ?2, the newest first. Kind 9 is a received message, 19 a
// sent one.
const (
	anyPeerQuery = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) ORDER BY number DESC LIMIT ?3`
	unlistedPeerQuery = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) AND peer = ?4 AND number > ?5
		ORDER BY number DESC LIMIT ?3`
	listedPeerQuery = "SELECT " + entryColumns + ` FROM conversations CROSS JOIN entries USING (account, peer, number)
		WHERE account = ?1 AND number < ?2 AND peer = ?4 AND number <= ?5 ORDER BY number DESC LIMIT ?3`
)

// History implements service.Store. It searches backwards, first the journaled entries and then the
// mailbox, until it has one match more than the limit.
func (s *Store) History(
	ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery,
) (entries []rookery.Entry, more bool, err error) {
	search := historySearch{
		query: query, foldedText: foldCase(query.Text), wantedMatches: max(query.Limit, 0) + 1, account: uin,
		before: 1 << 63,
	}
	if query.Before != 0 {
		search.before = min(query.Before, search.before)
	}
	stages := []string{anyPeerQuery}
	if query.Peer != 0 {
		stages = []string{unlistedPeerQuery, listedPeerQuery}
		if search.listedUpTo, err = s.listConversations(ctx, uin); err != nil {
			return nil, false, err
		}
	}
	// Read memory first: an entry that is flushed in between is in the database by then.
	for _, entry := range slices.Backward(s.journaled.entriesBetween(uin, 0, search.before-1, math.MaxInt)) {
		search.addIfMatching(entry)
		search.before = entry.Number
	}
	for _, stage := range stages {
		if err := s.searchPages(ctx, stage, &search); err != nil {
			return nil, false, err
		}
	}
	entries = search.matches[:min(len(search.matches), search.wantedMatches-1)]
	slices.Reverse(entries)
	return entries, len(search.matches) == search.wantedMatches, nil
}

// historySearch is the state of one History call.
type historySearch struct {
	query         rookery.HistoryQuery
	foldedText    string
	wantedMatches int
	account       rookery.UIN
	listedUpTo    uint64          // table conversations is complete up to this entry
	before        uint64          // the entries from this one on have been searched
	matches       []rookery.Entry // the newest first
}

// addIfMatching appends the entry to the matches if it matches and more are wanted.
func (h *historySearch) addIfMatching(entry rookery.Entry) {
	isMessage := entry.Kind == rookery.KindMessage || entry.Kind == rookery.KindSent
	if isMessage && len(h.matches) < h.wantedMatches && (h.query.Peer == 0 || entry.Peer == h.query.Peer) &&
		(h.foldedText == "" || strings.Contains(foldCase(entry.Text), h.foldedText)) {
		h.matches = append(h.matches, entry)
	}
}

// searchPages runs a query page by page until there are no more rows or enough matches.
func (s *Store) searchPages(ctx context.Context, query string, search *historySearch) error {
	for len(search.matches) < search.wantedMatches {
		if err := ctx.Err(); err != nil {
			return rookery.Temporary(err)
		}
		limit, seen := historyPageEntries, 0
		if search.foldedText == "" {
			limit = min(limit, search.wantedMatches-len(search.matches))
		}
		args := []any{search.account, clampToInt64(search.before), limit, search.query.Peer, search.listedUpTo}
		if query == anyPeerQuery {
			args = args[:3]
		}
		err := s.withReader(ctx, func(conn *dbConn) error {
			return conn.queryRows(query, func(row resultRow) bool {
				entry := scanEntry(row)
				search.addIfMatching(entry)
				search.before = entry.Number
				seen++
				return true
			}, args...)
		})
		if err != nil || seen < limit {
			return err
		}
	}
	return nil
}

// listConversations returns the number up to which the account's messages are listed by peer. It
// extends the list first until at most a page of entries is unlisted.
func (s *Store) listConversations(ctx context.Context, uin rookery.UIN) (listed uint64, err error) {
	for {
		var hasUnlistedPage bool
		err = s.withReader(ctx, func(conn *dbConn) error {
			_, err := conn.queryFirst(`SELECT listed, EXISTS
				(SELECT 1 FROM entries WHERE account = ?1 AND number > listed LIMIT 1 OFFSET ?2)
				FROM accounts WHERE account = ?1`, func(row resultRow) {
				listed, hasUnlistedPage = uint64(row.int(0)), row.bool(1)
			}, uin, historyPageEntries)
			return err
		})
		if err != nil || !hasUnlistedPage {
			return listed, err
		}
		if s.listNextEntries(ctx, uin) != nil {
			return listed, nil // for example a full disk; the search then scans more
		}
	}
}

// listNextEntries lists the next page of the account's flushed messages by peer.
func (s *Store) listNextEntries(ctx context.Context, uin rookery.UIN) error {
	return s.submitWrite(ctx, writeRequest{entryCount: historyPageEntries, apply: func(batch *writeBatch) error {
		var listed, upTo uint64
		_, err := batch.conn.queryFirst(`SELECT listed, (SELECT max(number) FROM
				(SELECT number FROM entries WHERE account = ?1 AND number > a.listed ORDER BY number LIMIT ?2))
			FROM accounts a WHERE account = ?1`, func(row resultRow) {
			listed, upTo = uint64(row.int(0)), uint64(row.int(1))
		}, uin, historyPageEntries)
		if err != nil || upTo == 0 {
			return err
		}
		if _, err := batch.conn.execute(`INSERT INTO conversations SELECT account, peer, number FROM entries
			WHERE account = ? AND number > ? AND number <= ? AND kind IN (9, 19)`, uin, listed, upTo); err != nil {
			return err
		}
		_, err = batch.conn.execute("UPDATE accounts SET listed = ?2 WHERE account = ?1", uin, upTo)
		return err
	}})
}

// ReadMark implements service.Store.
func (s *Store) ReadMark(ctx context.Context, uin, peer rookery.UIN) (number uint64, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		_, err := conn.queryFirst(
			"SELECT number FROM read_marks WHERE account = ? AND peer = ?",
			func(row resultRow) { number = uint64(row.int(0)) }, uin, peer,
		)
		return err
	})
	return number, err
}

// AdvanceReadMark implements service.Store.
func (s *Store) AdvanceReadMark(
	ctx context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey,
) (hasMoved bool, err error) {
	_, err = s.applyOnce(ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error {
		hasMoved = false // apply may run twice
		switch exists, err := batch.loadNewestNumber(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(uin)
		}
		n, err := batch.conn.execute(`INSERT INTO read_marks VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET number = excluded.number WHERE excluded.number > number`,
			uin, readMark.Peer, clampToInt64(readMark.Number))
		hasMoved = n > 0 && readMark.Number > 0
		return err
	})
	return hasMoved && err == nil, err
}

package sqlite

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/rookery-im/rookery"
)

// An index of all entries by peer would make every letter a sixth dearer (1.7 of
// 10 us of CPU), for those too who never ask. So conversations are listed when
// somebody asks: what has come since then, at most a page, is looked through;
// if it is more, it is listed first. Search has no index of its own: it looks through one
// conversation, or all words of one mailbox, page after page.

// historyPageEntries is how many entries are looked through, or listed, at once: a
// reader that holds on for long keeps the log from being written back, and a
// long operation keeps the writer from others'.
const historyPageEntries = 1000

// Each finds words before the entry ?2, the newest first.
const (
	anyPeerQuery = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) ORDER BY number DESC LIMIT ?3`
	unlistedPeerQuery = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) AND peer = ?4 AND number > ?5 ORDER BY number DESC LIMIT ?3`
	listedPeerQuery = "SELECT " + entryColumns + ` FROM conversations CROSS JOIN entries USING (account, peer, number)
		WHERE account = ?1 AND number < ?2 AND peer = ?4 AND number <= ?5 ORDER BY number DESC LIMIT ?3`
)

// History goes back from the newest letters, those that are not settled first,
// until it has one more than is asked for.
func (s *Store) History(ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery) (entries []rookery.Entry, more bool, err error) {
	h := historySearch{query: query, foldedText: foldCase(query.Text), wantedMatches: max(query.Limit, 0) + 1, account: uin, before: 1 << 63}
	if query.Before != 0 {
		h.before = min(query.Before, h.before)
	}
	stages := []string{anyPeerQuery}
	if query.With != 0 {
		stages = []string{unlistedPeerQuery, listedPeerQuery}
		if h.listedUpTo, err = s.listConversations(ctx, uin); err != nil {
			return nil, false, err
		}
	}
	// What is settled meanwhile is in the database by then.
	for _, entry := range slices.Backward(s.journaled.entriesBetween(uin, 0, h.before-1, math.MaxInt)) {
		h.addIfMatching(entry)
		h.before = entry.Number
	}
	for _, stage := range stages {
		if err := s.searchPages(ctx, stage, &h); err != nil {
			return nil, false, err
		}
	}
	entries = h.matches[:min(len(h.matches), h.wantedMatches-1)]
	slices.Reverse(entries)
	return entries, len(h.matches) == h.wantedMatches, nil
}

// historySearch is a search on its way back.
type historySearch struct {
	query         rookery.HistoryQuery
	foldedText    string // folded
	wantedMatches int
	account       rookery.UIN
	listedUpTo    uint64          // up to this entry conversations are listed
	before        uint64          // all from this entry on was looked at
	matches       []rookery.Entry // the newest first
}

// addIfMatching takes an entry if it is one of those that are wanted.
func (h *historySearch) addIfMatching(entry rookery.Entry) {
	word := entry.Kind == rookery.KindMessage || entry.Kind == rookery.KindSent
	if word && len(h.matches) < h.wantedMatches && (h.query.With == 0 || entry.Peer == h.query.With) &&
		(h.foldedText == "" || strings.Contains(foldCase(entry.Text), h.foldedText)) {
		h.matches = append(h.matches, entry)
	}
}

// searchPages looks at what a query finds, page after page, until there is no
// more or enough is found.
func (s *Store) searchPages(ctx context.Context, query string, h *historySearch) error {
	for len(h.matches) < h.wantedMatches {
		if err := ctx.Err(); err != nil {
			return rookery.Temporary(err)
		}
		limit, seen := historyPageEntries, 0
		if h.foldedText == "" {
			limit = min(limit, h.wantedMatches-len(h.matches))
		}
		args := []any{h.account, clampToInt64(h.before), limit, h.query.With, h.listedUpTo}
		if query == anyPeerQuery {
			args = args[:3]
		}
		err := s.withReader(ctx, func(conn *dbConn) error {
			return conn.queryRows(query, func(row resultRow) bool {
				entry := scanEntry(row)
				h.addIfMatching(entry)
				h.before = entry.Number
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

// listConversations returns the entry up to which an account's conversations are listed,
// once that is near to the newest.
func (s *Store) listConversations(ctx context.Context, uin rookery.UIN) (listed uint64, err error) {
	for {
		var far bool
		err = s.withReader(ctx, func(conn *dbConn) error {
			_, err := conn.queryFirst(`SELECT listed, EXISTS
				(SELECT 1 FROM entries WHERE account = ?1 AND number > listed LIMIT 1 OFFSET ?2)
				FROM accounts WHERE account = ?1`, func(row resultRow) { listed, far = uint64(row.int(0)), row.bool(1) }, uin, historyPageEntries)
			return err
		})
		if err != nil || !far {
			return listed, err
		}
		if s.listNextEntries(ctx, uin) != nil {
			return listed, nil // a full disk, say: then more is looked through
		}
	}
}

// listNextEntries lists a page more of an account's settled entries.
func (s *Store) listNextEntries(ctx context.Context, uin rookery.UIN) error {
	return s.submitWrite(ctx, writeRequest{entryCount: historyPageEntries, apply: func(batch *writeBatch) error {
		var listed, upTo uint64
		_, err := batch.conn.queryFirst(`SELECT listed, (SELECT max(number) FROM
				(SELECT number FROM entries WHERE account = ?1 AND number > a.listed ORDER BY number LIMIT ?2))
			FROM accounts a WHERE account = ?1`, func(row resultRow) { listed, upTo = uint64(row.int(0)), uint64(row.int(1)) }, uin, historyPageEntries)
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

func (s *Store) ReadMark(ctx context.Context, uin, with rookery.UIN) (number uint64, err error) {
	err = s.withReader(ctx, func(conn *dbConn) error {
		_, err := conn.queryFirst("SELECT number FROM read_marks WHERE account = ? AND peer = ?", func(row resultRow) { number = uint64(row.int(0)) }, uin, with)
		return err
	})
	return number, err
}

func (s *Store) AdvanceReadMark(ctx context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey) (rookery.Receipt, error) {
	return s.applyOnce(ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error {
		switch exists, err := batch.loadNewestNumber(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccountError(uin)
		}
		_, err := batch.conn.execute(`INSERT INTO read_marks VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET number = max(number, excluded.number)`, uin, readMark.With, clampToInt64(readMark.Number))
		return err
	})
}

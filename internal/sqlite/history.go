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

// historyPage is how many entries are looked through, or listed, at once: a
// reader that holds on for long keeps the log from being written back, and a
// long operation keeps the writer from others'.
const historyPage = 1000

// Each finds words before the entry ?2, the newest first.
const (
	allWords = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) ORDER BY number DESC LIMIT ?3`
	newWords = "SELECT " + entryColumns + ` FROM entries
		WHERE account = ?1 AND number < ?2 AND kind IN (9, 19) AND peer = ?4 AND number > ?5 ORDER BY number DESC LIMIT ?3`
	listedWords = "SELECT " + entryColumns + ` FROM conversations CROSS JOIN entries USING (account, peer, number)
		WHERE account = ?1 AND number < ?2 AND peer = ?4 AND number <= ?5 ORDER BY number DESC LIMIT ?3`
)

// History goes back from the newest letters, those that are not settled first,
// until it has one more than is asked for.
func (s *Store) History(ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery) (entries []rookery.Entry, more bool, err error) {
	h := historySearch{query: query, text: fold(query.Text), want: max(query.Limit, 0) + 1, account: uin, before: 1 << 63}
	if query.Before != 0 {
		h.before = min(query.Before, h.before)
	}
	stages := []string{allWords}
	if query.With != 0 {
		stages = []string{newWords, listedWords}
		if h.listed, err = s.listed(ctx, uin); err != nil {
			return nil, false, err
		}
	}
	// What is settled meanwhile is in the database by then.
	for _, entry := range slices.Backward(s.recent.entries(uin, 0, h.before-1, math.MaxInt)) {
		h.look(entry)
		h.before = entry.Number
	}
	for _, stage := range stages {
		if err := s.lookBack(ctx, stage, &h); err != nil {
			return nil, false, err
		}
	}
	entries = h.found[:min(len(h.found), h.want-1)]
	slices.Reverse(entries)
	return entries, len(h.found) == h.want, nil
}

// historySearch is a search on its way back.
type historySearch struct {
	query   rookery.HistoryQuery
	text    string // folded
	want    int
	account rookery.UIN
	listed  uint64          // up to this entry conversations are listed
	before  uint64          // all from this entry on was looked at
	found   []rookery.Entry // the newest first
}

// look takes an entry if it is one of those that are wanted.
func (h *historySearch) look(entry rookery.Entry) {
	word := entry.Kind == rookery.KindMessage || entry.Kind == rookery.KindSent
	if word && len(h.found) < h.want && (h.query.With == 0 || entry.Peer == h.query.With) &&
		(h.text == "" || strings.Contains(fold(entry.Text), h.text)) {
		h.found = append(h.found, entry)
	}
}

// lookBack looks at what a query finds, page after page, until there is no
// more or enough is found.
func (s *Store) lookBack(ctx context.Context, query string, h *historySearch) error {
	for len(h.found) < h.want {
		if err := ctx.Err(); err != nil {
			return rookery.Temporary(err)
		}
		limit, seen := historyPage, 0
		if h.text == "" {
			limit = min(limit, h.want-len(h.found))
		}
		args := []any{h.account, clamp(h.before), limit, h.query.With, h.listed}
		if query == allWords {
			args = args[:3]
		}
		err := s.read(ctx, func(c *conn) error {
			return c.each(query, func(r row) bool {
				entry := scanEntry(r)
				h.look(entry)
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

// listed returns the entry up to which an account's conversations are listed,
// once that is near to the newest.
func (s *Store) listed(ctx context.Context, uin rookery.UIN) (listed uint64, err error) {
	for {
		var far bool
		err = s.read(ctx, func(c *conn) error {
			_, err := c.first(`SELECT listed, EXISTS
				(SELECT 1 FROM entries WHERE account = ?1 AND number > listed LIMIT 1 OFFSET ?2)
				FROM accounts WHERE account = ?1`, func(r row) { listed, far = uint64(r.int(0)), r.bool(1) }, uin, historyPage)
			return err
		})
		if err != nil || !far {
			return listed, err
		}
		if s.listMore(ctx, uin) != nil {
			return listed, nil // a full disk, say: then more is looked through
		}
	}
}

// listMore lists a page more of an account's settled entries.
func (s *Store) listMore(ctx context.Context, uin rookery.UIN) error {
	return s.write(ctx, writeRequest{letters: historyPage, apply: func(batch *writeBatch) error {
		var listed, upTo uint64
		_, err := batch.conn.first(`SELECT listed, (SELECT max(number) FROM
				(SELECT number FROM entries WHERE account = ?1 AND number > a.listed ORDER BY number LIMIT ?2))
			FROM accounts a WHERE account = ?1`, func(r row) { listed, upTo = uint64(r.int(0)), uint64(r.int(1)) }, uin, historyPage)
		if err != nil || upTo == 0 {
			return err
		}
		if _, err := batch.conn.exec(`INSERT INTO conversations SELECT account, peer, number FROM entries
			WHERE account = ? AND number > ? AND number <= ? AND kind IN (9, 19)`, uin, listed, upTo); err != nil {
			return err
		}
		_, err = batch.conn.exec("UPDATE accounts SET listed = ?2 WHERE account = ?1", uin, upTo)
		return err
	}})
}

func (s *Store) ReadMark(ctx context.Context, uin, with rookery.UIN) (number uint64, err error) {
	err = s.read(ctx, func(c *conn) error {
		_, err := c.first("SELECT number FROM read_marks WHERE account = ? AND peer = ?", func(r row) { number = uint64(r.int(0)) }, uin, with)
		return err
	})
	return number, err
}

func (s *Store) AdvanceReadMark(ctx context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey) (rookery.Receipt, error) {
	return s.once(ctx, key, rookery.OutcomeDone, func(batch *writeBatch) error {
		switch exists, err := batch.exists(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccount(uin)
		}
		_, err := batch.conn.exec(`INSERT INTO read_marks VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET number = max(number, excluded.number)`, uin, readMark.With, clamp(readMark.Number))
		return err
	})
}

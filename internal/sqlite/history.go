package sqlite

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/rookery-im/rookery"
)

// searchPage is how many entries a search looks through before it lends its
// connection to others and sees whether it is still wanted. A reader that holds
// on for long keeps the log from being written back.
const searchPage = 1000

// History goes back from the newest letters, those that are not settled first,
// until it has one more than is asked for.
func (s *Store) History(ctx context.Context, uin rookery.UIN, q rookery.HistoryQuery) (entries []rookery.Entry, more bool, err error) {
	before := q.Before
	if before == 0 {
		before = 1 << 63
	}
	h := hunt{query: q, text: fold(q.Text), want: max(q.Limit, 0) + 1}
	recent := s.recent.entries(uin, 0, before-1, 1<<62)
	for _, e := range slices.Backward(recent) {
		h.look(e)
	}
	if len(recent) > 0 {
		before = recent[0].Number // what is older is in the database by now
	}
	for done := false; !done && len(h.found) < h.want; {
		if err := ctx.Err(); err != nil {
			return nil, false, rookery.Temporary(err)
		}
		if before, done, err = s.searchBack(ctx, uin, before, &h); err != nil {
			return nil, false, err
		}
	}
	more = len(h.found) == h.want
	entries = h.found[:min(len(h.found), h.want-1)]
	slices.Reverse(entries)
	return entries, more, nil
}

// hunt is a search on its way back.
type hunt struct {
	query rookery.HistoryQuery
	text  string // folded
	want  int
	found []rookery.Entry // the newest first
}

// look takes an entry if it is one of those that are wanted.
func (h *hunt) look(e rookery.Entry) {
	word := e.Kind == rookery.KindMessage || e.Kind == rookery.KindSent
	if word && len(h.found) < h.want && (h.query.With == 0 || e.Peer == h.query.With) &&
		(h.text == "" || strings.Contains(fold(e.Text), h.text)) {
		h.found = append(h.found, e)
	}
}

// searchBack has a page of the settled entries before a number looked at. It
// returns the oldest of them, and whether nothing is older.
func (s *Store) searchBack(ctx context.Context, uin rookery.UIN, before uint64, h *hunt) (oldest uint64, done bool, err error) {
	limit, seen := searchPage, 0
	if h.text == "" {
		limit = min(limit, h.want-len(h.found))
	}
	peer, args := "", []any{uin, clamp(before), limit}
	if h.query.With != 0 {
		peer, args = " AND peer = ?4", append(args, h.query.With)
	}
	err = s.read(ctx, func(c *conn) error {
		return c.each("SELECT "+entryColumns+" FROM entries WHERE account = ?1 AND number < ?2 AND kind IN (9, 19)"+peer+
			" ORDER BY number DESC LIMIT ?3", func(r row) bool {
			e := scanEntry(r)
			h.look(e)
			oldest = e.Number
			seen++
			return true
		}, args...)
	})
	return oldest, seen < limit, err
}

// fold makes texts equal that differ in the case of letters only.
func fold(text string) string { return strings.Map(foldRune, text) }

// foldRune is the lowest of all characters that are the same but for their
// case; σ has a third form, ς.
func foldRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	case r < 0x80 || r >= 0x2E80 && r < 0xA640: // ASCII, and the Chinese characters
		return r
	}
	low := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		low = min(low, next)
	}
	return low
}

func (s *Store) ReadMark(ctx context.Context, uin, with rookery.UIN) (number uint64, err error) {
	err = s.read(ctx, func(c *conn) error {
		_, err := c.first("SELECT number FROM read_marks WHERE account = ? AND peer = ?", func(r row) { number = uint64(r.int(0)) }, uin, with)
		return err
	})
	return number, err
}

func (s *Store) SetReadMark(ctx context.Context, uin rookery.UIN, r rookery.ReadMark, m rookery.Mark) (rookery.Receipt, error) {
	return s.once(ctx, m, rookery.OutcomeDone, func(b *batch) error {
		switch exists, err := b.exists(uin); {
		case err != nil:
			return err
		case !exists:
			return noAccount(uin)
		}
		_, err := b.conn.exec(`INSERT INTO read_marks VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET number = max(number, excluded.number)`, uin, r.With, clamp(r.Number))
		return err
	})
}

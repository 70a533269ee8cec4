package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
)

// newFilledStore returns a store whose first account has flushed messages, alternately from the second
// and the third account.
func newFilledStore(t *testing.T, entryCount int) *Store {
	t.Helper()
	store := newTestStore(t)
	createAccounts(t, store, 3)
	list := make([]rookery.NewEntry, entryCount)
	for i := range list {
		list[i] = rookery.NewEntry{
			To: rookery.FirstUIN, Kind: rookery.KindMessage, Peer: rookery.FirstUIN + 1 + rookery.UIN(i%2),
			Text: fmt.Sprint("letter ", i),
		}
	}
	if _, err := store.Deliver(t.Context(), list, noon, rookery.RequestKey{}); err != nil {
		t.Fatal(err)
	}
	if err := store.flushMailbox(t.Context(), rookery.FirstUIN); err != nil {
		t.Fatal(err)
	}
	return store
}

func (s *Store) countRows(t *testing.T, query string) (n int) {
	t.Helper()
	err := s.withReader(t.Context(), func(conn *dbConn) error {
		_, err := conn.queryFirst(query, func(row resultRow) { n = int(row.int(0)) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// limitedContext is cancelled after Err was called a number of times.
type limitedContext struct {
	context.Context
	remainingChecks int
}

func (p *limitedContext) Err() error {
	if p.remainingChecks--; p.remainingChecks < 0 {
		return context.Canceled
	}
	return nil
}

func TestALongSearchEndsWithItsContext(t *testing.T) {
	store := newFilledStore(t, 3*historyPageEntries)
	query := rookery.HistoryQuery{Limit: 1, Text: "nowhere"}
	if _, _, err := store.History(&limitedContext{t.Context(), 10}, rookery.FirstUIN, query); err != nil {
		t.Errorf("with patience: %v", err)
	}
	_, _, err := store.History(&limitedContext{t.Context(), 2}, rookery.FirstUIN, query)
	if rookery.CodeOf(err) != rookery.CodeTemporary || !errors.Is(err, context.Canceled) {
		t.Errorf("without: %v", err)
	}
}

func TestConversationsAreListedWhenSomebodyAsksAndMoreThanAPageHasCome(t *testing.T) {
	store := newFilledStore(t, 2*historyPageEntries+10)
	const listed, all = "SELECT listed FROM accounts WHERE account = 10001", "SELECT count(*) FROM conversations"
	ask := func(with rookery.UIN) {
		t.Helper()
		entries, _, err := store.History(
			t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Peer: with, Limit: 1 << 20},
		)
		if err != nil || with != 0 && len(entries) != historyPageEntries+5 {
			t.Errorf("%d entries, error %v", len(entries), err)
		}
	}
	ask(0)
	if n := store.countRows(t, listed); n != 0 {
		t.Errorf("%d are listed for who asks for everybody's", n)
	}
	for _, with := range []rookery.UIN{rookery.FirstUIN + 1, rookery.FirstUIN + 2} {
		ask(with)
		if n, rows := store.countRows(t, listed), store.countRows(t, all); n != 2*historyPageEntries || rows != n {
			t.Errorf("listed up to %d in %d rows", n, rows)
		}
	}
}

func TestAFullDiskKeepsNobodyFromReadingAConversation(t *testing.T) {
	store := newFilledStore(t, 2*historyPageEntries)
	err := store.submitWrite(t.Context(), writeRequest{apply: func(batch *writeBatch) error {
		_, err := batch.conn.execute(
			"CREATE TRIGGER no_room BEFORE INSERT ON conversations BEGIN SELECT raise(FAIL, 'no room'); END",
		)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	entries, more, err := store.History(
		t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Peer: rookery.FirstUIN + 2, Limit: 3 * historyPageEntries},
	)
	if err != nil || len(entries) != historyPageEntries || more {
		t.Errorf("%d entries, more %v, error %v", len(entries), more, err)
	}
}

func TestWhatIsPurgedOrRemovedIsListedNoMore(t *testing.T) {
	store := newFilledStore(t, 2*historyPageEntries)
	if _, _, err := store.History(
		t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Peer: rookery.FirstUIN + 1},
	); err != nil {
		t.Fatal(err)
	}
	const all = "SELECT count(*) FROM conversations"
	before := store.countRows(t, all)
	if err := store.SaveCursor(t.Context(), rookery.FirstUIN, "", rookery.Cursor{Number: 7}); err != nil {
		t.Fatal(err)
	}
	if _, n, err := store.PurgeEntries(
		t.Context(), 0, noon.AddDate(0, 0, 1), 100,
	); err != nil || n != 7 || store.countRows(t, all) != before-7 {
		t.Errorf("%d purged, %d rows of %d are left, error %v", n, store.countRows(t, all), before, err)
	}
	if err := store.RemoveAccount(t.Context(), rookery.FirstUIN); err != nil || store.countRows(t, all) != 0 {
		t.Errorf("%d rows are left, error %v", store.countRows(t, all), err)
	}
}

// A query that sorts, or reads more than it must, is slow for large mailboxes.
func TestNoQueryOfHistorySortsOrLooksThroughAWholeTable(t *testing.T) {
	store := newTestStore(t)
	for _, query := range []string{anyPeerQuery, unlistedPeerQuery, listedPeerQuery} {
		var plan []string
		err := store.withReader(t.Context(), func(conn *dbConn) error {
			return conn.queryRows("EXPLAIN QUERY PLAN "+query, func(row resultRow) bool {
				plan = append(plan, row.text(3))
				return true
			}, 10001, 1000, 10, 10002, 100)
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "; "); text == "" || strings.Contains(text, "SCAN") || strings.Contains(text,
			"TEMP") {
			t.Errorf("%s\nis carried out as %s", query, text)
		}
	}
}

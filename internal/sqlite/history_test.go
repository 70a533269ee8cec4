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
			Text: fmt.Sprint("message ", i),
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

// queryInt returns the number that a query selects.
func (s *Store) queryInt(t *testing.T, query string) (n int) {
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

// limitedContext counts as cancelled once Err has been called remainingChecks times.
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

func TestLongSearchStopsWhenContextEnds(t *testing.T) {
	store := newFilledStore(t, 3*historyPageEntries)
	query := rookery.HistoryQuery{Limit: 1, Text: "nowhere"}
	if _, _, err := store.History(&limitedContext{t.Context(), 10}, rookery.FirstUIN, query); err != nil {
		t.Errorf("History returned error %v with enough checks, want none", err)
	}
	_, _, err := store.History(&limitedContext{t.Context(), 2}, rookery.FirstUIN, query)
	if rookery.CodeOf(err) != rookery.CodeTemporary || !errors.Is(err, context.Canceled) {
		t.Errorf("History returned error %v after cancellation, want CodeTemporary", err)
	}
}

func TestHistoryListsConversationsPageByPage(t *testing.T) {
	store := newFilledStore(t, 2*historyPageEntries+10)
	const (
		listedUpTo = "SELECT listed FROM accounts WHERE account = 10001"
		rowCount   = "SELECT count(*) FROM conversations"
	)
	readHistory := func(peer rookery.UIN) {
		t.Helper()
		entries, _, err := store.History(
			t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Peer: peer, Limit: 1 << 20},
		)
		if want := historyPageEntries + 5; err != nil || peer != 0 && len(entries) != want {
			t.Errorf("History returned %d entries, want %d, error %v", len(entries), want, err)
		}
	}
	readHistory(0)
	if n := store.queryInt(t, listedUpTo); n != 0 {
		t.Errorf("History of all conversations listed entries up to %d, want none", n)
	}
	for _, peer := range []rookery.UIN{rookery.FirstUIN + 1, rookery.FirstUIN + 2} {
		readHistory(peer)
		upTo, rows := store.queryInt(t, listedUpTo), store.queryInt(t, rowCount)
		if want := 2 * historyPageEntries; upTo != want || rows != want {
			t.Errorf("entries up to %d are listed in %d rows, want %d in as many", upTo, rows, want)
		}
	}
}

func TestHistoryWorksOnFullDisk(t *testing.T) {
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
		t.Errorf("History returned %d entries, more %v, want %d and no more, error %v",
			len(entries), more, historyPageEntries, err)
	}
}

func TestPurgeAndRemovalDeleteConversationRows(t *testing.T) {
	store := newFilledStore(t, 2*historyPageEntries)
	if _, _, err := store.History(
		t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Peer: rookery.FirstUIN + 1},
	); err != nil {
		t.Fatal(err)
	}
	const rowCount = "SELECT count(*) FROM conversations"
	before := store.queryInt(t, rowCount)
	if err := store.SaveCursor(t.Context(), rookery.FirstUIN, "", 0, rookery.Cursor{Number: 7}); err != nil {
		t.Fatal(err)
	}
	_, n, err := store.PurgeEntries(t.Context(), 0, noon.AddDate(0, 0, 1), 100)
	if rows := store.queryInt(t, rowCount); err != nil || n != 7 || rows != before-7 {
		t.Errorf("the purge deleted %d entries and left %d rows, want 7 and %d, error %v", n, rows, before-7, err)
	}
	err = store.RemoveAccount(t.Context(), rookery.FirstUIN)
	if rows := store.queryInt(t, rowCount); err != nil || rows != 0 {
		t.Errorf("the removal left %d rows, want 0, error %v", rows, err)
	}
}

// A query that sorts, or reads more than it must, is slow for large mailboxes.
func TestHistoryQueriesUseIndexes(t *testing.T) {
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
		text := strings.Join(plan, "; ")
		if text == "" || strings.Contains(text, "SCAN") || strings.Contains(text, "TEMP") {
			t.Errorf("the plan of %s\nis %s, want one without SCAN and TEMP", query, text)
		}
	}
}

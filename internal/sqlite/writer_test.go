package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func createAccounts(t testing.TB, store *Store, n int) {
	t.Helper()
	for range n {
		if _, err := store.CreateAccount(context.Background(), rookery.NewAccount(0, "penguin", noon), ""); err != nil {
			t.Fatal(err)
		}
	}
}

func deliver(t testing.TB, store *Store, to rookery.UIN, text string) {
	t.Helper()
	if _, err := store.Deliver(context.Background(), messagesTo(to, text), noon, rookery.RequestKey{}); err != nil {
		t.Fatal(err)
	}
}

func messagesTo(to rookery.UIN, texts ...string) (newEntries []rookery.NewEntry) {
	for _, text := range texts {
		newEntries = append(
			newEntries, rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: rookery.FirstUIN, Text: text},
		)
	}
	return newEntries
}

func keyWithID(id uint64) rookery.RequestKey {
	key := rookery.RequestKey{Owner: rookery.FirstUIN, ReceivedAt: time.Minute, RepeatWindow: 2 * time.Minute}
	binary.LittleEndian.PutUint64(key.Digest[:], id)
	return key
}

func mailboxTexts(t testing.TB, store *Store, uin rookery.UIN) (texts []string) {
	t.Helper()
	entries, err := store.Entries(context.Background(), uin, 0, 1<<62, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries {
		if i > 0 && entry.Number <= entries[i-1].Number {
			t.Fatalf("the entry %d comes behind %d", entry.Number, entries[i-1].Number)
		}
		texts = append(texts, entry.Text)
	}
	return texts
}

// runInOneBatch makes the writer apply all operations in one transaction, and returns their errors in
// order.
func runInOneBatch(store *Store, operations ...func() error) []error {
	started, hold := make(chan bool), make(chan bool)
	go store.submitWrite(context.Background(), writeRequest{apply: func(*writeBatch) error {
		started <- true
		<-hold
		return nil
	}})
	<-started
	errs := make([]error, len(operations))
	done := make(chan bool)
	for i, f := range operations {
		go func() {
			errs[i] = f()
			done <- true
		}()
		waitForQueue(store, i+1)
	}
	close(hold)
	for range operations {
		<-done
	}
	return errs
}

// waitForQueue spins until n requests are queued.
func waitForQueue(store *Store, n int) {
	for {
		store.writer.mu.Lock()
		have := len(store.writer.queue)
		store.writer.mu.Unlock()
		if have == n {
			return
		}
		runtime.Gosched()
	}
}

func deliverOperation(
	store *Store, key rookery.RequestKey, receipt *rookery.Receipt, newEntries []rookery.NewEntry,
) func() error {
	return func() (err error) {
		*receipt, err = store.Deliver(context.Background(), newEntries, noon, key)
		return err
	}
}

func TestABadOperationFailsNoNeighbour(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  func(*writeBatch) error
		code rookery.Code
	}{
		{"one that has a reason", func(*writeBatch) error { return noAccountError(1) }, rookery.CodeNoAccount},
		{"one whose first statement fails", func(batch *writeBatch) error {
			_, err := batch.conn.execute("INSERT INTO nowhere VALUES (1)")
			return err
		}, rookery.CodeTemporary},
		{"one whose second statement fails", func(batch *writeBatch) error {
			batch.appendEntry(messagesTo(rookery.FirstUIN, "half done")[0], noon)
			if _, err := batch.conn.execute("INSERT INTO friends VALUES (1, 2)"); err != nil {
				return err
			}
			_, err := batch.conn.execute("INSERT INTO accounts (account) VALUES (10000)")
			return err
		}, rookery.CodeTemporary},
		{"one that ends the transaction", func(batch *writeBatch) error {
			_, err := batch.conn.execute("ROLLBACK")
			return errors.Join(err, errors.New("the disk is full"))
		}, rookery.CodeTemporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := newTestStore(t)
			createAccounts(t, store, 1)
			var first, second rookery.Receipt
			errs := runInOneBatch(store,
				deliverOperation(store, keyWithID(1), &first, messagesTo(rookery.FirstUIN, "before")),
				func() error { return store.submitWrite(context.Background(), writeRequest{apply: tt.bad}) },
				deliverOperation(store, keyWithID(2), &second, messagesTo(rookery.FirstUIN, "after")))
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("the neighbours: %v, %v", errs[0], errs[2])
			}
			if errs[1] == nil || rookery.CodeOf(errs[1]) != tt.code {
				t.Errorf("the bad one: %v, want code %d", errs[1], tt.code)
			}
			if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before", "after"}) {
				t.Errorf("texts %q", got)
			}
			if friends, err := store.Friends(t.Context(), 1); err != nil || friends != nil {
				t.Errorf("it is half done: %v, %v", friends, err)
			}
		})
	}
}

func TestARepeatInTheSameBatchGetsTheFirstOutcome(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	var first, second rookery.Receipt
	errs := runInOneBatch(store,
		deliverOperation(store, keyWithID(1), &first, messagesTo(rookery.FirstUIN, "x")),
		deliverOperation(store, keyWithID(1), &second, messagesTo(rookery.FirstUIN, "x")))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if first.Repeated || !second.Repeated {
		t.Errorf("receipts %+v, %+v", first, second)
	}
}

func TestAnAccountWhoseBatchFailsGetsTheLowestNumberThatIsFreeThen(t *testing.T) {
	store := newTestStore(t)
	create := func(into *rookery.UIN) func() error {
		return func() (err error) {
			*into, err = store.CreateAccount(context.Background(), rookery.NewAccount(0, "", noon), "")
			return err
		}
	}
	attempts := 0
	var uin rookery.UIN
	errs := runInOneBatch(store,
		func() error {
			return store.submitWrite(context.Background(), writeRequest{apply: func(batch *writeBatch) error {
				if attempts++; attempts > 1 {
					return errors.New("fails alone too")
				}
				_, err := batch.conn.execute("INSERT INTO accounts (" + accountColumns +
					", credential) SELECT 10001, '', 0, 0, 0, 0, 0, 0, " +
					"'', '', '', '', '', '', '', '', '', '', '', '', '', 1, 1, 1, 0, 0, 1, 0, ''")
				return err
			}})
		},
		create(&uin),
		func() error {
			return store.submitWrite(
				context.Background(), writeRequest{apply: func(*writeBatch) error { return errors.New("fails") }},
			)
		})
	if errs[1] != nil || uin != rookery.FirstUIN {
		t.Errorf("it got %d, error %v", uin, errs[1])
	}
}

func TestIfTheFirstFailsARepeatInTheSameBatchIsCarriedOut(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	var first, second rookery.Receipt
	errs := runInOneBatch(store,
		deliverOperation(store, keyWithID(1), &first, messagesTo(1, "to nobody")),
		deliverOperation(store, keyWithID(1), &second, messagesTo(rookery.FirstUIN, "x")))
	if errs[0] == nil || errs[1] != nil || second.Repeated || len(second.Numbers) != 1 {
		t.Errorf("errors %v, receipt %+v", errs, second)
	}
}

func TestALongMarkInTheSameBatchIsTheLatest(t *testing.T) {
	store := newTestStore(t)
	short := keyWithID(1)
	short.LatestOnly = true
	var a, b, c rookery.Receipt
	errs := runInOneBatch(
		store, deliverOperation(store, short, &a, nil), deliverOperation(store, keyWithID(2), &b, nil),
		deliverOperation(store, short, &c, nil),
	)
	if err := errors.Join(errs...); err != nil || c.Repeated {
		t.Errorf("error %v, receipt %+v", err, c)
	}
}

func TestWhoeverHasGivenUpIsNotBegun(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Deliver(gone, messagesTo(rookery.FirstUIN, "x"), noon, rookery.RequestKey{})
	if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
		t.Errorf("error %v", err)
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("texts %q", got)
	}
}

func TestWhoeverGivesUpWhileWaitingIsToldWhatCameOfIt(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	ctx, cancel := context.WithCancel(t.Context())
	errs := runInOneBatch(store,
		func() error {
			_, err := store.Deliver(ctx, messagesTo(rookery.FirstUIN, "x"), noon, rookery.RequestKey{})
			return err
		},
		func() error {
			return store.submitWrite(
				context.Background(), writeRequest{apply: func(*writeBatch) error { cancel(); return nil }},
			)
		})
	if got := mailboxTexts(t, store, rookery.FirstUIN); errs[0] != nil || len(got) != 1 {
		t.Errorf("error %v, texts %q", errs[0], got)
	}
}

// limitDatabasePages lets the database grow by only a few more pages, as on a full disk.
func limitDatabasePages(t *testing.T, store *Store, more int64) {
	t.Helper()
	err := store.submitWrite(context.Background(), writeRequest{apply: func(batch *writeBatch) error {
		var pages int64
		if _, err := batch.conn.queryFirst(
			"PRAGMA page_count", func(row resultRow) { pages = row.int(0) },
		); err != nil {
			return err
		}
		_, err := batch.conn.execute(fmt.Sprintf("PRAGMA max_page_count = %d", pages+more))
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskIsTemporaryAndLeavesNothingHalfDone(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 2)
	deliver(t, store, rookery.FirstUIN, "before")
	limitDatabasePages(t, store, 2)

	big := make([]string, 10)
	for i := range big {
		big[i] = fmt.Sprintf("%4000d", i)
	}
	step := rookery.RelationChange{
		Me: rookery.FirstUIN, Other: rookery.FirstUIN + 1, Time: noon, Key: keyWithID(2),
		Transition: rookery.RelationTransition{
			Result: rookery.Relation{Friends: true}, Notice: rookery.KindAdded, NoticeText: fmt.Sprintf("%40000d", 1),
		},
	}
	full := func(what string, err error) {
		t.Helper()
		if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Errorf("%s: error %v", what, err)
		}
	}
	_, err := store.Deliver(t.Context(), messagesTo(rookery.FirstUIN, big...), noon, keyWithID(1))
	full("letters", err)
	_, err = store.ChangeRelation(t.Context(), step)
	full("a relation", err)
	full(
		"a place",
		store.SaveCursor(t.Context(), rookery.FirstUIN, "", rookery.Cursor{Number: 1, State: make([]byte, 40_000)}),
	)

	check := func() {
		t.Helper()
		if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before"}) {
			t.Errorf("%d texts", len(got))
		}
		if friends, err := store.Friends(t.Context(), rookery.FirstUIN); err != nil || friends != nil {
			t.Errorf("friends %v, error %v", friends, err)
		}
		for id := range uint64(3) {
			if _, ok, err := store.RequestOutcome(t.Context(), keyWithID(id)); ok || err != nil {
				t.Errorf("mark %d is remembered, error %v", id, err)
			}
		}
	}
	check()
	limitDatabasePages(t, store, 1000)
	check()
	receipt, err := store.Deliver(t.Context(), messagesTo(rookery.FirstUIN, big...), noon, keyWithID(1))
	if err != nil || receipt.Numbers[0] != 2 {
		t.Errorf("with room again: %+v, error %v", receipt, err)
	}
	if _, err := store.ChangeRelation(t.Context(), step); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// The move from the journal would use up the space that collecting and signing in need.
func TestPurgingLeavesTheJournalAloneWhileTheDiskReserveIsInUse(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.ReserveBytes = 1 << 60 // no disk has room for this reserve
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "collected")
	deliver(t, store, rookery.FirstUIN, "waiting")
	if err := store.SaveCursor(t.Context(), rookery.FirstUIN, "", rookery.Cursor{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if _, n, err := store.PurgeEntries(t.Context(), 0, noon.AddDate(0, 0, 1), 100); n != 0 || err != nil {
		t.Errorf("%d entries purged, error %v", n, err)
	}
	if store.journaled.newestNumber(rookery.FirstUIN) == 0 {
		t.Error("the entries have left the journal")
	}
	store.writer.diskReserve.isReleased.Store(false) // as when the disk has room again
	if _, n, err := store.PurgeEntries(t.Context(), 0, noon.AddDate(0, 0, 1), 100); n != 1 || err != nil {
		t.Errorf("with room again: %d entries purged, error %v", n, err)
	}
}

func TestTooManyMarksAreTurnedAwayUntilSomeAreForgotten(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.MaxRequestKeys = 3
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	for id := range uint64(3) {
		if _, err := store.Deliver(t.Context(), nil, noon, keyWithID(id)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := store.Deliver(t.Context(), messagesTo(rookery.FirstUIN, "x"), noon, keyWithID(4))
	if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
		t.Errorf("one too many: error %v", err)
	}
	_, err = store.AdvanceReadMark(
		t.Context(), rookery.FirstUIN, rookery.ReadMark{Peer: rookery.FirstUIN, Number: 1}, keyWithID(4),
	)
	if read, _ := store.ReadMark(
		t.Context(), rookery.FirstUIN, rookery.FirstUIN,
	); rookery.CodeOf(err) != rookery.CodeTemporary || read != 0 {
		t.Errorf("another one: error %v, read up to %d", err, read)
	}
	if receipt, err := store.Deliver(t.Context(), nil, noon, keyWithID(2)); err != nil || !receipt.Repeated {
		t.Errorf("a repeat: %+v, error %v", receipt, err)
	}
	deliver(t, store, rookery.FirstUIN, "without a mark")
	if got := mailboxTexts(t, store, rookery.FirstUIN); len(got) != 1 {
		t.Errorf("texts %q", got)
	}
	if err := store.RecordUptime(t.Context(), time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Deliver(t.Context(), nil, noon, keyWithID(4)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestHeadsAreReadAgainWhenTheyWereDropped(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "1")
	err := store.submitWrite(
		t.Context(), writeRequest{apply: func(batch *writeBatch) error { clear(batch.newestNumbers); return nil }},
	)
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, store, rookery.FirstUIN, "2")
	mailboxTexts(t, store, rookery.FirstUIN)
}

func TestARowWhoseBatchFailsIsDoneByNone(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	limitDatabasePages(t, store, 2)
	row := []rookery.Delivery{
		{Entries: messagesTo(rookery.FirstUIN, "a"), Key: keyWithID(1)},
		{Entries: messagesTo(rookery.FirstUIN, strings.Repeat("b", 100_000)), Key: keyWithID(2)},
	}
	for _, d := range store.DeliverInOrder(t.Context(), row, noon) {
		if rookery.CodeOf(d.Err) != rookery.CodeTemporary || d.Receipt.Numbers != nil {
			t.Errorf("%+v", d)
		}
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("%d texts", len(got))
	}
	limitDatabasePages(t, store, 1000)
	for _, d := range store.DeliverInOrder(t.Context(), row, noon) {
		if d.Err != nil || d.Receipt.Repeated {
			t.Errorf("with room again: %+v", d)
		}
	}
}

func TestTooManyMarksTurnAwayWhatIsNewInARowAndNothingElse(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.MaxRequestKeys = 2
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	var row []rookery.Delivery
	for _, id := range []uint64{1, 2, 3, 1} {
		row = append(row, rookery.Delivery{Entries: messagesTo(rookery.FirstUIN, fmt.Sprint(id)), Key: keyWithID(id)})
	}
	all := store.DeliverInOrder(t.Context(), row, noon)
	if all[0].Err != nil || all[1].Err != nil || rookery.CodeOf(all[2].Err) != rookery.CodeTemporary ||
		!all[3].Receipt.Repeated {
		t.Errorf("%+v", all)
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("texts %q", got)
	}
}

// Forgetting a device voids its keys, even those of the same batch.
func TestWhatADeviceDidInTheBatchThatForgetsItIsOfNoUse(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	phone := rookery.Session{ID: 1, Account: rookery.FirstUIN, Device: "phone", SignedInAt: noon}
	if err := store.StartSession(t.Context(), phone, ""); err != nil {
		t.Fatal(err)
	}
	key := keyWithID(1)
	key.Device = "phone"
	var first, second, third rookery.Receipt
	errs := runInOneBatch(store,
		deliverOperation(store, key, &first, nil),
		func() error {
			_, err := store.ForgetDevice(context.Background(), rookery.FirstUIN, 1, rookery.RequestKey{})
			return err
		},
		deliverOperation(store, key, &second, nil),
		deliverOperation(store, key, &third, nil))
	if err := errors.Join(errs...); err != nil || second.Repeated || !third.Repeated {
		t.Errorf("receipts %+v, %+v, error %v", second, third, err)
	}
}

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
			t.Fatalf("entry %d follows %d, want rising numbers", entry.Number, entries[i-1].Number)
		}
		texts = append(texts, entry.Text)
	}
	return texts
}

// runInOneBatch makes the writer apply all operations in one transaction, and returns their errors in
// order.
func runInOneBatch(store *Store, operations ...func() error) []error {
	started, release := make(chan bool), make(chan bool)
	go store.submitWrite(context.Background(), writeRequest{apply: func(*writeBatch) error {
		started <- true
		<-release
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
	close(release)
	for range operations {
		<-done
	}
	return errs
}

// waitForQueue spins until n requests are queued.
func waitForQueue(store *Store, n int) {
	for {
		store.writer.mu.Lock()
		queued := len(store.writer.queue)
		store.writer.mu.Unlock()
		if queued == n {
			return
		}
		runtime.Gosched()
	}
}

// deliverOperation returns a function that delivers entries and stores the receipt.
func deliverOperation(
	store *Store, key rookery.RequestKey, receipt *rookery.Receipt, newEntries []rookery.NewEntry,
) func() error {
	return func() (err error) {
		*receipt, err = store.Deliver(context.Background(), newEntries, noon, key)
		return err
	}
}

func TestFailedRequestLeavesItsBatchIntact(t *testing.T) {
	for _, tt := range []struct {
		name  string
		apply func(*writeBatch) error
		code  rookery.Code
	}{
		{"a refused request", func(*writeBatch) error { return noAccountError(1) }, rookery.CodeNoAccount},
		{"a request whose first statement fails", func(batch *writeBatch) error {
			_, err := batch.conn.execute("INSERT INTO nowhere VALUES (1)")
			return err
		}, rookery.CodeTemporary},
		{"a request whose second statement fails", func(batch *writeBatch) error {
			batch.appendEntry(messagesTo(rookery.FirstUIN, "half done")[0], noon)
			if _, err := batch.conn.execute("INSERT INTO friends VALUES (1, 2)"); err != nil {
				return err
			}
			_, err := batch.conn.execute("INSERT INTO accounts (account) VALUES (10000)")
			return err
		}, rookery.CodeTemporary},
		{"a request that ends the transaction", func(batch *writeBatch) error {
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
				func() error { return store.submitWrite(context.Background(), writeRequest{apply: tt.apply}) },
				deliverOperation(store, keyWithID(2), &second, messagesTo(rookery.FirstUIN, "after")))
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("the other requests returned errors %v and %v, want none", errs[0], errs[2])
			}
			if errs[1] == nil || rookery.CodeOf(errs[1]) != tt.code {
				t.Errorf("the failing request returned error %v, want code %d", errs[1], tt.code)
			}
			if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before", "after"}) {
				t.Errorf("the mailbox has texts %q, want before, after", got)
			}
			if friends, err := store.Friends(t.Context(), 1); err != nil || friends != nil {
				t.Errorf("the failing request left friends %v, want none, error %v", friends, err)
			}
		})
	}
}

func TestRepeatInSameBatchReturnsFirstOutcome(t *testing.T) {
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
		t.Errorf("the receipts are %+v and %+v, want only the second as a repeat", first, second)
	}
}

func TestRetriedCreationPicksLowestFreeNumber(t *testing.T) {
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
		t.Errorf("the account got number %d, want %d, error %v", uin, rookery.FirstUIN, errs[1])
	}
}

func TestRepeatOfFailedRequestIsExecuted(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	var first, second rookery.Receipt
	errs := runInOneBatch(store,
		deliverOperation(store, keyWithID(1), &first, messagesTo(1, "to nobody")),
		deliverOperation(store, keyWithID(1), &second, messagesTo(rookery.FirstUIN, "x")))
	if errs[0] == nil || errs[1] != nil || second.Repeated || len(second.Numbers) != 1 {
		t.Errorf("the errors are %v and the second receipt %+v, want an error and a new entry", errs, second)
	}
}

func TestLatestOnlyKeyIsSupersededInSameBatch(t *testing.T) {
	store := newTestStore(t)
	latestOnly := keyWithID(1)
	latestOnly.LatestOnly = true
	var first, second, third rookery.Receipt
	errs := runInOneBatch(
		store, deliverOperation(store, latestOnly, &first, nil), deliverOperation(store, keyWithID(2), &second, nil),
		deliverOperation(store, latestOnly, &third, nil),
	)
	if err := errors.Join(errs...); err != nil || third.Repeated {
		t.Errorf("the third receipt is %+v, want no repeat, error %v", third, err)
	}
}

func TestCancelledRequestIsNotStarted(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Deliver(ctx, messagesTo(rookery.FirstUIN, "x"), noon, rookery.RequestKey{})
	if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
		t.Errorf("Deliver returned error %v, want CodeTemporary", err)
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("the mailbox has texts %q, want none", got)
	}
}

func TestCancelledCallerGetsOutcomeOfQueuedRequest(t *testing.T) {
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
		t.Errorf("Deliver returned error %v and the mailbox has texts %q, want no error and one", errs[0], got)
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

func TestFullDiskFailsRequestsCompletely(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 2)
	deliver(t, store, rookery.FirstUIN, "before")
	limitDatabasePages(t, store, 2)

	longTexts := make([]string, 10)
	for i := range longTexts {
		longTexts[i] = fmt.Sprintf("%4000d", i)
	}
	change := rookery.RelationChange{
		Me: rookery.FirstUIN, Other: rookery.FirstUIN + 1, Time: noon, Key: keyWithID(2),
		Transition: rookery.RelationTransition{
			Result: rookery.Relation{Friends: true}, Notice: rookery.KindAdded, NoticeText: fmt.Sprintf("%40000d", 1),
		},
	}
	requireTemporary := func(operation string, err error) {
		t.Helper()
		if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Errorf("%s returned error %v, want CodeTemporary", operation, err)
		}
	}
	_, err := store.Deliver(t.Context(), messagesTo(rookery.FirstUIN, longTexts...), noon, keyWithID(1))
	requireTemporary("Deliver", err)
	_, err = store.ChangeRelation(t.Context(), change)
	requireTemporary("ChangeRelation", err)
	cursor := rookery.Cursor{Number: 1, State: make([]byte, 40_000)}
	requireTemporary("SaveCursor", store.SaveCursor(t.Context(), rookery.FirstUIN, "", 0, cursor))

	requireUnchanged := func() {
		t.Helper()
		if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before"}) {
			t.Errorf("the mailbox has %d texts, want only before", len(got))
		}
		if friends, err := store.Friends(t.Context(), rookery.FirstUIN); err != nil || friends != nil {
			t.Errorf("Friends returned %v, want none, error %v", friends, err)
		}
		for id := range uint64(3) {
			if _, ok, err := store.RequestOutcome(t.Context(), keyWithID(id)); ok || err != nil {
				t.Errorf("request %d is recorded: %v, want false, error %v", id, ok, err)
			}
		}
	}
	requireUnchanged()
	limitDatabasePages(t, store, 1000)
	requireUnchanged()
	receipt, err := store.Deliver(t.Context(), messagesTo(rookery.FirstUIN, longTexts...), noon, keyWithID(1))
	if err != nil || receipt.Numbers[0] != 2 {
		t.Errorf("Deliver returned %+v with free space, want number 2, error %v", receipt, err)
	}
	if _, err := store.ChangeRelation(t.Context(), change); err != nil {
		t.Errorf("ChangeRelation returned error %v with free space, want none", err)
	}
}

// Moving entries out of the journal would use up the space that collecting and signing in need.
func TestPurgeKeepsJournalWhileDiskReserveIsReleased(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.ReserveBytes = 1 << 60 // no disk has room for this reserve
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "collected")
	deliver(t, store, rookery.FirstUIN, "waiting")
	if err := store.SaveCursor(t.Context(), rookery.FirstUIN, "", 0, rookery.Cursor{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if _, n, err := store.PurgeEntries(t.Context(), 0, noon.AddDate(0, 0, 1), 100); n != 0 || err != nil {
		t.Errorf("PurgeEntries deleted %d entries, want 0, error %v", n, err)
	}
	if store.journaled.newestNumber(rookery.FirstUIN) == 0 {
		t.Error("no entry is in the journal, want both")
	}
	store.writer.diskReserve.isReleased.Store(false) // as when the disk has space again
	if _, n, err := store.PurgeEntries(t.Context(), 0, noon.AddDate(0, 0, 1), 100); n != 1 || err != nil {
		t.Errorf("PurgeEntries deleted %d entries with free space, want 1, error %v", n, err)
	}
}

func TestRequestsAreRefusedWhileKeysAreFull(t *testing.T) {
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
		t.Errorf("Deliver with a fourth key returned error %v, want CodeTemporary", err)
	}
	_, err = store.AdvanceReadMark(
		t.Context(), rookery.FirstUIN, rookery.ReadMark{Peer: rookery.FirstUIN, Number: 1}, keyWithID(4),
	)
	readMark, _ := store.ReadMark(t.Context(), rookery.FirstUIN, rookery.FirstUIN)
	if rookery.CodeOf(err) != rookery.CodeTemporary || readMark != 0 {
		t.Errorf("AdvanceReadMark returned error %v and left %d, want CodeTemporary and 0", err, readMark)
	}
	if receipt, err := store.Deliver(t.Context(), nil, noon, keyWithID(2)); err != nil || !receipt.Repeated {
		t.Errorf("a repeated Deliver returned %+v, want a repeat, error %v", receipt, err)
	}
	deliver(t, store, rookery.FirstUIN, "without a key")
	if got := mailboxTexts(t, store, rookery.FirstUIN); len(got) != 1 {
		t.Errorf("the mailbox has texts %q, want one", got)
	}
	if err := store.RecordUptime(t.Context(), time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Deliver(t.Context(), nil, noon, keyWithID(4)); err != nil {
		t.Errorf("Deliver returned error %v after keys were forgotten, want none", err)
	}
}

func TestNewestNumberIsReloadedAfterCacheDrop(t *testing.T) {
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
	mailboxTexts(t, store, rookery.FirstUIN) // checks that the numbers rise
}

func TestDeliverInOrderFailsCompletely(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	limitDatabasePages(t, store, 2)
	deliveries := []rookery.Delivery{
		{Entries: messagesTo(rookery.FirstUIN, "a"), Key: keyWithID(1)},
		{Entries: messagesTo(rookery.FirstUIN, strings.Repeat("b", 100_000)), Key: keyWithID(2)},
	}
	for i, result := range store.DeliverInOrder(t.Context(), deliveries, noon) {
		if rookery.CodeOf(result.Err) != rookery.CodeTemporary || result.Receipt.Numbers != nil {
			t.Errorf("delivery %d returned %+v, want CodeTemporary", i, result)
		}
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("the mailbox has %d texts, want none", len(got))
	}
	limitDatabasePages(t, store, 1000)
	for i, result := range store.DeliverInOrder(t.Context(), deliveries, noon) {
		if result.Err != nil || result.Receipt.Repeated {
			t.Errorf("delivery %d returned %+v with free space, want no error and no repeat", i, result)
		}
	}
}

func TestFullKeysFailOnlyNewDeliveries(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.MaxRequestKeys = 2
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	var deliveries []rookery.Delivery
	for _, id := range []uint64{1, 2, 3, 1} {
		deliveries = append(
			deliveries,
			rookery.Delivery{Entries: messagesTo(rookery.FirstUIN, fmt.Sprint(id)), Key: keyWithID(id)},
		)
	}
	results := store.DeliverInOrder(t.Context(), deliveries, noon)
	if results[0].Err != nil || results[1].Err != nil || rookery.CodeOf(results[2].Err) != rookery.CodeTemporary ||
		!results[3].Receipt.Repeated {
		t.Errorf("the results are %+v, want two deliveries, CodeTemporary and a repeat", results)
	}
	if got := mailboxTexts(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the mailbox has texts %q, want 1, 2", got)
	}
}

// Forgetting a device voids its keys, even those of the same batch.
func TestForgettingDeviceVoidsKeysOfSameBatch(t *testing.T) {
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
		t.Errorf("the receipts are %+v and %+v, want only the third as a repeat, error %v", second, third, err)
	}
}

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

func addAccounts(t testing.TB, store *Store, n int) {
	t.Helper()
	for range n {
		if _, err := store.CreateAccount(context.Background(), rookery.NewAccount(0, "penguin", noon), ""); err != nil {
			t.Fatal(err)
		}
	}
}

func deliver(t testing.TB, store *Store, to rookery.UIN, text string) {
	t.Helper()
	if _, err := store.Deliver(context.Background(), messages(to, text), noon, rookery.RequestKey{}); err != nil {
		t.Fatal(err)
	}
}

func messages(to rookery.UIN, texts ...string) (letters []rookery.NewEntry) {
	for _, text := range texts {
		letters = append(letters, rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: rookery.FirstUIN, Text: text})
	}
	return letters
}

func markOf(id uint64) rookery.RequestKey {
	key := rookery.RequestKey{Owner: rookery.FirstUIN, ReceivedAt: time.Minute, RepeatWindow: 2 * time.Minute}
	binary.LittleEndian.PutUint64(key.Digest[:], id)
	return key
}

func textsOf(t testing.TB, store *Store, uin rookery.UIN) (texts []string) {
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

// together has operations carried out in one batch, and returns their errors
// in order.
func together(store *Store, operations ...func() error) []error {
	started, hold := make(chan bool), make(chan bool)
	go store.write(context.Background(), writeRequest{apply: func(*writeBatch) error {
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

// waitForQueue spins until so many operations have queued up.
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

func deliverOp(store *Store, key rookery.RequestKey, receipt *rookery.Receipt, letters []rookery.NewEntry) func() error {
	return func() (err error) {
		*receipt, err = store.Deliver(context.Background(), letters, noon, key)
		return err
	}
}

func TestABadOperationFailsNoNeighbour(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  func(*writeBatch) error
		code rookery.Code
	}{
		{"one that has a reason", func(*writeBatch) error { return noAccount(1) }, rookery.CodeNoAccount},
		{"one whose first statement fails", func(batch *writeBatch) error {
			_, err := batch.conn.exec("INSERT INTO nowhere VALUES (1)")
			return err
		}, rookery.CodeTemporary},
		{"one whose second statement fails", func(batch *writeBatch) error {
			batch.post(messages(rookery.FirstUIN, "half done")[0], noon)
			if _, err := batch.conn.exec("INSERT INTO friends VALUES (1, 2)"); err != nil {
				return err
			}
			_, err := batch.conn.exec("INSERT INTO accounts (account) VALUES (10000)")
			return err
		}, rookery.CodeTemporary},
		{"one that ends the transaction", func(batch *writeBatch) error {
			_, err := batch.conn.exec("ROLLBACK")
			return errors.Join(err, errors.New("the disk is full"))
		}, rookery.CodeTemporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore(t)
			addAccounts(t, store, 1)
			var first, second rookery.Receipt
			errs := together(store,
				deliverOp(store, markOf(1), &first, messages(rookery.FirstUIN, "before")),
				func() error { return store.write(context.Background(), writeRequest{apply: tt.bad}) },
				deliverOp(store, markOf(2), &second, messages(rookery.FirstUIN, "after")))
			if errs[0] != nil || errs[2] != nil {
				t.Errorf("the neighbours: %v, %v", errs[0], errs[2])
			}
			if errs[1] == nil || rookery.CodeOf(errs[1]) != tt.code {
				t.Errorf("the bad one: %v, want code %d", errs[1], tt.code)
			}
			if got := textsOf(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before", "after"}) {
				t.Errorf("texts %q", got)
			}
			if friends, err := store.Friends(t.Context(), 1); err != nil || friends != nil {
				t.Errorf("it is half done: %v, %v", friends, err)
			}
		})
	}
}

func TestARepeatInTheSameBatchGetsTheFirstOutcome(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	var first, second rookery.Receipt
	errs := together(store,
		deliverOp(store, markOf(1), &first, messages(rookery.FirstUIN, "x")),
		deliverOp(store, markOf(1), &second, messages(rookery.FirstUIN, "x")))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if first.Repeated || !second.Repeated {
		t.Errorf("receipts %+v, %+v", first, second)
	}
}

func TestAnAccountWhoseBatchFailsGetsTheLowestNumberThatIsFreeThen(t *testing.T) {
	store := newStore(t)
	create := func(into *rookery.UIN) func() error {
		return func() (err error) {
			*into, err = store.CreateAccount(context.Background(), rookery.NewAccount(0, "", noon), "")
			return err
		}
	}
	attempts := 0
	var uin rookery.UIN
	errs := together(store,
		func() error {
			return store.write(context.Background(), writeRequest{apply: func(batch *writeBatch) error {
				if attempts++; attempts > 1 {
					return errors.New("fails alone too")
				}
				_, err := batch.conn.exec("INSERT INTO accounts (" + accountColumns + ", credential) SELECT 10001, '', 0, 0, 0, 0, 0, 0, " +
					"'', '', '', '', '', '', '', '', '', '', '', '', '', 1, 1, 1, 0, 0, 1, 0, ''")
				return err
			}})
		},
		create(&uin),
		func() error {
			return store.write(context.Background(), writeRequest{apply: func(*writeBatch) error { return errors.New("fails") }})
		})
	if errs[1] != nil || uin != rookery.FirstUIN {
		t.Errorf("it got %d, error %v", uin, errs[1])
	}
}

func TestIfTheFirstFailsARepeatInTheSameBatchIsCarriedOut(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	var first, second rookery.Receipt
	errs := together(store,
		deliverOp(store, markOf(1), &first, messages(1, "to nobody")),
		deliverOp(store, markOf(1), &second, messages(rookery.FirstUIN, "x")))
	if errs[0] == nil || errs[1] != nil || second.Repeated || len(second.Numbers) != 1 {
		t.Errorf("errors %v, receipt %+v", errs, second)
	}
}

func TestALongMarkInTheSameBatchIsTheLatest(t *testing.T) {
	store := newStore(t)
	short := markOf(1)
	short.LatestOnly = true
	var a, b, c rookery.Receipt
	errs := together(store, deliverOp(store, short, &a, nil), deliverOp(store, markOf(2), &b, nil), deliverOp(store, short, &c, nil))
	if err := errors.Join(errs...); err != nil || c.Repeated {
		t.Errorf("error %v, receipt %+v", err, c)
	}
}

func TestWhoeverHasGivenUpIsNotBegun(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Deliver(gone, messages(rookery.FirstUIN, "x"), noon, rookery.RequestKey{})
	if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
		t.Errorf("error %v", err)
	}
	if got := textsOf(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("texts %q", got)
	}
}

func TestWhoeverGivesUpWhileWaitingIsToldWhatCameOfIt(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	ctx, cancel := context.WithCancel(t.Context())
	errs := together(store,
		func() error {
			_, err := store.Deliver(ctx, messages(rookery.FirstUIN, "x"), noon, rookery.RequestKey{})
			return err
		},
		func() error {
			return store.write(context.Background(), writeRequest{apply: func(*writeBatch) error { cancel(); return nil }})
		})
	if got := textsOf(t, store, rookery.FirstUIN); errs[0] != nil || len(got) != 1 {
		t.Errorf("error %v, texts %q", errs[0], got)
	}
}

// limit bounds the database file to so many pages more than it has, as a full
// disk does.
func limit(t *testing.T, store *Store, more int64) {
	t.Helper()
	err := store.write(context.Background(), writeRequest{apply: func(batch *writeBatch) error {
		var pages int64
		if _, err := batch.conn.first("PRAGMA page_count", func(r row) { pages = r.int(0) }); err != nil {
			return err
		}
		_, err := batch.conn.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+more))
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskIsTemporaryAndLeavesNothingHalfDone(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 2)
	deliver(t, store, rookery.FirstUIN, "before")
	limit(t, store, 2)

	big := make([]string, 10)
	for i := range big {
		big[i] = fmt.Sprintf("%4000d", i)
	}
	step := rookery.RelationChange{
		Me: rookery.FirstUIN, Other: rookery.FirstUIN + 1, Time: noon, Key: markOf(2),
		Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}, Notice: rookery.KindAdded, NoticeText: fmt.Sprintf("%40000d", 1)},
	}
	full := func(what string, err error) {
		t.Helper()
		if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Errorf("%s: error %v", what, err)
		}
	}
	_, err := store.Deliver(t.Context(), messages(rookery.FirstUIN, big...), noon, markOf(1))
	full("letters", err)
	_, err = store.ChangeRelation(t.Context(), step)
	full("a relation", err)
	full("a place", store.SaveCursor(t.Context(), rookery.FirstUIN, "", rookery.Cursor{Number: 1, State: make([]byte, 40_000)}))

	check := func() {
		t.Helper()
		if got := textsOf(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"before"}) {
			t.Errorf("%d texts", len(got))
		}
		if friends, err := store.Friends(t.Context(), rookery.FirstUIN); err != nil || friends != nil {
			t.Errorf("friends %v, error %v", friends, err)
		}
		for id := range uint64(3) {
			if _, ok, err := store.RequestOutcome(t.Context(), markOf(id)); ok || err != nil {
				t.Errorf("mark %d is remembered, error %v", id, err)
			}
		}
	}
	check()
	limit(t, store, 1000)
	check()
	receipt, err := store.Deliver(t.Context(), messages(rookery.FirstUIN, big...), noon, markOf(1))
	if err != nil || receipt.Numbers[0] != 2 {
		t.Errorf("with room again: %+v, error %v", receipt, err)
	}
	if _, err := store.ChangeRelation(t.Context(), step); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestTooManyMarksAreTurnedAwayUntilSomeAreForgotten(t *testing.T) {
	cfg := quick(filepath.Join(t.TempDir(), "rookery.db"))
	cfg.MaxRequestKeys = 3
	store := openFor(t, cfg)
	addAccounts(t, store, 1)
	for id := range uint64(3) {
		if _, err := store.Deliver(t.Context(), nil, noon, markOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := store.Deliver(t.Context(), messages(rookery.FirstUIN, "x"), noon, markOf(4))
	if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
		t.Errorf("one too many: error %v", err)
	}
	_, err = store.AdvanceReadMark(t.Context(), rookery.FirstUIN, rookery.ReadMark{With: rookery.FirstUIN, Number: 1}, markOf(4))
	if read, _ := store.ReadMark(t.Context(), rookery.FirstUIN, rookery.FirstUIN); rookery.CodeOf(err) != rookery.CodeTemporary || read != 0 {
		t.Errorf("another one: error %v, read up to %d", err, read)
	}
	if receipt, err := store.Deliver(t.Context(), nil, noon, markOf(2)); err != nil || !receipt.Repeated {
		t.Errorf("a repeat: %+v, error %v", receipt, err)
	}
	deliver(t, store, rookery.FirstUIN, "without a mark")
	if got := textsOf(t, store, rookery.FirstUIN); len(got) != 1 {
		t.Errorf("texts %q", got)
	}
	if err := store.RecordUptime(t.Context(), time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Deliver(t.Context(), nil, noon, markOf(4)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestHeadsAreReadAgainWhenTheyWereDropped(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "1")
	err := store.write(t.Context(), writeRequest{apply: func(batch *writeBatch) error { clear(batch.heads); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, store, rookery.FirstUIN, "2")
	textsOf(t, store, rookery.FirstUIN)
}

func TestARowWhoseBatchFailsIsDoneByNone(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	limit(t, store, 2)
	row := []rookery.Delivery{
		{Entries: messages(rookery.FirstUIN, "a"), Key: markOf(1)},
		{Entries: messages(rookery.FirstUIN, strings.Repeat("b", 100_000)), Key: markOf(2)},
	}
	for _, d := range store.DeliverInOrder(t.Context(), row, noon) {
		if rookery.CodeOf(d.Err) != rookery.CodeTemporary || d.Receipt.Numbers != nil {
			t.Errorf("%+v", d)
		}
	}
	if got := textsOf(t, store, rookery.FirstUIN); got != nil {
		t.Errorf("%d texts", len(got))
	}
	limit(t, store, 1000)
	for _, d := range store.DeliverInOrder(t.Context(), row, noon) {
		if d.Err != nil || d.Receipt.Repeated {
			t.Errorf("with room again: %+v", d)
		}
	}
}

func TestTooManyMarksTurnAwayWhatIsNewInARowAndNothingElse(t *testing.T) {
	cfg := quick(filepath.Join(t.TempDir(), "rookery.db"))
	cfg.MaxRequestKeys = 2
	store := openFor(t, cfg)
	addAccounts(t, store, 1)
	var row []rookery.Delivery
	for _, id := range []uint64{1, 2, 3, 1} {
		row = append(row, rookery.Delivery{Entries: messages(rookery.FirstUIN, fmt.Sprint(id)), Key: markOf(id)})
	}
	all := store.DeliverInOrder(t.Context(), row, noon)
	if all[0].Err != nil || all[1].Err != nil || rookery.CodeOf(all[2].Err) != rookery.CodeTemporary || !all[3].Receipt.Repeated {
		t.Errorf("%+v", all)
	}
	if got := textsOf(t, store, rookery.FirstUIN); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("texts %q", got)
	}
}

// The marks of a device are forgotten with it, in the same batch too.
func TestWhatADeviceDidInTheBatchThatForgetsItIsOfNoUse(t *testing.T) {
	store := newStore(t)
	addAccounts(t, store, 1)
	phone := rookery.Session{ID: 1, Account: rookery.FirstUIN, Device: "phone", SignedInAt: noon}
	if err := store.StartSession(t.Context(), phone, ""); err != nil {
		t.Fatal(err)
	}
	key := markOf(1)
	key.Device = "phone"
	var first, second, third rookery.Receipt
	errs := together(store,
		deliverOp(store, key, &first, nil),
		func() error {
			_, err := store.ForgetDevice(context.Background(), rookery.FirstUIN, 1, rookery.RequestKey{})
			return err
		},
		deliverOp(store, key, &second, nil),
		deliverOp(store, key, &third, nil))
	if err := errors.Join(errs...); err != nil || second.Repeated || !third.Repeated {
		t.Errorf("receipts %+v, %+v, error %v", second, third, err)
	}
}

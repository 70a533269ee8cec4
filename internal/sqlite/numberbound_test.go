package sqlite

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

// restorableStore is a store that can crash and be restored from copies. It checks that no mailbox
// uses a number twice.
type restorableStore struct {
	*Store
	t              *testing.T
	path           string
	clock          time.Time              // the time that the store sees
	highestNumbers map[rookery.UIN]uint64 // the highest number of each mailbox
}

func newRestorableStore(t *testing.T) *restorableStore {
	r := &restorableStore{
		t: t, path: filepath.Join(t.TempDir(), "rookery.db"), clock: noon,
		highestNumbers: make(map[rookery.UIN]uint64),
	}
	r.open()
	createAccounts(t, r.Store, 2)
	t.Cleanup(func() { r.Close() })
	return r
}

func (r *restorableStore) open() {
	r.t.Helper()
	config := unsyncedConfig(r.path)
	config.Now = func() time.Time { return r.clock }
	config.maxJournaledBytes = 500
	r.Store = openForTest(r.t, config)
}

func (r *restorableStore) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// deliverOne delivers a message, and requires that its number is above all earlier ones of the
// mailbox. It returns the distance to the highest.
func (r *restorableStore) deliverOne(to rookery.UIN) (step uint64) {
	r.t.Helper()
	receipt, err := r.Deliver(r.t.Context(), messagesTo(to, "hello"), noon, rookery.RequestKey{})
	r.must(err)
	n := receipt.Numbers[0]
	if n <= r.highestNumbers[to] {
		r.t.Fatalf("mailbox %d got number %d, want one above %d", to, n, r.highestNumbers[to])
	}
	if n > math.MaxInt32 {
		r.t.Fatalf("mailbox %d got number %d, want at most %d, the limit of old clients", to, n, math.MaxInt32)
	}
	step, r.highestNumbers[to] = n-r.highestNumbers[to], n
	return step
}

// deliverMany delivers n messages in one call.
func (r *restorableStore) deliverMany(to rookery.UIN, n int) {
	r.t.Helper()
	receipt, err := r.Deliver(r.t.Context(), messagesTo(to, make([]string, n)...), noon, rookery.RequestKey{})
	r.must(err)
	r.highestNumbers[to] = receipt.Numbers[n-1]
}

// restart stops the store cleanly, calls do, and opens it again.
func (r *restorableStore) restart(do func()) {
	r.t.Helper()
	r.must(r.Close())
	do()
	r.open()
}

// crashAndReopen drops the store as a crash would, calls damage, and opens what is left.
func (r *restorableStore) crashAndReopen(damage func()) {
	r.t.Helper()
	image := crashImage(r.t, r.path)
	r.must(r.Close())
	r.path = image
	damage()
	r.open()
}

// copyStopped returns a copy of the database, made while the store was stopped.
func (r *restorableStore) copyStopped() (copy []byte) {
	r.t.Helper()
	r.restart(func() { copy = readFile(r.t, r.path) })
	return copy
}

// copyRunning returns a copy that is made while the store is open.
func (r *restorableStore) copyRunning() []byte {
	r.t.Helper()
	conn, err := openConnection(r.path)
	r.must(err)
	defer conn.close()
	to := filepath.Join(r.t.TempDir(), "backup.db")
	_, err = conn.execute("VACUUM INTO ?", to)
	r.must(err)
	return readFile(r.t, to)
}

// replaceDatabase replaces the database by a copy and removes its log.
func (r *restorableStore) replaceDatabase(copy []byte) {
	r.t.Helper()
	r.must(os.WriteFile(r.path, copy, 0o600))
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(r.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			r.must(err)
		}
	}
}

func doNothing() {}

const (
	firstUIN  = rookery.FirstUIN
	secondUIN = rookery.FirstUIN + 1
)

func TestCleanRestartLeavesNoNumberGap(t *testing.T) {
	r := newRestorableStore(t)
	for range 3 {
		for range 5 {
			if step := r.deliverOne(firstUIN); step != 1 {
				t.Errorf("%d numbers are unused before %d, want 0", step-1, r.highestNumbers[firstUIN])
			}
		}
		r.restart(doNothing)
		r.restart(doNothing) // this run gives out no number
	}
	if r.highestNumbers[firstUIN] != 15 {
		t.Errorf("the latest number is %d, want 15", r.highestNumbers[firstUIN])
	}
}

func TestNumbersContinueAboveBoundAfterCrash(t *testing.T) {
	r := newRestorableStore(t)
	r.deliverOne(firstUIN)
	r.crashAndReopen(doNothing)
	r.restart(doNothing) // a run without a number does not use up the gap
	if step := r.deliverOne(firstUIN); step < 2 || step > numbersPerBlock {
		t.Errorf("%d numbers are unused after the crash, want 1 to %d", step-1, numbersPerBlock-1)
	}
	if r.deliverOne(secondUIN); r.highestNumbers[secondUIN] != r.highestNumbers[firstUIN] {
		t.Errorf("the second mailbox continues with %d, want %d as in the first",
			r.highestNumbers[secondUIN], r.highestNumbers[firstUIN])
	}
	r.restart(doNothing)
	if r.deliverOne(firstUIN) != 1 || r.deliverOne(secondUIN) != 1 {
		t.Error("numbers are unused after a clean restart")
	}
}

func TestRestoreReusesNoNumber(t *testing.T) {
	for _, tt := range []struct {
		name    string
		restore func(r *restorableStore, cold, hot []byte)
	}{
		{
			"a copy of a stopped store",
			func(r *restorableStore, cold, _ []byte) { r.restart(func() { r.replaceDatabase(cold) }) },
		},
		{
			"a copy of a running store",
			func(r *restorableStore, _, hot []byte) { r.restart(func() { r.replaceDatabase(hot) }) },
		},
		{
			"a copy of a stopped store, after a crash",
			func(r *restorableStore, cold, _ []byte) { r.crashAndReopen(func() { r.replaceDatabase(cold) }) },
		},
		{
			"a copy of a running store, after a crash",
			func(r *restorableStore, _, hot []byte) { r.crashAndReopen(func() { r.replaceDatabase(hot) }) },
		},
		{"a copy of the same run, after a crash", func(r *restorableStore, _, _ []byte) {
			hot := r.copyRunning()
			r.deliverOne(firstUIN)
			r.crashAndReopen(func() { r.replaceDatabase(hot) })
		}},
		{"the same copy twice", func(r *restorableStore, cold, _ []byte) {
			r.restart(func() { r.replaceDatabase(cold) })
			r.deliverOne(firstUIN)
			r.restart(func() { r.replaceDatabase(cold) })
		}},
		{"the same copy twice, with crashes", func(r *restorableStore, cold, _ []byte) {
			r.crashAndReopen(func() { r.replaceDatabase(cold) })
			r.deliverOne(firstUIN)
			r.crashAndReopen(func() { r.replaceDatabase(cold) })
		}},
		{"a write-ahead log without its end", func(r *restorableStore, _, _ []byte) {
			r.crashAndReopen(func() { r.must(os.Truncate(r.path+"-wal", int64(len(readFile(r.t, r.path+"-wal"))/2))) })
		}},
		{
			"no write-ahead log",
			func(r *restorableStore, _, _ []byte) { r.crashAndReopen(func() { r.must(os.Remove(r.path + "-wal")) }) },
		},
		{"a copy without the numbers file, a day later", func(r *restorableStore, cold, _ []byte) {
			r.restart(func() {
				r.replaceDatabase(cold)
				r.must(os.Remove(numberFilePath(r.path)))
				r.clock = r.clock.Add(24 * time.Hour)
			})
		}},
		{"a copy with a damaged numbers file", func(r *restorableStore, cold, _ []byte) {
			r.restart(func() {
				r.replaceDatabase(cold)
				r.must(os.WriteFile(numberFilePath(r.path), bytes.Repeat([]byte("x"), 1000), 0o600))
			})
		}},
		{"a copy, and a clock that says 1970", func(r *restorableStore, cold, _ []byte) {
			r.restart(func() { r.replaceDatabase(cold); r.clock = time.Unix(0, 0) })
		}},
		{"a copy, and a clock that says 2200", func(r *restorableStore, cold, _ []byte) {
			r.restart(func() { r.replaceDatabase(cold); r.clock = noon.AddDate(174, 0, 0) })
		}},
		{"a new store in the place of the old one", func(r *restorableStore, _, _ []byte) {
			r.restart(func() { r.must(os.Remove(r.path)) })
			createAccounts(r.t, r.Store, 2)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRestorableStore(t)
			r.deliverOne(firstUIN)
			r.deliverOne(secondUIN)
			cold := r.copyStopped()
			r.deliverOne(firstUIN)
			hot := r.copyRunning()
			r.deliverMany(firstUIN, 2*numbersPerBlock)
			tt.restore(r, cold, hot)
			r.deliverOne(firstUIN)
			r.deliverOne(secondUIN)
			r.restart(doNothing)
			if r.deliverOne(firstUIN) != 1 || r.deliverOne(secondUIN) != 1 {
				t.Error("numbers are unused after a clean restart")
			}
		})
	}
}

// A run is recorded in the database and in the numbers file, one after the other. A crash may come in
// between.
func TestCrashBetweenFileAndDatabaseReusesNoNumber(t *testing.T) {
	for _, tt := range []struct {
		name  string
		crash func(r *restorableStore)
	}{
		{"only the file says that the run has begun", func(r *restorableStore) {
			r.restart(func() {
				r.must(
					(&numberBound{path: numberFilePath(r.path)}).saveFile(
						numberFile{numberRun{runID: 7}, 2 * numbersPerBlock},
					),
				)
			})
		}},
		{"only the database says that the run was stopped", func(r *restorableStore) {
			file, err := readNumberFile(numberFilePath(r.path))
			r.must(err)
			r.restart(func() { r.must((&numberBound{path: numberFilePath(r.path)}).saveFile(file)) })
		}},
		{"the file is empty", func(r *restorableStore) {
			r.restart(func() { r.must(os.Truncate(numberFilePath(r.path), 0)) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRestorableStore(t)
			r.deliverOne(firstUIN)
			tt.crash(r)
			if step := r.deliverOne(firstUIN); step == 1 {
				t.Error("no number is unused, want a gap after the crash")
			}
		})
	}
}

// A store of an earlier release has no numbers file, so it may be a restored copy.
func TestMissingNumbersFileRaisesNumbersToClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	createFirstReleaseStore(t, path)
	config := unsyncedConfig(path)
	config.Now = func() time.Time { return noon }
	store := openForTest(t, config)
	receipt, err := store.Deliver(t.Context(), messagesTo(firstUIN, "new"), noon, rookery.RequestKey{})
	if err != nil {
		t.Fatal(err)
	}
	seconds := uint64(noon.Sub(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds())
	if n := receipt.Numbers[0]; n <= seconds || n > math.MaxInt32 {
		t.Errorf("the number is %d, want one above %d and at most %d", n, seconds, math.MaxInt32)
	}
}

func TestReadingChangesNoFile(t *testing.T) {
	r := newRestorableStore(t)
	r.deliverOne(firstUIN)
	r.must(r.Close())
	database, file := readFile(t, r.path), readFile(t, numberFilePath(r.path))
	r.open()
	if _, err := r.Account(t.Context(), firstUIN); err != nil {
		t.Error(err)
	}
	r.must(r.Close())
	if !bytes.Equal(readFile(t, r.path), database) || !bytes.Equal(readFile(t, numberFilePath(r.path)), file) {
		t.Error("reading changed the database or the numbers file")
	}
}

func TestDeliverFailsIfNumbersFileIsUnwritable(t *testing.T) {
	r := newRestorableStore(t)
	r.deliverOne(firstUIN)
	r.restart(doNothing)
	file := readFile(t, numberFilePath(r.path))
	// A directory cannot be written as a file, not even by root.
	r.must(os.Remove(numberFilePath(r.path)))
	r.must(os.Mkdir(numberFilePath(r.path), 0o700))
	for range 3 {
		_, err := r.Deliver(t.Context(), messagesTo(firstUIN, "lost"), noon, keyWithID(1))
		if rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Fatalf("Deliver returned error %v, want CodeTemporary", err)
		}
	}
	if _, known, err := r.RequestOutcome(t.Context(), keyWithID(1)); known || err != nil {
		t.Errorf("the failed request is recorded: %v, want false, error %v", known, err)
	}
	r.must(os.Remove(numberFilePath(r.path)))
	r.must(os.WriteFile(numberFilePath(r.path), file, 0o600))
	if step := r.deliverOne(firstUIN); step != 1 {
		t.Errorf("%d numbers are unused, want 0", step-1)
	}
	if texts := mailboxTexts(t, r.Store, firstUIN); len(texts) != 2 {
		t.Errorf("the mailbox has texts %q, want 2", texts)
	}
}

func TestNumbersFileIsWrittenOncePerBlock(t *testing.T) {
	r := newRestorableStore(t)
	r.deliverOne(firstUIN)
	before := readFile(t, numberFilePath(r.path))
	r.deliverMany(firstUIN, numbersPerBlock-1)
	r.deliverMany(secondUIN, numbersPerBlock)
	if !bytes.Equal(readFile(t, numberFilePath(r.path)), before) {
		t.Error("the file was written within a block")
	}
	r.deliverOne(firstUIN)
	if bytes.Equal(readFile(t, numberFilePath(r.path)), before) {
		t.Error("the file was not written for the next block")
	}
}

// The test draws restarts, crashes, restores and removals at random.
func TestRandomFailuresReuseNoNumber(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRestorableStore(t)
	copies := [][]byte{r.copyStopped()}
	truncate := func() {
		if log := readFile(t, r.path+"-wal"); len(log) > 0 {
			r.must(os.Truncate(r.path+"-wal", rng.Int64N(int64(len(log)))))
		}
	}
	for range 80 {
		for range rng.IntN(30) {
			if step := r.deliverOne(firstUIN + rookery.UIN(rng.IntN(2))); step > 1 {
				break
			}
		}
		back := func() { r.replaceDatabase(copies[rng.IntN(len(copies))]) }
		switch rng.IntN(9) {
		case 0:
			r.restart(doNothing)
		case 1:
			r.crashAndReopen(doNothing)
		case 2:
			r.crashAndReopen(truncate)
			// The log may end between the removal of the account and its new creation.
			if _, err := r.Account(t.Context(), secondUIN); rookery.CodeOf(err) == rookery.CodeNoAccount {
				createAccounts(t, r.Store, 1)
			}
		case 3:
			copies = append(copies, r.copyStopped())
		case 4:
			copies = append(copies, r.copyRunning())
		case 5:
			r.restart(back)
		case 6:
			r.crashAndReopen(back)
		case 7:
			r.restart(func() {
				back()
				// the file does not exist before the first number
				if err := os.Remove(numberFilePath(r.path)); !errors.Is(err, fs.ErrNotExist) {
					r.must(err)
				}
				r.clock = r.clock.Add(48 * time.Hour)
			})
		case 8:
			r.must(r.RemoveAccount(context.Background(), secondUIN))
			createAccounts(t, r.Store, 1)
		}
	}
}

// Numbers have gaps, so their difference is no count of entries.
func TestNumberGapsDoNotCountAsEntries(t *testing.T) {
	r := newRestorableStore(t)
	r.deliverOne(firstUIN)
	r.crashAndReopen(doNothing)
	if r.deliverOne(firstUIN) <= historyPageEntries {
		t.Fatalf("the gap is at most a page of %d entries, want more", historyPageEntries)
	}
	r.must(r.flushMailbox(t.Context(), firstUIN))
	entries, more, err := r.History(t.Context(), firstUIN, rookery.HistoryQuery{Peer: rookery.FirstUIN, Limit: 1})
	if err != nil || len(entries) != 1 || !more {
		t.Errorf("History returned %v, more %v, want one entry and more, error %v", entries, more, err)
	}
	// There are fewer entries than a page, so History does not list them by peer.
	listed, err := r.writer.conn.hasRow("SELECT 1 FROM conversations")
	if err != nil || listed {
		t.Errorf("the entries are listed: %v, want false, error %v", listed, err)
	}

	recent := newJournaledEntries(1000)
	var newEntries []numberedEntry
	for _, n := range []uint64{3, 4, 5000, 5001} {
		newEntries = append(newEntries, numberedEntry{firstUIN, rookery.Entry{Number: n}})
	}
	recent.replaceFlushed(nil, newEntries)
	for _, tt := range []struct {
		after, upTo uint64
		limit       int
		want        []uint64
	}{
		{0, 5001, 10, []uint64{3, 4, 5000, 5001}},
		{4, 5001, 10, []uint64{5000, 5001}},
		{100, 5000, 10, []uint64{5000}},
		{3, 4999, 10, []uint64{4}},
		{4, 4999, 10, nil},
		{0, 1 << 63, 3, []uint64{3, 4, 5000}},
		{5001, 1 << 63, 3, nil},
		{4, 3, 3, nil},
		{0, 5001, math.MaxInt, []uint64{3, 4, 5000, 5001}},
	} {
		var got []uint64
		for _, entry := range recent.entriesBetween(firstUIN, tt.after, tt.upTo, tt.limit) {
			got = append(got, entry.Number)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("above %d up to %d: got %d, want %d", tt.after, tt.upTo, got, tt.want)
		}
	}
}

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

// restored is a store that goes back to earlier states of itself, and knows all
// numberBound that it has given out.
type restored struct {
	*Store
	t    *testing.T
	path string
	// clock is what the store sees.
	clock time.Time
	given map[rookery.UIN]uint64 // the highest number of each mailbox
}

func newRestored(t *testing.T) *restored {
	r := &restored{
		t: t, path: filepath.Join(t.TempDir(), "rookery.db"), clock: noon,
		given: make(map[rookery.UIN]uint64),
	}
	r.open()
	addAccounts(t, r.Store, 2)
	t.Cleanup(func() { r.Close() })
	return r
}

func (r *restored) open() {
	r.t.Helper()
	cfg := quick(r.path)
	cfg.Now = func() time.Time { return r.clock }
	cfg.maxRecent = 500
	r.Store = openFor(r.t, cfg)
}

func (r *restored) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// send sends to a mailbox, and checks that the number is above all that were
// given out there. It returns how far above the latest it is.
func (r *restored) send(to rookery.UIN) (step uint64) {
	r.t.Helper()
	receipt, err := r.Deliver(r.t.Context(), messages(to, "hello"), noon, rookery.RequestKey{})
	r.must(err)
	n := receipt.Numbers[0]
	if n <= r.given[to] {
		r.t.Fatalf("%d was given the number %d after %d", to, n, r.given[to])
	}
	if n > math.MaxInt32 {
		r.t.Fatalf("the number %d is too high for old clients", n)
	}
	step, r.given[to] = n-r.given[to], n
	return step
}

// sendMany sends so many messages at once.
func (r *restored) sendMany(to rookery.UIN, n int) {
	r.t.Helper()
	receipt, err := r.Deliver(r.t.Context(), messages(to, make([]string, n)...), noon, rookery.RequestKey{})
	r.must(err)
	r.given[to] = receipt.Numbers[n-1]
}

// stop stops the store in good order, and starts it again once do has run.
func (r *restored) stop(do func()) {
	r.t.Helper()
	r.must(r.Close())
	do()
	r.open()
}

// crash ends the store without warning, damages what is left, and opens it.
func (r *restored) crash(damage func()) {
	r.t.Helper()
	image := crashImage(r.t, r.path)
	r.must(r.Close())
	r.path = image
	damage()
	r.open()
}

// copy is a copy of the database as it is when the store has been stopped.
func (r *restored) cold() (copy []byte) {
	r.t.Helper()
	r.stop(func() { copy = readFile(r.t, r.path) })
	return copy
}

// hot is a copy that is made while the store works.
func (r *restored) hot() []byte {
	r.t.Helper()
	conn, err := connect(r.path)
	r.must(err)
	defer conn.close()
	to := filepath.Join(r.t.TempDir(), "backup.db")
	_, err = conn.exec("VACUUM INTO ?", to)
	r.must(err)
	return readFile(r.t, to)
}

// put puts a copy in the place of the database.
func (r *restored) put(copy []byte) {
	r.t.Helper()
	r.must(os.WriteFile(r.path, copy, 0o600))
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(r.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			r.must(err)
		}
	}
}

func nothing() {}

const (
	first  = rookery.FirstUIN
	second = rookery.FirstUIN + 1
)

func TestNumbersContinueWithoutAGapAfterAStopInGoodOrder(t *testing.T) {
	r := newRestored(t)
	for range 3 {
		for range 5 {
			if step := r.send(first); step != 1 {
				t.Errorf("there is a gap of %d before %d", step-1, r.given[first])
			}
		}
		r.stop(nothing)
		r.stop(nothing) // one that gives out no number in between
	}
	if r.given[first] != 15 {
		t.Errorf("the latest number is %d", r.given[first])
	}
}

func TestNumbersContinueAboveTheBoundAfterACrash(t *testing.T) {
	r := newRestored(t)
	r.send(first)
	r.crash(nothing)
	r.stop(nothing) // the gap waits for the next number
	if step := r.send(first); step < 2 || step > numbersBlock {
		t.Errorf("the gap is %d", step-1)
	}
	if r.send(second); r.given[second] != r.given[first] {
		t.Errorf("a mailbox continues with %d, another with %d", r.given[second], r.given[first])
	}
	r.stop(nothing)
	if r.send(first) != 1 || r.send(second) != 1 {
		t.Error("there is another gap")
	}
}

func TestNoNumberIsGivenOutTwiceAfterARestore(t *testing.T) {
	for _, tt := range []struct {
		name    string
		restore func(r *restored, cold, hot []byte)
	}{
		{"a copy of a stopped store", func(r *restored, cold, _ []byte) { r.stop(func() { r.put(cold) }) }},
		{"a copy of a store at work", func(r *restored, _, hot []byte) { r.stop(func() { r.put(hot) }) }},
		{"a copy of a stopped store, after a crash", func(r *restored, cold, _ []byte) { r.crash(func() { r.put(cold) }) }},
		{"a copy of a store at work, after a crash", func(r *restored, _, hot []byte) { r.crash(func() { r.put(hot) }) }},
		{"a copy of the same run, after a crash", func(r *restored, _, _ []byte) {
			hot := r.hot()
			r.send(first)
			r.crash(func() { r.put(hot) })
		}},
		{"the same copy twice", func(r *restored, cold, _ []byte) {
			r.stop(func() { r.put(cold) })
			r.send(first)
			r.stop(func() { r.put(cold) })
		}},
		{"the same copy twice, with crashes", func(r *restored, cold, _ []byte) {
			r.crash(func() { r.put(cold) })
			r.send(first)
			r.crash(func() { r.put(cold) })
		}},
		{"a log that lost its end", func(r *restored, _, _ []byte) {
			r.crash(func() { r.must(os.Truncate(r.path+"-wal", int64(len(readFile(r.t, r.path+"-wal"))/2))) })
		}},
		{"no log any more", func(r *restored, _, _ []byte) { r.crash(func() { r.must(os.Remove(r.path + "-wal")) }) }},
		{"a copy without the file, a day later", func(r *restored, cold, _ []byte) {
			r.stop(func() {
				r.put(cold)
				r.must(os.Remove(numbersPath(r.path)))
				r.clock = r.clock.Add(24 * time.Hour)
			})
		}},
		{"a copy with the file damaged", func(r *restored, cold, _ []byte) {
			r.stop(func() {
				r.put(cold)
				r.must(os.WriteFile(numbersPath(r.path), bytes.Repeat([]byte("x"), 1000), 0o600))
			})
		}},
		{"a copy, and a clock that says 1970", func(r *restored, cold, _ []byte) {
			r.stop(func() { r.put(cold); r.clock = time.Unix(0, 0) })
		}},
		{"a copy, and a clock that says 2200", func(r *restored, cold, _ []byte) {
			r.stop(func() { r.put(cold); r.clock = noon.AddDate(174, 0, 0) })
		}},
		{"a new store in the place of the old one", func(r *restored, _, _ []byte) {
			r.stop(func() { r.must(os.Remove(r.path)) })
			addAccounts(r.t, r.Store, 2)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRestored(t)
			r.send(first)
			r.send(second)
			cold := r.cold()
			r.send(first)
			hot := r.hot()
			r.sendMany(first, 2*numbersBlock)
			tt.restore(r, cold, hot)
			r.send(first)
			r.send(second)
			r.stop(nothing)
			if r.send(first) != 1 || r.send(second) != 1 {
				t.Error("there is a second gap")
			}
		})
	}
}

// The steps of a run are written into the store and into the file one after the
// other; a crash may come between any two.
func TestACrashBetweenTheStepsOfARunGivesOutNoNumberTwice(t *testing.T) {
	for _, tt := range []struct {
		name  string
		crash func(r *restored)
	}{
		{"the file says that the run has begun, the store does not", func(r *restored) {
			r.stop(func() {
				r.must((&numberBound{path: numbersPath(r.path)}).save(numbersFile{numberRun{id: 7}, 2 * numbersBlock}))
			})
		}},
		{"the store says that the run was stopped, the file does not", func(r *restored) {
			file, err := readNumbersFile(numbersPath(r.path))
			r.must(err)
			r.stop(func() { r.must((&numberBound{path: numbersPath(r.path)}).save(file)) })
		}},
		{"the file is there and empty", func(r *restored) {
			r.stop(func() { r.must(os.Truncate(numbersPath(r.path), 0)) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRestored(t)
			r.send(first)
			tt.crash(r)
			if step := r.send(first); step == 1 {
				t.Error("there is no gap")
			}
		})
	}
}

// A store of an earlier release has no file. Nothing says that it was not
// restored.
func TestAStoreWithoutAFileContinuesAboveTheSecondsSince2020(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	oldStore(t, path)
	cfg := quick(path)
	cfg.Now = func() time.Time { return noon }
	store := openFor(t, cfg)
	receipt, err := store.Deliver(t.Context(), messages(first, "new"), noon, rookery.RequestKey{})
	if err != nil {
		t.Fatal(err)
	}
	least := noon.Sub(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()
	if n := receipt.Numbers[0]; n <= uint64(least) || n > math.MaxInt32 {
		t.Errorf("the number is %d", n)
	}
}

func TestWhoOnlyReadsWritesNothing(t *testing.T) {
	r := newRestored(t)
	r.send(first)
	r.must(r.Close())
	database, file := readFile(t, r.path), readFile(t, numbersPath(r.path))
	r.open()
	if _, err := r.Account(t.Context(), first); err != nil {
		t.Error(err)
	}
	r.must(r.Close())
	if !bytes.Equal(readFile(t, r.path), database) || !bytes.Equal(readFile(t, numbersPath(r.path)), file) {
		t.Error("something was written")
	}
}

func TestWithoutTheFileNothingIsHandedOut(t *testing.T) {
	r := newRestored(t)
	r.send(first)
	r.stop(nothing)
	file := readFile(t, numbersPath(r.path))
	// What cannot be written, whoever the test runs as.
	r.must(os.Remove(numbersPath(r.path)))
	r.must(os.Mkdir(numbersPath(r.path), 0o700))
	for range 3 {
		_, err := r.Deliver(t.Context(), messages(first, "lost"), noon, markOf(1))
		if rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Fatalf("got error %v", err)
		}
	}
	if _, known, err := r.RequestOutcome(t.Context(), markOf(1)); known || err != nil {
		t.Errorf("the request counts as done, or error %v", err)
	}
	r.must(os.Remove(numbersPath(r.path)))
	r.must(os.WriteFile(numbersPath(r.path), file, 0o600))
	if step := r.send(first); step != 1 {
		t.Errorf("there is a gap of %d", step-1)
	}
	if texts := textsOf(t, r.Store, first); len(texts) != 2 {
		t.Errorf("texts %q", texts)
	}
}

func TestTheFileIsWrittenOnceForManyNumbers(t *testing.T) {
	r := newRestored(t)
	r.send(first)
	before := readFile(t, numbersPath(r.path))
	r.sendMany(first, numbersBlock-1)
	r.sendMany(second, numbersBlock)
	if !bytes.Equal(readFile(t, numbersPath(r.path)), before) {
		t.Error("it was written within a block")
	}
	r.send(first)
	if bytes.Equal(readFile(t, numbersPath(r.path)), before) {
		t.Error("it was not written for the next block")
	}
}

// Whatever happens to a store, in whatever order, no number comes twice.
func TestNoNumberIsGivenOutTwiceWhateverHappens(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRestored(t)
	copies := [][]byte{r.cold()}
	truncate := func() {
		if log := readFile(t, r.path+"-wal"); len(log) > 0 {
			r.must(os.Truncate(r.path+"-wal", rng.Int64N(int64(len(log)))))
		}
	}
	for range 80 {
		for range rng.IntN(30) {
			if step := r.send(first + rookery.UIN(rng.IntN(2))); step > 1 {
				break
			}
		}
		back := func() { r.put(copies[rng.IntN(len(copies))]) }
		switch rng.IntN(9) {
		case 0:
			r.stop(nothing)
		case 1:
			r.crash(nothing)
		case 2:
			r.crash(truncate)
			// The cut may come between the removal of the account and its return.
			if _, err := r.Account(t.Context(), second); rookery.CodeOf(err) == rookery.CodeNoAccount {
				addAccounts(t, r.Store, 1)
			}
		case 3:
			copies = append(copies, r.cold())
		case 4:
			copies = append(copies, r.hot())
		case 5:
			r.stop(back)
		case 6:
			r.crash(back)
		case 7:
			r.stop(func() {
				back()
				if err := os.Remove(numbersPath(r.path)); !errors.Is(err, fs.ErrNotExist) { // before the first number
					r.must(err)
				}
				r.clock = r.clock.Add(48 * time.Hour)
			})
		case 8:
			r.must(r.RemoveAccount(context.Background(), second))
			addAccounts(t, r.Store, 1)
		}
	}
}

// Numbers have gaps: two messages may be far apart, and are two all the same.
func TestNumbersDoNotCountMessages(t *testing.T) {
	r := newRestored(t)
	r.send(first)
	r.crash(nothing)
	if r.send(first) <= historyPage {
		t.Fatal("the gap is too small to prove anything")
	}
	r.must(r.settle(t.Context(), first))
	words, more, err := r.History(t.Context(), first, rookery.HistoryQuery{With: rookery.FirstUIN, Limit: 1})
	if err != nil || len(words) != 1 || !more {
		t.Errorf("got %v, more is %v, error %v", words, more, err)
	}
	// More than a page is listed by conversations first, and these are no page.
	listed, err := r.writer.conn.exists("SELECT 1 FROM conversations")
	if err != nil || listed {
		t.Errorf("they are listed: %v, error %v", listed, err)
	}

	recent := newRecent(1000)
	var letters []numberedEntry
	for _, n := range []uint64{3, 4, 5000, 5001} {
		letters = append(letters, numberedEntry{first, rookery.Entry{Number: n}})
	}
	recent.replace(nil, letters)
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
		for _, entry := range recent.entries(first, tt.after, tt.upTo, tt.limit) {
			got = append(got, entry.Number)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("above %d up to %d: got %d, want %d", tt.after, tt.upTo, got, tt.want)
		}
	}
}

package sqlite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

// newBenchStore opens a store with the program's settings and creates accounts.
func newBenchStore(b *testing.B, accounts int) *Store {
	store, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "rookery.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	err = store.submitWrite(b.Context(), writeRequest{apply: func(batch *writeBatch) error {
		_, err := batch.conn.execute(`INSERT INTO accounts (`+accountColumns+`, credential)
			WITH RECURSIVE uins (uin) AS (VALUES (10001) UNION ALL SELECT uin + 1 FROM uins WHERE uin < 10000 + ?)
			SELECT uin, '', 0, 0, 0, 0, 0, 0, '', '', '', '', '', '', '', '', '', '', '', '', '', 1, 1, 1, 0, 0, 1, 0, '' FROM uins`, accounts)
		return err
	}})
	if err != nil {
		b.Fatal(err)
	}
	return store
}

// cpuTime returns the processor time that the process has used.
func cpuTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// runConcurrently calls f b.N times from concurrent callers and reports the processor time of one
// call.
func runConcurrently(b *testing.B, callers int, f func(i uint64)) {
	var next atomic.Uint64
	var running sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	cpuAtStart := cpuTime()
	for range callers {
		running.Go(func() {
			for i := next.Add(1); i <= uint64(b.N); i = next.Add(1) {
				f(i)
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64((cpuTime()-cpuAtStart).Microseconds())/float64(b.N), "cpu-us/op")
}

const benchText = "shall we meet at six by the old harbour, or is that too late?"

// uniqueKey returns the key of the i-th of 20,000 requests a second.
func uniqueKey(i uint64) rookery.RequestKey {
	key := rookery.RequestKey{
		Owner: rookery.FirstUIN, ReceivedAt: time.Duration(i) * 50 * time.Microsecond, RepeatWindow: 2 * time.Minute,
	}
	binary.LittleEndian.PutUint64(key.Digest[:], rand.Uint64())
	return key
}

func BenchmarkDeliver(b *testing.B) {
	const accounts = 1000
	limit := rookery.BacklogLimit{Messages: 1 << 40, Bytes: 1 << 60} // the backlog is counted, but never reaches this
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			store := newBenchStore(b, accounts)
			runConcurrently(b, callers, func(i uint64) {
				to := rookery.FirstUIN + rookery.UIN(rand.IntN(accounts))
				newEntries := messagesTo(to, benchText)
				newEntries[0].Limit = &limit
				if _, err := store.Deliver(b.Context(), newEntries, noon, uniqueKey(i)); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkDeliverBulk measures deliveries of many entries, as they fill a server before a benchmark.
func BenchmarkDeliverBulk(b *testing.B) {
	const accounts, batchSize = 1000, 500
	store := newBenchStore(b, accounts)
	texts := slices.Repeat([]string{benchText}, batchSize)
	runConcurrently(b, 4, func(i uint64) {
		if _, err := store.Deliver(
			b.Context(), messagesTo(rookery.FirstUIN+rookery.UIN(i%accounts), texts...), noon, rookery.RequestKey{},
		); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N*batchSize)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkSaveCursor(b *testing.B) {
	const accounts = 1000
	store := newBenchStore(b, accounts)
	state := make([]byte, 200)
	runConcurrently(b, 64, func(i uint64) {
		uin, was := rookery.FirstUIN+rookery.UIN(i%accounts), i/accounts
		err := store.SaveCursor(b.Context(), uin, "", was, rookery.Cursor{Number: was + 1, State: state})
		if err != nil && rookery.CodeOf(err) != rookery.CodeConflict { // workers may overtake each other
			b.Error(err)
		}
	})
}

func BenchmarkFindOutcome(b *testing.B) {
	k := newRequestKeys(4_000_000)
	for i := range uint64(1_000_000) {
		k.addKeys([]storedKey{{key: uniqueKey(i)}})
	}
	key := uniqueKey(1_000_000)
	for b.Loop() {
		k.findOutcome(key)
	}
}

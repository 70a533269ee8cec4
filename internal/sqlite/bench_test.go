package sqlite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

func benchStore(b *testing.B, accounts int) *Store {
	s, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "rookery.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	for range accounts {
		// A commit of its own for each would take a while.
		if _, err := s.writer.conn.exec("INSERT INTO accounts SELECT max(a.account) + 1, " +
			"'', 0, 0, 0, 0, 0, 0, '', '', '', '', '', '', '', '', '', '', '', '', '', 0, 1, 1, 0, 0, 1, '' FROM accounts a"); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// perCaller runs f by so many callers at once and reports the processor time
// of one call.
func perCaller(b *testing.B, callers int, f func(i uint64)) {
	var next atomic.Uint64
	b.SetParallelism(max(callers/2, 1)) // times GOMAXPROCS, which is 2 where it matters
	if callers == 1 {
		began := cpu()
		for b.Loop() {
			f(next.Add(1))
		}
		b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N), "cpu-us/op")
		return
	}
	b.ResetTimer()
	began := cpu()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f(next.Add(1))
		}
	})
	b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N), "cpu-us/op")
}

const words = "shall we meet at six by the old harbour, or is that too late?"

func BenchmarkDeliver(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			const accounts = 1000
			s := benchStore(b, accounts)
			b.ReportAllocs()
			perCaller(b, callers, func(i uint64) {
				m := rookery.Mark{Owner: rookery.FirstUIN, At: time.Duration(i) * 50 * time.Microsecond, Window: 2 * time.Minute}
				binary.LittleEndian.PutUint64(m.Digest[:], rand.Uint64())
				to := rookery.FirstUIN + rookery.UIN(rand.IntN(accounts))
				letters := []rookery.Letter{{To: to, Kind: rookery.KindMessage, Peer: rookery.FirstUIN, Text: words}}
				if _, err := s.Deliver(b.Context(), letters, time.Unix(1_700_000_000, 0), m); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

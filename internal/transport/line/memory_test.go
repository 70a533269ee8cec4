package line_test

import (
	"context"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/line"
)

// deepStackHandler needs a large stack to answer.
type deepStackHandler struct{ conn transport.PushConn }

func (d *deepStackHandler) NewStream(conn transport.PushConn) transport.RecordStream {
	return &deepStackHandler{conn}
}
func (d *deepStackHandler) Close() {}
func (d *deepStackHandler) AnswerRecords(_ context.Context, _ *transport.Peer, records [][]byte,
	reply func([]byte) error) {
	growStack(200)
	for range records {
		_ = reply([]byte("VER=1.4&RES=0"))
	}
}

//go:noinline
func growStack(n int) int {
	var stack [8]int
	if n > 0 {
		stack[n%8] = growStack(n - 1)
	}
	return stack[(n+1)%8] + n
}

// BenchmarkIdleLine measures the heap and stack memory of a connection that has had one record
// answered and now is idle. It includes the client's side in the same process: a net.Conn without a
// goroutine.
func BenchmarkIdleLine(b *testing.B) {
	const conns = 2000
	log := slog.New(slog.DiscardHandler)
	s := transport.NewServer(transport.Config{
		Protocol: &transport.ProtocolDetector{Line: line.New(line.Config{Handler: &deepStackHandler{},
			Log: log})}, Log: log,
	})
	l, err := transport.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	for b.Loop() {
		before := currentMemoryUse()
		open := make([]net.Conn, conns)
		for i := range open {
			open[i] = dialAndExchange(b, l.Addr().String())
		}
		heap, stack := currentMemoryUse().minus(before)
		b.ReportMetric(float64(heap)/conns, "heap-B/conn")
		b.ReportMetric(float64(stack)/conns, "stack-B/conn")
		for _, c := range open {
			_ = c.Close()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
	serving.Wait()
}

// dialAndExchange connects and exchanges one record.
func dialAndExchange(b *testing.B, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	if _, err = c.Write([]byte("VER=1.4&CMD=Login\r\n")); err == nil {
		_, err = c.Read(make([]byte, 100))
	}
	if err != nil {
		b.Fatal(err)
	}
	return c
}

type memoryUse struct{ heap, stack uint64 }

func (m memoryUse) minus(o memoryUse) (heap, stack uint64) { return m.heap - o.heap, m.stack - o.stack }

// currentMemoryUse does not collect garbage first, because that would shrink stacks.
func currentMemoryUse() memoryUse {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memoryUse{m.HeapInuse, m.StackInuse}
}

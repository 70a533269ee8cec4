package service_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// A server has many idle clients. What the service stores for one must be much less than its connection
// needs.
func TestIdleConnectionUsesLittleMemory(t *testing.T) {
	const lines, maxBytes = 500, 1200 // bytes for each line
	f := newFixture(t)
	tokens := make([]rookery.Token, lines)
	for i := range tokens {
		uin := rookery.FirstUIN + rookery.UIN(i)
		f.createAccount(rookery.NewAccount(uin, "nick", f.now()))
		var random [rookery.TokenBytes]byte
		binary.BigEndian.PutUint32(random[:], uint32(uin))
		tokens[i] = rookery.NewToken(random)
		f.must(f.store.StartSession(t.Context(),
			rookery.Session{ID: uint64(uin), Account: uin, Device: fmt.Sprint("phone ", i), Address: home,
				Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: f.now(),
				Token: tokens[i].Hash()}, credential()))
	}
	f.Service = nil
	least := uint64(math.MaxUint64)
	for range 3 { // what other goroutines allocate meanwhile can only add to a measurement
		least = min(least, f.measureIdleLines(tokens))
	}
	if got := least / lines; got > maxBytes {
		t.Errorf("an idle line takes %d bytes, want at most %d", got, maxBytes)
	} else {
		t.Logf("an idle line takes %d bytes", got)
	}
}

// measureIdleLines returns how much memory a service takes that has a line for each device session.
func (f *fixture) measureIdleLines(tokens []rookery.Token) uint64 {
	f.Helper()
	before := heapBytes()
	svc := service.New(service.Config{Store: f.store, Now: f.now, Passwords: newPasswords(f.now)})
	f.must(svc.LoadSessions(f.Context()))
	for i, token := range tokens {
		session, err := svc.AuthenticateSession(f.Context(), rookery.FirstUIN+rookery.UIN(i),
			service.Caller{Token: token})
		f.must(err)
		subscription, err := svc.Subscribe(f.Context(), session, discardSink{})
		f.must(err)
		subscription.RecordReceived(f.now())
	}
	after := heapBytes()
	runtime.KeepAlive(svc)
	return max(after, before) - before
}

// discardSink is a PushSink that discards events.
type discardSink struct{}

func (discardSink) Push(uint64, rookery.Event) error { return nil }
func (discardSink) Framed() bool                     { return false }
func (discardSink) Close()                           {}

// heapBytes returns the heap in use.
func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

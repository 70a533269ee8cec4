package service_test

import (
	"encoding/binary"
	"fmt"
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
	before := heapBytes()
	f.Service = nil
	svc := service.New(service.Config{Store: f.store, Now: f.now, Passwords: newPasswords(f.now)})
	f.must(svc.LoadSessions(t.Context()))
	for i, token := range tokens {
		session, err := svc.AuthenticateSession(t.Context(), rookery.FirstUIN+rookery.UIN(i),
			service.Caller{Token: token})
		f.must(err)
		subscription, err := svc.Subscribe(t.Context(), session, discardSink{})
		f.must(err)
		subscription.RecordReceived(f.now())
	}
	if got := (heapBytes() - before) / lines; got > maxBytes {
		t.Errorf("an idle line takes %d bytes, want at most %d", got, maxBytes)
	} else {
		t.Logf("an idle line takes %d bytes", got)
	}
	runtime.KeepAlive(svc)
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

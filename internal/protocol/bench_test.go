package protocol_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
)

// setUpLoggedIn returns a handler with a real store, where the accounts from 10001 to 10000+n are
// logged in from one address.
func setUpLoggedIn(b *testing.B, n int) (*protocol.Handler, *transport.Peer) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "store.db"), Log: discardLog})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	svc := service.New(service.Config{Store: store, Now: time.Now})
	peer := &transport.Peer{Addr: netip.MustParseAddr("192.0.2.1")}
	proof := auth.ProofOf("123456")
	for i := range n {
		account := rookery.NewAccount(rookery.FirstUIN+rookery.UIN(i), fmt.Sprint(i), time.Now())
		if _, err := store.CreateAccount(b.Context(), account, credential("123456")); err != nil {
			b.Fatal(err)
		}
		if _, _, err := svc.SignIn(b.Context(), service.SignInRequest{UIN: account.UIN, Proof: &proof,
			Address: peer.Addr}); err != nil {
			b.Fatal(err)
		}
	}
	return protocol.New(svc, discardLog), peer
}

func BenchmarkIdlePoll(b *testing.B) {
	handler, peer := setUpLoggedIn(b, 1)
	record := []byte("VER=1.1&CMD=GetMsgEx&SEQ=1000000000&UIN=10001")
	at := len("VER=1.1&CMD=GetMsgEx&SEQ=")
	var dst []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		strconv.AppendInt(record[:at], int64(1000000000+i), 10)
		dst = handler.AppendAnswer(b.Context(), peer, record, dst[:0])
	}
}

func BenchmarkSend(b *testing.B) {
	handler, peer := setUpLoggedIn(b, 16)
	var seq atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var record, dst []byte
		for pb.Next() {
			n := seq.Add(1)
			record = fmt.Appendf(record[:0], "VER=1.1&CMD=CLTMSG&SEQ=%d&UIN=%d&UN=%d&MG=hello there", 1000000000+n,
				10001+n%16, 10001+(n+1)%16)
			dst = handler.AppendAnswer(b.Context(), peer, record, dst[:0])
		}
	})
}

package httppost_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
)

// A poll, and its answer if there are no messages.
const (
	pollRecord = "VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002"
	pollAnswer = "VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=0&MT=&UN=&MG="
)

// BenchmarkKeepAlive measures a client that polls on one connection; client and server together.
func BenchmarkKeepAlive(b *testing.B) {
	request := []byte(buildPost(pollRecord, "Host: 127.0.0.1:8000", "Content-Type: text/plain; charset=UTF-8",
		"User-Agent: bench"))
	benchmarkServers(b, func(b *testing.B, address string) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		in := make([]byte, 4096)
		for b.Loop() {
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			if _, err := conn.Read(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkConnectionPerRequest measures a client that connects for each poll and reads until the
// server closes.
func BenchmarkConnectionPerRequest(b *testing.B) {
	request := []byte(buildPost(pollRecord, "Host: 127.0.0.1:8000", "Content-Type: text/plain; charset=UTF-8",
		"Connection: close"))
	benchmarkServers(b, func(b *testing.B, address string) {
		for b.Loop() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); err != nil {
				b.Fatal(err)
			}
			_ = conn.Close()
		}
	})
}

// benchmarkServers runs a client against this package and, for comparison, against a minimal
// net/http handler that reads the body and answers as many bytes.
func benchmarkServers(b *testing.B, client func(b *testing.B, address string)) {
	b.Run("rookery", func(b *testing.B) {
		b.ReportAllocs()
		client(b, startOnLoopback(b, httppost.Config{Handler: handlerFunc(func(_ context.Context, _ *transport.Peer, _,
			dst []byte) []byte {
			return append(dst, pollAnswer...)
		})}))
	})
	b.Run("net-http", func(b *testing.B) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, pollAnswer)
		})}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		b.ReportAllocs()
		client(b, listener.Addr().String())
	})
}

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

// BenchmarkKeepAlive measures one client that polls on one connection: client
// and server together. The floor is a bare net/http handler that reads the
// body and answers as much.
func BenchmarkKeepAlive(b *testing.B) {
	answer := "VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=0&MT=&UN=&MG="
	request := "POST / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
		"User-Agent: bench\r\nContent-Length: 39\r\n\r\nVER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002"

	b.Run("rookery", func(b *testing.B) {
		poll(b, listen(b, httppost.Config{Handler: handlerFunc(func(_ context.Context, _ *transport.Peer, _, dst []byte) []byte {
			return append(dst, answer...)
		})}), request)
	})
	b.Run("net-http", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, answer)
		})}
		go func() { _ = s.Serve(l) }()
		defer s.Close()
		poll(b, l.Addr().String(), request)
	})
}

// poll sends the request b.N times, and waits for each answer.
func poll(b *testing.B, address, request string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	in, out := make([]byte, 4096), []byte(request)
	for b.Loop() {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(in); err != nil {
			b.Fatal(err)
		}
	}
}

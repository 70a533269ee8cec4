package client

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitingForASlowWriteEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // unbuffered: a write waits for the reader
		messenger := &Client{options: options{logger: slog.New(slog.DiscardHandler),
			timeouts: timeouts{answerTimeout: time.Hour}}}
		streamConn := messenger.newStreamConn(&lineConn{conn: near, reader: bufio.NewReader(near)})
		defer messenger.goroutines.Wait()
		defer far.Close()

		type result struct {
			reached bool
			err     error
		}
		ask := func(ctx context.Context, seq string) <-chan result {
			done := make(chan result, 1)
			go func() {
				_, reached, err := streamConn.roundTrip(ctx, seq, []byte("VER=1.4&CMD=List&SEQ="+seq))
				done <- result{reached, err}
			}()
			synctest.Wait()
			return done
		}
		first := ask(t.Context(), "1") // its write blocks
		ctx, leave := context.WithCancel(t.Context())
		second := ask(ctx, "2")
		leave()
		synctest.Wait()
		select {
		case r := <-second:
			if !errors.Is(r.err, context.Canceled) || r.reached {
				t.Errorf("who has left got %v, reached %v", r.err, r.reached)
			}
		default:
			t.Error("who has left still waits for the write of another")
		}
		if isClosed(streamConn) {
			t.Error("the link has broken")
		}

		in := bufio.NewReader(far)
		if got, _ := in.ReadString('\n'); got != "VER=1.4&CMD=List&SEQ=1\n" {
			t.Errorf("written is %q", got)
		}
		if _, err := far.Write([]byte("VER=1.4&CMD=List&SEQ=1&UIN=10001&RES=0\r\n")); err != nil {
			t.Fatal(err)
		}
		if r := <-first; r.err != nil {
			t.Errorf("the first request: %v", r.err)
		}
	})
}

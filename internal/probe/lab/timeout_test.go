package lab_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/lab"
)

// dialSilentServer connects to a server that reads and never answers.
func dialSilentServer(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	return near, nil
}

// dialAbsentServer blocks until ctx ends, like a host that drops packets.
func dialAbsentServer(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCheckReachableReportsAnAbsentServer(t *testing.T) {
	t.Parallel()
	file := parseFile(t, controlURLs)
	synctest.Test(t, func(t *testing.T) {
		b := newTestLab(t, file, "http://127.0.0.1/", func(config *lab.Config) { config.Dial = dialAbsentServer })
		began := time.Now()
		if err := b.CheckReachable(t.Context()); !errors.Is(err, lab.ErrUnreachable) ||
			!strings.Contains(err.Error(), "is it running") {
			t.Errorf("got the error %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRunStopsAtASilentServer(t *testing.T) {
	t.Parallel()
	for _, more := range []string{controlURLs, "limits: {rate: 0}\nreset: commands"} {
		file := parseFile(t, more)
		synctest.Test(t, func(t *testing.T) {
			b := newTestLab(t, file, "http://127.0.0.1/", func(config *lab.Config) { config.Dial = dialSilentServer })
			began := time.Now()
			_, err := b.Run(t.Context(), b.parseSteps("a Login"), 0)
			if stopped := new(lab.StoppedError); !errors.As(err, &stopped) || !b.Broken() {
				t.Errorf("got the error %v", err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// measureTenRuns makes an experiment ten times in virtual time on a server that delays each answer
// by delay, or never answers if delay is negative. It returns the total time and the last trace.
func measureTenRuns(
	t *testing.T,
	delay func(record string, count int) time.Duration,
	lines ...string,
) (took time.Duration, last *lab.Trace) {
	t.Helper()
	file := parseFile(t, controlURLs)
	synctest.Test(t, func(t *testing.T) {
		var requests atomic.Int64
		l := newPipeListener()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			record, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/" {
				duration := delay(string(record), int(requests.Add(1))-1)
				if duration < 0 {
					<-r.Context().Done()
					return
				}
				time.Sleep(duration) // of virtual time
			}
			io.WriteString(w, "RES=0&RS=0")
		})}
		go srv.Serve(l)
		defer srv.Close()
		b := newTestLab(t, file, "http://127.0.0.1/", func(config *lab.Config) { config.Dial = l.dial })
		began := time.Now()
		for range 10 {
			last = b.mustRun(lines...)
		}
		took = time.Since(began)
	})
	return took, last
}

// One request in twenty is lost. Each must cost far less than the timeout of ten seconds.
func TestLostRequestCostsNoFullTimeout(t *testing.T) {
	t.Parallel()
	took, last := measureTenRuns(t, func(_ string, count int) time.Duration {
		if count > 10 && count%20 == 0 {
			return -1
		}
		return time.Millisecond
	}, "a Login", "a List", "a List", "a List", "a Logout")
	if took > 12*time.Second {
		t.Errorf("fifty requests took %v, want at most 12s", took)
	}
	if last.Answers[4].Lost {
		t.Error("the last answer counts as lost")
	}
}

func TestSlowAnswerIsNotLost(t *testing.T) {
	t.Parallel()
	_, last := measureTenRuns(t, func(record string, count int) time.Duration {
		if strings.Contains(record, "CMD=List") {
			return 8 * time.Second
		}
		return time.Millisecond
	}, "a Login", "a Login", "a Login", "a Login", "a Login", "a Login", "a Login", "a Login", "a Login", "a List")
	if last.Answers[9].Lost {
		t.Error("an answer that takes 8 s counts as lost")
	}
	_, last = measureTenRuns(t, func(string, int) time.Duration { return 3500 * time.Millisecond }, "a Login", "a List")
	if last.Answers[0].Lost || last.Answers[1].Lost {
		t.Error("answers that take 3.5 s count as lost")
	}
}

// pipeListener accepts in-memory connections.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	l.connections <- far
	return near, nil
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.connections:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/transcript"
)

// TestTranscripts plays the corpus against the whole server over TCP.
func TestTranscripts(t *testing.T) {
	scripts, err := transcript.Load("../../testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			w := &transcriptServer{t: t}
			if err := transcript.Replay(t.Context(), script, w); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTranscriptsOfLinesOverWebSocket plays what is said on lines over
// WebSocket: the records are the same.
func TestTranscriptsOfLinesOverWebSocket(t *testing.T) {
	scripts, err := transcript.Load("../../testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if !script.UsesStreams() || script.NeedsSocket() || script.Name == "push-pacing.txt" {
			continue // what a line alone has
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			w := &webSocketServer{transcriptServer{t: t}}
			if err := transcript.Replay(t.Context(), script, w); err != nil {
				t.Error(err)
			}
		})
	}
}

// transcriptServer is a server with what a script sets up around it. It starts when the
// script's settings are known.
type transcriptServer struct {
	*testServer
	t      *testing.T
	serve  cobra.Command
	flags  serveFlags
	config serverConfig
}

func (w *transcriptServer) startedServer() *testServer {
	if w.testServer == nil {
		w.testServer = newTestServer(w.t, w.config)
	}
	return w.testServer
}

// ApplySetting takes a flag of serve, as its command line does.
func (w *transcriptServer) ApplySetting(name, value string) error {
	serveFlags := &w.flags
	if serveFlags.data == nil {
		serveFlags.addTo(&w.serve)
	}
	if err := w.serve.Flags().Set(name, value); err != nil {
		return err
	}
	var err error
	w.config, err = serveFlags.newConfig(io.Discard)
	w.config.dataDir = "" // not the default
	return err
}

// credential hashes a password for less than the server would: what a stored
// hash costs to check stands in itself.
func credential(password string) rookery.Credential {
	return auth.HashProof(auth.ProofOf(password), auth.TestCost)
}

func (w *transcriptServer) CreateAccount(uin uint32, password string, fields []transcript.AccountField) error {
	s := w.startedServer()
	account := rookery.NewAccount(rookery.UIN(uin), "", s.clock.now())
	if _, err := s.store.CreateAccount(w.t.Context(), account, credential(password)); err != nil {
		return err
	}
	return w.ChangeAccount(uin, fields)
}

func (w *transcriptServer) ChangeAccount(uin uint32, fields []transcript.AccountField) error {
	if len(fields) == 0 {
		return nil
	}
	settings := make(control.Settings)
	for _, f := range fields {
		settings[f.Name] = f.Value
	}
	_, err := w.startedServer().operator().ChangeAccount(w.t.Context(), rookery.UIN(uin), settings)
	return err
}

func (w *transcriptServer) Befriend(a, b uint32) error {
	return w.startedServer().service.Befriend(w.t.Context(), rookery.UIN(a), rookery.UIN(b))
}

func (w *transcriptServer) SendNotice(to []uint32, text string) error {
	operator := w.startedServer().operator()
	var uins []rookery.UIN
	for _, uin := range to {
		uins = append(uins, rookery.UIN(uin))
	}
	if len(to) > 0 {
		return operator.SendNotice(w.t.Context(), text, uins)
	}
	_, err := sendNoticeToPage(w.t.Context(), operator, text, rookery.System)
	return err
}

func (w *transcriptServer) RemoveAccount(uin uint32) error {
	return w.startedServer().operator().RemoveAccount(w.t.Context(), rookery.UIN(uin))
}

func (w *transcriptServer) SetPassword(uin uint32, password string) error {
	_, err := w.startedServer().operator().SetPassword(w.t.Context(), rookery.UIN(uin), password)
	return err
}

func (w *transcriptServer) Restart(down time.Duration) error {
	w.startedServer().restart(down)
	return nil
}

func (w *transcriptServer) AdvanceClock(d time.Duration) error {
	settle()
	w.startedServer().wait(d)
	return nil
}

// settle waits until no push and no answer is in progress. A record that a client has already received may not be
// recorded as written yet, and the clock must not advance before that. The names are those in goroutine stacks.
func settle() {
	stacks := make([]byte, 1<<20)
	for {
		all := stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(all, []byte("service.(*backgroundTasks).runRegistered(")) &&
			!bytes.Contains(all, []byte("protocol.(*recordStream).AnswerRecords(")) {
			return
		}
		runtime.Gosched()
	}
}

func (w *transcriptServer) Now() time.Time { return w.startedServer().clock.now() }

func (w *transcriptServer) OpenStream(ctx context.Context, from netip.Addr) (transcript.Stream, error) {
	conn, err := w.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return transcript.NewSocketStream(conn), nil
}

func (w *transcriptServer) Dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	return transcript.DialFrom(ctx, from, w.startedServer().addr())
}

func (w *transcriptServer) Post(ctx context.Context, from netip.Addr, r transcript.Request) ([]byte, error) {
	conn, err := w.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return transcript.Post(ctx, conn, r)
}

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

// TestTranscripts replays all transcripts against the whole server over TCP.
func TestTranscripts(t *testing.T) {
	scripts, err := transcript.Load("../../testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			s := &transcriptServer{t: t}
			if err := transcript.Replay(t.Context(), script, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTranscriptsOfLinesOverWebSocket replays transcripts of lines on WebSockets, which
// carry the same records.
func TestTranscriptsOfLinesOverWebSocket(t *testing.T) {
	scripts, err := transcript.Load("../../testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if !script.UsesStreams() || script.NeedsSocket() || script.Name == "push-pacing.txt" {
			continue // uses no lines, or features that WebSockets lack
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			s := &webSocketServer{transcriptServer{t: t}}
			if err := transcript.Replay(t.Context(), script, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// transcriptServer does the steps of a transcript with a testServer. It starts the server
// at the first step that is not a setting.
type transcriptServer struct {
	*testServer
	t      *testing.T
	serve  cobra.Command
	flags  serveFlags
	config serverConfig
}

func (s *transcriptServer) startedServer() *testServer {
	if s.testServer == nil {
		s.testServer = newTestServer(s.t, s.config)
	}
	return s.testServer
}

// ApplySetting sets a flag of serve.
func (s *transcriptServer) ApplySetting(name, value string) error {
	if s.flags.data == nil {
		s.flags.addTo(&s.serve)
	}
	if err := s.serve.Flags().Set(name, value); err != nil {
		return err
	}
	var err error
	s.config, err = s.flags.newConfig(io.Discard)
	s.config.dataDir = "" // newTestServer chooses it
	return err
}

// credential hashes a password with a lower cost than the server does. A hash contains
// its cost, so checking it is cheap, too.
func credential(password string) rookery.Credential {
	return auth.HashProof(auth.ProofOf(password), auth.TestCost)
}

func (s *transcriptServer) CreateAccount(uin uint32, password string, fields []transcript.AccountField) error {
	server := s.startedServer()
	account := rookery.NewAccount(rookery.UIN(uin), "", server.clock.now())
	if _, err := server.store.CreateAccount(s.t.Context(), account, credential(password)); err != nil {
		return err
	}
	return s.ChangeAccount(uin, fields)
}

func (s *transcriptServer) ChangeAccount(uin uint32, fields []transcript.AccountField) error {
	if len(fields) == 0 {
		return nil
	}
	settings := make(control.Settings)
	for _, f := range fields {
		settings[f.Name] = f.Value
	}
	_, err := s.startedServer().operator().ChangeAccount(s.t.Context(), rookery.UIN(uin), settings)
	return err
}

func (s *transcriptServer) Befriend(a, b uint32) error {
	return s.startedServer().service.Befriend(s.t.Context(), rookery.UIN(a), rookery.UIN(b))
}

func (s *transcriptServer) SendNotice(to []uint32, text string) error {
	operator := s.startedServer().operator()
	var uins []rookery.UIN
	for _, uin := range to {
		uins = append(uins, rookery.UIN(uin))
	}
	if len(to) > 0 {
		return operator.SendNotice(s.t.Context(), text, uins)
	}
	_, err := sendNoticeToPage(s.t.Context(), operator, text, rookery.System)
	return err
}

func (s *transcriptServer) RemoveAccount(uin uint32) error {
	return s.startedServer().operator().RemoveAccount(s.t.Context(), rookery.UIN(uin))
}

func (s *transcriptServer) SetPassword(uin uint32, password string) error {
	_, err := s.startedServer().operator().SetPassword(s.t.Context(), rookery.UIN(uin), password)
	return err
}

func (s *transcriptServer) Restart(down time.Duration) error {
	s.startedServer().restart(down)
	return nil
}

func (s *transcriptServer) AdvanceClock(d time.Duration) error {
	waitForPushes()
	s.startedServer().wait(d)
	return nil
}

// waitForPushes waits until no push and no answer is in progress. A record that a client has already received may not
// be recorded as written yet, and the clock must not advance before that. The names are those in goroutine stacks.
func waitForPushes() {
	buf := make([]byte, 1<<20)
	for {
		stacks := buf[:runtime.Stack(buf, true)]
		if !bytes.Contains(stacks, []byte("service.(*backgroundTasks).runRegistered(")) &&
			!bytes.Contains(stacks, []byte("protocol.(*recordStream).AnswerRecords(")) {
			return
		}
		runtime.Gosched()
	}
}

func (s *transcriptServer) Now() time.Time { return s.startedServer().clock.now() }

func (s *transcriptServer) OpenStream(ctx context.Context, from netip.Addr) (transcript.Stream, error) {
	conn, err := s.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return transcript.NewSocketStream(conn), nil
}

func (s *transcriptServer) Dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	return transcript.DialFrom(ctx, from, s.startedServer().addr())
}

func (s *transcriptServer) Post(ctx context.Context, from netip.Addr, r transcript.Request) ([]byte, error) {
	conn, err := s.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return transcript.Post(ctx, conn, r)
}

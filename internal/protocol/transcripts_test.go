package protocol_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transcript"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

const transcriptDir = "../../testdata/transcripts"

func loadScripts(t *testing.T) []*transcript.Script {
	t.Helper()
	all, err := transcript.Load(transcriptDir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTranscripts replays the transcripts without sockets. Those about HTTP itself are replayed
// against the whole server in cmd/rookery.
func TestTranscripts(t *testing.T) {
	for _, script := range loadScripts(t) {
		if script.NeedsSocket() {
			continue
		}
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			// synctest.Wait returns when everything that is pushed has arrived.
			synctest.Test(t, func(t *testing.T) {
				env := &testEnv{t: t, path: path, clock: newClock(time.Unix(1218196800, 0))}
				env.start()
				defer env.stop()
				if err := transcript.Replay(t.Context(), script, env); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The test parses each answer in the transcripts and formats it again.
func TestAnswersSurviveParsingAndFormatting(t *testing.T) {
	for _, script := range loadScripts(t) {
		for step, x := range script.Exchanges() {
			if bytes.Contains(x.Answer, []byte("*")) || !bytes.HasPrefix(x.Answer, []byte("VER=")) {
				continue // a pattern, or NULL
			}
			var r wire.Record
			r.ParseAnswer(x.Answer)
			var again []byte
			for _, p := range r.Pairs() {
				again = wire.AppendText(again, wire.FormHTTP, string(p.Key), "")
				if elements := wire.SplitList(p.Value); bytes.HasSuffix(p.Value, []byte(",")) {
					for _, e := range elements {
						again = wire.AppendElement(again, wire.FormHTTP, string(wire.Unescape(nil, e)))
					}
				} else {
					again = wire.AppendText(again[:len(again)-len(p.Key)-2], wire.FormHTTP, string(p.Key),
						string(wire.Unescape(nil, p.Value)))
				}
			}
			if got := again[1:]; !bytes.Equal(got, x.Answer) {
				t.Errorf("%s:%d: formatted again, the answer is\n\t%q, want\n\t%q",
					script.Name, step.Line, got, x.Answer)
			}
		}
	}
}

// testEnv is a handler with a real store and a clock that the script moves.
type testEnv struct {
	t     *testing.T
	path  string
	clock *manualClock
	store *sqlite.Store
	// wrapStore, if set, wraps the store for the service.
	wrapStore func(service.Store) service.Store
	service   *service.Service
	operator  *control.Operator
	handler   *protocol.Handler
	lines     []*lineClient
}

var discardLog = slog.New(slog.DiscardHandler)

func (w *testEnv) start() {
	w.t.Helper()
	var err error
	if w.store, err = sqlite.Open(w.t.Context(), sqlite.Config{Path: w.path, Log: discardLog}); err != nil {
		w.t.Fatal(err)
	}
	var store service.Store = w.store
	if w.wrapStore != nil {
		store = w.wrapStore(store)
	}
	w.service = service.New(service.Config{
		Store: store, Now: w.clock.now, AfterFunc: w.clock.afterFunc, Log: discardLog,
		Passwords: auth.New(auth.Config{Cost: auth.TestCost, Now: w.clock.now}),
	})
	if err := w.service.LoadSessions(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.operator = control.NewOperator(w.service)
	w.handler = protocol.New(w.service, discardLog)
}

// stop closes the connections, the service and the store.
func (w *testEnv) stop() {
	w.t.Helper()
	for _, l := range w.lines {
		_ = l.Close()
	}
	w.lines = nil
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.service.Run(ended); err != nil {
		w.t.Error(err)
	}
	w.service.Close(context.Background())
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func credential(password string) rookery.Credential {
	return auth.HashProof(auth.ProofOf(password), auth.TestCost)
}

func (w *testEnv) CreateAccount(uin uint32, password string, fields []transcript.AccountField) error {
	_, err := w.store.CreateAccount(w.t.Context(), rookery.NewAccount(rookery.UIN(uin), "", w.clock.now()),
		credential(password))
	if err != nil {
		return err
	}
	return w.ChangeAccount(uin, fields)
}

func (w *testEnv) ChangeAccount(uin uint32, fields []transcript.AccountField) error {
	settings := control.Settings{}
	for _, f := range fields {
		settings[f.Name] = f.Value
	}
	if len(settings) == 0 {
		return nil
	}
	_, err := w.operator.ChangeAccount(w.t.Context(), rookery.UIN(uin), settings)
	return err
}

func (w *testEnv) Befriend(a, b uint32) error {
	return w.service.Befriend(w.t.Context(), rookery.UIN(a), rookery.UIN(b))
}

func (w *testEnv) SendNotice(to []uint32, text string) error {
	var uins []rookery.UIN
	for _, uin := range to {
		uins = append(uins, rookery.UIN(uin))
	}
	if len(to) == 0 {
		all, err := w.service.AccountsAfter(w.t.Context(), rookery.System, 10_000)
		if err != nil {
			return err
		}
		for _, a := range all {
			uins = append(uins, a.UIN)
		}
	}
	return w.service.SendSystemMessage(w.t.Context(), text, uins)
}

func (w *testEnv) RemoveAccount(uin uint32) error {
	return w.service.RemoveAccount(w.t.Context(), rookery.UIN(uin))
}

func (w *testEnv) SetPassword(uin uint32, password string) error {
	return w.service.SetPassword(w.t.Context(), rookery.UIN(uin), password)
}

func (w *testEnv) Restart(down time.Duration) error {
	w.stop()
	w.clock.advance(down, nil)
	w.start()
	return nil
}

func (w *testEnv) AdvanceClock(d time.Duration) error {
	synctest.Wait() // let earlier work see the time before
	w.clock.advance(d, synctest.Wait)
	w.service.Tick(w.t.Context())
	return nil
}

func (w *testEnv) Now() time.Time { return w.clock.now() }

func (w *testEnv) Post(ctx context.Context, from netip.Addr, r transcript.Request) ([]byte, error) {
	peer := &transport.Peer{Addr: from, Charset: wire.ParseContentType([]byte("text/plain; charset=" + r.Charset))}
	return w.handler.AppendAnswer(ctx, peer, r.Record, nil), nil
}

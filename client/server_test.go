package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/internal/transport/websocket"
)

const password = "correct horse"

// credential is one for all accounts: hashing is slow on purpose.
var credential = sync.OnceValue(func() rookery.Credential {
	return service.HashProof(service.ProofOf(password), service.MinPasswordCost)
})

var discardLogger = slog.New(slog.DiscardHandler)

// testServer is a real server in this process: the store, the service, the protocol
// and the ways in.
type testServer struct {
	testing.TB
	databasePath string
	// address is where it listens, the same after a restart.
	address string

	mu          sync.Mutex // guards offset
	clockOffset time.Duration

	store           *sqlite.Store
	service         *service.Service
	transportServer *transport.Server
	cancel          context.CancelFunc
	stopped         chan struct{}
}

func newTestServer(t testing.TB, accounts ...rookery.UIN) *testServer {
	t.Helper()
	h := &testServer{TB: t, databasePath: filepath.Join(t.TempDir(), "store.db"), address: "127.0.0.1:0"}
	h.start()
	t.Cleanup(h.stop)
	for _, uin := range accounts {
		a := rookery.NewAccount(uin, "nick "+uin.String(), h.now())
		if _, err := h.store.CreateAccount(t.Context(), a, credential()); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// now is the server's clock: the real one, moved by the test.
func (h *testServer) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.clockOffset)
}

func (h *testServer) moveClock(d time.Duration) {
	h.mu.Lock()
	h.clockOffset += d
	h.mu.Unlock()
	h.service.Tick(h.Context())
}

func (h *testServer) start() {
	h.Helper()
	ctx := context.Background() // the test's ends before its cleanup
	var err error
	if h.store, err = sqlite.Open(ctx, sqlite.Config{Path: h.databasePath, Log: discardLogger}); err != nil {
		h.Fatal(err)
	}
	if h.service, err = service.New(service.Config{Store: h.store, Now: h.now, Log: discardLogger}); err != nil {
		h.Fatal(err)
	}
	if err := h.service.LoadSessions(ctx); err != nil {
		h.Fatal(err)
	}
	handler := protocol.New(h.service, discardLogger)
	sockets := http.NewServeMux()
	sockets.Handle("/ws", websocket.New(websocket.Config{Handler: handler, Log: discardLogger}))
	h.transportServer = transport.NewServer(transport.Config{
		Protocol: &transport.ProtocolDetector{
			HTTP: httppost.New(httppost.Config{Handler: handler, Pages: sockets, Log: discardLogger}),
			Line: line.New(line.Config{Handler: handler, Log: discardLogger}),
		},
		Log: discardLogger,
	})
	l, err := net.Listen("tcp", h.address)
	if err != nil {
		h.Fatal(err)
	}
	h.address = l.Addr().String()
	running, end := context.WithCancel(ctx)
	h.cancel, h.stopped = end, make(chan struct{})
	go func() {
		defer close(h.stopped)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := h.transportServer.Serve(l); err != nil {
				h.Error(err)
			}
		})
		wg.Go(func() {
			if err := h.service.Run(running); err != nil {
				h.Error(err)
			}
		})
		wg.Wait()
	}()
}

func (h *testServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.transportServer.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		h.Error(err)
	}
	h.cancel()
	<-h.stopped
	if err := h.store.Close(); err != nil {
		h.Error(err)
	}
}

func (h *testServer) restart() {
	h.stop()
	h.start()
}

func (h *testServer) befriend(a, b rookery.UIN) {
	h.Helper()
	if err := h.service.Befriend(h.Context(), a, b); err != nil {
		h.Fatal(err)
	}
}

// dial signs in over a way, which is a scheme, and closes the client in the end.
func (h *testServer) dial(way string, uin rookery.UIN, opts ...client.Option) *client.Client {
	h.Helper()
	return h.dialAt(way, h.address, uin, opts...)
}

func (h *testServer) dialAt(way, addr string, uin rookery.UIN, opts ...client.Option) *client.Client {
	h.Helper()
	opts = append([]client.Option{client.Password(password), client.ShortRetryDelays(), client.PollInterval(5 * time.Millisecond)}, opts...)
	messenger, err := client.Dial(h.Context(), way+"://"+uin.String()+"@"+addr, opts...)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { messenger.Close() })
	return messenger
}

// storedEntries returns the mailbox of an account from the first on, as the store has it.
func (h *testServer) storedEntries(uin rookery.UIN) []rookery.Entry {
	h.Helper()
	all, err := h.store.Entries(h.Context(), uin, 0, 1<<62, 1<<20)
	if err != nil {
		h.Fatal(err)
	}
	return all
}

// storedTexts are those of an account's messages in the store.
func (h *testServer) storedTexts(uin rookery.UIN) []string {
	h.Helper()
	var texts []string
	for _, e := range h.storedEntries(uin) {
		if e.Kind == rookery.KindMessage {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// sendDirectly puts messages into a mailbox as an account would, without a client.
func (h *testServer) sendDirectly(from, to rookery.UIN, texts ...string) {
	h.Helper()
	asker := service.Caller{Address: netip.MustParseAddr("192.0.2.77")}
	proof := service.ProofOf(password)
	se, _, err := h.service.SignIn(h.Context(), service.SignInRequest{UIN: from, Proof: &proof, Address: asker.Address})
	if err != nil {
		h.Fatal(err)
	}
	for _, text := range texts {
		if err := h.service.Send(h.Context(), se, to, text, rookery.RequestKey{}); err != nil {
			h.Fatal(err)
		}
	}
}

// receive returns the next n messages of a client, of every kind.
func receive(t testing.TB, messenger *client.Client, n int) []client.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []client.Message
	for event := range messenger.Events(ctx) {
		message, ok := event.(client.Message)
		if !ok {
			continue
		}
		if got = append(got, message); len(got) >= n {
			cancel() // and the loop comes back, so that the last one counts as received
		}
	}
	if len(got) != n {
		t.Fatalf("%d messages arrived, %d are expected: %v; state %+v", len(got), n, got, messenger.State())
	}
	return got
}

func textsOf(messages []client.Message) []string {
	var texts []string
	for _, message := range messages {
		texts = append(texts, message.Text)
	}
	return texts
}

func expectEqual[E comparable](t testing.TB, what string, got, want []E) {
	t.Helper()
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	if i < max(len(got), len(want)) {
		t.Errorf("%s: got %d, expected %d; from the %dth on\n\t%.200q, expected\n\t%.200q",
			what, len(got), len(want), i+1, fmt.Sprint(got[i:]), fmt.Sprint(want[i:]))
	}
}

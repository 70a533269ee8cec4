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
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/internal/transport/websocket"
)

const password = "correct horse"

// credential is the one that all accounts have.
var credential = sync.OnceValue(func() rookery.Credential {
	return auth.HashProof(auth.ProofOf(password), auth.TestCost)
})

var discardLogger = slog.New(slog.DiscardHandler)

// testServer is a real server in this process: store, service, protocol and transports.
type testServer struct {
	testing.TB
	databasePath string
	// address stays the same after a restart.
	address string

	mu          sync.Mutex // guards clockOffset
	clockOffset time.Duration

	store           *sqlite.Store
	service         *service.Service
	transportServer *transport.Server
	cancel          context.CancelFunc
	stopped         chan struct{}
}

func newTestServer(t testing.TB, accounts ...rookery.UIN) *testServer {
	t.Helper()
	server := &testServer{TB: t, databasePath: filepath.Join(t.TempDir(), "store.db"), address: "127.0.0.1:0"}
	server.start()
	t.Cleanup(server.stop)
	for _, uin := range accounts {
		account := rookery.NewAccount(uin, "nick "+uin.String(), server.now())
		if _, err := server.store.CreateAccount(t.Context(), account, credential()); err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// now is the server's clock: real time plus clockOffset.
func (s *testServer) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.clockOffset)
}

func (s *testServer) moveClock(d time.Duration) {
	s.mu.Lock()
	s.clockOffset += d
	s.mu.Unlock()
	s.service.Tick(s.Context())
}

func (s *testServer) start() {
	s.Helper()
	ctx := context.Background() // the test's context ends before its cleanup
	var err error
	if s.store, err = sqlite.Open(ctx, sqlite.Config{Path: s.databasePath, Log: discardLogger}); err != nil {
		s.Fatal(err)
	}
	s.service = service.New(service.Config{
		Store: s.store, Now: s.now, Log: discardLogger,
		Passwords: auth.New(auth.Config{Cost: auth.TestCost, Now: s.now}),
	})
	if err := s.service.LoadSessions(ctx); err != nil {
		s.Fatal(err)
	}
	handler := protocol.New(s.service, discardLogger)
	sockets := http.NewServeMux()
	sockets.Handle("/ws", websocket.New(websocket.Config{Handler: handler, Log: discardLogger}))
	s.transportServer = transport.NewServer(transport.Config{
		Protocol: &transport.ProtocolDetector{
			HTTP: httppost.New(httppost.Config{Handler: handler, Pages: sockets, Log: discardLogger}),
			Line: line.New(line.Config{Handler: handler, Log: discardLogger}),
		},
		Log: discardLogger,
	})
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	s.address = listener.Addr().String()
	running, end := context.WithCancel(ctx)
	s.cancel, s.stopped = end, make(chan struct{})
	go func() {
		defer close(s.stopped)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.transportServer.Serve(listener); err != nil {
				s.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.service.Run(running); err != nil {
				s.Error(err)
			}
		})
		wg.Wait()
	}()
}

func (s *testServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.transportServer.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.Error(err)
	}
	s.cancel()
	<-s.stopped
	s.service.Close(ctx)
	if err := s.store.Close(); err != nil {
		s.Error(err)
	}
}

func (s *testServer) restart() {
	s.stop()
	s.start()
}

func (s *testServer) befriend(a, b rookery.UIN) {
	s.Helper()
	if err := s.service.Befriend(s.Context(), a, b); err != nil {
		s.Fatal(err)
	}
}

// dial returns a signed-in client over a scheme. The client closes at the end of the test.
func (s *testServer) dial(scheme string, uin rookery.UIN, opts ...client.Option) *client.Client {
	s.Helper()
	return s.dialAt(scheme, s.address, uin, opts...)
}

func (s *testServer) dialAt(scheme, addr string, uin rookery.UIN, opts ...client.Option) *client.Client {
	s.Helper()
	opts = append([]client.Option{client.Password(password), client.ShortRetryDelays(),
		client.PollInterval(5 * time.Millisecond)}, opts...)
	messenger, err := client.Dial(s.Context(), scheme+"://"+uin.String()+"@"+addr, opts...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { messenger.Close() })
	return messenger
}

// storedEntries returns all mailbox entries of an account from the store.
func (s *testServer) storedEntries(uin rookery.UIN) []rookery.Entry {
	s.Helper()
	all, err := s.store.Entries(s.Context(), uin, 0, 1<<62, 1<<20)
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// storedTexts returns the texts of the messages that an account has received.
func (s *testServer) storedTexts(uin rookery.UIN) []string {
	s.Helper()
	var texts []string
	for _, entry := range s.storedEntries(uin) {
		if entry.Kind == rookery.KindMessage {
			texts = append(texts, entry.Text)
		}
	}
	return texts
}

// sendDirectly sends messages through the service, without a client.
func (s *testServer) sendDirectly(from, to rookery.UIN, texts ...string) {
	s.Helper()
	caller := service.Caller{Address: netip.MustParseAddr("192.0.2.77")}
	proof := auth.ProofOf(password)
	se, _, err := s.service.SignIn(s.Context(), service.SignInRequest{UIN: from, Proof: &proof,
		Address: caller.Address})
	if err != nil {
		s.Fatal(err)
	}
	for _, text := range texts {
		if err := s.service.Send(s.Context(), se, to, text, rookery.RequestKey{}); err != nil {
			s.Fatal(err)
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
			cancel() // the loop continues once, so that the last message counts as received
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

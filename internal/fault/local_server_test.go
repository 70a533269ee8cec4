package fault

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
)

// storeName is the database in the data directory of the program that users
// run.
const storeName = "rookery.db"

// numbersName is the file beside it for the numbers of messages.
const numbersName = "rookery.numbers"

// serverFlaw is a deliberate fault of a server.
type serverFlaw string

const (
	flawless serverFlaw = "nothing"
	// answersBeforeSync answers a sender before the message is durable.
	answersBeforeSync serverFlaw = "answers before the sync"
	// collectsBeforeSync hands out a batch before it is durable that it did.
	collectsBeforeSync serverFlaw = "hands out before the sync"
	// neverSyncs leaves syncing to the operating system.
	neverSyncs serverFlaw = "synchronous=OFF"
	// forgetsSEQs remembers no SEQ.
	forgetsSEQs serverFlaw = "forgets SEQs"
)

// localServer is a store, service and protocol on one data directory, without the rookery program.
type localServer struct {
	store   *sqlite.Store
	service *service.Service
	handler *protocol.Handler
}

// openLocalServer opens a server in dir. One that never syncs is fast, and correct as long as the power stays on.
func openLocalServer(ctx context.Context, dir string, f serverFlaw) (*localServer, error) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := sqlite.Config{Path: filepath.Join(dir, storeName), Log: log}
	if f == neverSyncs {
		cfg.Synchronous = "OFF"
	}
	store, err := sqlite.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	received := &localServer{store: store}
	var contract service.Store = store
	switch f {
	case answersBeforeSync:
		contract = earlyAnswerStore{store}
	case collectsBeforeSync:
		contract = earlyCursorStore{store}
	case forgetsSEQs:
		contract = noRequestKeyStore{store}
	}
	received.service = service.New(service.Config{Store: contract, Now: time.Now, Log: log})
	if err := received.service.LoadSessions(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	received.handler = protocol.New(received.service, log)
	return received, nil
}

// earlyAnswerStore reports messages as stored before they are.
type earlyAnswerStore struct{ service.Store }

func (s earlyAnswerStore) Deliver(ctx context.Context, letters []rookery.NewEntry, now time.Time,
	m rookery.RequestKey) (rookery.Receipt, error) {
	go func() {
		if _, err := s.Store.Deliver(context.WithoutCancel(ctx), letters, now, m); err != nil {
			slog.Warn("a message that was acknowledged could not be stored", "error", err)
		}
	}()
	return rookery.Receipt{Outcome: rookery.OutcomeDone}, nil
}

// earlyCursorStore reports cursors as stored before they are.
type earlyCursorStore struct{ service.Store }

func (s earlyCursorStore) SaveCursor(
	ctx context.Context, uin rookery.UIN, device string, was uint64, place rookery.Cursor,
) error {
	go func() {
		if err := s.Store.SaveCursor(context.WithoutCancel(ctx), uin, device, was, place); err != nil {
			slog.Warn("a batch that was handed out could not be stored", "error", err)
		}
	}()
	return nil
}

// noRequestKeyStore does not remember the SEQs of messages.
type noRequestKeyStore struct{ service.Store }

func (s noRequestKeyStore) Deliver(ctx context.Context, letters []rookery.NewEntry, now time.Time,
	_ rookery.RequestKey) (rookery.Receipt, error) {
	return s.Store.Deliver(ctx, letters, now, rookery.RequestKey{})
}

// post hands records to the house as if they came from this machine.
func (h *localServer) post(ctx context.Context, record string) (string, error) {
	peer := transport.Peer{Addr: netip.MustParseAddr("127.0.0.1")}
	return string(h.handler.AppendAnswer(ctx, &peer, []byte(record), nil)), nil
}

const password = "rooks and crows"

// testAccount is an account to be.
type testAccount struct {
	uin  rookery.UIN
	rule rookery.FriendRule
}

// createAccounts creates a data directory with accounts. Their password hashes are cheap, because there may be
// thousands.
func createAccounts(t *testing.T, dir string, people []testAccount) {
	t.Helper()
	received, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		t.Fatal(err)
	}
	credential := auth.HashProof(auth.ProofOf(password),
		auth.TestCost)
	for _, p := range people {
		a := rookery.NewAccount(p.uin, "nick", time.Now())
		a.FriendRule = p.rule
		if _, err := received.store.CreateAccount(t.Context(), a, credential); err != nil {
			t.Fatal(err)
		}
	}
	if err := received.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// readMailbox reads an account's whole mailbox from a store.
func readMailbox(ctx context.Context, store *sqlite.Store, uin rookery.UIN) ([]rookery.Entry, error) {
	last, _, err := store.MailboxState(ctx, uin, "")
	if err != nil {
		return nil, err
	}
	return store.Entries(ctx, uin, 0, last, int(last)+1)
}

// flawVariable makes the test's own program a server with a flaw, in place of
// the tests.
const flawVariable = "ROOKERY_FAULT_SERVER"

func TestMain(m *testing.M) {
	if f, ok := os.LookupEnv(flawVariable); ok {
		if err := serveLocalServer(serverFlaw(f), os.Args[1]); err != nil {
			slog.Error("the server failed", "error", err)
			os.Exit(1)
		}
		return
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "rookery-fault"); err != nil {
		slog.Error("no place for the programs", "error", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// serveLocalServer serves until SIGTERM, like the rookery program.
func serveLocalServer(f serverFlaw, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	received, err := openLocalServer(ctx, dir, f)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	server := transport.NewServer(transport.Config{
		Protocol: httppost.New(httppost.Config{Handler: received.handler, Log: log}), Log: log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	log.Info("listening", "addr", l.Addr().String())
	var g errgroup.Group
	g.Go(func() error { return server.Serve(l) })
	g.Go(func() error { return received.service.Run(ctx) })
	<-ctx.Done()
	err = errors.Join(server.Shutdown(context.Background()), g.Wait())
	received.service.Close(context.WithoutCancel(ctx))
	return errors.Join(err, received.store.Close())
}

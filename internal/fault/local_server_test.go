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

// Files in the data directory: the database, and the bound of the mailbox numbers.
const (
	storeName   = "rookery.db"
	numbersName = "rookery.numbers"
)

// serverFlaw is a deliberate fault of a server. The tests must detect it.
type serverFlaw string

const (
	flawless serverFlaw = "nothing"
	// answersBeforeSync answers a sender before the message is durable.
	answersBeforeSync serverFlaw = "answers before the sync"
	// collectsBeforeSync returns a batch before the cursor is durable.
	collectsBeforeSync serverFlaw = "hands out before the sync"
	// neverSyncs leaves syncing to the operating system.
	neverSyncs serverFlaw = "synchronous=OFF"
	// forgetsSEQs stores no request keys.
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
	s := &localServer{store: store}
	var contract service.Store = store
	switch f {
	case answersBeforeSync:
		contract = earlyAnswerStore{store}
	case collectsBeforeSync:
		contract = earlyCursorStore{store}
	case forgetsSEQs:
		contract = noRequestKeyStore{store}
	}
	s.service = service.New(service.Config{Store: contract, Now: time.Now, Log: log})
	if err := s.service.LoadSessions(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.handler = protocol.New(s.service, log)
	return s, nil
}

// earlyAnswerStore reports messages as stored before they are.
type earlyAnswerStore struct{ service.Store }

func (s earlyAnswerStore) Deliver(ctx context.Context, entries []rookery.NewEntry, now time.Time,
	key rookery.RequestKey) (rookery.Receipt, error) {
	go func() {
		if _, err := s.Store.Deliver(context.WithoutCancel(ctx), entries, now, key); err != nil {
			slog.Warn("cannot store an acknowledged message", "error", err)
		}
	}()
	return rookery.Receipt{Outcome: rookery.OutcomeDone}, nil
}

// earlyCursorStore reports cursors as stored before they are.
type earlyCursorStore struct{ service.Store }

func (s earlyCursorStore) SaveCursor(
	ctx context.Context, uin rookery.UIN, device string, was uint64, cursor rookery.Cursor,
) error {
	go func() {
		if err := s.Store.SaveCursor(context.WithoutCancel(ctx), uin, device, was, cursor); err != nil {
			slog.Warn("cannot store the cursor of a collected batch", "error", err)
		}
	}()
	return nil
}

// noRequestKeyStore stores messages without their request keys.
type noRequestKeyStore struct{ service.Store }

func (s noRequestKeyStore) Deliver(ctx context.Context, entries []rookery.NewEntry, now time.Time,
	_ rookery.RequestKey) (rookery.Receipt, error) {
	return s.Store.Deliver(ctx, entries, now, rookery.RequestKey{})
}

// post is a PostFunc that calls the handler directly, with a loopback address.
func (s *localServer) post(ctx context.Context, record string) (string, error) {
	peer := transport.Peer{Addr: netip.MustParseAddr("127.0.0.1")}
	return string(s.handler.AppendAnswer(ctx, &peer, []byte(record), nil)), nil
}

const password = "rooks and crows"

// testAccount is an account to be created.
type testAccount struct {
	uin  rookery.UIN
	rule rookery.FriendRule
}

// createAccounts creates a data directory with accounts. Their password hashes are cheap, because there may be
// thousands.
func createAccounts(t *testing.T, dir string, accounts []testAccount) {
	t.Helper()
	s, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		t.Fatal(err)
	}
	credential := auth.HashProof(auth.ProofOf(password), auth.TestCost)
	for _, account := range accounts {
		a := rookery.NewAccount(account.uin, "nick", time.Now())
		a.FriendRule = account.rule
		if _, err := s.store.CreateAccount(t.Context(), a, credential); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.store.Close(); err != nil {
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

// flawVariable is the environment variable that makes the test binary run a server with this flaw instead of the tests.
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
		slog.Error("cannot create a directory for the programs", "error", err)
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
	s, err := openLocalServer(ctx, dir, f)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	server := transport.NewServer(transport.Config{
		Protocol: httppost.New(httppost.Config{Handler: s.handler, Log: log}), Log: log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	log.Info("listening", "addr", l.Addr().String())
	var g errgroup.Group
	g.Go(func() error { return server.Serve(l) })
	g.Go(func() error { return s.service.Run(ctx) })
	<-ctx.Done()
	err = errors.Join(server.Shutdown(context.Background()), g.Wait())
	s.service.Close(context.WithoutCancel(ctx))
	return errors.Join(err, s.store.Close())
}

package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
)

const password = "123456"

// credential is the one that all accounts have.
var credential = sync.OnceValue(func() rookery.Credential {
	return auth.HashProof(auth.ProofOf(password), auth.TestCost)
})

func newPasswords(now func() time.Time) *auth.Passwords {
	return auth.New(auth.Config{Cost: auth.TestCost, Now: now})
}

var (
	home = netip.MustParseAddr("192.0.2.1")
	cafe = netip.MustParseAddr("192.0.2.2")
)

// world is a service on a real store with a clock that the test controls.
type world struct {
	*testing.T
	*service.Service
	store *faultyStore
	path  string
	// inVirtualTime means that the test runs in a synctest bubble and uses its clock.
	inVirtualTime bool
	clock         time.Time
	mu            sync.Mutex // guards clock
	inboxPolls    int        // number of collections by inbox
	config        service.Config
}

func newWorld(t *testing.T, accounts ...rookery.UIN) *world {
	t.Helper()
	return newWorldWith(t, service.Config{}, accounts...)
}

// newWorldWith returns a world with a configuration.
func newWorldWith(t *testing.T, config service.Config, accounts ...rookery.UIN) *world {
	t.Helper()
	return startWorld(&world{T: t, clock: time.Date(2008, 8, 8, 20, 0, 0, 0, time.UTC), config: config}, accounts)
}

// inVirtualTime runs a test in a synctest bubble, where waitIdle can wait for background tasks.
func inVirtualTime(t *testing.T, test func(w *world), accounts ...rookery.UIN) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(startWorld(&world{T: t, inVirtualTime: true}, accounts)) })
}

func startWorld(w *world, accounts []rookery.UIN) *world {
	t := w.T
	w.path = filepath.Join(t.TempDir(), "store.db")
	w.start()
	t.Cleanup(func() { w.store.Close() })
	for _, uin := range accounts {
		w.createAccount(rookery.NewAccount(uin, fmt.Sprint("nick ", uin), w.now()))
	}
	return w
}

// waitIdle waits until all other goroutines are blocked.
func (w *world) waitIdle() { synctest.Wait() }

func (w *world) now() time.Time {
	if w.inVirtualTime {
		return time.Now()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// passTime advances the clock while the server runs.
func (w *world) passTime(delay time.Duration) {
	w.advance(delay)
	w.Tick(w.Context())
	if w.inVirtualTime {
		w.waitIdle()
	}
}

func (w *world) advance(delay time.Duration) {
	if w.inVirtualTime {
		time.Sleep(delay)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(delay)
}

func (w *world) start() {
	w.Helper()
	store, err := sqlite.Open(w.Context(), sqlite.Config{Path: w.path})
	w.must(err)
	w.store = &faultyStore{Store: store}
	config := w.config
	config.Store, config.Now = w.store, w.now
	if config.Passwords == nil {
		config.Passwords = newPasswords(w.now)
	}
	w.Service = service.New(config)
	w.must(w.LoadSessions(w.Context()))
}

// restart ends the service as a server does, advances the clock, and starts the service again.
func (w *world) restart(down time.Duration) {
	w.Helper()
	ended, cancel := context.WithCancel(w.Context())
	cancel()
	w.must(w.Service.Run(ended))
	w.Service.Close(w.Context())
	w.must(w.store.Close())
	w.advance(down)
	w.start()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) createAccount(account rookery.Account) {
	w.Helper()
	_, err := w.store.CreateAccount(w.Context(), account, credential())
	w.must(err)
}

func (w *world) signIn(uin rookery.UIN, from netip.Addr) *service.Session {
	w.Helper()
	proof := auth.ProofOf(password)
	session, _, err := w.SignIn(w.Context(), service.SignInRequest{UIN: uin, Proof: &proof, Address: from})
	w.must(err)
	return session
}

// send sends a text with a SEQ, as a client does.
func (w *world) send(session *service.Session, seq string, receiver rookery.UIN, text string) error {
	content := fmt.Appendf(nil, "CLTMSG %d %s", receiver, text)
	return w.Send(w.Context(), session, receiver, text, w.NewRequestKey(session, seq, content))
}

// collect returns the texts of one collection. A notice appears as "uin:status".
func (w *world) collect(session *service.Session, seq string) []string {
	w.Helper()
	texts, err := w.tryCollect(session, seq)
	w.must(err)
	return texts
}

func (w *world) tryCollect(session *service.Session, seq string) ([]string, error) {
	batch, err := w.Collect(w.Context(), session, seq, service.BatchLimit{MaxEvents: 50, MaxBytes: 8 << 10,
		EventSize: func(_ int, event rookery.Event) int { return len(eventText(event)) + 1 }})
	texts := []string{}
	for _, event := range batch {
		texts = append(texts, eventText(event))
	}
	return texts, err
}

// eventText returns the text of an entry, or "uin:status" for a notice.
func eventText(event rookery.Event) string {
	if notice, ok := event.(rookery.StatusNotice); ok {
		return fmt.Sprintf("%d:%d", notice.Friend, notice.Status)
	}
	return event.(*rookery.Entry).Text
}

func (w *world) befriend(a, b rookery.UIN) {
	w.Helper()
	w.must(w.Befriend(w.Context(), a, b))
}

func (w *world) wantCode(err error, want rookery.Code) {
	w.Helper()
	if err == nil || rookery.CodeOf(err) != want {
		w.Fatalf("error %v, want one with code %d", err, want)
	}
}

// faultyStore is the real store with switches that make it fail like a full or broken disk. It counts
// calls.
type faultyStore struct {
	service.Store
	mu           sync.Mutex // guards the fields below
	isFull       bool
	isUnreadable bool
	callCount    int
	// afterDeliver, if set, is called between a delivery and its return.
	afterDeliver func()
	// beforeAsleep, if set, is called once, before the next SleepingSession.
	beforeAsleep func()
	// beforeHistory, if set, is called before each History.
	beforeHistory func(rookery.UIN)
	// beforeKnownAddress and beforeAccounts, if set, are called before IsKnownAddress and Accounts.
	beforeKnownAddress, beforeAccounts func(context.Context)
}

var errDiskFull = rookery.Temporary(errors.New("disk is full"))

func (f *faultyStore) setFull(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.isFull = full
}

func (f *faultyStore) setUnreadable(unreadable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.isUnreadable = unreadable
}

// countCall counts a call. It returns an error if the call writes to a full disk or reads from a broken
// one.
func (f *faultyStore) countCall(writes bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.callCount++
	if writes && f.isFull || !writes && f.isUnreadable {
		return errDiskFull
	}
	return nil
}

func (f *faultyStore) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.callCount
}

func (f *faultyStore) Deliver(ctx context.Context, l []rookery.NewEntry, now time.Time,
	requestKey rookery.RequestKey) (rookery.Receipt, error) {
	if err := f.countCall(true); err != nil {
		return rookery.Receipt{}, err
	}
	receipt, err := f.Store.Deliver(ctx, l, now, requestKey)
	if between := f.afterDeliver; between != nil {
		between()
	}
	return receipt, err
}

func (f *faultyStore) DeliverInOrder(ctx context.Context, list []rookery.Delivery,
	now time.Time) []rookery.DeliveryResult {
	if err := f.countCall(true); err != nil {
		all := make([]rookery.DeliveryResult, len(list))
		for i := range all {
			all[i].Err = err
		}
		return all
	}
	return f.Store.DeliverInOrder(ctx, list, now)
}

func (f *faultyStore) SaveCursor(
	ctx context.Context, uin rookery.UIN, deviceName string, was uint64, cursor rookery.Cursor,
) error {
	if err := f.countCall(true); err != nil {
		return err
	}
	return f.Store.SaveCursor(ctx, uin, deviceName, was, cursor)
}

func (f *faultyStore) StartSession(ctx context.Context, session rookery.Session, credential rookery.Credential) error {
	if err := f.countCall(true); err != nil {
		return err
	}
	return f.Store.StartSession(ctx, session, credential)
}

func (f *faultyStore) EndSessions(ctx context.Context, s []rookery.Session) error {
	if err := f.countCall(true); err != nil {
		return err
	}
	return f.Store.EndSessions(ctx, s)
}

func (f *faultyStore) SetStatus(ctx context.Context, uin rookery.UIN, st rookery.Status,
	requestKey rookery.RequestKey) (rookery.Receipt, error) {
	if err := f.countCall(true); err != nil {
		return rookery.Receipt{}, err
	}
	return f.Store.SetStatus(ctx, uin, st, requestKey)
}

func (f *faultyStore) Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64,
	limit int) ([]rookery.Entry, error) {
	if err := f.countCall(false); err != nil {
		return nil, err
	}
	return f.Store.Entries(ctx, uin, after, upTo, limit)
}

func (f *faultyStore) MailboxState(ctx context.Context, uin rookery.UIN,
	deviceName string) (uint64, rookery.Cursor, error) {
	if err := f.countCall(false); err != nil {
		return 0, rookery.Cursor{}, err
	}
	return f.Store.MailboxState(ctx, uin, deviceName)
}

func (f *faultyStore) Account(ctx context.Context, uin rookery.UIN) (rookery.Account, error) {
	f.countCall(false)
	return f.Store.Account(ctx, uin)
}

func (f *faultyStore) Accounts(ctx context.Context, uins []rookery.UIN) ([]rookery.Account, error) {
	if f.beforeAccounts != nil {
		f.beforeAccounts(ctx)
	}
	return f.Store.Accounts(ctx, uins)
}

func (f *faultyStore) IsKnownAddress(ctx context.Context, uin rookery.UIN, addr netip.Addr) (bool, error) {
	if f.beforeKnownAddress != nil {
		f.beforeKnownAddress(ctx)
	}
	return f.Store.IsKnownAddress(ctx, uin, addr)
}

func (f *faultyStore) Friends(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	f.countCall(false)
	return f.Store.Friends(ctx, uin)
}

func (f *faultyStore) RequestOutcome(ctx context.Context,
	requestKey rookery.RequestKey) (rookery.Outcome, bool, error) {
	f.countCall(false)
	return f.Store.RequestOutcome(ctx, requestKey)
}

func (f *faultyStore) BlockingAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error) {
	f.countCall(false)
	return f.Store.BlockingAccounts(ctx, uin)
}

func (f *faultyStore) Devices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error) {
	f.countCall(false)
	return f.Store.Devices(ctx, uin)
}

func (f *faultyStore) SleepingSession(ctx context.Context, uin rookery.UIN,
	token rookery.TokenHash) (rookery.Session, error) {
	f.mu.Lock()
	before := f.beforeAsleep
	f.beforeAsleep = nil
	f.mu.Unlock()
	if before != nil {
		before()
	}
	return f.Store.SleepingSession(ctx, uin, token)
}

func (f *faultyStore) History(ctx context.Context, uin rookery.UIN,
	query rookery.HistoryQuery) ([]rookery.Entry, bool, error) {
	if f.beforeHistory != nil {
		f.beforeHistory(uin)
	}
	return f.Store.History(ctx, uin, query)
}

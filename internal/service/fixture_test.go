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

// credential returns the credential of every account.
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

// fixture is a service on a real store, with a clock that the test controls.
type fixture struct {
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

func newFixture(t *testing.T, accounts ...rookery.UIN) *fixture {
	t.Helper()
	return newFixtureWith(t, service.Config{}, accounts...)
}

// newFixtureWith returns a fixture with a configuration.
func newFixtureWith(t *testing.T, config service.Config, accounts ...rookery.UIN) *fixture {
	t.Helper()
	return startFixture(&fixture{T: t, clock: time.Date(2008, 8, 8, 20, 0, 0, 0, time.UTC), config: config}, accounts)
}

// inVirtualTime runs a test in a synctest bubble, where waitIdle can wait for background tasks.
func inVirtualTime(t *testing.T, test func(f *fixture), accounts ...rookery.UIN) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(startFixture(&fixture{T: t, inVirtualTime: true}, accounts)) })
}

func startFixture(f *fixture, accounts []rookery.UIN) *fixture {
	t := f.T
	f.path = filepath.Join(t.TempDir(), "store.db")
	f.start()
	t.Cleanup(func() { f.store.Close() })
	for _, uin := range accounts {
		f.createAccount(rookery.NewAccount(uin, fmt.Sprint("nick ", uin), f.now()))
	}
	return f
}

// waitIdle waits until all other goroutines are blocked.
func (f *fixture) waitIdle() { synctest.Wait() }

func (f *fixture) now() time.Time {
	if f.inVirtualTime {
		return time.Now()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

// passTime advances the clock while the server runs.
func (f *fixture) passTime(delay time.Duration) {
	f.advance(delay)
	f.Tick(f.Context())
	if f.inVirtualTime {
		f.waitIdle()
	}
}

func (f *fixture) advance(delay time.Duration) {
	if f.inVirtualTime {
		time.Sleep(delay)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(delay)
}

func (f *fixture) start() {
	f.Helper()
	store, err := sqlite.Open(f.Context(), sqlite.Config{Path: f.path})
	f.must(err)
	f.store = &faultyStore{Store: store}
	config := f.config
	config.Store, config.Now = f.store, f.now
	if config.Passwords == nil {
		config.Passwords = newPasswords(f.now)
	}
	f.Service = service.New(config)
	f.must(f.LoadSessions(f.Context()))
}

// restart ends the service as a server does, advances the clock, and starts the service again.
func (f *fixture) restart(down time.Duration) {
	f.Helper()
	ended, cancel := context.WithCancel(f.Context())
	cancel()
	f.must(f.Service.Run(ended))
	f.Service.Close(f.Context())
	f.must(f.store.Close())
	f.advance(down)
	f.start()
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) createAccount(account rookery.Account) {
	f.Helper()
	_, err := f.store.CreateAccount(f.Context(), account, credential())
	f.must(err)
}

func (f *fixture) signIn(uin rookery.UIN, from netip.Addr) *service.Session {
	f.Helper()
	proof := auth.ProofOf(password)
	session, _, err := f.SignIn(f.Context(), service.SignInRequest{UIN: uin, Proof: &proof, Address: from})
	f.must(err)
	return session
}

// send sends a text with a SEQ, as a client does.
func (f *fixture) send(session *service.Session, seq string, receiver rookery.UIN, text string) error {
	content := fmt.Appendf(nil, "CLTMSG %d %s", receiver, text)
	return f.Send(f.Context(), session, receiver, text, f.NewRequestKey(session, seq, content))
}

// collect returns the texts of one collection. A notice appears as "uin:status".
func (f *fixture) collect(session *service.Session, seq string) []string {
	f.Helper()
	texts, err := f.tryCollect(session, seq)
	f.must(err)
	return texts
}

func (f *fixture) tryCollect(session *service.Session, seq string) ([]string, error) {
	batch, err := f.Collect(f.Context(), session, seq, service.BatchLimit{MaxEvents: 50, MaxBytes: 8 << 10,
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

func (f *fixture) befriend(a, b rookery.UIN) {
	f.Helper()
	f.must(f.Befriend(f.Context(), a, b))
}

func (f *fixture) wantCode(err error, want rookery.Code) {
	f.Helper()
	if err == nil || rookery.CodeOf(err) != want {
		f.Fatalf("got error %v, want one with code %d", err, want)
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
	if afterDeliver := f.afterDeliver; afterDeliver != nil {
		afterDeliver()
	}
	return receipt, err
}

func (f *faultyStore) DeliverInOrder(ctx context.Context, list []rookery.Delivery,
	now time.Time) []rookery.DeliveryResult {
	if err := f.countCall(true); err != nil {
		results := make([]rookery.DeliveryResult, len(list))
		for i := range results {
			results[i].Err = err
		}
		return results
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

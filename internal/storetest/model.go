package storetest

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// Model is the simplest store that meets the contract. It stores everything in maps, searches them
// completely in each call, and holds one lock during the call. A store is correct if its results equal
// the model's.
type Model struct {
	*modelState
	closed bool // guarded by mu
}

var _ service.Store = (*Model)(nil)

// modelState is what survives when a model is closed and opened again.
type modelState struct {
	mu               sync.Mutex // guards the fields below
	accounts         map[rookery.UIN]*modelAccount
	friends          map[accountPair]bool                  // both directions
	requests         map[accountPair]rookery.FriendRequest // {asked account, asking account}
	lastAskNotices   map[accountPair]rookery.Entry         // the latest notice of such a request, same keys
	blocks           map[accountPair]bool                  // {blocking account, blocked account}
	sessions         map[consumerKey]rookery.Session
	recordedRequests map[modelRequestKey]recordedRequest
	latestRequests   map[consumerKey]modelRequestKey
	uptime           time.Duration
	forgottenBefore  time.Duration
	removedAccounts  map[rookery.UIN]removedAccount
	numberFloor      uint64 // every mailbox continues above this number
}

// removedAccount holds the numbers above which an account continues if it is created again.
type removedAccount struct {
	newestNumber uint64 // of the mailbox
	devicesMade  uint64 // the latest device ID
}

type modelAccount struct {
	rookery.Account
	credential      rookery.Credential
	addresses       []netip.Addr // the latest is last
	entries         []rookery.Entry
	removedNumber   uint64 // the mailbox's numbers are above this one
	purgedNumbers   map[uint64]bool
	cursors         map[string]rookery.Cursor // by device
	devices         []rookery.Device          // by number; SignedIn is computed when they are listed
	devicesMade     uint64                    // devices ever created, and so the latest device ID
	forgottenCursor uint64                    // highest cursor of the forgotten devices
	readMarks       map[rookery.UIN]uint64
}

type accountPair struct{ owner, other rookery.UIN }

// consumerKey identifies a consumer: an account's address sessions (device is empty) or one of its
// devices.
type consumerKey struct {
	account rookery.UIN
	device  string
}

type modelRequestKey struct {
	consumerKey
	digest [16]byte
}

type recordedRequest struct {
	recordedAt time.Duration
	outcome    rookery.Outcome
}

// NewModel creates an empty model and returns a function that opens it.
func NewModel() func() service.Store {
	system := rookery.Account{
		UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, FriendRule: rookery.RuleClosed, Revision: 1,
	}
	state := &modelState{
		accounts:         map[rookery.UIN]*modelAccount{rookery.System: newAccount(system, "")},
		friends:          make(map[accountPair]bool),
		requests:         make(map[accountPair]rookery.FriendRequest),
		lastAskNotices:   make(map[accountPair]rookery.Entry),
		blocks:           make(map[accountPair]bool),
		sessions:         make(map[consumerKey]rookery.Session),
		recordedRequests: make(map[modelRequestKey]recordedRequest),
		latestRequests:   make(map[consumerKey]modelRequestKey),
		removedAccounts:  make(map[rookery.UIN]removedAccount),
	}
	return func() service.Store { return &Model{modelState: state} }
}

func newAccount(a rookery.Account, credential rookery.Credential) *modelAccount {
	return &modelAccount{
		Account: a, credential: credential,
		purgedNumbers: make(map[uint64]bool), cursors: make(map[string]rookery.Cursor),
		readMarks: make(map[rookery.UIN]uint64),
	}
}

func errorWithCode(code rookery.Code) error { return rookery.Errorf(code, "the model says so") }

// lockOpen locks the model, or returns an error if it is closed. Every method calls it first.
func (m *Model) lockOpen() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return rookery.Temporary(errors.New("the model is closed"))
	}
	return nil
}

// Close implements service.Store.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// lockAccount locks the model and returns an account. If it returns an error the lock is not held.
func (m *Model) lockAccount(uin rookery.UIN) (*modelAccount, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	account := m.accounts[uin]
	if account == nil {
		m.mu.Unlock()
		return nil, errorWithCode(rookery.CodeNoAccount)
	}
	return account, nil
}

// CreateAccount implements service.Store.
func (m *Model) CreateAccount(
	_ context.Context, account rookery.Account, credential rookery.Credential,
) (rookery.UIN, error) {
	if err := m.lockOpen(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if account.UIN == 0 {
		for account.UIN = rookery.FirstUIN; m.accounts[account.UIN] != nil; account.UIN++ {
		}
	}
	if m.accounts[account.UIN] != nil {
		return 0, errorWithCode(rookery.CodeExists)
	}
	created, removed := newAccount(account, credential), m.removedAccounts[account.UIN]
	created.removedNumber, created.devicesMade = removed.newestNumber, removed.devicesMade
	m.accounts[account.UIN] = created
	return account.UIN, nil
}

// Account implements service.Store.
func (m *Model) Account(_ context.Context, uin rookery.UIN) (rookery.Account, error) {
	account, err := m.lockAccount(uin)
	if err != nil {
		return rookery.Account{}, err
	}
	defer m.mu.Unlock()
	return account.Account, nil
}

// selectAccounts returns the accounts for which ok returns true, by number.
func (m *Model) selectAccounts(ok func(rookery.UIN) bool) (list []rookery.Account) {
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		if ok(uin) {
			list = append(list, m.accounts[uin].Account)
		}
	}
	return list
}

// Accounts implements service.Store.
func (m *Model) Accounts(_ context.Context, uins []rookery.UIN) ([]rookery.Account, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.selectAccounts(func(uin rookery.UIN) bool { return slices.Contains(uins, uin) }), nil
}

// AccountsAfter implements service.Store.
func (m *Model) AccountsAfter(_ context.Context, after rookery.UIN, limit int) ([]rookery.Account, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.selectAccounts(func(uin rookery.UIN) bool { return uin > after })
	return list[:min(len(list), limit)], nil
}

// UpdateAccount implements service.Store.
func (m *Model) UpdateAccount(_ context.Context, to rookery.Account, key rookery.RequestKey) (rookery.Receipt, error) {
	return m.applyOnce(key, rookery.OutcomeDone, func() error {
		account := m.accounts[to.UIN]
		switch {
		case account == nil:
			return errorWithCode(rookery.CodeNoAccount)
		case account.Revision != to.Revision:
			return errorWithCode(rookery.CodeConflict)
		}
		to.Created = account.Created
		to.Revision++
		account.Account = to
		return nil
	})
}

// Credential implements service.Store.
func (m *Model) Credential(_ context.Context, uin rookery.UIN) (rookery.Credential, error) {
	account, err := m.lockAccount(uin)
	if err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	return account.credential, nil
}

// SetCredential implements service.Store.
func (m *Model) SetCredential(_ context.Context, uin rookery.UIN, credential rookery.Credential) error {
	account, err := m.lockAccount(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	account.credential = credential
	maps.DeleteFunc(m.sessions, func(key consumerKey, _ rookery.Session) bool { return key.account == uin })
	return nil
}

// RemoveAccount implements service.Store.
func (m *Model) RemoveAccount(_ context.Context, uin rookery.UIN) error {
	account, err := m.lockAccount(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.removedAccounts[uin] = removedAccount{
		max(account.newestNumber(), account.removedNumber, m.numberFloor), account.devicesMade,
	}
	delete(m.accounts, uin)
	maps.DeleteFunc(m.recordedRequests, func(key modelRequestKey, _ recordedRequest) bool { return key.account == uin })
	hasUIN := func(pair accountPair, _ bool) bool { return pair.owner == uin || pair.other == uin }
	maps.DeleteFunc(m.friends, hasUIN)
	maps.DeleteFunc(m.blocks, hasUIN)
	maps.DeleteFunc(
		m.requests,
		func(pair accountPair, _ rookery.FriendRequest) bool { return pair.owner == uin || pair.other == uin },
	)
	maps.DeleteFunc(
		m.lastAskNotices,
		func(pair accountPair, _ rookery.Entry) bool { return pair.owner == uin || pair.other == uin },
	)
	maps.DeleteFunc(m.sessions, func(key consumerKey, _ rookery.Session) bool { return key.account == uin })
	return nil
}

func (m *Model) findOutcome(k rookery.RequestKey) (rookery.Outcome, bool) {
	if k.IsZero() {
		return 0, false
	}
	key := modelRequestKey{consumerKey{k.Owner, k.Device}, k.Digest}
	request, ok := m.recordedRequests[key]
	age := max(k.ReceivedAt-request.recordedAt, 0)
	if !ok || age >= k.RepeatWindow || k.LatestOnly && m.latestRequests[key.consumerKey] != key {
		return 0, false
	}
	return request.outcome, true
}

func (m *Model) recordKey(k rookery.RequestKey, outcome rookery.Outcome) {
	if k.IsZero() {
		return
	}
	key := modelRequestKey{consumerKey{k.Owner, k.Device}, k.Digest}
	m.latestRequests[key.consumerKey] = key
	m.uptime = max(m.uptime, k.ReceivedAt)
	if delete(m.recordedRequests, key); k.ReceivedAt >= m.forgottenBefore {
		m.recordedRequests[key] = recordedRequest{k.ReceivedAt, outcome}
	}
}

// applyOnce calls do and records the key, unless the request is a repeat.
func (m *Model) applyOnce(key rookery.RequestKey, outcome rookery.Outcome, do func() error) (rookery.Receipt, error) {
	if err := m.lockOpen(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if first, ok := m.findOutcome(key); ok {
		return rookery.Receipt{Outcome: first, Repeated: true}, nil
	}
	if err := do(); err != nil {
		return rookery.Receipt{}, err
	}
	m.recordKey(key, outcome)
	return rookery.Receipt{Outcome: outcome}, nil
}

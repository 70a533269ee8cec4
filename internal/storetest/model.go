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

// Model is the contract of a store in plain Go: it keeps everything in maps,
// looks at all of it whenever it is asked, and holds one lock all the while.
// A store does right if it does what the model does.
type Model struct {
	*modelState
	closed bool // guarded by data's lock
}

var _ service.Store = (*Model)(nil)

// modelState is what outlives a model's closing.
type modelState struct {
	mu               sync.Mutex // guards the rest
	accounts         map[rookery.UIN]*modelAccount
	friends          map[accountPair]bool                  // both directions
	requests         map[accountPair]rookery.FriendRequest // {who is asked, who asks}
	lastAskNotices   map[accountPair]rookery.Entry         // the latest notice of such a request
	blocks           map[accountPair]bool                  // {who blocks, who is blocked}
	sessions         map[consumerKey]rookery.Session
	recordedRequests map[modelRequestKey]recordedRequest
	latestRequests   map[consumerKey]modelRequestKey
	uptime           time.Duration
	forgottenBefore  time.Duration
	removedAccounts  map[rookery.UIN]removedAccount
	numberFloor      uint64 // every mailbox continues above it
}

// removedAccount is what an account that is added again continues above.
type removedAccount struct {
	newestNumber uint64 // of the mailbox
	devicesMade  uint64 // devices
}

type modelAccount struct {
	rookery.Account
	credential      rookery.Credential
	addresses       []netip.Addr // the latest comes last
	entries         []rookery.Entry
	removedNumber   uint64 // the mailbox's numbers are
	purgedNumbers   map[uint64]bool
	cursors         map[string]rookery.Cursor // by device
	devices         []rookery.Device          // by number; SignedIn is not kept up
	devicesMade     uint64                    // devices, the forgotten ones too
	forgottenCursor uint64                    // the furthest place of forgotten devices
	readMarks       map[rookery.UIN]uint64
}

type accountPair struct{ owner, other rookery.UIN }

// consumerKey is an account's address sessions, or one of its devices.
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

// NewModel returns a function that opens the same model whenever it is called.
func NewModel() func() service.Store {
	system := rookery.Account{
		UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, Rule: rookery.RuleClosed, Revision: 1,
	}
	d := &modelState{
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
	return func() service.Store { return &Model{modelState: d} }
}

func newAccount(a rookery.Account, credential rookery.Credential) *modelAccount {
	return &modelAccount{
		Account: a, credential: credential,
		purgedNumbers: make(map[uint64]bool), cursors: make(
			map[string]rookery.Cursor,
		), readMarks: make(map[rookery.UIN]uint64),
	}
}

func errorWithCode(code rookery.Code) error { return rookery.Errorf(code, "the model says so") }

// lockOpen begins every method: the lock is held if there is no error.
func (m *Model) lockOpen() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return rookery.Temporary(errors.New("the model is closed"))
	}
	return nil
}

func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// lockAccount enters and looks up an account.
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
	added := newAccount(account, credential)
	added.removedNumber, added.devicesMade = m.removedAccounts[account.UIN].newestNumber,
		m.removedAccounts[account.UIN].devicesMade
	m.accounts[account.UIN] = added
	return account.UIN, nil
}

func (m *Model) Account(_ context.Context, uin rookery.UIN) (rookery.Account, error) {
	account, err := m.lockAccount(uin)
	if err != nil {
		return rookery.Account{}, err
	}
	defer m.mu.Unlock()
	return account.Account, nil
}

// selectAccounts lists the accounts that some condition holds for, by number.
func (m *Model) selectAccounts(ok func(rookery.UIN) bool) (list []rookery.Account) {
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		if ok(uin) {
			list = append(list, m.accounts[uin].Account)
		}
	}
	return list
}

func (m *Model) Accounts(_ context.Context, uins []rookery.UIN) ([]rookery.Account, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.selectAccounts(func(uin rookery.UIN) bool { return slices.Contains(uins, uin) }), nil
}

func (m *Model) AccountsAfter(_ context.Context, after rookery.UIN, limit int) ([]rookery.Account, error) {
	if err := m.lockOpen(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.selectAccounts(func(uin rookery.UIN) bool { return uin > after })
	return list[:min(len(list), limit)], nil
}

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

func (m *Model) Credential(_ context.Context, uin rookery.UIN) (rookery.Credential, error) {
	account, err := m.lockAccount(uin)
	if err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	return account.credential, nil
}

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
	markValue, ok := m.recordedRequests[key]
	ok = ok && max(
		k.ReceivedAt-markValue.recordedAt, 0,
	) < k.RepeatWindow && (!k.LatestOnly || m.latestRequests[key.consumerKey] == key)
	if !ok {
		return 0, false
	}
	return markValue.outcome, true
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

// applyOnce does something and remembers the mark, unless an equal one is
// remembered.
func (m *Model) applyOnce(key rookery.RequestKey, outcome rookery.Outcome, do func() error) (rookery.Receipt, error) {
	if err := m.lockOpen(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if was, ok := m.findOutcome(key); ok {
		return rookery.Receipt{Outcome: was, Repeated: true}, nil
	}
	if err := do(); err != nil {
		return rookery.Receipt{}, err
	}
	m.recordKey(key, outcome)
	return rookery.Receipt{Outcome: outcome}, nil
}

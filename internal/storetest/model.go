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
	*data
	closed bool // guarded by data's lock
}

var _ service.Store = (*Model)(nil)

// data is what outlives a model's closing.
type data struct {
	mu        sync.Mutex // guards the rest
	accounts  map[rookery.UIN]*account
	friends   map[pair]bool                  // both directions
	requests  map[pair]rookery.FriendRequest // {who is asked, who asks}
	asked     map[pair]rookery.Entry         // the latest notice of such a request
	blocks    map[pair]bool                  // {who blocks, who is blocked}
	sessions  map[collector]rookery.Session
	marks     map[markKey]markValue
	latest    map[collector]markKey
	uptime    time.Duration
	forgotten time.Duration
	removed   map[rookery.UIN]removed
	floor     uint64 // every mailbox continues above it
}

// removed is what an account that is added again continues above.
type removed struct {
	number uint64 // of the mailbox
	made   uint64 // devices
}

type account struct {
	rookery.Account
	credential rookery.Credential
	addresses  []netip.Addr // the latest comes last
	entries    []rookery.Entry
	above      uint64 // the mailbox's numbers are
	purged     map[uint64]bool
	places     map[string]rookery.Cursor // by device
	devices    []rookery.Device          // by number; SignedIn is not kept up
	made       uint64                    // devices, the forgotten ones too
	taken      uint64                    // the furthest place of forgotten devices
	read       map[rookery.UIN]uint64
}

type pair struct{ a, b rookery.UIN }

// collector is an account's address sessions, or one of its devices.
type collector struct {
	account rookery.UIN
	device  string
}

type markKey struct {
	collector
	digest [16]byte
}

type markValue struct {
	at      time.Duration
	outcome rookery.Outcome
}

// NewModel returns a function that opens the same model whenever it is called.
func NewModel() func() service.Store {
	system := rookery.Account{
		UIN: rookery.System, Profile: rookery.Profile{Nick: "Rookery"}, Rule: rookery.RuleClosed, Revision: 1,
	}
	d := &data{
		accounts: map[rookery.UIN]*account{rookery.System: newAccount(system, "")},
		friends:  make(map[pair]bool),
		requests: make(map[pair]rookery.FriendRequest),
		asked:    make(map[pair]rookery.Entry),
		blocks:   make(map[pair]bool),
		sessions: make(map[collector]rookery.Session),
		marks:    make(map[markKey]markValue),
		latest:   make(map[collector]markKey),
		removed:  make(map[rookery.UIN]removed),
	}
	return func() service.Store { return &Model{data: d} }
}

func newAccount(a rookery.Account, credential rookery.Credential) *account {
	return &account{
		Account: a, credential: credential,
		purged: make(map[uint64]bool), places: make(map[string]rookery.Cursor), read: make(map[rookery.UIN]uint64),
	}
}

func code(code rookery.Code) error { return rookery.Errorf(code, "the model says so") }

// enter begins every method: the lock is held if there is no error.
func (m *Model) enter() error {
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

// find enters and looks up an account.
func (m *Model) find(uin rookery.UIN) (*account, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	member := m.accounts[uin]
	if member == nil {
		m.mu.Unlock()
		return nil, code(rookery.CodeNoAccount)
	}
	return member, nil
}

func (m *Model) CreateAccount(_ context.Context, account rookery.Account, credential rookery.Credential) (rookery.UIN, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if account.UIN == 0 {
		for account.UIN = rookery.FirstUIN; m.accounts[account.UIN] != nil; account.UIN++ {
		}
	}
	if m.accounts[account.UIN] != nil {
		return 0, code(rookery.CodeExists)
	}
	added := newAccount(account, credential)
	added.above, added.made = m.removed[account.UIN].number, m.removed[account.UIN].made
	m.accounts[account.UIN] = added
	return account.UIN, nil
}

func (m *Model) Account(_ context.Context, uin rookery.UIN) (rookery.Account, error) {
	member, err := m.find(uin)
	if err != nil {
		return rookery.Account{}, err
	}
	defer m.mu.Unlock()
	return member.Account, nil
}

// choose lists the accounts that some condition holds for, by number.
func (m *Model) choose(ok func(rookery.UIN) bool) (list []rookery.Account) {
	for _, uin := range slices.Sorted(maps.Keys(m.accounts)) {
		if ok(uin) {
			list = append(list, m.accounts[uin].Account)
		}
	}
	return list
}

func (m *Model) Accounts(_ context.Context, uins []rookery.UIN) ([]rookery.Account, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return m.choose(func(uin rookery.UIN) bool { return slices.Contains(uins, uin) }), nil
}

func (m *Model) AccountsAfter(_ context.Context, after rookery.UIN, limit int) ([]rookery.Account, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	list := m.choose(func(uin rookery.UIN) bool { return uin > after })
	return list[:min(len(list), limit)], nil
}

func (m *Model) UpdateAccount(_ context.Context, to rookery.Account, key rookery.RequestKey) (rookery.Receipt, error) {
	return m.once(key, rookery.OutcomeDone, func() error {
		member := m.accounts[to.UIN]
		switch {
		case member == nil:
			return code(rookery.CodeNoAccount)
		case member.Revision != to.Revision:
			return code(rookery.CodeConflict)
		}
		to.Created = member.Created
		to.Revision++
		member.Account = to
		return nil
	})
}

func (m *Model) Credential(_ context.Context, uin rookery.UIN) (rookery.Credential, error) {
	member, err := m.find(uin)
	if err != nil {
		return "", err
	}
	defer m.mu.Unlock()
	return member.credential, nil
}

func (m *Model) SetCredential(_ context.Context, uin rookery.UIN, credential rookery.Credential) error {
	member, err := m.find(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	member.credential = credential
	maps.DeleteFunc(m.sessions, func(k collector, _ rookery.Session) bool { return k.account == uin })
	return nil
}

func (m *Model) RemoveAccount(_ context.Context, uin rookery.UIN) error {
	member, err := m.find(uin)
	if err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.removed[uin] = removed{max(member.newest(), member.above, m.floor), member.made}
	delete(m.accounts, uin)
	maps.DeleteFunc(m.marks, func(k markKey, _ markValue) bool { return k.account == uin })
	hasUIN := func(p pair, _ bool) bool { return p.a == uin || p.b == uin }
	maps.DeleteFunc(m.friends, hasUIN)
	maps.DeleteFunc(m.blocks, hasUIN)
	maps.DeleteFunc(m.requests, func(p pair, _ rookery.FriendRequest) bool { return p.a == uin || p.b == uin })
	maps.DeleteFunc(m.asked, func(p pair, _ rookery.Entry) bool { return p.a == uin || p.b == uin })
	maps.DeleteFunc(m.sessions, func(k collector, _ rookery.Session) bool { return k.account == uin })
	return nil
}

func (m *Model) recall(k rookery.RequestKey) (rookery.Outcome, bool) {
	if k.IsZero() {
		return 0, false
	}
	key := markKey{collector{k.Owner, k.Device}, k.Digest}
	markValue, ok := m.marks[key]
	ok = ok && max(k.ReceivedAt-markValue.at, 0) < k.RepeatWindow && (!k.LatestOnly || m.latest[key.collector] == key)
	if !ok {
		return 0, false
	}
	return markValue.outcome, true
}

func (m *Model) remember(k rookery.RequestKey, outcome rookery.Outcome) {
	if k.IsZero() {
		return
	}
	key := markKey{collector{k.Owner, k.Device}, k.Digest}
	m.latest[key.collector] = key
	m.uptime = max(m.uptime, k.ReceivedAt)
	if delete(m.marks, key); k.ReceivedAt >= m.forgotten {
		m.marks[key] = markValue{k.ReceivedAt, outcome}
	}
}

// once does something and remembers the mark, unless an equal one is
// remembered.
func (m *Model) once(key rookery.RequestKey, outcome rookery.Outcome, do func() error) (rookery.Receipt, error) {
	if err := m.enter(); err != nil {
		return rookery.Receipt{}, err
	}
	defer m.mu.Unlock()
	if was, ok := m.recall(key); ok {
		return rookery.Receipt{Outcome: was, Repeated: true}, nil
	}
	if err := do(); err != nil {
		return rookery.Receipt{}, err
	}
	m.remember(key, outcome)
	return rookery.Receipt{Outcome: outcome}, nil
}

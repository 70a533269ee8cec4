// Package storetest tests an implementation of internal/service's Store. A test of the implementation
// passes a function that opens it; the package runs a test for each rule of the contract, and random
// operations whose results it compares with Model, a store in plain Go.
package storetest

import (
	"context"
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// OpenFunc opens a store. Each call opens it on the same data; the store from the call before is
// closed.
type OpenFunc func() service.Store

// Run runs the whole suite. newStore returns an OpenFunc on new, empty data for each test. The suite
// closes the stores that it opens.
func Run(t *testing.T, newStore func(t *testing.T) OpenFunc) {
	for _, group := range []struct {
		name  string
		tests []contractTest
	}{
		{"accounts", accountTests},
		{"friends", friendTests},
		{"requests and blocks", blockTests},
		{"deliveries", deliveryTests},
		{"ordered deliveries", orderedDeliveryTests},
		{"request keys", requestKeyTests},
		{"cursors", cursorTests},
		{"history", historyTests},
		{"sessions", sessionTests},
		{"devices", deviceTests},
		{"maintenance", maintenanceTests},
		{"limits", limitTests},
		{"notice pauses", noticePauseTests},
		{"closing", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.rule, func(t *testing.T) {
					test.run(openTestedStore(t, newStore(t)))
				})
			}
		})
	}
	RunRandom(t, newStore)
}

// RunRandom runs only the random operations of the suite.
func RunRandom(t *testing.T, newStore func(t *testing.T) OpenFunc) {
	t.Run(
		"random operations give the same results as the model", func(t *testing.T) { runRandomOperations(t, newStore) },
	)
	t.Run(
		"concurrent random operations give the same results as their models",
		func(t *testing.T) { runConcurrentOperations(t, newStore) },
	)
}

// contractTest checks one rule of the contract.
type contractTest struct {
	rule string
	run  func(*testedStore)
}

// testedStore is the store under test and its test. Its helpers end the test on an unexpected result.
type testedStore struct {
	*testing.T
	service.Store
	openStore OpenFunc
	ctx       context.Context
}

func openTestedStore(t *testing.T, open OpenFunc) *testedStore {
	store := &testedStore{T: t, Store: open(), openStore: open, ctx: t.Context()}
	t.Cleanup(func() { store.Close() })
	return store
}

// restart closes the store and opens it again.
func (s *testedStore) restart() {
	s.Helper()
	s.requireNoError(s.Close())
	s.Store = s.openStore()
}

// checkAcrossRestart calls check before and after a restart.
func (s *testedStore) checkAcrossRestart(check func()) {
	s.Helper()
	check()
	s.restart()
	check()
}

func (s *testedStore) requireNoError(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// runConcurrently calls write n times at once and waits.
func (s *testedStore) runConcurrently(n int, write func(i int)) {
	var writers sync.WaitGroup
	for i := range n {
		writers.Go(func() { write(i) })
	}
	writers.Wait()
}

// setCursor saves a cursor, whatever the stored one is.
func (s *testedStore) setCursor(uin rookery.UIN, device string, cursor rookery.Cursor) error {
	_, stored, err := s.MailboxState(s.ctx, uin, device)
	if err != nil {
		return err
	}
	return s.SaveCursor(s.ctx, uin, device, stored.Number, cursor)
}

// requireCode requires an error with a certain code.
func (s *testedStore) requireCode(err error, want rookery.Code) {
	s.Helper()
	if err == nil || rookery.CodeOf(err) != want {
		s.Fatalf("got error %v, want one with code %d", err, want)
	}
}

func (s *testedStore) requireEqual(name string, got, want any) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Fatalf("%s:\n got %+v\nwant %+v", name, got, want)
	}
}

const (
	ann = rookery.FirstUIN
	bob = rookery.FirstUIN + 1
	cat = rookery.FirstUIN + 2
	// nobody has no account.
	nobody = rookery.FirstUIN + 1000
)

// noon is the time of nearly all events. Stores round times to microseconds.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

func (s *testedStore) createAccounts(uins ...rookery.UIN) {
	s.Helper()
	for _, uin := range uins {
		got, err := s.CreateAccount(s.ctx, rookery.NewAccount(uin, "penguin", noon), "secret")
		s.requireNoError(err)
		s.requireEqual("number of the new account", got, uin)
	}
}

func messageEntry(to, from rookery.UIN, text string) rookery.NewEntry {
	return rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: from, Text: text}
}

// deliverTexts delivers messages without a request key, one after the other.
func (s *testedStore) deliverTexts(to, from rookery.UIN, texts ...string) {
	s.Helper()
	for _, text := range texts {
		_, err := s.Deliver(s.ctx, []rookery.NewEntry{messageEntry(to, from, text)}, noon, rookery.RequestKey{})
		s.requireNoError(err)
	}
}

// mailboxTexts returns the texts of all entries of a mailbox.
func (s *testedStore) mailboxTexts(uin rookery.UIN) (texts []string) {
	s.Helper()
	for _, entry := range s.mailboxEntries(uin) {
		texts = append(texts, entry.Text)
	}
	return texts
}

func (s *testedStore) mailboxEntries(uin rookery.UIN) []rookery.Entry {
	s.Helper()
	entries, err := s.Entries(s.ctx, uin, 0, 1<<62, 1<<30)
	s.requireNoError(err)
	return entries
}

func (s *testedStore) entryNumbers(uin rookery.UIN) (numbers []uint64) {
	s.Helper()
	for _, entry := range s.mailboxEntries(uin) {
		numbers = append(numbers, entry.Number)
	}
	return numbers
}

func (s *testedStore) newestNumber(uin rookery.UIN) uint64 {
	s.Helper()
	last, _, err := s.MailboxState(s.ctx, uin, "")
	s.requireNoError(err)
	return last
}

func (s *testedStore) loadCursor(uin rookery.UIN, device string) rookery.Cursor {
	s.Helper()
	_, cursor, err := s.MailboxState(s.ctx, uin, device)
	s.requireNoError(err)
	return cursor
}

// longKey returns the key of a request from an address session. It has a window of two minutes.
func longKey(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := rookery.RequestKey{Owner: owner, ReceivedAt: at, RepeatWindow: 2 * time.Minute}
	binary.LittleEndian.PutUint32(key.Digest[:], uint32(owner))
	binary.LittleEndian.PutUint64(key.Digest[8:], id)
	return key
}

// shortKey returns a key that is found only while its request is the latest.
func shortKey(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := longKey(owner, id, at)
	key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	return key
}

func onDevice(key rookery.RequestKey, device string) rookery.RequestKey {
	key.Device = device
	return key
}

// recordOnce makes an empty delivery with a key, and requires that it is no repeat.
func (s *testedStore) recordOnce(key rookery.RequestKey) {
	s.Helper()
	receipt, err := s.Deliver(s.ctx, nil, noon, key)
	s.requireNoError(err)
	if receipt.Repeated {
		s.Fatalf("the request %+v was a repeat, want a new request", key)
	}
}

// requireRecorded checks whether a request is remembered.
func (s *testedStore) requireRecorded(key rookery.RequestKey, want bool) {
	s.Helper()
	_, ok, err := s.RequestOutcome(s.ctx, key)
	s.requireNoError(err)
	if ok != want {
		s.Fatalf("RequestOutcome found the request: %v, want %v: %+v", ok, want, key)
	}
}

func newSession(uin rookery.UIN, device string, id uint64) rookery.Session {
	session := rookery.Session{
		ID: id, Account: uin, Device: device, Address: netip.MustParseAddr("192.0.2.1"),
		Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: noon, Encoding: 1,
	}
	if device != "" {
		session.Token = rookery.NewToken([rookery.TokenBytes]byte{byte(id), byte(id >> 8)}).Hash()
	}
	return session
}

func (s *testedStore) startSessions(sessions ...rookery.Session) {
	s.Helper()
	for _, session := range sessions {
		s.requireNoError(s.StartSession(s.ctx, session, "secret"))
	}
}

// listSessions returns all sessions by account and device.
func (s *testedStore) listSessions() (sessions []rookery.Session) {
	s.Helper()
	s.requireNoError(s.ForEachSession(s.ctx, func(session rookery.Session) bool {
		sessions = append(sessions, session)
		return true
	}))
	slices.SortFunc(sessions, compareSessions)
	return sessions
}

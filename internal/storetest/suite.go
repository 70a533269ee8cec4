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
		{"pauses of notices", noticePauseTests},
		{"closing", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.rule, func(t *testing.T) {
					test.run(newTrial(t, newStore(t)))
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
	run  func(*contractTrial)
}

// contractTrial is the store under test, with helpers that end the test on an unexpected result.
type contractTrial struct {
	*testing.T
	service.Store
	openStore OpenFunc
	ctx       context.Context
}

func newTrial(t *testing.T, open OpenFunc) *contractTrial {
	x := &contractTrial{T: t, Store: open(), openStore: open, ctx: t.Context()}
	t.Cleanup(func() { x.Close() })
	return x
}

// restart closes the store and opens it again.
func (ct *contractTrial) restart() {
	ct.Helper()
	ct.requireNoError(ct.Close())
	ct.Store = ct.openStore()
}

// checkAcrossRestart calls check before and after a restart.
func (ct *contractTrial) checkAcrossRestart(check func()) {
	ct.Helper()
	check()
	ct.restart()
	check()
}

func (ct *contractTrial) requireNoError(err error) {
	ct.Helper()
	if err != nil {
		ct.Fatal(err)
	}
}

// requireCode requires an error with a certain code.
func (ct *contractTrial) requireCode(err error, want rookery.Code) {
	ct.Helper()
	if err == nil || rookery.CodeOf(err) != want {
		ct.Fatalf("got error %v, want one with code %d", err, want)
	}
}

func (ct *contractTrial) requireEqual(what string, got, want any) {
	ct.Helper()
	if !reflect.DeepEqual(got, want) {
		ct.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

const (
	ann = rookery.FirstUIN
	bob = rookery.FirstUIN + 1
	cat = rookery.FirstUIN + 2
	// nobody has no account.
	nobody = rookery.FirstUIN + 1000
)

// noon is the time of nearly all events. Stores keep whole microseconds.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

func (ct *contractTrial) createAccounts(uins ...rookery.UIN) {
	ct.Helper()
	for _, uin := range uins {
		got, err := ct.CreateAccount(ct.ctx, rookery.NewAccount(uin, "penguin", noon), "secret")
		ct.requireNoError(err)
		ct.requireEqual("number of the new account", got, uin)
	}
}

func messageEntry(to, from rookery.UIN, text string) rookery.NewEntry {
	return rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: from, Text: text}
}

// deliverTexts delivers messages without a request key, one after the other.
func (ct *contractTrial) deliverTexts(to, from rookery.UIN, texts ...string) {
	ct.Helper()
	for _, text := range texts {
		_, err := ct.Deliver(ct.ctx, []rookery.NewEntry{messageEntry(to, from, text)}, noon, rookery.RequestKey{})
		ct.requireNoError(err)
	}
}

// mailboxTexts returns the texts of all entries of a mailbox.
func (ct *contractTrial) mailboxTexts(uin rookery.UIN) (texts []string) {
	ct.Helper()
	for _, entry := range ct.mailboxEntries(uin) {
		texts = append(texts, entry.Text)
	}
	return texts
}

func (ct *contractTrial) mailboxEntries(uin rookery.UIN) []rookery.Entry {
	ct.Helper()
	entries, err := ct.Entries(ct.ctx, uin, 0, 1<<62, 1<<30)
	ct.requireNoError(err)
	return entries
}

func (ct *contractTrial) entryNumbers(uin rookery.UIN) (numbers []uint64) {
	ct.Helper()
	for _, entry := range ct.mailboxEntries(uin) {
		numbers = append(numbers, entry.Number)
	}
	return numbers
}

func (ct *contractTrial) newestNumber(uin rookery.UIN) uint64 {
	ct.Helper()
	last, _, err := ct.MailboxState(ct.ctx, uin, "")
	ct.requireNoError(err)
	return last
}

func (ct *contractTrial) loadCursor(uin rookery.UIN, device string) rookery.Cursor {
	ct.Helper()
	_, cursor, err := ct.MailboxState(ct.ctx, uin, device)
	ct.requireNoError(err)
	return cursor
}

// longKey returns the key of a request of one of the account's address sessions. It is remembered for
// two minutes.
func longKey(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := rookery.RequestKey{Owner: owner, ReceivedAt: at, RepeatWindow: 2 * time.Minute}
	binary.LittleEndian.PutUint32(key.Digest[:], uint32(owner))
	binary.LittleEndian.PutUint64(key.Digest[8:], id)
	return key
}

// shortKey returns a key that counts only while its request is the latest.
func shortKey(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := longKey(owner, id, at)
	key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	return key
}

func onDevice(key rookery.RequestKey, device string) rookery.RequestKey {
	key.Device = device
	return key
}

// recordOnce makes the simplest request that has a key, and requires that it is no repeat.
func (ct *contractTrial) recordOnce(key rookery.RequestKey) {
	ct.Helper()
	receipt, err := ct.Deliver(ct.ctx, nil, noon, key)
	ct.requireNoError(err)
	if receipt.Repeated {
		ct.Fatalf("%+v counts as a repeat", key)
	}
}

// requireRecorded checks whether a request is remembered.
func (ct *contractTrial) requireRecorded(key rookery.RequestKey, want bool) {
	ct.Helper()
	_, ok, err := ct.RequestOutcome(ct.ctx, key)
	ct.requireNoError(err)
	if ok != want {
		ct.Fatalf("recalled is %v, want %v: %+v", ok, want, key)
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

func (ct *contractTrial) startSessions(sessions ...rookery.Session) {
	ct.Helper()
	for _, session := range sessions {
		ct.requireNoError(ct.StartSession(ct.ctx, session, "secret"))
	}
}

// listSessions returns all sessions by account and device.
func (ct *contractTrial) listSessions() (all []rookery.Session) {
	ct.Helper()
	ct.requireNoError(ct.ForEachSession(ct.ctx, func(session rookery.Session) bool {
		all = append(all, session)
		return true
	}))
	slices.SortFunc(all, bySession)
	return all
}

// Package storetest holds a store against its contract, the interface Store of
// internal/service: a test for each of its sentences, and random operations
// against a model in memory.
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

// OpenFunc opens a store on the same data each time. The one before is closed.
type OpenFunc func() service.Store

// Run runs the suite. fresh makes a place for a new store; the stores that its
// function opens are closed by the suite.
func Run(t *testing.T, fresh func(t *testing.T) OpenFunc) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"accounts", accountTests}, {"friends", friendTests}, {"requests and blocks", blockTests}, {"letters", letterTests},
		{"deliveries in a row", eachTests}, {"marks", markTests}, {"places", placeTests}, {"history", historyTests},
		{"sessions", sessionTests}, {"devices", deviceTests}, {"keeping", keepTests}, {"limits", limitTests}, {"pauses of notices", pauseTests}, {"closing", closeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.sentence, func(t *testing.T) {
					test.run(newTrial(t, fresh(t)))
				})
			}
		})
	}
	RunRandom(t, fresh)
}

// RunRandom is the part of Run with random operations.
func RunRandom(t *testing.T, fresh func(t *testing.T) OpenFunc) {
	t.Run("random operations do what they do to the model", func(t *testing.T) { random(t, fresh) })
	t.Run("random operations at once do what they do to models", func(t *testing.T) { randomAtOnce(t, fresh) })
}

// test holds one sentence of the contract.
type test struct {
	sentence string
	run      func(*trial)
}

// trial is a store under test, with helpers that end the test on what they do
// not expect.
type trial struct {
	*testing.T
	service.Store
	open OpenFunc
	ctx  context.Context
}

func newTrial(t *testing.T, open OpenFunc) *trial {
	x := &trial{T: t, Store: open(), open: open, ctx: t.Context()}
	t.Cleanup(func() { x.Close() })
	return x
}

// reopen closes the store and opens it again, as a restart does.
func (x *trial) reopen() {
	x.Helper()
	x.must(x.Close())
	x.Store = x.open()
}

// twice checks what must hold before and after a restart.
func (x *trial) twice(check func()) {
	x.Helper()
	check()
	x.reopen()
	check()
}

func (x *trial) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// refused checks the code of an error.
func (x *trial) refused(err error, want rookery.Code) {
	x.Helper()
	if err == nil || rookery.CodeOf(err) != want {
		x.Fatalf("got error %v, want one with code %d", err, want)
	}
}

func (x *trial) equal(what string, got, want any) {
	x.Helper()
	if !reflect.DeepEqual(got, want) {
		x.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

const (
	ann = rookery.FirstUIN
	bob = rookery.FirstUIN + 1
	cat = rookery.FirstUIN + 2
	// nobody is no account.
	nobody = rookery.FirstUIN + 1000
)

// noon is when nearly everything happens. Stores keep whole microseconds.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

func (x *trial) add(uins ...rookery.UIN) {
	x.Helper()
	for _, uin := range uins {
		got, err := x.CreateAccount(x.ctx, rookery.NewAccount(uin, "penguin", noon), "secret")
		x.must(err)
		x.equal("number of the new account", got, uin)
	}
}

func letter(to, from rookery.UIN, text string) rookery.NewEntry {
	return rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: from, Text: text}
}

// send delivers messages without a mark, one after the other.
func (x *trial) send(to, from rookery.UIN, texts ...string) {
	x.Helper()
	for _, text := range texts {
		_, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(to, from, text)}, noon, rookery.RequestKey{})
		x.must(err)
	}
}

// texts are those of all entries of a mailbox.
func (x *trial) texts(uin rookery.UIN) (texts []string) {
	x.Helper()
	for _, entry := range x.all(uin) {
		texts = append(texts, entry.Text)
	}
	return texts
}

func (x *trial) all(uin rookery.UIN) []rookery.Entry {
	x.Helper()
	entries, err := x.Entries(x.ctx, uin, 0, 1<<62, 1<<30)
	x.must(err)
	return entries
}

func (x *trial) numbers(uin rookery.UIN) (numbers []uint64) {
	x.Helper()
	for _, entry := range x.all(uin) {
		numbers = append(numbers, entry.Number)
	}
	return numbers
}

func (x *trial) last(uin rookery.UIN) uint64 {
	x.Helper()
	last, _, err := x.MailboxState(x.ctx, uin, "")
	x.must(err)
	return last
}

func (x *trial) place(uin rookery.UIN, device string) rookery.Cursor {
	x.Helper()
	_, place, err := x.MailboxState(x.ctx, uin, device)
	x.must(err)
	return place
}

// mark is one of the account's address sessions, with a long window.
func mark(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := rookery.RequestKey{Owner: owner, ReceivedAt: at, RepeatWindow: 2 * time.Minute}
	binary.LittleEndian.PutUint32(key.Digest[:], uint32(owner))
	binary.LittleEndian.PutUint64(key.Digest[8:], id)
	return key
}

// short is a mark that counts only while it is the latest.
func short(owner rookery.UIN, id uint64, at time.Duration) rookery.RequestKey {
	key := mark(owner, id, at)
	key.RepeatWindow, key.LatestOnly = 15*time.Second, true
	return key
}

func onDevice(key rookery.RequestKey, device string) rookery.RequestKey {
	key.Device = device
	return key
}

// do carries out the simplest thing that takes a mark.
func (x *trial) do(key rookery.RequestKey) {
	x.Helper()
	receipt, err := x.Deliver(x.ctx, nil, noon, key)
	x.must(err)
	if receipt.Repeated {
		x.Fatalf("%+v counts as a repeat", key)
	}
}

// recalls checks whether a mark is recalled.
func (x *trial) recalls(key rookery.RequestKey, want bool) {
	x.Helper()
	_, ok, err := x.RequestOutcome(x.ctx, key)
	x.must(err)
	if ok != want {
		x.Fatalf("recalled is %v, want %v: %+v", ok, want, key)
	}
}

func session(uin rookery.UIN, device string, id uint64) rookery.Session {
	session := rookery.Session{
		ID: id, Account: uin, Device: device, Address: netip.MustParseAddr("192.0.2.1"),
		Status: rookery.StatusOnline, Program: "9326B87B234E7235", SignedInAt: noon, Encoding: 1,
	}
	if device != "" {
		session.Token = rookery.NewToken([rookery.TokenBytes]byte{byte(id), byte(id >> 8)}).Hash()
	}
	return session
}

func (x *trial) signIn(sessions ...rookery.Session) {
	x.Helper()
	for _, session := range sessions {
		x.must(x.StartSession(x.ctx, session, "secret"))
	}
}

// sessions are all there are, by account and device.
func (x *trial) sessions() (all []rookery.Session) {
	x.Helper()
	x.must(x.ForEachSession(x.ctx, func(session rookery.Session) bool {
		all = append(all, session)
		return true
	}))
	slices.SortFunc(all, bySession)
	return all
}

package fault

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random choices; 0 for a new one, which the test logs")

// newSeed returns the random seed of a test and logs it.
func newSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -run '^%s$' ./internal/fault -seed %d", t.Name(), seed)
	return seed
}

// accountSet holds the accounts of a test.
type accountSet struct{ senders, receivers []rookery.UIN }

func newAccountSet(senders, receivers int) accountSet {
	var c accountSet
	for i := range senders {
		c.senders = append(c.senders, rookery.FirstUIN+rookery.UIN(i))
	}
	for i := range receivers {
		c.receivers = append(c.receivers, rookery.FirstUIN+1000+rookery.UIN(i))
	}
	return c
}

// newAccounts returns the accounts with the friendship rules that a Load requires.
func (c accountSet) newAccounts() []testAccount {
	var accounts []testAccount
	for _, uin := range c.senders {
		accounts = append(accounts, testAccount{uin, rookery.RuleAsk})
	}
	for i, uin := range c.receivers {
		accounts = append(accounts, testAccount{uin, []rookery.FriendRule{rookery.RuleOpen, rookery.RuleAsk}[i%2]})
	}
	return accounts
}

// newLoad signs the accounts in and returns a load of them. Half of the clients keep their connections, the others open
// one per request. Some senders use random timeouts.
func (c accountSet) newLoad(t *testing.T, dial DialFunc, seed uint64) *Load {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	newClients := func(uins []rookery.UIN) (clients []*Client) {
		for i, uin := range uins {
			clients = append(clients, &Client{UIN: uin, Post: HTTPPost(dial, i%2 == 0)})
		}
		return clients
	}
	senders, receivers := newClients(c.senders), newClients(c.receivers)
	for i, s := range senders {
		if i%4 >= 2 {
			s.AttemptTimeout = randomTimeout(rand.New(rand.NewPCG(seed, rng.Uint64())))
		}
	}
	var g errgroup.Group
	for _, client := range slices.Concat(senders, receivers) {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
			defer cancel()
			return client.Login(ctx, password)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return NewLoad(senders, receivers, seed)
}

// randomTimeout returns the AttemptTimeout of a client that sometimes repeats a request while the server still works on
// it. It is meant for senders, which have one request at a time.
func randomTimeout(rng *rand.Rand) func() time.Duration {
	return func() time.Duration {
		if rng.IntN(10) == 0 {
			return time.Duration(rng.IntN(3000)) * time.Microsecond
		}
		return 30 * time.Second
	}
}

// startLoad starts the load. The returned function stops it and fails the test after an unexpected answer.
func startLoad(t *testing.T, load *Load) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- load.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// countAcknowledged returns the number of acknowledged messages so far.
func countAcknowledged(load *Load) int {
	count := 0
	sent, _ := load.Ledger.Snapshot()
	for _, s := range sent {
		if s.Acknowledged {
			count++
		}
	}
	return count
}

// awaitMessages waits until at least n messages are acknowledged.
func awaitMessages(t *testing.T, load *Load, n int) {
	t.Helper()
	for deadline := time.Now().Add(requestTimeout); countAcknowledged(load) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages were acknowledged in %v, want %d", countAcknowledged(load), requestTimeout, n)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// reportFaults fails the test if there are faults, and logs the first ones. place says where the messages were.
func reportFaults(t *testing.T, place string, faults []Fault) {
	t.Helper()
	for _, f := range faults[:min(len(faults), 10)] {
		t.Errorf("%s: %v", place, f)
	}
	if n := len(faults); n > 10 {
		t.Errorf("%s: %d more faults", place, n-10)
	}
}

// checkCollected checks the messages that the receivers have collected at the end. It fails the test if the server
// worked without any fault, because then the test shows nothing.
func checkCollected(t *testing.T, load *Load) {
	t.Helper()
	sent, collected := load.Ledger.Snapshot()
	reportFaults(t, "collected", FindFaults(sent, collected))
	var unanswered, temporary int64
	for _, sender := range load.Senders {
		u, r := sender.RepeatCounts()
		unanswered, temporary = unanswered+u, temporary+r
	}
	t.Logf("%d messages sent, %d acknowledged; %d attempts were not answered, %d answered with RES=4",
		len(sent), countAcknowledged(load), unanswered, temporary)
	if countAcknowledged(load) == 0 || unanswered+temporary == 0 {
		t.Error("no message was acknowledged, or no request was repeated, so the test shows nothing")
	}
}

// checkStored checks that the mailboxes in the store of a stopped server contain what was collected, and nothing else.
func checkStored(t *testing.T, dir string, load *Load) {
	t.Helper()
	sent, collected := load.Ledger.Snapshot()
	stored := readStored(t, dir, load)
	for uin, messages := range stored {
		if !slices.Equal(messages, collected[uin]) {
			t.Errorf("the %d messages in the mailbox of %d differ from the %d collected ones", len(messages), uin,
				len(collected[uin]))
		}
	}
	reportFaults(t, "stored", FindFaults(sent, stored))
}

// readStored reads the receivers' mailboxes from the store of a stopped server.
func readStored(t *testing.T, dir string, load *Load) map[rookery.UIN][]Message {
	t.Helper()
	s, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.store.Close()
	stored := make(map[rookery.UIN][]Message)
	for _, receiver := range load.Receivers {
		messages, err := storedMessages(t.Context(), s, receiver.UIN)
		if err != nil {
			t.Error(err)
		}
		stored[receiver.UIN] = slices.DeleteFunc(messages, isNotice)
	}
	return stored
}

// isNotice reports whether a message has no text of its own.
func isNotice(message Message) bool { return message.Kind == rookery.KindAdded }

// storedMessages reads a mailbox. It returns an error if the numbers do not increase.
func storedMessages(ctx context.Context, s *localServer, uin rookery.UIN) (messages []Message, err error) {
	entries, err := readMailbox(ctx, s.store, uin)
	if err != nil {
		return nil, err
	}
	var latest uint64
	for _, e := range entries {
		if e.Number <= latest {
			return nil, fmt.Errorf("the mailbox of %d has number %d after %d", uin, e.Number, latest)
		}
		latest = e.Number
		messages = append(messages, Message{From: e.Peer, To: uin, Kind: e.Kind, Text: e.Text})
	}
	return messages, nil
}

// checkRelations checks the friendships of senders and receivers from both sides, and the statuses that receivers see.
func checkRelations(t *testing.T, load *Load) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	wantByReceiver := make(map[rookery.UIN][]rookery.UIN)
	for _, sender := range load.Senders {
		var want []rookery.UIN
		for uin, isFriend := range sender.Friends {
			if isFriend {
				want = append(want, uin)
				wantByReceiver[uin] = append(wantByReceiver[uin], sender.UIN)
			}
		}
		checkFriends(t, ctx, sender.Client, want)
	}
	for _, receiver := range load.Receivers {
		checkFriends(t, ctx, receiver.Client, wantByReceiver[receiver.UIN])
		checkStatuses(t, ctx, receiver.Client, load.Senders)
		checkNotices(t, receiver, load.Senders)
	}
}

func checkFriends(t *testing.T, ctx context.Context, client *Client, want []rookery.UIN) {
	t.Helper()
	answer, err := client.SendUntilDone(ctx, client.NewRequest("List", "&TN=160&UN=0"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := answer.UINs("UN"); !slices.Equal(got, want) {
		t.Errorf("friends of %d = %v, want the acknowledged %v", client.UIN, got, want)
	}
}

// checkStatuses compares the visible statuses with those that the senders chose.
func checkStatuses(t *testing.T, ctx context.Context, client *Client, senders []*Sender) {
	t.Helper()
	want := make(map[rookery.UIN]string)
	for _, sender := range senders {
		switch {
		case !sender.Friends[client.UIN]:
		case sender.Status == 0:
			want[sender.UIN] = rookery.StatusOnline.String() // the default of a login
		case sender.Status.Visible() != rookery.StatusOffline:
			want[sender.UIN] = sender.Status.String()
		}
	}
	answer, err := client.SendUntilDone(ctx, client.NewRequest("Query_Stat", "&TN=50&UN=0"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[rookery.UIN]string)
	for i, uin := range answer.UINs("UN") {
		got[uin] = answer.List("ST")[i]
	}
	if !maps.Equal(got, want) {
		t.Errorf("statuses that %d sees = %v, want %v", client.UIN, got, want)
	}
}

// checkNotices compares how many notices of new friends the receiver got with how often it got a friend.
func checkNotices(t *testing.T, receiver *Receiver, senders []*Sender) {
	t.Helper()
	for _, sender := range senders {
		if got, want := receiver.AddedNotices[sender.UIN], sender.FriendshipCounts[receiver.UIN]; got != want {
			t.Errorf("%d got %d notices that %d has added it, want %d", receiver.UIN, got, sender.UIN, want)
		}
	}
}

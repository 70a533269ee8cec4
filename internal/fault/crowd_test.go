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

var seedFlag = flag.Uint64("seed", 0, "what the random choices are made from; 0: a new one, which the test logs")

// newSeed is the seed of a test.
func newSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test -run '^%s$' ./internal/fault -seed %d", t.Name(), seed)
	return seed
}

// crowd are the accounts of a test.
type crowd struct{ senders, receivers []rookery.UIN }

func newCrowd(senders, receivers int) crowd {
	var c crowd
	for i := range senders {
		c.senders = append(c.senders, rookery.FirstUIN+rookery.UIN(i))
	}
	for i := range receivers {
		c.receivers = append(c.receivers, rookery.FirstUIN+1000+rookery.UIN(i))
	}
	return c
}

// people are the crowd with the rules that a Load asks for.
func (c crowd) people() []person {
	var all []person
	for _, uin := range c.senders {
		all = append(all, person{uin, rookery.RuleAsk})
	}
	for i, uin := range c.receivers {
		all = append(all, person{uin, []rookery.Rule{rookery.RuleOpen, rookery.RuleAsk}[i%2]})
	}
	return all
}

// join signs the crowd in and makes it a load. Half of the clients keep their
// connections, the others make one for each request; some senders lose patience
// at times.
func (c crowd) join(t *testing.T, dial Dial, seed uint64) *Load {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	clients := func(uins []rookery.UIN) (all []*Client) {
		for i, uin := range uins {
			all = append(all, &Client{UIN: uin, Post: HTTP(dial, i%2 == 0)})
		}
		return all
	}
	senders, receivers := clients(c.senders), clients(c.receivers)
	for i, s := range senders {
		if i%4 >= 2 {
			s.Patience = atTimesImpatient(rand.New(rand.NewPCG(seed, rng.Uint64())))
		}
	}
	var g errgroup.Group
	for _, client := range slices.Concat(senders, receivers) {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), inTheEnd)
			defer cancel()
			return client.Login(ctx, password)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return NewLoad(senders, receivers, seed)
}

// atTimesImpatient is the patience of a client that sometimes asks again while
// its request is still at work. It is for senders, who ask one thing at a time.
func atTimesImpatient(rng *rand.Rand) func() time.Duration {
	return func() time.Duration {
		if rng.IntN(10) == 0 {
			return time.Duration(rng.IntN(3000)) * time.Microsecond
		}
		return 30 * time.Second
	}
}

// begin lets the load act. The function that it returns ends it, and fails the
// test if somebody was not answered as must be.
func begin(t *testing.T, l *Load) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// acknowledged counts the messages that were acknowledged up to now.
func acknowledged(l *Load) int {
	n := 0
	sent, _ := l.Ledger.Entries()
	for _, s := range sent {
		if s.Acknowledged {
			n++
		}
	}
	return n
}

// awaitMessages waits until so many messages are acknowledged.
func awaitMessages(t *testing.T, l *Load, enough int) {
	t.Helper()
	for deadline := time.Now().Add(inTheEnd); acknowledged(l) < enough; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("fewer than %d messages were acknowledged in %v", enough, inTheEnd)
		}
	}
}

// report fails the test for each fault, but shows only some.
func report(t *testing.T, where string, faults []Fault) {
	t.Helper()
	for _, f := range faults[:min(len(faults), 10)] {
		t.Errorf("%s: %v", where, f)
	}
	if n := len(faults); n > 10 {
		t.Errorf("%s: and %d faults more", where, n-10)
	}
}

// checkCollected checks what the receivers collected, once all is collected.
func checkCollected(t *testing.T, l *Load) {
	t.Helper()
	sent, collected := l.Ledger.Entries()
	report(t, "collected", Judge(sent, collected))
	var unanswered, temporary int64
	for _, s := range l.Senders {
		u, again := s.Repeated()
		unanswered, temporary = unanswered+u, temporary+again
	}
	t.Logf("%d messages sent, %d acknowledged; %d attempts were not answered, %d answered with RES=4",
		len(sent), acknowledged(l), unanswered, temporary)
	if acknowledged(l) == 0 || unanswered+temporary == 0 {
		t.Error("nothing was acknowledged, or nothing had to be repeated: nothing is proved")
	}
}

// checkStored checks the mailboxes in the store of a server that has stopped:
// what was collected is there, and nothing else.
func checkStored(t *testing.T, dir string, l *Load) {
	t.Helper()
	sent, collected := l.Ledger.Entries()
	stored := readStored(t, dir, l)
	for uin, messages := range stored {
		if !slices.Equal(messages, collected[uin]) {
			t.Errorf("the mailbox of %d holds %d messages, and %d were collected, or others", uin, len(messages), len(collected[uin]))
		}
	}
	report(t, "stored", Judge(sent, stored))
}

// readStored reads the receivers' mailboxes in the store of a server that has
// stopped.
func readStored(t *testing.T, dir string, l *Load) map[rookery.UIN][]Message {
	t.Helper()
	h, err := openHouse(t.Context(), dir, unsynced)
	if err != nil {
		t.Fatal(err)
	}
	defer h.store.Close()
	stored := make(map[rookery.UIN][]Message)
	for _, r := range l.Receivers {
		messages, err := storedMessages(t.Context(), h, r.UIN)
		if err != nil {
			t.Error(err)
		}
		stored[r.UIN] = slices.DeleteFunc(messages, isNotice)
	}
	return stored
}

// isNotice reports whether a message says nothing but who it is from.
func isNotice(m Message) bool { return m.Kind == rookery.KindAdded }

// storedMessages reads what is in a mailbox. It is an error if its numbers do not
// rise.
func storedMessages(ctx context.Context, h *house, uin rookery.UIN) (messages []Message, err error) {
	entries, err := mailbox(ctx, h.store, uin)
	if err != nil {
		return nil, err
	}
	var latest uint64
	for _, e := range entries {
		if e.Number <= latest {
			return nil, fmt.Errorf("the mailbox of %d has the number %d behind %d", uin, e.Number, latest)
		}
		latest = e.Number
		messages = append(messages, Message{From: e.Peer, To: uin, Kind: e.Kind, Text: e.Text})
	}
	return messages, nil
}

// checkStandings asks the server how the senders stand with the receivers, from
// both sides, and what receivers see of them.
func checkStandings(t *testing.T, l *Load) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), inTheEnd)
	defer cancel()
	wantOf := make(map[rookery.UIN][]rookery.UIN)
	for _, s := range l.Senders {
		var want []rookery.UIN
		for uin, friends := range s.Friends {
			if friends {
				want = append(want, uin)
				wantOf[uin] = append(wantOf[uin], s.UIN)
			}
		}
		checkFriends(t, ctx, s.Client, want)
	}
	for _, r := range l.Receivers {
		checkFriends(t, ctx, r.Client, wantOf[r.UIN])
		checkStatuses(t, ctx, r.Client, l.Senders)
		checkNotices(t, r, l.Senders)
	}
}

func checkFriends(t *testing.T, ctx context.Context, c *Client, want []rookery.UIN) {
	t.Helper()
	a, err := c.Do(ctx, c.Request("List", "&TN=160&UN=0"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := a.UINs("UN"); !slices.Equal(got, want) {
		t.Errorf("the friends of %d are %v, acknowledged are %v", c.UIN, got, want)
	}
}

// checkStatuses compares who looks online to c with what they chose.
func checkStatuses(t *testing.T, ctx context.Context, c *Client, senders []*Sender) {
	t.Helper()
	want := make(map[rookery.UIN]string)
	for _, s := range senders {
		switch {
		case !s.Friends[c.UIN]:
		case s.Status == 0:
			want[s.UIN] = rookery.StatusOnline.String() // what a login without a status means
		case s.Status.Shown() != rookery.StatusOffline:
			want[s.UIN] = s.Status.String()
		}
	}
	a, err := c.Do(ctx, c.Request("Query_Stat", "&TN=50&UN=0"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[rookery.UIN]string)
	for i, uin := range a.UINs("UN") {
		got[uin] = a.List("ST")[i]
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d sees %v, they chose %v", c.UIN, got, want)
	}
}

// checkNotices compares how often the receiver was told of a new friend with
// how often it got one.
func checkNotices(t *testing.T, r *Receiver, senders []*Sender) {
	t.Helper()
	for _, s := range senders {
		if got, want := r.Notices[s.UIN], s.Befriended[r.UIN]; got != want {
			t.Errorf("%d was told %d times that %d has added it, want %d", r.UIN, got, s.UIN, want)
		}
	}
}

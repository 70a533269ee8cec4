package fault

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// confirmationDelay is how long storing a confirmation may take. Messages confirmed earlier are not pushed again.
const confirmationDelay = 2 * time.Second

// The server is killed at random times. Connected clients lose no acknowledged message, and those that drop known
// numbers see none twice. The server does not push confirmed messages again, unless the confirmation was recent.
func TestKillLosesNoPush(t *testing.T) {
	tests := []struct {
		name         string
		race         bool
		kills, short int
	}{
		{"the program that users run", false, 5, 2},
		{"the program built with the race detector", true, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kills := test.kills
			if testing.Short() {
				kills = test.short
			}
			seed, dir, accounts := newSeed(t), t.TempDir(), newAccountSet(6, 2)
			createAccounts(t, dir, accounts.newAccounts())
			s := newServer(t, rookeryServe(t, dir, test.race))
			load := newPushLoad(t, accounts, s.dial, seed)
			end := load.start(t)
			killAtRandom(s, kills, rand.New(rand.NewPCG(seed, 1)))
			awaitMessages(t, load.Load, countAcknowledged(load.Load)+100)
			end()

			sent, _ := load.Ledger.Snapshot()
			for _, r := range load.pushReceivers {
				if r.Confirms {
					checkDeduplicated(t, r, sent)
				} else {
					checkOldProgram(t, r, sent)
				}
			}
			s.stop()
			reportFaults(t, "stored", FindFaults(sent, readStored(t, dir, load.Load)))
		})
	}
}

// slowDial returns a DialFunc whose connections delay the bytes from the server.
func slowDial(dial DialFunc) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &FaultyConn{Conn: conn, Delay: time.Millisecond}, nil
	}
}

// pushLoad is a load whose receivers stay connected. Most messages go to the first of their two accounts.
type pushLoad struct {
	*Load
	pushReceivers []*PushReceiver
}

// newPushLoad signs the senders in. Half of them send over HTTP, the others on lines.
func newPushLoad(t *testing.T, c accountSet, dial DialFunc, seed uint64) *pushLoad {
	t.Helper()
	// The server pushes one message in 1.5 s to old programs, so theirs is the account that gets few messages.
	busy, calm := c.receivers[0], c.receivers[1]
	pushReceivers := []*PushReceiver{
		{Client: &Client{UIN: busy, Device: "phone"}, Dial: dial, Confirms: true, Resumes: true},
		{Client: &Client{UIN: busy, Device: "laptop 2"}, Dial: slowDial(dial), Confirms: true},
		{Client: &Client{UIN: busy}, Dial: dial, Confirms: true},
		{Client: &Client{UIN: calm, Post: HTTPPost(dial, true)}, Dial: dial},
	}
	var receivers, senders []*Client
	for _, uin := range c.receivers {
		receivers = append(receivers, &Client{UIN: uin})
	}
	for i, uin := range c.senders {
		post := HTTPPost(dial, true)
		if i%2 == 1 {
			post = StreamPost(dial)
		}
		senders = append(senders, &Client{UIN: uin, Post: post})
		if err := senders[i].Login(t.Context(), password); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range pushReceivers {
		r.Password = password
	}
	return &pushLoad{NewLoad(senders, receivers, seed), pushReceivers}
}

// start starts all clients. The returned function stops them: the senders complete their last requests, and the
// confirming receivers get all messages.
func (l *pushLoad) start(t *testing.T) (end func()) {
	sending, stopSending := context.WithCancel(t.Context())
	receiving, stopReceiving := context.WithCancel(t.Context())
	var senders, receivers errgroup.Group
	for _, r := range l.pushReceivers {
		signedIn := make(chan struct{})
		r.signedIn = signedIn
		receivers.Go(func() error { return r.Run(receiving) })
		select { // a device that signs in later does not receive the messages from before
		case <-signedIn:
		case <-time.After(requestTimeout):
			t.Fatalf("%d %q has not signed in after %v", r.UIN, r.Device, requestTimeout)
		}
	}
	for _, sender := range l.Senders {
		senders.Go(func() error {
			for sending.Err() == nil {
				if err := sender.sendMessage(t.Context(), rookery.KindMessage, l.nextReceiver(sender)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return func() {
		t.Helper()
		stopSending()
		if err := senders.Wait(); err != nil {
			t.Error(err)
		}
		l.awaitDeliveries(t)
		stopReceiving()
		if err := receivers.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// nextReceiver returns the account to which a sender writes next.
func (l *pushLoad) nextReceiver(sender *Sender) rookery.UIN {
	if sender.rng.IntN(60) == 0 {
		return l.Receivers[1].UIN
	}
	return l.Receivers[0].UIN
}

// awaitDeliveries waits until the confirming receivers have received all acknowledged messages.
func (l *pushLoad) awaitDeliveries(t *testing.T) {
	t.Helper()
	sent, _ := l.Ledger.Snapshot()
	for _, r := range l.pushReceivers {
		want := len(sentTo(sent, r.UIN, true))
		for deadline := time.Now().Add(requestTimeout); r.Confirms; <-time.After(10 * time.Millisecond) {
			pushes, _, _ := r.Received()
			if len(pushes) >= want {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%d on device %q got %d messages, want %d", r.UIN, r.Device, len(pushes), want)
				break
			}
		}
	}
}

// sentTo returns the messages to an account, all or only the acknowledged ones.
func sentTo(sent []SentMessage, uin rookery.UIN, onlyAcknowledged bool) (messages []SentMessage) {
	for _, s := range sent {
		if s.To == uin && (s.Acknowledged || !onlyAcknowledged) {
			messages = append(messages, s)
		}
	}
	return messages
}

// checkDeduplicated checks the messages of a client that drops known numbers.
func checkDeduplicated(t *testing.T, r *PushReceiver, sent []SentMessage) {
	t.Helper()
	pushes, redeliveries, streams := r.Received()
	place := "pushed to " + cmp.Or(r.Device, "a client without a device")
	var messages []Message
	var latest uint64
	for _, push := range pushes {
		if push.Number <= latest {
			t.Fatalf("%s: number %d after %d", place, push.Number, latest)
		}
		latest = push.Number
		messages = append(messages, push.Message)
	}
	reportFaults(t, place, FindFaults(sentTo(sent, r.UIN, false), map[rookery.UIN][]Message{r.UIN: messages}))
	for _, d := range redeliveries {
		if d.ConfirmedFor > confirmationDelay {
			t.Errorf("%s: number %d was pushed again although it was confirmed %v before the stream broke", place, d.Number,
				d.ConfirmedFor)
		}
	}
	t.Logf("%s: %d messages on %d streams, %d redeliveries", place, len(pushes), streams, len(redeliveries))
	if streams < 2 {
		t.Errorf("%s: the stream never broke, so the test shows nothing", place)
	}
}

// checkOldProgram checks that an old program received everything by pushes and a final poll together, possibly
// repeatedly.
func checkOldProgram(t *testing.T, r *PushReceiver, sent []SentMessage) {
	t.Helper()
	pushes, _, streams := r.Received()
	var messages []Message
	found := make(map[Message]bool)
	add := func(message Message) {
		if !found[message] {
			messages = append(messages, message)
		}
		found[message] = true
	}
	for _, push := range pushes {
		add(push.Message)
	}
	want := sentTo(sent, r.UIN, true)
	for deadline := time.Now().Add(requestTimeout); slices.ContainsFunc(want,
		func(sent SentMessage) bool { return !found[sent.Message] }); {
		if time.Now().After(deadline) {
			break // FindFaults reports the lost messages
		}
		answer, err := r.SendUntilDone(t.Context(), r.NewRequest("GetMsgEx", ""))
		if err != nil {
			t.Fatal(err)
		}
		batch, err := answer.Messages()
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range batch {
			add(message)
		}
	}
	reportFaults(t, "an old program", FindFaults(sentTo(sent, r.UIN, false),
		map[rookery.UIN][]Message{r.UIN: messages}))
	t.Logf("an old program: %d messages, %d of them pushed, on %d streams", len(messages), len(pushes), streams)
}

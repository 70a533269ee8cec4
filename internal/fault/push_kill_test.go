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

// Whenever the server is killed, clients who stay connected lose nothing of what
// was acknowledged to the senders, and those who drop numbers that they have
// seen see nothing twice. What a device has confirmed does not come again,
// unless it was on its way.
func TestNoPushIsLostWhenTheServerIsKilled(t *testing.T) {
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
			seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(6, 2)
			createAccounts(t, dir, crowd.newAccounts())
			s := newServer(t, rookeryServe(t, dir, test.race))
			load := newPushLoad(t, crowd, s.dial, seed)
			end := load.start(t)
			killAtRandom(s, kills, rand.New(rand.NewPCG(seed, 1)))
			awaitMessages(t, load.Load, countAcknowledged(load.Load)+100)
			end()

			sent, _ := load.Ledger.Snapshot()
			for _, e := range load.ears {
				if e.Confirms {
					checkDeduplicated(t, e, sent)
				} else {
					checkOldProgram(t, e, sent)
				}
			}
			s.stop()
			reportFaults(t, "stored", FindFaults(sent, readStored(t, dir, load.Load)))
		})
	}
}

// slowDial dials through a network that delays what the server writes.
func slowDial(dial DialFunc) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &FaultyConn{Conn: conn, Delay: time.Millisecond}, nil
	}
}

// pushLoad is a load whose receivers stay connected. Their accounts are the
// first receiver's, which most messages go to, and the second one's.
type pushLoad struct {
	*Load
	ears []*PushReceiver
}

// newPushLoad signs the senders in. Half of them write over HTTPPost, the others
// on lines.
func newPushLoad(t *testing.T, c accountSet, dial DialFunc, seed uint64) *pushLoad {
	t.Helper()
	// Programs of old get one message in 1.5 s, so they have an account of their
	// own that few are sent to.
	busy, calm := c.receivers[0], c.receivers[1]
	ears := []*PushReceiver{
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
	for _, e := range ears {
		e.Password = password
	}
	return &pushLoad{NewLoad(senders, receivers, seed), ears}
}

// start lets everybody act. The function that it returns ends it: the senders
// see their requests through, and those who confirm hear all there is.
func (l *pushLoad) start(t *testing.T) (end func()) {
	sending, stopSending := context.WithCancel(t.Context())
	hearing, stopHearing := context.WithCancel(t.Context())
	var senders, ears errgroup.Group
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
	for _, e := range l.ears {
		ears.Go(func() error { return e.Run(hearing) })
	}
	return func() {
		t.Helper()
		stopSending()
		if err := senders.Wait(); err != nil {
			t.Error(err)
		}
		l.awaitDeliveries(t)
		stopHearing()
		if err := ears.Wait(); err != nil {
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
	for _, e := range l.ears {
		want := len(sentTo(sent, e.UIN, true))
		for deadline := time.Now().Add(requestTimeout); e.Confirms; <-time.After(10 * time.Millisecond) {
			pushes, _, _ := e.Received()
			if len(pushes) >= want {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%d %q has heard %d messages, and %d were acknowledged", e.UIN, e.Device, len(pushes), want)
				break
			}
		}
	}
}

// sentTo are the messages to an account, all or those that were acknowledged.
func sentTo(sent []SentMessage, uin rookery.UIN, acknowledged bool) (all []SentMessage) {
	for _, s := range sent {
		if s.To == uin && (s.Acknowledged || !acknowledged) {
			all = append(all, s)
		}
	}
	return all
}

// checkDeduplicated checks what a client received that drops known numbers.
func checkDeduplicated(t *testing.T, e *PushReceiver, sent []SentMessage) {
	t.Helper()
	pushes, redeliveries, lines := e.Received()
	where := "pushed to " + cmp.Or(e.Device, "a program of old")
	var messages []Message
	var latest uint64
	for _, push := range pushes {
		if push.Number <= latest {
			t.Fatalf("%s: number %d came behind %d", where, push.Number, latest)
		}
		latest = push.Number
		messages = append(messages, push.Message)
	}
	reportFaults(t, where, FindFaults(sentTo(sent, e.UIN, false), map[rookery.UIN][]Message{e.UIN: messages}))
	for _, a := range redeliveries {
		if a.ConfirmedFor > confirmationDelay {
			t.Errorf("%s: number %d came again, and had been confirmed %v before the line broke", where, a.Number,
				a.ConfirmedFor)
		}
	}
	t.Logf("%s: %d messages on %d lines, %d of them again", where, len(pushes), lines, len(redeliveries))
	if lines < 2 {
		t.Errorf("%s: the line never broke: nothing is proved", where)
	}
}

// checkOldProgram checks that an old program received everything by pushes and a final poll together, possibly
// repeatedly.
func checkOldProgram(t *testing.T, e *PushReceiver, sent []SentMessage) {
	t.Helper()
	pushes, _, lines := e.Received()
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
	want := sentTo(sent, e.UIN, true)
	for deadline := time.Now().Add(requestTimeout); slices.ContainsFunc(want,
		func(sent SentMessage) bool { return !found[sent.Message] }); {
		if time.Now().After(deadline) {
			break // the report says what is lost
		}
		answer, err := e.SendUntilDone(t.Context(), e.NewRequest("GetMsgEx", ""))
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
	reportFaults(t, "an old program", FindFaults(sentTo(sent, e.UIN, false),
		map[rookery.UIN][]Message{e.UIN: messages}))
	t.Logf("an old program: %d messages, %d of them pushed, on %d lines", len(messages), len(pushes), lines)
}

package service_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// The test connects and disconnects devices at random, and compares what they receive with a model: a
// list of entries and a position for each client.
func TestRandomOperationsLoseAndRepeatNoEntry(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				walk := newWalk(f, seed)
				for range 250 {
					walk.step()
				}
				for _, c := range walk.clients {
					walk.finish(c)
				}
			}, 10001, 10002)
		})
	}
}

type walk struct {
	*fixture
	*rand.Rand
	friend *service.Session
	// log models the mailbox of 10001.
	log      []modelEntry
	clients  []*client
	seqCount int
}

// modelEntry is an entry. origin is the sending device if own is set, which marks a message of 10001.
type modelEntry struct {
	text, origin string
	own          bool
}

// client is a device, or the address session, with what it may expect.
type client struct {
	device  string
	token   rookery.Token
	session *service.Session
	phone   *pushClient
	// seen is the last entry that the client has for good: no entry up to it may arrive again. shown is
	// the last entry that it has received.
	seen, shown int
	// written are the unconfirmed entries of the connection with their times of arrival.
	written []writtenEntry
	// byNumber means that only confirmations by number count.
	byNumber bool
}

type writtenEntry struct {
	number int
	at     time.Time
}

func newWalk(f *fixture, seed uint64) *walk {
	wk := &walk{fixture: f, Rand: rand.New(rand.NewPCG(seed, 2008)), friend: f.signInDevice(10002, "friend")}
	for _, deviceName := range []string{"phone", "desk", ""} {
		c := &client{device: deviceName}
		wk.clients = append(wk.clients, c)
		wk.signIn(c)
	}
	return wk
}

func (wk *walk) signIn(c *client) {
	wk.Helper()
	if c.device == "" {
		c.session = wk.fixture.signIn(10001, home)
		return
	}
	c.session, c.token = wk.signInDeviceToken(10001, c.device)
}

func (wk *walk) step() {
	wk.Helper()
	c := wk.clients[wk.IntN(len(wk.clients))]
	switch wk.IntN(12) {
	case 0, 1, 2:
		wk.sendTexts(wk.friend, 10001, wk.addEntry("", false))
	case 3:
		wk.sendTexts(c.session, 10002, wk.addEntry(c.device, true))
	case 4:
		wk.connect(c)
	case 5:
		wk.disconnect(c)
	case 6:
		wk.confirm(c)
	case 7:
		wk.sendRecord(c)
	case 8, 9:
		wk.poll(c)
	case 10:
		wk.passTime(time.Duration(wk.IntN(15)) * 500 * time.Millisecond)
		wk.touchSessions()
	case 11:
		if wk.IntN(4) == 0 {
			wk.stop()
		}
	}
	wk.waitIdle()
	for _, c := range wk.clients {
		wk.checkPushed(c)
	}
}

// addEntry adds an entry to the model and returns its text.
func (wk *walk) addEntry(origin string, own bool) string {
	text := fmt.Sprint("text ", len(wk.log)+1)
	wk.log = append(wk.log, modelEntry{text, origin, own})
	return text
}

// nextFor returns the position of the next entry that the client must receive, or 0.
func (wk *walk) nextFor(c *client, after int) int {
	for n := after + 1; n <= len(wk.log); n++ {
		e := wk.log[n-1]
		if !e.own || c.device != "" && e.origin != c.device {
			return n
		}
	}
	return 0
}

// touchSessions keeps every session alive.
func (wk *walk) touchSessions() {
	for _, c := range wk.clients {
		_, err := wk.RefreshSession(c.session)
		wk.must(err)
	}
	_, err := wk.RefreshSession(wk.friend)
	wk.must(err)
}

// connect subscribes a client on a new connection, or again on the same one.
func (wk *walk) connect(c *client) {
	if wk.IntN(3) == 0 {
		wk.signIn(c)
	}
	if c.phone != nil && wk.IntN(2) == 0 {
		c.phone.resubscribe(c.session)
		return
	}
	old := c.phone
	wk.checkPushed(c)
	c.shown, c.written = c.seen, nil
	c.phone = wk.subscribe(c.session)
	if old != nil {
		old.disconnect()
	}
}

func (wk *walk) disconnect(c *client) {
	if c.phone == nil {
		return
	}
	wk.checkPushed(c)
	c.phone.disconnect()
	c.phone, c.shown, c.written = nil, c.seen, nil
}

// checkPushed checks that the pushed events are the next ones.
func (wk *walk) checkPushed(c *client) {
	wk.Helper()
	if c.phone == nil {
		return
	}
	for _, item := range c.phone.takeReceived() {
		want := wk.nextFor(c, c.shown)
		if want == 0 || !item.isEntry(want, wk.log[want-1].text) {
			wk.Fatalf("%q received push %s, want number %d", c.device, item, want)
		}
		c.shown = want
		c.written = append(c.written, writtenEntry{want, item.at})
	}
}

func (wk *walk) confirm(c *client) {
	if c.phone == nil || len(c.written) == 0 || !c.byNumber && wk.IntN(4) > 0 {
		return
	}
	c.byNumber = true
	n := c.written[wk.IntN(len(c.written))].number
	c.phone.confirm(uint64(n))
	wk.has(c, n)
}

// sendRecord sends a record, which confirms what arrived 5 s before.
func (wk *walk) sendRecord(c *client) {
	if c.phone == nil {
		return
	}
	c.phone.subscription.RecordReceived(wk.now())
	wk.waitIdle()
	if c.byNumber {
		return
	}
	for _, e := range slices.Clone(c.written) {
		if wk.now().Sub(e.at) >= 5*time.Second {
			wk.has(c, e.number)
		}
	}
}

func (wk *walk) has(c *client, n int) {
	c.seen = max(c.seen, n)
	c.written = slices.DeleteFunc(c.written, func(e writtenEntry) bool { return e.number <= n })
}

// poll collects with a new SEQ. The answer may get lost; the client then repeats the request.
func (wk *walk) poll(c *client) {
	wk.Helper()
	wk.seqCount++
	seq := fmt.Sprint("collect ", wk.seqCount)
	got := wk.collect(c.session, seq)
	if wk.IntN(3) == 0 {
		if wk.IntN(4) == 0 {
			wk.stop()
		}
		if again := wk.collect(c.session, seq); len(got) > 0 && !slices.Equal(again, got) {
			wk.Fatalf("%q got %q, and the second time %q", c.device, got, again)
		} else {
			got = again
		}
	}
	if c.phone != nil && len(got) > 0 {
		wk.Fatalf("%q collected %q beside a live connection, want nothing", c.device, got)
	}
	for _, text := range got {
		want := wk.nextFor(c, c.seen)
		if want == 0 || text != wk.log[want-1].text {
			wk.Fatalf("%q collected %q, want number %d", c.device, text, want)
		}
		c.seen, c.shown = want, want
	}
	if c.phone == nil && wk.nextFor(c, c.seen) != 0 && len(got) < 50 {
		wk.Fatalf("%q collected %q, want number %d as well", c.device, got, wk.nextFor(c, c.seen))
	}
}

// stop ends the server, sometimes without warning, and starts it again.
func (wk *walk) stop() {
	wk.waitIdle()
	for _, c := range wk.clients {
		wk.disconnect(c)
	}
	if wk.IntN(2) == 0 {
		wk.restart(time.Second)
	} else {
		wk.must(wk.store.Close())
		wk.start()
	}
	for _, c := range wk.clients {
		var err error
		c.session, err = wk.AuthenticateSession(wk.Context(), 10001, service.Caller{Address: home, Token: c.token})
		wk.must(err)
	}
	wk.friend = wk.signInDevice(10002, "friend")
}

// finish checks that a client receives all remaining entries.
func (wk *walk) finish(c *client) {
	wk.disconnect(c)
	for wk.nextFor(c, c.seen) != 0 {
		wk.poll(c)
	}
}

// All devices run concurrently, for the race detector. In the end each has every entry in order.
func TestConcurrentReconnectsReceiveEveryMessage(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		senders := []*service.Session{f.signInDevice(10001, "one"), f.signInDevice(10001, "two")}
		const each = 150
		var busy sync.WaitGroup
		for i, session := range senders {
			busy.Go(func() {
				for n := range each {
					f.sendTexts(session, 10002, fmt.Sprintf("%d-%03d", i, n))
				}
			})
		}
		seen := map[string][]string{}
		for _, name := range []string{"phone", "desk"} {
			busy.Go(func() {
				texts := f.reconnectRepeatedly(name, 2*each)
				f.mu.Lock()
				defer f.mu.Unlock()
				seen[name] = texts
			})
		}
		busy.Wait()
		for name, texts := range seen {
			for i := range senders {
				var of []string
				for _, text := range texts {
					if text[0] == byte('0'+i) {
						of = append(of, text)
					}
				}
				if len(of) != each || !slices.IsSorted(of) {
					f.Errorf("%s has %d messages of sender %d, in order: %v, want %d in order",
						name, len(of), i, slices.IsSorted(of), each)
				}
			}
		}
	}, 10001, 10002)
}

// reconnectRepeatedly connects a device repeatedly, sometimes twice at once, until it has received as many
// entries as wanted.
func (f *fixture) reconnectRepeatedly(name string, want int) (texts []string) {
	newestNumber := uint64(0)
	var wait sync.WaitGroup
	for round := 0; len(texts) < want; round++ {
		session := f.signInDevice(10002, name)
		p := &pushClient{fixture: f}
		subscription, err := f.Subscribe(f.Context(), session, p)
		if err != nil {
			f.Error(err)
			return texts
		}
		wait.Go(func() { subscription.RecordReceived(f.now()) })
		if round%6 == 3 { // a poll beside the connection gets nothing
			wait.Go(func() { _, _ = f.tryCollect(session, "") })
		}
		time.Sleep(time.Millisecond)
		for _, item := range p.takeReceived() {
			if item.number > newestNumber {
				newestNumber = item.number
				texts = append(texts, item.event.(*rookery.Entry).Text)
			}
			subscription.Confirm(item.number)
		}
		if round%2 == 0 {
			subscription.Close()
		}
		wait.Wait()
	}
	return texts
}

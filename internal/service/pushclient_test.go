package service_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// pushedText is an item with the time at which it came.
type pushedText struct {
	service.PushEvent
	at time.Time
}

// signInDevice signs a device in.
func (w *world) signInDevice(uin rookery.UIN, name string) *service.Session {
	w.Helper()
	session, _ := w.signInDeviceToken(uin, name)
	return session
}

func (w *world) signInDeviceToken(uin rookery.UIN, name string) (*service.Session, rookery.Token) {
	w.Helper()
	proof := service.ProofOf(password)
	session, token, err := w.SignIn(w.Context(),
		service.SignInRequest{UIN: uin, Proof: &proof, Address: home, Device: name})
	w.must(err)
	return session, token
}

// pushClient is a client's end of a live connection.
type pushClient struct {
	*world
	feed *service.Subscription
	// framed: it is a WebSocket.
	framed bool

	mu      sync.Mutex // guards the rest
	items   []pushedText
	hold    chan struct{} // if it is not nil, a push waits until it is closed
	pushing int           // pushes that wait
	broken  bool
	closed  bool
}

// subscribe connects a session, and waits for what is pushed at once.
func (w *world) subscribe(session *service.Session) *pushClient {
	w.Helper()
	p := &pushClient{world: w}
	p.resubscribe(session)
	return p
}

// subscribeFramed is attach for a connection on which each item arrives by itself.
func (w *world) subscribeFramed(session *service.Session) *pushClient {
	w.Helper()
	p := &pushClient{world: w, framed: true}
	p.resubscribe(session)
	return p
}

// resubscribe connects a session on the same connection.
func (p *pushClient) resubscribe(session *service.Session) {
	p.Helper()
	var err error
	p.feed, err = p.Subscribe(p.Context(), session, p)
	p.must(err)
	p.waitIdle()
}

func (p *pushClient) Push(i service.PushEvent) error {
	p.mu.Lock()
	hold := p.hold
	p.pushing++
	p.mu.Unlock()
	if hold != nil {
		<-hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushing--
	if p.broken {
		return errors.New("broken pipe")
	}
	p.items = append(p.items, pushedText{i, p.now()})
	return nil
}

// blockPushes has pushes wait from now on until hold is closed; nil: none.
func (p *pushClient) blockPushes(hold chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = hold
}

func (p *pushClient) Framed() bool { return p.framed }

func (p *pushClient) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

func (p *pushClient) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// disconnect ends the connection.
func (p *pushClient) disconnect() {
	p.feed.Close()
	p.waitIdle()
}

func (p *pushClient) confirm(entryNumber uint64) {
	p.feed.Confirm(entryNumber)
	p.waitIdle()
}

// describeReceived returns what was pushed since it was called last.
func (p *pushClient) describeReceived() []string {
	p.waitIdle()
	list := []string{}
	for _, i := range p.takeReceived() {
		list = append(list, describeEvent(i.PushEvent))
	}
	return list
}

func (p *pushClient) takeReceived() []pushedText {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := p.items
	p.items = nil
	return items
}

func describeEvent(i service.PushEvent) string {
	switch {
	case i.Notice != nil:
		return fmt.Sprintf("#%d %d:%d", i.Number, i.Notice.Friend, i.Notice.Status)
	case i.ReadMark != nil:
		return fmt.Sprintf("#%d read %d up to %d", i.Number, i.ReadMark.With, i.ReadMark.Number)
	case i.Number != i.Entry.Number:
		return fmt.Sprintf("entry %d with number %d", i.Entry.Number, i.Number)
	case i.Entry.Kind == rookery.KindSent:
		return fmt.Sprintf("%d to %d: %s", i.Number, i.Entry.Peer, i.Entry.Text)
	}
	return fmt.Sprintf("%d %s", i.Number, i.Entry.Text)
}

func (p *pushClient) wantPushed(want ...string) {
	p.Helper()
	if got := p.describeReceived(); !slices.Equal(got, want) {
		p.Errorf("pushed were %q, want %q", got, want)
	}
}

// sendTexts sends texts, each with a SEQ of its own.
func (w *world) sendTexts(session *service.Session, receiver rookery.UIN, texts ...string) {
	w.Helper()
	for _, text := range texts {
		w.must(w.send(session, "", receiver, text))
	}
}

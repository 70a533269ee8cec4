package service_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

// pushedEvent is a pushed event with its number and time of arrival.
type pushedEvent struct {
	number uint64
	event  rookery.Event
	at     time.Time
}

// isEntry reports whether the event is the entry with the number and text.
func (p pushedEvent) isEntry(number int, text string) bool {
	entry, ok := p.event.(*rookery.Entry)
	return ok && p.number == uint64(number) && entry.Text == text
}

// signInDevice signs in with a device name.
func (f *fixture) signInDevice(uin rookery.UIN, name string) *service.Session {
	f.Helper()
	session, _ := f.signInDeviceToken(uin, name)
	return session
}

func (f *fixture) signInDeviceToken(uin rookery.UIN, name string) (*service.Session, rookery.Token) {
	f.Helper()
	proof := auth.ProofOf(password)
	session, token, err := f.SignIn(f.Context(),
		service.SignInRequest{UIN: uin, Proof: &proof, Address: home, Device: name})
	f.must(err)
	return session, token
}

// pushClient is the client's end of a live connection.
type pushClient struct {
	*fixture
	subscription *service.Subscription
	// framed stands for a WebSocket.
	framed bool

	mu      sync.Mutex // guards the fields below
	items   []pushedEvent
	unblock chan struct{} // if not nil, a push waits until it is closed
	pushing int           // number of waiting pushes
	broken  bool
	closed  bool
}

// subscribe opens a connection for a session and waits for the first pushes.
func (f *fixture) subscribe(session *service.Session) *pushClient {
	f.Helper()
	p := &pushClient{fixture: f}
	p.resubscribe(session)
	return p
}

// subscribeFramed is subscribe for a framed connection.
func (f *fixture) subscribeFramed(session *service.Session) *pushClient {
	f.Helper()
	p := &pushClient{fixture: f, framed: true}
	p.resubscribe(session)
	return p
}

// resubscribe subscribes a session on the same connection.
func (p *pushClient) resubscribe(session *service.Session) {
	p.Helper()
	var err error
	p.subscription, err = p.Subscribe(p.Context(), session, p)
	p.must(err)
	p.waitIdle()
}

func (p *pushClient) Push(number uint64, event rookery.Event) error {
	p.mu.Lock()
	unblock := p.unblock
	p.pushing++
	p.mu.Unlock()
	if unblock != nil {
		<-unblock
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushing--
	if p.broken {
		return errors.New("broken pipe")
	}
	p.items = append(p.items, pushedEvent{number, event, p.now()})
	return nil
}

// blockPushes makes later pushes wait until unblock is closed. With nil they do not wait.
func (p *pushClient) blockPushes(unblock chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unblock = unblock
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
	p.subscription.Close()
	p.waitIdle()
}

func (p *pushClient) confirm(entryNumber uint64) {
	p.subscription.Confirm(entryNumber)
	p.waitIdle()
}

// describeReceived returns the events since the last call.
func (p *pushClient) describeReceived() []string {
	p.waitIdle()
	list := []string{}
	for _, pushed := range p.takeReceived() {
		list = append(list, pushed.String())
	}
	return list
}

func (p *pushClient) takeReceived() []pushedEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := p.items
	p.items = nil
	return items
}

func (p pushedEvent) String() string {
	switch event := p.event.(type) {
	case rookery.StatusNotice:
		return fmt.Sprintf("#%d %d:%d", p.number, event.Friend, event.Status)
	case rookery.ReadMark:
		return fmt.Sprintf("#%d read %d up to %d", p.number, event.Peer, event.Number)
	case *rookery.Entry:
		switch {
		case p.number != event.Number:
			return fmt.Sprintf("entry %d with number %d", event.Number, p.number)
		case event.Kind == rookery.KindSent:
			return fmt.Sprintf("%d to %d: %s", p.number, event.Peer, event.Text)
		}
		return fmt.Sprintf("%d %s", p.number, event.Text)
	}
	return fmt.Sprintf("an event of type %T", p.event)
}

func (p *pushClient) wantPushed(want ...string) {
	p.Helper()
	if got := p.describeReceived(); !slices.Equal(got, want) {
		p.Errorf("the client received %q, want %q", got, want)
	}
}

// sendTexts sends texts, each with an empty SEQ.
func (f *fixture) sendTexts(session *service.Session, receiver rookery.UIN, texts ...string) {
	f.Helper()
	for _, text := range texts {
		f.must(f.send(session, "", receiver, text))
	}
}

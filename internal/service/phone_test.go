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

// pushed is an item with the time at which it came.
type pushed struct {
	service.Event
	at time.Time
}

// device signs a device in.
func (w *world) device(uin rookery.UIN, name string) *service.Session {
	w.Helper()
	session, _ := w.token(uin, name)
	return session
}

func (w *world) token(uin rookery.UIN, name string) (*service.Session, rookery.Token) {
	w.Helper()
	proof := service.ProofOf(password)
	session, token, err := w.SignIn(w.Context(), service.SignIn{UIN: uin, Proof: &proof, Address: home, Device: name})
	w.must(err)
	return session, token
}

// phone is a client's end of a live connection.
type phone struct {
	*world
	feed *service.Subscription
	// framed: it is a WebSocket.
	framed bool

	mu      sync.Mutex // guards the rest
	items   []pushed
	hold    chan struct{} // if it is not nil, a push waits until it is closed
	pushing int           // pushes that wait
	broken  bool
	closed  bool
}

// attach connects a session, and waits for what is pushed at once.
func (w *world) attach(session *service.Session) *phone {
	w.Helper()
	p := &phone{world: w}
	p.again(session)
	return p
}

// webSocket is attach for a connection on which each item arrives by itself.
func (w *world) webSocket(session *service.Session) *phone {
	w.Helper()
	p := &phone{world: w, framed: true}
	p.again(session)
	return p
}

// again connects a session on the same connection.
func (p *phone) again(session *service.Session) {
	p.Helper()
	var err error
	p.feed, err = p.Attach(p.Context(), session, p)
	p.must(err)
	p.settle()
}

func (p *phone) Push(i service.Event) error {
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
	p.items = append(p.items, pushed{i, p.now()})
	return nil
}

// holds has pushes wait from now on until hold is closed; nil: none.
func (p *phone) holds(hold chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = hold
}

func (p *phone) Framed() bool { return p.framed }

func (p *phone) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

func (p *phone) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// cut ends the connection.
func (p *phone) cut() {
	p.feed.Close()
	p.settle()
}

func (p *phone) confirm(number uint64) {
	p.feed.Confirm(number)
	p.settle()
}

// got returns what was pushed since it was called last.
func (p *phone) got() []string {
	p.settle()
	list := []string{}
	for _, i := range p.take() {
		list = append(list, describe(i.Event))
	}
	return list
}

func (p *phone) take() []pushed {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := p.items
	p.items = nil
	return items
}

func describe(i service.Event) string {
	switch {
	case i.Notice != nil:
		return fmt.Sprintf("#%d %d:%d", i.Number, i.Notice.Friend, i.Notice.Status)
	case i.Read != nil:
		return fmt.Sprintf("#%d read %d up to %d", i.Number, i.Read.With, i.Read.Number)
	case i.Number != i.Entry.Number:
		return fmt.Sprintf("entry %d with number %d", i.Entry.Number, i.Number)
	case i.Entry.Kind == rookery.KindSent:
		return fmt.Sprintf("%d to %d: %s", i.Number, i.Entry.Peer, i.Entry.Text)
	}
	return fmt.Sprintf("%d %s", i.Number, i.Entry.Text)
}

func (p *phone) want(want ...string) {
	p.Helper()
	if got := p.got(); !slices.Equal(got, want) {
		p.Errorf("pushed were %q, want %q", got, want)
	}
}

// says sends texts, each with a SEQ of its own.
func (w *world) says(session *service.Session, to rookery.UIN, texts ...string) {
	w.Helper()
	for _, text := range texts {
		w.must(w.send(session, "", to, text))
	}
}

package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

const (
	// inTheEnd is within what time a request must be answered, the server's
	// deaths included.
	inTheEnd = 2 * time.Minute
	// idlePause is between two collections of nothing.
	idlePause = 3 * time.Millisecond
	// oneWay is the share of messages that their sender does not care for:
	// they are sent once, answered or not.
	oneWay = 0.05
)

// Load is a crowd that is signed in: senders who write, ask, befriend and
// change their status, and receivers who collect.
type Load struct {
	Senders   []*Sender
	Receivers []*Receiver
	Ledger    *Ledger
	// Pause is how long each sender rests after what it did.
	Pause time.Duration
}

// NewLoad makes a load of clients. Of the receivers, every other one, beginning
// with the first, must take everybody as a friend, and the others must ask for
// a request. The seed decides who does what; when, the machine does.
func NewLoad(senders, receivers []*Client, seed uint64) *Load {
	l := &Load{Ledger: new(Ledger)}
	for _, c := range receivers {
		l.Receivers = append(l.Receivers, &Receiver{Client: c, ledger: l.Ledger, Notices: make(map[rookery.UIN]int)})
	}
	for _, c := range senders {
		l.Senders = append(l.Senders, &Sender{
			Client: c, ledger: l.Ledger, receivers: receivers,
			rng:     rand.New(rand.NewPCG(seed, uint64(c.UIN))),
			asked:   make(map[rookery.UIN]bool),
			Friends: make(map[rookery.UIN]bool), Befriended: make(map[rookery.UIN]int),
		})
	}
	return l
}

// Run lets everybody act until ctx ends. Then the senders see their requests
// through, and the receivers collect what is left. An error is an answer that
// should not be: a refusal, an ended session, none at all.
func (l *Load) Run(ctx context.Context) error {
	// The first error ends the load of all.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	hard := context.WithoutCancel(ctx)
	var all, senders errgroup.Group
	var sent atomic.Bool
	for _, s := range l.Senders {
		senders.Go(func() error {
			defer stop()
			for ctx.Err() == nil {
				if err := s.act(hard); err != nil {
					return err
				}
				if l.Pause > 0 {
					<-time.After(l.Pause)
				}
			}
			return nil
		})
	}
	for _, r := range l.Receivers {
		all.Go(func() error { return r.collect(hard, sent.Load) })
	}
	all.Go(func() error {
		defer sent.Store(true)
		return senders.Wait()
	})
	return all.Wait()
}

// Sender does one thing after another, and knows how things must stand
// afterwards.
type Sender struct {
	*Client
	ledger    *Ledger
	receivers []*Client
	rng       *rand.Rand
	count     int

	// Friends says of receivers whether they are friends, Befriended how often
	// they became so; Status is what the sender chose last, 0 if nothing.
	Friends    map[rookery.UIN]bool
	Befriended map[rookery.UIN]int
	Status     rookery.Status
	// asked says whom the sender has asked to be a friend. Asking again soon would
	// not be told.
	asked map[rookery.UIN]bool
}

var statuses = []rookery.Status{rookery.StatusOnline, rookery.StatusOffline, rookery.StatusAway, rookery.StatusInvisible}

// act does one thing at random.
func (s *Sender) act(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, inTheEnd)
	defer cancel()
	i := s.rng.IntN(len(s.receivers))
	to, takesAll := s.receivers[i].UIN, i%2 == 0
	switch p := s.rng.Float64(); {
	case p < 0.05:
		return s.changeStatus(ctx, statuses[s.rng.IntN(len(statuses))])
	case p < 0.12 && takesAll:
		return s.befriend(ctx, to)
	case p < 0.12 && !s.asked[to]:
		s.asked[to] = true
		return s.send(ctx, rookery.KindAsks, to)
	}
	return s.send(ctx, rookery.KindMessage, to)
}

// send sends a message, or a friend request with words.
func (s *Sender) send(ctx context.Context, kind rookery.Kind, to rookery.UIN) error {
	m := Message{From: s.UIN, To: to, Kind: kind, Text: s.text()}
	request := s.Request("CLTMSG", fields(to, "MG", m.Text))
	if kind == rookery.KindAsks {
		request = s.Request("Ack_AddToList", "&CD=2"+fields(to, "RS", m.Text))
	}
	s.ledger.Sending(m, request.SEQ)
	if s.rng.Float64() < oneWay {
		if a, err := s.Once(ctx, request); err == nil && a.RES == resDone {
			s.ledger.Acknowledged(m)
		}
		return nil
	}
	if _, err := s.Do(ctx, request); err != nil {
		return err
	}
	s.ledger.Acknowledged(m)
	return nil
}

// text is what nobody else says: short as a rule, at times as long as may be.
func (s *Sender) text() string {
	s.count++
	head := fmt.Sprintf("no. %d of %d: fish & chips, 100%%, 茶", s.count, s.UIN)
	if s.rng.IntN(20) > 0 {
		return head
	}
	return head + strings.Repeat("~", s.rng.IntN(rookery.MaxText-len(head)))
}

// befriend adds a receiver to the friends, or ends the friendship.
func (s *Sender) befriend(ctx context.Context, other rookery.UIN) error {
	if s.Friends[other] {
		_, err := s.Do(ctx, s.Request("DelFromList", fmt.Sprintf("&UN=%d", other)))
		s.Friends[other] = false
		return err
	}
	a, err := s.Do(ctx, s.Request("AddToList", fmt.Sprintf("&UN=%d", other)))
	if err == nil && a.Value("CD") != "0" {
		err = fmt.Errorf("%d could not add %d: %s", s.UIN, other, a.Text)
	}
	s.Friends[other] = true
	s.Befriended[other]++
	return err
}

func (s *Sender) changeStatus(ctx context.Context, status rookery.Status) error {
	_, err := s.Do(ctx, s.Request("Change_Stat", fmt.Sprintf("&ST=%d", status)))
	s.Status = status
	return err
}

// Receiver collects.
type Receiver struct {
	*Client
	ledger *Ledger
	// Notices counts for each account how often it was said to have added the
	// receiver.
	Notices map[rookery.UIN]int
}

// collect collects until nothing is left after the last message was sent.
func (r *Receiver) collect(ctx context.Context, sent func() bool) error {
	for {
		last := sent()
		n, err := r.once(ctx)
		switch {
		case err != nil || last && n == 0:
			return err
		case n == 0:
			<-time.After(idlePause)
		}
	}
}

// once collects once and returns how much there was.
func (r *Receiver) once(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, inTheEnd)
	defer cancel()
	a, err := r.Do(ctx, r.Request("GetMsgEx", ""))
	if err != nil {
		return 0, err
	}
	all, err := a.Messages()
	if err != nil {
		return 0, err
	}
	texts := r.count(all)
	r.ledger.Collected(r.UIN, texts)
	return len(a.List("MT")), nil
}

// count counts notices that say nothing but who, and returns the rest.
func (r *Receiver) count(all []Message) (texts []Message) {
	for _, m := range all {
		if m.Kind == rookery.KindAdded {
			r.Notices[m.From]++
		} else {
			texts = append(texts, m)
		}
	}
	return texts
}

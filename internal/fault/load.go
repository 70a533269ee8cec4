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
	load := &Load{Ledger: new(Ledger)}
	for _, client := range receivers {
		load.Receivers = append(load.Receivers, &Receiver{Client: client, ledger: load.Ledger, Notices: make(map[rookery.UIN]int)})
	}
	for _, client := range senders {
		load.Senders = append(load.Senders, &Sender{
			Client: client, ledger: load.Ledger, receivers: receivers,
			rng:     rand.New(rand.NewPCG(seed, uint64(client.UIN))),
			asked:   make(map[rookery.UIN]bool),
			Friends: make(map[rookery.UIN]bool), Befriended: make(map[rookery.UIN]int),
		})
	}
	return load
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
	for _, sender := range l.Senders {
		senders.Go(func() error {
			defer stop()
			for ctx.Err() == nil {
				if err := sender.act(hard); err != nil {
					return err
				}
				if l.Pause > 0 {
					<-time.After(l.Pause)
				}
			}
			return nil
		})
	}
	for _, receiver := range l.Receivers {
		all.Go(func() error { return receiver.collect(hard, sent.Load) })
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
	message := Message{From: s.UIN, To: to, Kind: kind, Text: s.text()}
	request := s.Request("CLTMSG", fields(to, "MG", message.Text))
	if kind == rookery.KindAsks {
		request = s.Request("Ack_AddToList", "&CD=2"+fields(to, "RS", message.Text))
	}
	s.ledger.Sending(message, request.SEQ)
	if s.rng.Float64() < oneWay {
		if answer, err := s.Once(ctx, request); err == nil && answer.RES == resDone {
			s.ledger.Acknowledged(message)
		}
		return nil
	}
	if _, err := s.Do(ctx, request); err != nil {
		return err
	}
	s.ledger.Acknowledged(message)
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
	answer, err := s.Do(ctx, s.Request("AddToList", fmt.Sprintf("&UN=%d", other)))
	if err == nil && answer.Value("CD") != "0" {
		err = fmt.Errorf("%d could not add %d: %s", s.UIN, other, answer.Text)
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
	answer, err := r.Do(ctx, r.Request("GetMsgEx", ""))
	if err != nil {
		return 0, err
	}
	all, err := answer.Messages()
	if err != nil {
		return 0, err
	}
	texts := r.count(all)
	r.ledger.Collected(r.UIN, texts)
	return len(answer.List("MT")), nil
}

// count counts notices that say nothing but who, and returns the rest.
func (r *Receiver) count(all []Message) (texts []Message) {
	for _, message := range all {
		if message.Kind == rookery.KindAdded {
			r.Notices[message.From]++
		} else {
			texts = append(texts, message)
		}
	}
	return texts
}

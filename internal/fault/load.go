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
	// requestTimeout is within what time a request must be answered, the server's
	// deaths included.
	requestTimeout = 2 * time.Minute
	// emptyCollectionPause is between two collections of nothing.
	emptyCollectionPause = 3 * time.Millisecond
	// sendOnceShare is the share of messages that their sender does not care for:
	// they are sent once, answered or not.
	sendOnceShare = 0.05
)

// Load is a crowd that is signed in: senders who write, ask, befriend and
// change their status, and receivers who collect.
type Load struct {
	Senders   []*Sender
	Receivers []*Receiver
	Ledger    *Ledger
	// PauseAfterAction is how long each sender rests after what it did.
	PauseAfterAction time.Duration
}

// NewLoad makes a load of clients. Of the receivers, every other one, beginning
// with the first, must take everybody as a friend, and the others must ask for
// a request. The seed decides who does what; when, the machine does.
func NewLoad(senders, receivers []*Client, seed uint64) *Load {
	load := &Load{Ledger: new(Ledger)}
	for _, client := range receivers {
		load.Receivers = append(load.Receivers, &Receiver{Client: client, ledger: load.Ledger, AddedNotices: make(map[rookery.UIN]int)})
	}
	for _, client := range senders {
		load.Senders = append(load.Senders, &Sender{
			Client: client, ledger: load.Ledger, receivers: receivers,
			rng:           rand.New(rand.NewPCG(seed, uint64(client.UIN))),
			requestedUINs: make(map[rookery.UIN]bool),
			Friends:       make(map[rookery.UIN]bool), FriendshipCounts: make(map[rookery.UIN]int),
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
	uncancelled := context.WithoutCancel(ctx)
	var all, senders errgroup.Group
	var sent atomic.Bool
	for _, sender := range l.Senders {
		senders.Go(func() error {
			defer stop()
			for ctx.Err() == nil {
				if err := sender.performRandomAction(uncancelled); err != nil {
					return err
				}
				if l.PauseAfterAction > 0 {
					<-time.After(l.PauseAfterAction)
				}
			}
			return nil
		})
	}
	for _, receiver := range l.Receivers {
		all.Go(func() error { return receiver.collectUntilEmpty(uncancelled, sent.Load) })
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
	textCount int

	// Friends says of receivers whether they are friends, Befriended how often
	// they became so; Status is what the sender chose last, 0 if nothing.
	Friends          map[rookery.UIN]bool
	FriendshipCounts map[rookery.UIN]int
	Status           rookery.Status
	// requestedUINs says whom the sender has asked to be a friend. Asking again soon would
	// not be told.
	requestedUINs map[rookery.UIN]bool
}

var senderStatuses = []rookery.Status{rookery.StatusOnline, rookery.StatusOffline, rookery.StatusAway, rookery.StatusInvisible}

// performRandomAction does one thing at random.
func (s *Sender) performRandomAction(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	i := s.rng.IntN(len(s.receivers))
	to, takesAll := s.receivers[i].UIN, i%2 == 0
	switch choice := s.rng.Float64(); {
	case choice < 0.05:
		return s.changeStatus(ctx, senderStatuses[s.rng.IntN(len(senderStatuses))])
	case choice < 0.12 && takesAll:
		return s.toggleFriendship(ctx, to)
	case choice < 0.12 && !s.requestedUINs[to]:
		s.requestedUINs[to] = true
		return s.sendMessage(ctx, rookery.KindAsks, to)
	}
	return s.sendMessage(ctx, rookery.KindMessage, to)
}

// sendMessage sends a message, or a friend request with words.
func (s *Sender) sendMessage(ctx context.Context, kind rookery.Kind, to rookery.UIN) error {
	message := Message{From: s.UIN, To: to, Kind: kind, Text: s.uniqueText()}
	request := s.NewRequest("CLTMSG", formatTextFields(to, "MG", message.Text))
	if kind == rookery.KindAsks {
		request = s.NewRequest("Ack_AddToList", "&CD=2"+formatTextFields(to, "RS", message.Text))
	}
	s.ledger.RecordSending(message, request.SEQ)
	if s.rng.Float64() < sendOnceShare {
		if answer, err := s.SendOnce(ctx, request); err == nil && answer.RES == resDone {
			s.ledger.RecordAcknowledged(message)
		}
		return nil
	}
	if _, err := s.SendUntilDone(ctx, request); err != nil {
		return err
	}
	s.ledger.RecordAcknowledged(message)
	return nil
}

// uniqueText is what nobody else says: short as a rule, at times as long as may be.
func (s *Sender) uniqueText() string {
	s.textCount++
	head := fmt.Sprintf("no. %d of %d: fish & chips, 100%%, 茶", s.textCount, s.UIN)
	if s.rng.IntN(20) > 0 {
		return head
	}
	return head + strings.Repeat("~", s.rng.IntN(rookery.MaxText-len(head)))
}

// toggleFriendship adds a receiver to the friends, or ends the friendship.
func (s *Sender) toggleFriendship(ctx context.Context, other rookery.UIN) error {
	if s.Friends[other] {
		_, err := s.SendUntilDone(ctx, s.NewRequest("DelFromList", fmt.Sprintf("&UN=%d", other)))
		s.Friends[other] = false
		return err
	}
	answer, err := s.SendUntilDone(ctx, s.NewRequest("AddToList", fmt.Sprintf("&UN=%d", other)))
	if err == nil && answer.Value("CD") != "0" {
		err = fmt.Errorf("%d could not add %d: %s", s.UIN, other, answer.Text)
	}
	s.Friends[other] = true
	s.FriendshipCounts[other]++
	return err
}

func (s *Sender) changeStatus(ctx context.Context, status rookery.Status) error {
	_, err := s.SendUntilDone(ctx, s.NewRequest("Change_Stat", fmt.Sprintf("&ST=%d", status)))
	s.Status = status
	return err
}

// Receiver collects.
type Receiver struct {
	*Client
	ledger *Ledger
	// AddedNotices counts for each account how often it was said to have added the
	// receiver.
	AddedNotices map[rookery.UIN]int
}

// collectUntilEmpty collects until nothing is left after the last message was sent.
func (r *Receiver) collectUntilEmpty(ctx context.Context, sent func() bool) error {
	for {
		last := sent()
		count, err := r.collectOnce(ctx)
		switch {
		case err != nil || last && count == 0:
			return err
		case count == 0:
			<-time.After(emptyCollectionPause)
		}
	}
}

// collectOnce collects once and returns how much there was.
func (r *Receiver) collectOnce(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := r.SendUntilDone(ctx, r.NewRequest("GetMsgEx", ""))
	if err != nil {
		return 0, err
	}
	messages, err := answer.Messages()
	if err != nil {
		return 0, err
	}
	texts := r.countAddedNotices(messages)
	r.ledger.RecordCollected(r.UIN, texts)
	return len(answer.List("MT")), nil
}

// countAddedNotices counts notices that say nothing but who, and returns the rest.
func (r *Receiver) countAddedNotices(messages []Message) (texts []Message) {
	for _, message := range messages {
		if message.Kind == rookery.KindAdded {
			r.AddedNotices[message.From]++
		} else {
			texts = append(texts, message)
		}
	}
	return texts
}

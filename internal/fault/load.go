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
	// requestTimeout bounds the time until a request is answered, including restarts of the server.
	requestTimeout = 2 * time.Minute
	// emptyCollectionPause is the time between collections when nothing was there.
	emptyCollectionPause = 3 * time.Millisecond
	// sendOnceShare is the share of messages that are sent once without a repeat.
	sendOnceShare = 0.05
)

// Load is a set of signed-in clients: senders that write, request friendships, add friends and change their
// status, and receivers that collect.
type Load struct {
	Senders   []*Sender
	Receivers []*Receiver
	Ledger    *Ledger
	// PauseAfterAction is how long each sender waits after each action.
	PauseAfterAction time.Duration
}

// NewLoad returns a load of the given clients. Receivers with even indexes must accept all friends; the others
// must require requests. The seed determines the actions of each sender, but not their timing.
func NewLoad(senders, receivers []*Client, seed uint64) *Load {
	load := &Load{Ledger: new(Ledger)}
	for _, client := range receivers {
		load.Receivers = append(load.Receivers, &Receiver{Client: client, ledger: load.Ledger,
			AddedNotices: make(map[rookery.UIN]int)})
	}
	for _, client := range senders {
		load.Senders = append(load.Senders, &Sender{
			Client: client, ledger: load.Ledger, receivers: receivers,
			rng:              rand.New(rand.NewPCG(seed, uint64(client.UIN))),
			requestedFriends: make(map[rookery.UIN]bool),
			Friends:          make(map[rookery.UIN]bool), FriendshipCounts: make(map[rookery.UIN]int),
		})
	}
	return load
}

// Run lets all clients act until ctx ends. Then the senders complete their requests and the receivers collect
// the rest. It returns an error after an unexpected answer: a refusal, an ended session, or none at all.
func (l *Load) Run(ctx context.Context) error {
	// The first error stops all clients.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	uncancelled := context.WithoutCancel(ctx)
	var all, senders errgroup.Group
	var allSent atomic.Bool
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
		all.Go(func() error { return receiver.collectUntilEmpty(uncancelled, allSent.Load) })
	}
	all.Go(func() error {
		defer allSent.Store(true)
		return senders.Wait()
	})
	return all.Wait()
}

// Sender performs random actions one after another and records the state that must follow.
type Sender struct {
	*Client
	ledger    *Ledger
	receivers []*Client
	rng       *rand.Rand
	textCount int

	// Friends tells which receivers are friends now. FriendshipCounts counts how often each became one. Status
	// is the status chosen last, 0 if none.
	Friends          map[rookery.UIN]bool
	FriendshipCounts map[rookery.UIN]int
	Status           rookery.Status
	// requestedFriends holds the receivers to which a friend request was sent. The server suppresses a repeated
	// request within a short time.
	requestedFriends map[rookery.UIN]bool
}

var senderStatuses = []rookery.Status{rookery.StatusOnline, rookery.StatusOffline, rookery.StatusAway,
	rookery.StatusInvisible}

func (s *Sender) performRandomAction(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	i := s.rng.IntN(len(s.receivers))
	to, acceptsAll := s.receivers[i].UIN, i%2 == 0
	switch choice := s.rng.Float64(); {
	case choice < 0.05:
		return s.changeStatus(ctx, senderStatuses[s.rng.IntN(len(senderStatuses))])
	case choice < 0.12 && acceptsAll:
		return s.toggleFriendship(ctx, to)
	case choice < 0.12 && !s.requestedFriends[to]:
		s.requestedFriends[to] = true
		return s.sendMessage(ctx, rookery.KindAsks, to)
	}
	return s.sendMessage(ctx, rookery.KindMessage, to)
}

// sendMessage sends a message or a friend request with a text.
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

// uniqueText returns a text that no other message contains: usually short, sometimes up to the maximum length.
func (s *Sender) uniqueText() string {
	s.textCount++
	head := fmt.Sprintf("no. %d of %d: fish & chips, 100%%, 茶", s.textCount, s.UIN)
	if s.rng.IntN(20) > 0 {
		return head
	}
	return head + strings.Repeat("~", s.rng.IntN(rookery.MaxText-len(head)))
}

// toggleFriendship adds a receiver as a friend, or removes it.
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

// Receiver collects its messages.
type Receiver struct {
	*Client
	ledger *Ledger
	// AddedNotices counts, for each account, the notices that it added the receiver as a friend.
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

// collectOnce collects once and returns the number of entries.
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

// countAddedNotices counts notices about added friends, which have no text, and returns the other messages.
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

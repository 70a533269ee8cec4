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
	// requestTimeout bounds the time from the first attempt to the answer. It allows for several restarts of
	// the server.
	requestTimeout = 2 * time.Minute
	// emptyCollectionPause is how long a receiver waits after it found its mailbox empty.
	emptyCollectionPause = 3 * time.Millisecond
	// sendOnceShare is the share of messages that are sent only once. Without an answer their sender does not
	// know the outcome, so they may be missing, but must not be duplicated.
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

// NewLoad returns a load of the given clients. The accounts of receivers with even indexes must accept everyone as a
// friend; those with odd indexes must require friend requests. The seed determines the
// actions of each sender, but not their timing.
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

// Run lets all clients act until ctx ends. Then the senders complete their last requests and the receivers empty
// their mailboxes. Run returns an error if an answer is a refusal or says that a session has ended, or if a request
// is not answered within requestTimeout.
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

// Sender performs random actions one after another and records the state that the server must have at the end.
type Sender struct {
	*Client
	ledger    *Ledger
	receivers []*Client
	rng       *rand.Rand
	textCount int

	// Friends holds the receivers that are friends now, FriendshipCounts how often each one became a friend.
	// Status is the status that was set last, 0 if none was.
	Friends          map[rookery.UIN]bool
	FriendshipCounts map[rookery.UIN]int
	Status           rookery.Status
	// requestedFriends holds the receivers to which a friend request was sent. Each gets only one, because the
	// server drops a second request that follows soon, and the ledger would report it as lost.
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

// sendMessage sends a message, or a friend request if kind is KindAsks, with a unique text.
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

// toggleFriendship adds a receiver as a friend, or removes it if it is one.
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

// Receiver collects the messages in its mailbox repeatedly and records them in the ledger.
type Receiver struct {
	*Client
	ledger *Ledger
	// AddedNotices counts, for each account, the notices that it added the receiver as a friend.
	AddedNotices map[rookery.UIN]int
}

// collectUntilEmpty collects until the mailbox is empty and allSent reports that no further message will be sent.
func (r *Receiver) collectUntilEmpty(ctx context.Context, allSent func() bool) error {
	for {
		noMoreMessages := allSent() // asked before the collection, which then sees all messages
		count, err := r.collectOnce(ctx)
		switch {
		case err != nil || noMoreMessages && count == 0:
			return err
		case count == 0:
			<-time.After(emptyCollectionPause)
		}
	}
}

// collectOnce collects one batch and returns its number of entries, including notices.
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
	others := r.countAddedNotices(messages)
	r.ledger.RecordCollected(r.UIN, others)
	return len(answer.List("MT")), nil
}

// countAddedNotices counts notices about added friends, which have no text, and returns the other messages.
func (r *Receiver) countAddedNotices(messages []Message) (others []Message) {
	for _, message := range messages {
		if message.Kind == rookery.KindAdded {
			r.AddedNotices[message.From]++
		} else {
			others = append(others, message)
		}
	}
	return others
}

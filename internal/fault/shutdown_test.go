package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// At a shutdown, the server answers all requests that it has accepted and refuses others. Hence the stored messages
// are exactly the acknowledged ones of senders that never repeat.
func TestShutdownAnswersAcceptedRequests(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	seed, dir, accounts := newSeed(t), t.TempDir(), newAccountSet(8, 1)
	rng := rand.New(rand.NewPCG(seed, 3))
	createAccounts(t, dir, accounts.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	load := accounts.newLoad(t, s.dial, seed)
	for round := range rounds {
		if round > 0 {
			s.start()
		}
		var senders errgroup.Group
		for _, sender := range load.Senders {
			senders.Go(func() error { return sender.sendUntilUnanswered(t.Context(), accounts.receivers[0], round) })
		}
		<-time.After(time.Duration(100+rng.IntN(300)) * time.Millisecond)
		s.stop()
		if err := senders.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	checkStoredExactly(t, dir, load)
}

// sendUntilUnanswered sends messages, each once, until one has no answer.
func (s *Sender) sendUntilUnanswered(ctx context.Context, to rookery.UIN, round int) error {
	client := Client{UIN: s.UIN, Post: s.Post} // without the random AttemptTimeout
	for i := 0; ; i++ {
		message := Message{From: s.UIN, To: to, Kind: rookery.KindMessage,
			Text: fmt.Sprintf("%d.%d of %d", round, i, s.UIN)}
		request := client.NewRequest("CLTMSG", formatTextFields(to, "MG", message.Text))
		s.ledger.RecordSending(message, request.SEQ)
		answer, err := client.SendOnce(ctx, request)
		switch {
		case err != nil:
			return nil
		case answer.RES != resDone:
			return fmt.Errorf("%s was answered %s", request.Record, answer.Text)
		}
		s.ledger.RecordAcknowledged(message)
	}
}

// checkStoredExactly checks that exactly the acknowledged messages are stored.
func checkStoredExactly(t *testing.T, dir string, load *Load) {
	t.Helper()
	sent, _ := load.Ledger.Snapshot()
	acknowledged := slices.DeleteFunc(slices.Clone(sent), func(sent SentMessage) bool { return !sent.Acknowledged })
	t.Logf("%d messages sent, %d acknowledged", len(sent), len(acknowledged))
	if len(acknowledged) == 0 || len(acknowledged) == len(sent) {
		t.Error("no message was acknowledged, or none refused, so the test shows nothing")
	}
	reportFaults(t, "stored", FindFaults(acknowledged, readStored(t, dir, load)))
}

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

// When the server is told to end, it answers what it has accepted and refuses
// the rest: what senders who never repeat were told is what is stored, no less
// and no more.
func TestACleanShutdownAnswersWhatItAccepted(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(8, 1)
	rng := rand.New(rand.NewPCG(seed, 3))
	createAccounts(t, dir, crowd.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	load := crowd.newLoad(t, s.dial, seed)
	for round := range rounds {
		if round > 0 {
			s.start()
		}
		var senders errgroup.Group
		for _, sender := range load.Senders {
			senders.Go(func() error { return sender.sendUntilUnanswered(t.Context(), crowd.receivers[0], round) })
		}
		<-time.After(time.Duration(100+rng.IntN(300)) * time.Millisecond)
		s.stop()
		if err := senders.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	checkStoredExactly(t, dir, load)
}

// sendUntilUnanswered sends messages once each until one has no answer.
func (s *Sender) sendUntilUnanswered(ctx context.Context, to rookery.UIN, round int) error {
	client := Client{UIN: s.UIN, Post: s.Post} // one with patience
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

// checkStoredExactly checks that what was acknowledged, and only that, is stored.
func checkStoredExactly(t *testing.T, dir string, load *Load) {
	t.Helper()
	sent, _ := load.Ledger.Snapshot()
	told := slices.DeleteFunc(slices.Clone(sent), func(sent SentMessage) bool { return !sent.Acknowledged })
	t.Logf("%d messages sent, %d acknowledged", len(sent), len(told))
	if len(told) == 0 || len(told) == len(sent) {
		t.Error("nothing was acknowledged, or nothing refused: nothing is proved")
	}
	reportFaults(t, "stored", FindFaults(told, readStored(t, dir, load)))
}

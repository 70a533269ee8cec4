package fault

import (
	"fmt"
	"net"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// While 10,000 connections send nothing, all messages of another client are answered and stored.
func TestSilentConnectionsDoNotDisturbOthers(t *testing.T) {
	const silent, messages = 10_000, 200
	dir, accounts := t.TempDir(), newAccountSet(1, 1)
	createAccounts(t, dir, accounts.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	load := accounts.newLoad(t, s.dial, newSeed(t))

	conns := make([]net.Conn, silent)
	var opening errgroup.Group
	opening.SetLimit(64)
	for i := range conns {
		opening.Go(func() (err error) {
			conns[i], err = s.dial(t.Context())
			return err
		})
	}
	if err := opening.Wait(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()

	sender, to := load.Senders[0], accounts.receivers[0]
	client := Client{UIN: sender.UIN, Post: sender.Post}
	for i := range messages {
		message := Message{From: sender.UIN, To: to, Kind: rookery.KindMessage, Text: fmt.Sprint("message ", i)}
		request := client.NewRequest("CLTMSG", formatTextFields(to, "MG", message.Text))
		load.Ledger.RecordSending(message, request.SEQ)
		if answer, err := client.SendOnce(t.Context(), request); err != nil || answer.RES != resDone {
			t.Fatalf("message %d: got the answer %q, %v, want RES=0", i, answer.Text, err)
		}
		load.Ledger.RecordAcknowledged(message)
	}
	s.stop()
	sent, _ := load.Ledger.Snapshot()
	reportFaults(t, "stored", FindFaults(sent, readStored(t, dir, load)))
}

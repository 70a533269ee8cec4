package fault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// backup returns a copy of the database of a running server.
func (s *server) backup() []byte {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.program.dir, storeName))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	to := filepath.Join(s.t.TempDir(), storeName)
	if _, err := db.Exec("VACUUM INTO ?", to); err != nil {
		s.t.Fatal(err)
	}
	copy, err := os.ReadFile(to)
	if err != nil {
		s.t.Fatal(err)
	}
	return copy
}

// restore replaces the database of a stopped server by a copy, as operations.md describes.
func restore(t *testing.T, dir string, copy []byte) {
	t.Helper()
	database := filepath.Join(dir, storeName)
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(database, copy, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The server is stopped or killed repeatedly, and an older copy of its database is restored. Connected clients that
// drop known numbers get each later message once.
func TestConnectedClientsMissNothingAfterRestores(t *testing.T) {
	restores := 22
	if testing.Short() {
		restores = 6
	}
	seed, dir, accounts := newSeed(t), t.TempDir(), newAccountSet(1, 1)
	rng := rand.New(rand.NewPCG(seed, 5))
	createAccounts(t, dir, accounts.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	sender, receiver := &Client{UIN: accounts.senders[0], Post: HTTPPost(s.dial, true)}, accounts.receivers[0]
	if err := sender.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	pushReceivers := []*PushReceiver{
		{Client: &Client{UIN: receiver, Device: "phone"}, Dial: s.dial, Password: password, Confirms: true,
			Resumes: true},
		{Client: &Client{UIN: receiver, Device: "laptop"}, Dial: s.dial, Password: password, Confirms: true},
		{Client: &Client{UIN: receiver}, Dial: s.dial, Password: password, Confirms: true},
	}
	var receiving errgroup.Group
	ctx, stop := context.WithCancel(t.Context())
	for _, r := range pushReceivers {
		receiving.Go(func() error { return r.Run(ctx) })
	}
	var sent []Message
	send := func() {
		t.Helper()
		for range 1 + rng.IntN(10) {
			message := Message{From: sender.UIN, To: receiver, Kind: rookery.KindMessage,
				Text: fmt.Sprintf("no. %d", len(sent)+1)}
			if _, err := sender.SendUntilDone(t.Context(),
				sender.NewRequest("CLTMSG", formatTextFields(receiver, "MG", message.Text))); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, message)
		}
		for _, r := range pushReceivers {
			awaitPushes(t, r, sent)
		}
	}
	send() // returns when all receivers are signed in, so that the copies have their sessions
	copies := [][]byte{s.backup()}
	for range restores {
		send()
		if rng.IntN(2) == 0 {
			copies = append(copies, s.backup())
			send()
		}
		if rng.IntN(3) == 0 {
			s.stop()
		} else {
			s.process.kill()
		}
		restore(t, dir, copies[rng.IntN(len(copies))])
		s.start()
		send()
	}
	stop()
	if err := receiving.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d messages, %d restores", len(sent), restores)
}

// awaitPushes waits until a receiver has got as many messages as were sent, and checks that they are the sent ones in
// order.
func awaitPushes(t *testing.T, r *PushReceiver, sent []Message) {
	t.Helper()
	var pushes []Push
	for deadline := time.Now().Add(requestTimeout); ; <-time.After(emptyCollectionPause) {
		if pushes, _, _ = r.Received(); len(pushes) >= len(sent) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("device %q got %d messages, want %d", r.Device, len(pushes), len(sent))
		}
	}
	var latest uint64
	for i, push := range pushes {
		if i >= len(sent) || push.Message != sent[i] || push.Number <= latest {
			t.Fatalf("device %q got %v after number %d", r.Device, push, latest)
		}
		latest = push.Number
	}
}

// Connections are cut after every eleventh pushed byte. Then the server starts with a database from before the
// pushes. The next message must have a number that was not pushed before.
func TestRestoreReusesNoPushedNumber(t *testing.T) {
	accounts := []testAccount{{uin: writerUIN}}
	var clients []*cutClient
	for _, v := range clientVariants {
		for n := 0; n <= burstSize*v.pushBytes() && !v.silent && !v.polls; n += 11 {
			c := &cutClient{variant: v, cutAfter: n, uin: writerUIN + rookery.UIN(len(accounts))}
			accounts, clients = append(accounts, testAccount{uin: c.uin}), append(clients, c)
		}
	}
	dir := t.TempDir()
	createAccounts(t, dir, accounts)
	s := newServer(t, rookeryServe(t, dir, false))
	before := s.backup()
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	writer := &Client{UIN: writerUIN, Post: HTTPPost(s.dial, true)}
	forEachClient := func(action func(*cutClient) error) {
		t.Helper()
		if err := writer.Login(ctx, password); err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		for _, c := range clients {
			c.server, c.writer = s, writer
			running.Go(func() {
				if err := action(c); err != nil {
					t.Errorf("%s, cut after %d bytes: %v", c.variant.name, c.cutAfter, err)
				}
			})
		}
		running.Wait()
	}
	forEachClient(func(c *cutClient) error {
		conn, err := c.loseConnection(ctx)
		if err == nil {
			conn.CloseServerSide()
		}
		return err
	})
	s.process.kill()
	restore(t, dir, before)
	s.start()
	forEachClient(func(c *cutClient) error { return c.receiveAfterRestore(ctx) })
	t.Logf("%d connections were cut", len(clients))
}

// receiveAfterRestore signs in, has one message sent, and checks the number with which it is pushed.
func (c *cutClient) receiveAfterRestore(ctx context.Context) error {
	conn, err := c.server.dial(ctx)
	if err != nil {
		return err
	}
	got := make(chan Push, burstSize)
	stream := NewStream(conn, func(_ *Stream, push Push) { got <- push })
	defer stream.Close()
	if err := c.client(stream).Login(ctx, password); err != nil {
		return err
	}
	if err := c.sendMessage(ctx, burstSize+1); err != nil {
		return err
	}
	select {
	case push := <-got:
		if push.Message != c.message(burstSize+1) || push.Number <= uint64(burstSize) {
			return fmt.Errorf("got push %v after %v, want the next message with a new number", push, c.pushes)
		}
		return nil
	case <-stream.ended:
		return stream.err
	case <-ctx.Done():
		return errors.New("the message was not pushed")
	}
}

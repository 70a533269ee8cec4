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
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// backup copies the database of a server while it works, as operators do.
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

// restore puts a copy in the place of the database of a server that has ended,
// as operations.md says.
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

// However often the server is killed and an older copy of its database put
// back, clients who stay and drop numbers that they have seen get each message
// that is sent afterwards, once.
func TestClientsWhoStayMissNothingAfterRestores(t *testing.T) {
	restores := 22
	if testing.Short() {
		restores = 6
	}
	seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(1, 1)
	rng := rand.New(rand.NewPCG(seed, 5))
	createAccounts(t, dir, crowd.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	sender, receiver := &Client{UIN: crowd.senders[0], Post: HTTPPost(s.dial, true)}, crowd.receivers[0]
	if err := sender.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	ears := []*PushReceiver{
		{Client: &Client{UIN: receiver, Device: "phone"}, Dial: s.dial, Password: password, Confirms: true,
			Resumes: true},
		{Client: &Client{UIN: receiver, Device: "laptop"}, Dial: s.dial, Password: password, Confirms: true},
		{Client: &Client{UIN: receiver}, Dial: s.dial, Password: password, Confirms: true},
	}
	var listening errgroup.Group
	ctx, stop := context.WithCancel(t.Context())
	for _, e := range ears {
		listening.Go(func() error { return e.Run(ctx) })
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
		for _, e := range ears {
			awaitHeard(t, e, sent)
		}
	}
	send() // and all are signed in, which the copies know
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
	if err := listening.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d messages, %d restores", len(sent), restores)
}

// awaitHeard waits until a client has heard what was sent, and checks that it
// has heard nothing else, and nothing twice.
func awaitHeard(t *testing.T, e *PushReceiver, sent []Message) {
	t.Helper()
	var heard []Push
	for deadline := time.Now().Add(requestTimeout); ; <-time.After(emptyCollectionPause) {
		if heard, _, _ = e.Received(); len(heard) >= len(sent) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q has heard %d messages of %d; the latest is %v", e.Device, len(heard), len(sent),
				heard[len(heard)-1:])
		}
	}
	var latest uint64
	for i, push := range heard {
		if i >= len(sent) || push.Message != sent[i] || push.Number <= latest {
			t.Fatalf("%q has heard %v behind number %d", e.Device, push, latest)
		}
		latest = push.Number
	}
}

// Wherever in what is pushed the connection is cut, if the server comes back
// with a database from before all that, the next message has a number that
// nobody has seen.
func TestNoNumberIsPushedTwiceWhereverTheConnectionIsCutBeforeARestore(t *testing.T) {
	people := []testAccount{{uin: writerUIN}}
	var cuts []*cutClient
	for _, w := range clientVariants {
		for count := 0; count <= burstSize*w.pushBytes() && !w.silent && !w.polls; count += 11 {
			c := &cutClient{way: w, after: count, uin: writerUIN + rookery.UIN(len(people))}
			people, cuts = append(people, testAccount{uin: c.uin}), append(cuts, c)
		}
	}
	dir := t.TempDir()
	createAccounts(t, dir, people)
	s := newServer(t, rookeryServe(t, dir, false))
	before := s.backup()
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	author := &Client{UIN: writerUIN, Post: HTTPPost(s.dial, true)}
	together := func(do func(*cutClient) error) {
		t.Helper()
		if err := author.Login(ctx, password); err != nil {
			t.Fatal(err)
		}
		var all errgroup.Group
		for _, c := range cuts {
			c.server, c.writer = s, author
			all.Go(func() error {
				if err := do(c); err != nil {
					t.Errorf("%s, cut after %d bytes: %v", c.way.name, c.after, err)
				}
				return nil
			})
		}
		_ = all.Wait() // each has said what is wrong
	}
	together(func(c *cutClient) error {
		cable, err := c.loseConnection(ctx)
		if err == nil {
			cable.CloseServerSide()
		}
		return err
	})
	s.process.kill()
	restore(t, dir, before)
	s.start()
	together(func(c *cutClient) error { return c.afterRestore(ctx) })
	t.Logf("%d connections were cut", len(cuts))
}

// afterRestore signs in anew, and gets the one message that is written now.
func (c *cutClient) afterRestore(ctx context.Context) error {
	conn, err := c.server.dial(ctx)
	if err != nil {
		return err
	}
	seen := c.pushes
	got := make(chan Push, burstSize)
	line := NewStream(conn, func(_ *Stream, push Push) { got <- push })
	defer line.Close()
	if err := c.client(line).Login(ctx, password); err != nil {
		return err
	}
	if err := c.sendMessage(ctx, burstSize+1); err != nil {
		return err
	}
	select {
	case push := <-got:
		if push.Message != c.message(burstSize+1) || push.Number <= uint64(burstSize) {
			return fmt.Errorf("it had seen %v, and was pushed %v", seen, push)
		}
		return nil
	case <-line.ended:
		return line.err
	case <-ctx.Done():
		return errors.New("the message did not come")
	}
}

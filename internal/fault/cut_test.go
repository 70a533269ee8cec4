package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

const (
	// burstSize is the number of messages in transit when the connection is cut.
	burstSize = 3
	// writerUIN is the account that sends them.
	writerUIN = rookery.FirstUIN
)

// clientVariant describes how a connected client behaves and how it loses the connection.
type clientVariant struct {
	name     string
	device   string
	confirms bool
	// silent: nobody is told that the connection is cut.
	silent bool
	// polls: it goes on over HTTPPost.
	polls bool
	// every so many bytes the connection of another account is cut.
	every int
}

var clientVariants = []clientVariant{
	{name: "an old program that does not confirm", every: 1},
	{name: "an old program that confirms", confirms: true, every: 1},
	{name: "an old program that polls afterwards", polls: true, every: 3},
	{name: "a device that does not confirm", device: "phone", every: 1},
	{name: "a device that confirms", device: "phone", confirms: true, every: 1},
	{name: "an old program, and nobody sees the cut", silent: true, every: 5},
	{name: "a device, and nobody sees the cut", device: "phone", confirms: true, silent: true, every: 5},
}

// The connection is cut after every possible number of pushed bytes. Each message must arrive with the next login:
// exactly once for a client that drops known numbers, at least once for any other.
func TestNoPushIsLostWhereverTheConnectionIsCut(t *testing.T) {
	people := []testAccount{{uin: writerUIN}}
	var cuts []*cutClient
	for _, w := range clientVariants {
		for count := 0; count <= burstSize*w.pushBytes(); count += w.every {
			c := &cutClient{way: w, after: count, uin: writerUIN + rookery.UIN(len(people))}
			people, cuts = append(people, testAccount{uin: c.uin}), append(cuts, c)
		}
	}
	dir := t.TempDir()
	createAccounts(t, dir, people)
	s := newServer(t, rookeryServe(t, dir, false))
	writers := make([]*Client, 16)
	for i := range writers {
		writers[i] = &Client{UIN: writerUIN, Post: StreamPost(s.dial)}
	}
	if err := writers[0].Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	var all errgroup.Group
	for i, c := range cuts {
		c.server, c.writer = s, writers[i%len(writers)]
		all.Go(func() error {
			if err := c.run(ctx); err != nil {
				t.Errorf("%s, cut after %d bytes: %v", c.way.name, c.after, err)
			}
			return nil
		})
	}
	_ = all.Wait() // each has said what is wrong
	t.Logf("%d connections were cut", len(cuts))
}

// pushBytes returns the length of each push of the burst, including its line end.
func (w clientVariant) pushBytes() int {
	record := "VER=1.4&CMD=Server_Msg&SEQ=1&UIN=10001&RES=0&MN=1"
	if w.device != "" {
		record += "&ID=1&TM=1234567890"
	}
	return len(record + "&MT=9&UN=10001&MG=no. 1: 50%25 %26 more\r\n")
}

// cutClient is one account whose connection is cut after a given number of pushed bytes.
type cutClient struct {
	way    clientVariant
	after  int
	uin    rookery.UIN
	server *server
	writer *Client

	pushes []Push // in the order in which they came
	// all gets a word when the message after the burst was pushed.
	all chan struct{}
}

func (c *cutClient) run(ctx context.Context) error {
	cable, err := c.loseConnection(ctx)
	if err != nil {
		return err
	}
	defer cable.CloseServerSide()
	if got, want := len(c.pushes), c.after/c.way.pushBytes(); got != want {
		return fmt.Errorf("%d pushes came through whole, want %d: %v", got, want, c.pushes)
	}
	if c.way.polls {
		return c.collectByPolling(ctx)
	}
	return c.reconnect(ctx)
}

// loseConnection signs in and loses the connection during the burst.
func (c *cutClient) loseConnection(ctx context.Context) (*FaultyConn, error) {
	conn, err := c.server.dial(ctx)
	if err != nil {
		return nil, err
	}
	cable := &FaultyConn{Conn: conn, Silent: c.way.silent}
	line := NewStream(cable, c.recordPush)
	defer line.Close()
	if err := c.client(line).Login(ctx, password); err != nil {
		return nil, err
	}
	lost := cable.CutAfter(c.after)
	for i := range burstSize {
		if err := c.sendMessage(ctx, i+1); err != nil {
			return nil, err
		}
	}
	select {
	case <-lost:
		return cable, nil
	case <-ctx.Done():
		return nil, errors.New("so many bytes were not pushed")
	}
}

// reconnect signs in again and receives until one more message arrives. It drops known numbers; the remaining messages
// must be complete and in order.
func (c *cutClient) reconnect(ctx context.Context) error {
	conn, err := c.server.dial(ctx)
	if err != nil {
		return err
	}
	before := len(c.pushes)
	c.all = make(chan struct{}, 1)
	line := NewStream(conn, c.recordPush)
	defer line.Close()
	if err := c.client(line).Login(ctx, password); err != nil {
		return err
	}
	if err := c.sendMessage(ctx, burstSize+1); err != nil {
		return err
	}
	select {
	case <-c.all:
	case <-line.ended:
		return line.err
	case <-ctx.Done():
		return errors.New("not all came")
	}
	line.Close()
	return c.checkDeliveries(c.pushes[:before], c.pushes[before:])
}

// checkDeliveries checks what was pushed on the first stream and on the second.
func (c *cutClient) checkDeliveries(first, second []Push) error {
	if !slices.IsSortedFunc(second, func(a, b Push) int { return cmp.Compare(a.Number, b.Number) }) {
		return fmt.Errorf("the second line brought %v", second)
	}
	seen := make(map[uint64]bool)
	var kept []Push
	for _, push := range slices.Concat(first, second) {
		if !seen[push.Number] {
			kept = append(kept, push)
		}
		seen[push.Number] = true
	}
	var want []Push
	for i := range burstSize + 1 {
		want = append(want, Push{uint64(i + 1), c.message(i + 1)})
	}
	if !slices.Equal(kept, want) {
		return fmt.Errorf("of %v and %v it kept %v", first, second, kept)
	}
	// What was not confirmed comes again, and no program of old misses a
	// message for having read half of it.
	if !c.way.confirms && !slices.Equal(second, want) {
		return fmt.Errorf("nothing was confirmed, and the second line brought %v", second)
	}
	return nil
}

// collectByPolling signs in again over HTTP and collects.
func (c *cutClient) collectByPolling(ctx context.Context) error {
	client := Client{UIN: c.uin, Post: HTTPPost(c.server.dial, true)}
	if err := client.Login(ctx, password); err != nil {
		return err
	}
	if err := c.sendMessage(ctx, burstSize+1); err != nil {
		return err
	}
	var want, got []Message
	for i := range burstSize + 1 {
		want = append(want, c.message(i+1))
	}
	for len(got) < len(want) {
		answer, err := client.SendUntilDone(ctx, client.NewRequest("GetMsgEx", ""))
		if err != nil {
			return fmt.Errorf("after %v: %w", got, err)
		}
		batch, err := answer.Messages()
		if err != nil {
			return err
		}
		got = append(got, batch...)
		if len(batch) == 0 {
			<-time.After(emptyCollectionPause)
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("it collected %v", got)
	}
	return nil
}

func (c *cutClient) client(line *Stream) *Client {
	return &Client{UIN: c.uin, Device: c.way.device, Post: line.SendAndWait}
}

// message is the message of a number.
func (c *cutClient) message(i int) Message {
	return Message{From: writerUIN, To: c.uin, Kind: rookery.KindMessage, Text: fmt.Sprintf("no. %d: 50%% & more", i)}
}

// sendMessage has the message of a number sent.
func (c *cutClient) sendMessage(ctx context.Context, i int) error {
	_, err := c.writer.SendUntilDone(ctx, c.writer.NewRequest("CLTMSG",
		formatTextFields(c.uin, "MG", c.message(i).Text)))
	return err
}

func (c *cutClient) recordPush(line *Stream, push Push) {
	c.pushes = append(c.pushes, push)
	if c.way.confirms {
		_ = line.Confirm(push) // the connection may be cut already
	}
	if push.Number == burstSize+1 {
		select {
		case c.all <- struct{}{}:
		default: // twice: judge will say so
		}
	}
}

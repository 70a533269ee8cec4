package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

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
	// silent means that neither side notices the cut.
	silent bool
	// polls means that the client collects over HTTP after the cut, instead of reconnecting.
	polls bool
	// step is the distance in bytes between the tested cuts. Each cut has its own account.
	step int
}

var clientVariants = []clientVariant{
	{name: "an old program that does not confirm", step: 1},
	{name: "an old program that confirms", confirms: true, step: 1},
	{name: "an old program that polls afterwards", polls: true, step: 3},
	{name: "a device that does not confirm", device: "phone", step: 1},
	{name: "a device that confirms", device: "phone", confirms: true, step: 1},
	{name: "an old program, cut silently", silent: true, step: 5},
	{name: "a device, cut silently", device: "phone", confirms: true, silent: true, step: 5},
}

// The connection is cut after every possible number of pushed bytes. Each message must arrive with the next login:
// exactly once for a client that drops known numbers, at least once for any other.
func TestCutConnectionLosesNoPush(t *testing.T) {
	accounts := []testAccount{{uin: writerUIN}}
	var clients []*cutClient
	for _, v := range clientVariants {
		for n := 0; n <= burstSize*v.pushBytes(); n += v.step {
			c := &cutClient{variant: v, cutAfter: n, uin: writerUIN + rookery.UIN(len(accounts))}
			accounts, clients = append(accounts, testAccount{uin: c.uin}), append(clients, c)
		}
	}
	dir := t.TempDir()
	createAccounts(t, dir, accounts)
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
	var running sync.WaitGroup
	for i, c := range clients {
		c.server, c.writer = s, writers[i%len(writers)]
		running.Go(func() {
			if err := c.run(ctx); err != nil {
				t.Errorf("%s, cut after %d bytes: %v", c.variant.name, c.cutAfter, err)
			}
		})
	}
	running.Wait()
	t.Logf("%d connections were cut", len(clients))
}

// pushBytes returns the length of each push of the burst, including its line end.
func (v clientVariant) pushBytes() int {
	record := "VER=1.4&CMD=Server_Msg&SEQ=1&UIN=10001&RES=0&MN=1"
	if v.device != "" {
		record += "&ID=1&TM=1234567890"
	}
	return len(record + "&MT=9&UN=10001&MG=no. 1: 50%25 %26 more\r\n")
}

// cutClient is one account whose connection is cut after a given number of pushed bytes.
type cutClient struct {
	variant  clientVariant
	cutAfter int // in pushed bytes
	uin      rookery.UIN
	server   *server
	writer   *Client

	pushes []Push // in order of arrival
	// lastPushed receives a value when the message after the burst is pushed.
	lastPushed chan struct{}
}

func (c *cutClient) run(ctx context.Context) error {
	conn, err := c.loseConnection(ctx)
	if err != nil {
		return err
	}
	defer conn.CloseServerSide()
	if got, want := len(c.pushes), c.cutAfter/c.variant.pushBytes(); got != want {
		return fmt.Errorf("got %d complete pushes before the cut, want %d: %v", got, want, c.pushes)
	}
	if c.variant.polls {
		return c.collectByPolling(ctx)
	}
	return c.reconnect(ctx)
}

// loseConnection signs in and loses the connection during the burst.
func (c *cutClient) loseConnection(ctx context.Context) (*FaultyConn, error) {
	netConn, err := c.server.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := &FaultyConn{Conn: netConn, Silent: c.variant.silent}
	stream := NewStream(conn, c.recordPush)
	defer stream.Close()
	if err := c.client(stream).Login(ctx, password); err != nil {
		return nil, err
	}
	cut := conn.CutAfter(c.cutAfter)
	for i := range burstSize {
		if err := c.sendMessage(ctx, i+1); err != nil {
			return nil, err
		}
	}
	select {
	case <-cut:
		return conn, nil
	case <-ctx.Done():
		return nil, errors.New("the server pushed too few bytes for the cut")
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
	c.lastPushed = make(chan struct{}, 1)
	stream := NewStream(conn, c.recordPush)
	defer stream.Close()
	if err := c.client(stream).Login(ctx, password); err != nil {
		return err
	}
	if err := c.sendMessage(ctx, burstSize+1); err != nil {
		return err
	}
	select {
	case <-c.lastPushed:
	case <-stream.ended:
		return stream.err
	case <-ctx.Done():
		return errors.New("the message after the burst was not pushed")
	}
	stream.Close()
	return c.checkDeliveries(c.pushes[:before], c.pushes[before:])
}

// checkDeliveries checks the pushes on the first and on the second stream.
func (c *cutClient) checkDeliveries(first, second []Push) error {
	if !slices.IsSortedFunc(second, func(a, b Push) int { return cmp.Compare(a.Number, b.Number) }) {
		return fmt.Errorf("the pushes on the second stream are not in order: %v", second)
	}
	seen := make(map[uint64]bool)
	var distinct []Push
	for _, push := range slices.Concat(first, second) {
		if !seen[push.Number] {
			distinct = append(distinct, push)
		}
		seen[push.Number] = true
	}
	var want []Push
	for i := range burstSize + 1 {
		want = append(want, Push{uint64(i + 1), c.message(i + 1)})
	}
	if !slices.Equal(distinct, want) {
		return fmt.Errorf("got %v and then %v, want the distinct pushes %v", first, second, want)
	}
	// The server pushes unconfirmed messages again, also one of which an old program has read a half.
	if !c.variant.confirms && !slices.Equal(second, want) {
		return fmt.Errorf("without confirmations, the second stream got %v, want %v", second, want)
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
			return fmt.Errorf("after collecting %v: %w", got, err)
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
		return fmt.Errorf("collected %v, want %v", got, want)
	}
	return nil
}

func (c *cutClient) client(stream *Stream) *Client {
	return &Client{UIN: c.uin, Device: c.variant.device, Post: stream.SendAndWait}
}

// message returns the i-th message to the client, from 1.
func (c *cutClient) message(i int) Message {
	return Message{From: writerUIN, To: c.uin, Kind: rookery.KindMessage, Text: fmt.Sprintf("no. %d: 50%% & more", i)}
}

// sendMessage makes the writer send the i-th message.
func (c *cutClient) sendMessage(ctx context.Context, i int) error {
	_, err := c.writer.SendUntilDone(ctx, c.writer.NewRequest("CLTMSG",
		formatTextFields(c.uin, "MG", c.message(i).Text)))
	return err
}

func (c *cutClient) recordPush(stream *Stream, push Push) {
	c.pushes = append(c.pushes, push)
	if c.variant.confirms {
		_ = stream.Confirm(push) // the connection may be cut already
	}
	if push.Number == burstSize+1 {
		select {
		case c.lastPushed <- struct{}{}:
		default: // pushed twice; checkDeliveries reports it
		}
	}
}

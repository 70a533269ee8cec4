package fault

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/line"
)

// mergeTime is the time in which the writes of the server merge into one read of the client.
const mergeTime = time.Second

// mergingConn is the server's end of a connection in memory. A read of the client returns everything that the server
// has written within mergeTime.
type mergingConn struct {
	net.Conn               // a pipe from which the server reads
	changed  chan struct{} // has a value after a write or Close

	mu           sync.Mutex // guards the fields below
	written      []byte     // not read by the client yet
	firstWritten time.Time  // the time of the first of these writes
	closed       bool
}

// newMergingPipe returns a connection to which the client writes, and the server's end.
func newMergingPipe() (toServer net.Conn, server *mergingConn) {
	toServer, fromClient := net.Pipe()
	return toServer, &mergingConn{Conn: fromClient, changed: make(chan struct{}, 1)}
}

func (c *mergingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	if len(c.written) == 0 {
		c.firstWritten = time.Now()
	}
	c.written = append(c.written, p...)
	c.wakeReader()
	return len(p), nil
}

func (c *mergingConn) wakeReader() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *mergingConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.wakeReader()
	c.mu.Unlock()
	return c.Conn.Close()
}

func (c *mergingConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1234"))
}

// readMerged is the client's Read.
func (c *mergingConn) readMerged() ([]byte, error) {
	for {
		c.mu.Lock()
		written, closed := c.written, c.closed
		wait := time.Until(c.firstWritten.Add(mergeTime))
		if len(written) > 0 && wait <= 0 {
			c.written = nil
			c.mu.Unlock()
			return written, nil
		}
		c.mu.Unlock()
		if len(written) > 0 {
			time.Sleep(wait)
			continue
		}
		if closed {
			return nil, io.EOF
		}
		<-c.changed
	}
}

// memoryListener is a listener that accepts the connections of a channel.
type memoryListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

// oldProgram is a program of 2008 that holds a line and never confirms pushes.
type oldProgram struct {
	t        *testing.T
	listener *memoryListener
	// splits means that the program splits a read into records. Otherwise it takes each read for one record, and drops
	// reads with several.
	splits bool

	conn    net.Conn
	seq     int
	reading sync.WaitGroup

	mu         sync.Mutex        // guards the fields below
	textCounts map[string]int    // how often each text was received
	answers    map[string]string // by SEQ
	lastPush   time.Time         // also of pushes in dropped reads
}

// login closes the line, opens a new one and logs in.
func (o *oldProgram) login() {
	o.disconnect()
	toServer, server := newMergingPipe()
	o.listener.conns <- server
	o.conn = toServer
	o.reading.Go(func() {
		for {
			data, err := server.readMerged()
			if err != nil {
				return
			}
			o.handleRead(string(data))
		}
	})
	o.sendRequest("CMD=Login&PS=rooks%20and%20crows&M5=0")
}

func (o *oldProgram) disconnect() {
	if o.conn != nil {
		_ = o.conn.Close()
		o.reading.Wait()
	}
}

// sendRequest sends a request, and returns its SEQ. It does not wait for the answer.
func (o *oldProgram) sendRequest(request string) string {
	o.seq++
	seq := fmt.Sprint(1000 + o.seq)
	o.sendRequestAs(seq, request)
	return seq
}

func (o *oldProgram) sendRequestAs(seq, request string) {
	command, rest, _ := strings.Cut(request, "&")
	if _, err := fmt.Fprintf(o.conn, "VER=1.4&%s&SEQ=%s&UIN=10001&%s\r\n", command, seq, rest); err != nil {
		o.t.Errorf("the server closed the line: %v", err)
	}
}

// receivesPushes reports whether something was pushed in the last two minutes.
func (o *oldProgram) receivesPushes() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.lastPush) < 2*time.Minute
}

var field = regexp.MustCompile(`&(CMD|SEQ|MN|MG)=([^&\r\n]*)`)

// handleRead processes the result of one read.
func (o *oldProgram) handleRead(data string) {
	records := strings.SplitAfter(strings.TrimSuffix(data, "\r\n"), "\r\n")
	o.mu.Lock()
	defer o.mu.Unlock()
	if strings.Contains(data, "CMD=Server_Msg") {
		o.lastPush = time.Now()
	}
	if !o.splits && len(records) > 1 {
		return // the program does not understand it
	}
	for _, record := range records {
		fields := make(map[string]string)
		for _, f := range field.FindAllStringSubmatch(record, -1) {
			fields[f[1]] = f[2]
		}
		switch fields["CMD"] {
		case "Server_Msg":
			o.textCounts[fields["MG"]]++
		default:
			o.answers[fields["SEQ"]] = record
		}
	}
}

// collect collects the remaining messages. It repeats each request until it has an answer.
func (o *oldProgram) collect() {
	for {
		o.seq++
		seq := fmt.Sprint(1000 + o.seq)
		var answer string
		for answer == "" {
			o.sendRequestAs(seq, "CMD=GetMsgEx")
			time.Sleep(3 * time.Second)
			o.mu.Lock()
			answer = o.answers[seq]
			o.mu.Unlock()
		}
		_, texts, _ := strings.Cut(strings.TrimSpace(answer), "&MG=")
		if texts == "" {
			return
		}
		o.mu.Lock()
		for text := range strings.SplitSeq(strings.TrimSuffix(texts, ","), ",") {
			o.textCounts[text]++
		}
		o.mu.Unlock()
	}
}

// pacingScenario says what a program and its friend do. Durations are the longest pauses; 0 means never.
type pacingScenario struct {
	requests time.Duration // the pause between requests of the program
	logins   time.Duration // the pause between its logins, each on a new line
	statuses bool          // the friend changes its status
	maxBurst int           // the largest number of messages that the friend sends at once
}

func TestOneRecordPerReadLosesNoMessage(t *testing.T) {
	for name, scenario := range map[string]pacingScenario{
		"single messages":      {maxBurst: 1},
		"bursts":               {maxBurst: 20},
		"statuses":             {maxBurst: 5, statuses: true},
		"occasional requests":  {maxBurst: 5, statuses: true, requests: 20 * time.Second},
		"frequent requests":    {maxBurst: 5, requests: 4 * time.Second},
		"continuous requests":  {maxBurst: 5, requests: time.Second},
		"repeated logins":      {maxBurst: 5, logins: 40 * time.Second},
		"all of these at once": {maxBurst: 5, statuses: true, requests: 6 * time.Second, logins: 90 * time.Second},
	} {
		for _, splits := range []bool{false, true} {
			prefix := map[bool]string{false: "one record per read, ", true: "reads are split, "}[splits]
			t.Run(prefix+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) { testPacing(t, dir, scenario, splits) })
			})
		}
	}
}

// textCount is the number of messages that the friend sends.
const textCount = 200

func testPacing(t *testing.T, dir string, scenario pacingScenario, splits bool) {
	o, post := startProgram(t, dir, splits)
	requests := []string{"CMD=List", "CMD=Query_Stat2&UN=0", "CMD=GetInfo&UN=10002", "CMD=CLTMSG&UN=10002&MG=hi"}
	rng := rand.New(rand.NewPCG(1, 2))
	o.login()
	randomTime := func(maxPause time.Duration) time.Time {
		if maxPause == 0 {
			return time.Now().Add(1000 * time.Hour)
		}
		return time.Now().Add(time.Duration(rng.Int64N(int64(maxPause))))
	}
	nextRequest, nextLogin := randomTime(scenario.requests), randomTime(scenario.logins)
	nextHeartbeat, nextBurst := time.Now().Add(time.Minute), time.Now()
	for sent := 0; sent < textCount || o.receivesPushes(); time.Sleep(100 * time.Millisecond) {
		now := time.Now()
		if !now.Before(nextBurst) && sent < textCount {
			for range 1 + rng.IntN(scenario.maxBurst) {
				if sent < textCount {
					sent++
					post(fmt.Sprintf("CMD=CLTMSG&SEQ=%d&UIN=10002&UN=10001&MG=text %d", 100000+sent, sent))
				}
			}
			if scenario.statuses {
				post(fmt.Sprintf("CMD=Change_Stat&SEQ=%d&UIN=10002&ST=%d", 200000+sent, 10+20*rng.IntN(2)))
			}
			nextBurst = randomTime(10 * time.Second)
		}
		if !now.Before(nextRequest) {
			o.sendRequest(requests[rng.IntN(len(requests))])
			nextRequest = randomTime(scenario.requests)
		}
		if !now.Before(nextLogin) {
			o.login()
			nextLogin = randomTime(scenario.logins)
		}
		if !now.Before(nextHeartbeat) {
			o.sendRequest("CMD=List")
			nextHeartbeat = now.Add(time.Minute)
		}
	}
	time.Sleep(10 * time.Second)
	o.collect()
	o.disconnect()
	checkTextCounts(t, o.textCounts, scenario)
}

// checkTextCounts checks that every text was received, and not too often.
func checkTextCounts(t *testing.T, textCounts map[string]int, scenario pacingScenario) {
	t.Helper()
	redeliveries := 0
	for i := range textCount {
		count := textCounts[fmt.Sprintf("text %d", i+1)]
		if count == 0 {
			t.Errorf("text %d was lost", i+1)
		}
		redeliveries += max(count-1, 0)
	}
	t.Logf("%d texts, %d redeliveries", textCount, redeliveries)
	// After a login the server pushes everything unconfirmed again. A client that sends requests every few seconds
	// gets each push several times.
	switch {
	case scenario.logins > 0:
	case scenario.requests > 0 && scenario.requests < 10*time.Second:
		if limit := textCount * (3 + 1); redeliveries > limit { // three by pushes, one by GetMsgEx
			t.Errorf("got %d redeliveries, want at most %d", redeliveries, limit)
		}
	case redeliveries > textCount/4:
		t.Errorf("got %d redeliveries, want at most %d", redeliveries, textCount/4)
	}
}

// startProgram starts a server in memory with the account of the program and a friend. post sends a record of the
// friend.
func startProgram(t *testing.T, dir string, splits bool) (_ *oldProgram, post func(record string)) {
	createAccounts(t, dir, []testAccount{{uin: 10001}, {uin: 10002}})
	s, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.service.Befriend(t.Context(), 10001, 10002); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	server := transport.NewServer(transport.Config{
		Protocol: line.New(line.Config{Handler: s.handler, Log: quiet}), Log: quiet})
	listener := &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	running.Go(func() { _ = s.service.Run(ctx) })
	t.Cleanup(func() {
		_ = server.Shutdown(context.Background())
		end()
		running.Wait()
		s.service.Close(context.Background())
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	post = func(record string) {
		answer, err := s.post(t.Context(), "VER=1.1&"+record)
		if err != nil || !strings.Contains(answer, "&RES=0") {
			t.Errorf("the answer to %s is %s, %v, want RES=0", record, answer, err)
		}
	}
	post("CMD=Login&SEQ=1&UIN=10002&PS=rooks%20and%20crows&M5=0")
	o := &oldProgram{t: t, listener: listener, splits: splits, textCounts: make(map[string]int),
		answers: make(map[string]string)}
	return o, post
}

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

// mergeTime is how long a client is busy with one read: what is written
// meanwhile comes with the next.
const mergeTime = time.Second

// mergingConn is the server's end of a connection in memory. Its client's reads
// return whatever was written within mergeTime.
type mergingConn struct {
	net.Conn // a pipe, of which the server reads
	mu       sync.Mutex
	came     []byte // guarded by mu
	first    time.Time
	changed  chan struct{} // holds one when something came, or the end
	ended    bool          // guarded by mu
}

// mergingPipe returns both ends: what the client writes to, and what the server
// has.
func mergingPipe() (toServer net.Conn, server *mergingConn) {
	toServer, fromClient := net.Pipe()
	return toServer, &mergingConn{Conn: fromClient, changed: make(chan struct{}, 1)}
}

func (c *mergingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return 0, net.ErrClosed
	}
	if len(c.came) == 0 {
		c.first = time.Now()
	}
	c.came = append(c.came, p...)
	c.tell()
	return len(p), nil
}

func (c *mergingConn) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *mergingConn) Close() error {
	c.mu.Lock()
	c.ended = true
	c.tell()
	c.mu.Unlock()
	return c.Conn.Close()
}

func (c *mergingConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1234"))
}

// read is the client's.
func (c *mergingConn) read() ([]byte, error) {
	for {
		c.mu.Lock()
		came, first, ended := c.came, c.first, c.ended
		if wait := time.Until(first.Add(mergeTime)); len(came) > 0 && wait <= 0 {
			c.came = nil
			c.mu.Unlock()
			return came, nil
		} else if len(came) > 0 {
			c.mu.Unlock()
			time.Sleep(wait)
			continue
		}
		c.mu.Unlock()
		if ended {
			return nil, io.EOF
		}
		<-c.changed
	}
}

// memoryListener is a listener that hands out connections in memory.
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

// oldProgram is a program of 2008 that holds a line and confirms nothing. It
// remembers what it was told.
type oldProgram struct {
	t      *testing.T
	listen *memoryListener
	// splits: it splits what a read returns into records; else it takes one read
	// for one record, and can do nothing with two.
	splits bool

	conn net.Conn
	seq  int

	mu       sync.Mutex
	heard    map[string]int // how often each text came; guarded by mu
	answered map[string]string
	latest   time.Time // of what was pushed, understood or not; guarded by mu
	reading  sync.WaitGroup
}

// login opens a line and logs in. What it held before it closes.
func (o *oldProgram) login() {
	o.hangUp()
	toServer, server := mergingPipe()
	o.listen.conns <- server
	o.conn = toServer
	o.reading.Go(func() {
		for {
			came, err := server.read()
			if err != nil {
				return
			}
			o.handleRecord(string(came))
		}
	})
	o.sendRequest("CMD=Login&PS=rooks%20and%20crows&M5=0")
}

func (o *oldProgram) hangUp() {
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
		o.t.Errorf("the line was cut: %v", err)
	}
}

// receivesPushes reports whether something was pushed in the last two minutes.
func (o *oldProgram) receivesPushes() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.latest) < 2*time.Minute
}

var field = regexp.MustCompile(`&(CMD|SEQ|MN|MG)=([^&\r\n]*)`)

func (o *oldProgram) handleRecord(came string) {
	records := strings.SplitAfter(strings.TrimSuffix(came, "\r\n"), "\r\n")
	o.mu.Lock()
	defer o.mu.Unlock()
	if strings.Contains(came, "CMD=Server_Msg") {
		o.latest = time.Now()
	}
	if !o.splits && len(records) > 1 {
		return // nothing that it knows
	}
	for _, record := range records {
		fields := make(map[string]string)
		for _, f := range field.FindAllStringSubmatch(record, -1) {
			fields[f[1]] = f[2]
		}
		switch fields["CMD"] {
		case "Server_Msg":
			o.heard[fields["MG"]]++
		default:
			o.answered[fields["SEQ"]] = record
		}
	}
}

// collect asks for what was left to GetMsgEx, as a program does that repeats a
// request until it is answered.
func (o *oldProgram) collect() {
	for {
		o.seq++
		seq := fmt.Sprint(1000 + o.seq)
		var answer string
		for answer == "" {
			o.sendRequestAs(seq, "CMD=GetMsgEx")
			time.Sleep(3 * time.Second)
			o.mu.Lock()
			answer = o.answered[seq]
			o.mu.Unlock()
		}
		_, texts, _ := strings.Cut(strings.TrimSpace(answer), "&MG=")
		if texts == "" {
			return
		}
		o.mu.Lock()
		for text := range strings.SplitSeq(strings.TrimSuffix(texts, ","), ",") {
			o.heard[text]++
		}
		o.mu.Unlock()
	}
}

// clientHabits are how a program, and those who write to it, behave. Times are the
// longest; 0 is never.
type clientHabits struct {
	requests time.Duration // between two requests
	logins   time.Duration // between two logins, each on a new line
	statuses bool          // a friend comes and goes
	bursts   int           // how many messages come at once, at most
}

func TestAProgramThatTakesOneReadForOneRecordLosesNoMessage(t *testing.T) {
	for name, received := range map[string]clientHabits{
		"that only listens":           {bursts: 1},
		"when messages come in heaps": {bursts: 20},
		"beside statuses":             {bursts: 5, statuses: true},
		"that asks now and then":      {bursts: 5, statuses: true, requests: 20 * time.Second},
		"that asks often":             {bursts: 5, requests: 4 * time.Second},
		"that asks all the time":      {bursts: 5, requests: time.Second},
		"that logs in again":          {bursts: 5, logins: 40 * time.Second},
		"that does it all":            {bursts: 5, statuses: true, requests: 6 * time.Second, logins: 90 * time.Second},
	} {
		for _, splits := range []bool{false, true} {
			who := map[bool]string{false: "one that cannot split reads, ", true: "one that splits reads, "}[splits]
			t.Run(who+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) { testProgram(t, dir, received, splits) })
			})
		}
	}
}

// sentTexts is how many messages are sent.
const sentTexts = 200

func testProgram(t *testing.T, dir string, received clientHabits, splits bool) {
	o, post := startProgram(t, dir, splits)
	questions := []string{"CMD=List", "CMD=Query_Stat2&UN=0", "CMD=GetInfo&UN=10002", "CMD=CLTMSG&UN=10002&MG=hi"}
	random := rand.New(rand.NewPCG(1, 2))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	o.login()
	next := func(d time.Duration) time.Time {
		if d == 0 {
			return time.Now().Add(1000 * time.Hour)
		}
		return time.Now().Add(upTo(d))
	}
	request, login, beat, burst := next(received.requests), next(received.logins), time.Now().Add(time.Minute),
		time.Now()
	for sent := 0; sent < sentTexts || o.receivesPushes(); time.Sleep(100 * time.Millisecond) {
		now := time.Now()
		if !now.Before(burst) && sent < sentTexts {
			for range 1 + random.IntN(received.bursts) {
				if sent < sentTexts {
					sent++
					post(fmt.Sprintf("CMD=CLTMSG&SEQ=%d&UIN=10002&UN=10001&MG=text %d", 100000+sent, sent))
				}
			}
			if received.statuses {
				post(fmt.Sprintf("CMD=Change_Stat&SEQ=%d&UIN=10002&ST=%d", 200000+sent, 10+20*random.IntN(2)))
			}
			burst = now.Add(upTo(10 * time.Second))
		}
		if !now.Before(request) {
			o.sendRequest(questions[random.IntN(len(questions))])
			request = next(received.requests)
		}
		if !now.Before(login) {
			o.login()
			login = next(received.logins)
		}
		if !now.Before(beat) {
			o.sendRequest("CMD=List")
			beat = now.Add(time.Minute)
		}
	}
	time.Sleep(10 * time.Second)
	o.collect()
	o.hangUp()
	redeliveries := 0
	for i := range sentTexts {
		count := o.heard[fmt.Sprintf("text %d", i+1)]
		if count == 0 {
			t.Errorf("text %d was lost", i+1)
		}
		redeliveries += max(count-1, 0)
	}
	t.Logf("of %d texts %d came again", sentTexts, redeliveries)
	// A login brings again what was not confirmed; and who always asks again
	// within some seconds gets each several times.
	switch {
	case received.logins > 0:
	case received.requests > 0 && received.requests < 10*time.Second:
		if redeliveries > sentTexts*(3+1) {
			t.Errorf("%d texts came again %d times: each may three times, and with GetMsgEx", sentTexts, redeliveries)
		}
	case redeliveries > sentTexts/4:
		t.Errorf("of %d texts %d came again", sentTexts, redeliveries)
	}
}

// startProgram starts a server in memory, with an account for the program and a
// friend who posts.
func startProgram(t *testing.T, dir string, splits bool) (*oldProgram, func(record string)) {
	createAccounts(t, dir, []testAccount{{uin: 10001}, {uin: 10002}})
	received, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		t.Fatal(err)
	}
	if err := received.service.Befriend(t.Context(), 10001, 10002); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	server := transport.NewServer(transport.Config{
		Protocol: line.New(line.Config{Handler: received.handler, Log: quiet}), Log: quiet})
	listener := &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	running.Go(func() { _ = received.service.Run(ctx) })
	t.Cleanup(func() {
		_ = server.Shutdown(context.Background())
		end()
		running.Wait()
		received.service.Close(context.Background())
		if err := received.store.Close(); err != nil {
			t.Error(err)
		}
	})
	post := func(record string) {
		answer, err := received.post(t.Context(), "VER=1.1&"+record)
		if err != nil || !strings.Contains(answer, "&RES=0") {
			t.Errorf("%s was answered %s, error %v", record, answer, err)
		}
	}
	post("CMD=Login&SEQ=1&UIN=10002&PS=rooks%20and%20crows&M5=0")
	o := &oldProgram{t: t, listen: listener, splits: splits, heard: make(map[string]int),
		answered: make(map[string]string)}
	return o, post
}

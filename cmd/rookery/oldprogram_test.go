package main

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

// oldProgram is a program of version 1.4 with a persistent connection. It parses pushes by position and never confirms
// them. When the connection breaks, it opens another one and repeats unanswered requests with the same SEQ.
type oldProgram struct {
	t        *testing.T
	addr     string
	uin      rookery.UIN
	password string
	outbox   chan oldRequest
	pending  *oldRequest // the request without an answer; only run uses it

	mu     sync.Mutex         // guards the fields below
	pushes map[string]oldPush // by number
	order  []string           // the numbers, in the order of their first push
	more   chan struct{}      // closed at the next push
}

// oldRequest is a record; done is closed when the server has answered it.
type oldRequest struct {
	record string
	done   chan struct{}
}

// oldPush is the content of a pushed message.
type oldPush struct{ kind, from, text string }

// newOldProgram connects, and stays connected until the test ends.
func newOldProgram(t *testing.T, addr string, uin rookery.UIN, password string) *oldProgram {
	o := &oldProgram{t: t, addr: addr, uin: uin, password: password,
		outbox: make(chan oldRequest), pushes: map[string]oldPush{}, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return o
}

// request formats a record as the program does, with the fields of its connection.
func (o *oldProgram) request(command, fields string) string {
	return fmt.Sprintf("VER=1.4&CON=1&CMD=%s&SEQ=%d&UIN=%d&SID=&XP=C4CA4238A0B92382&CM=2%s", command,
		time.Now().UnixNano(), o.uin, fields)
}

// write sends a message and returns when the server has stored it.
func (o *oldProgram) write(to rookery.UIN, text string) error {
	escaped := strings.NewReplacer("%", "%25", "&", "%26").Replace(text)
	r := oldRequest{o.request("CLTMSG", fmt.Sprintf("&UN=%d&MG=%s", to, escaped)), make(chan struct{})}
	end := time.After(patience)
	select {
	case o.outbox <- r:
	case <-end:
		return fmt.Errorf("%d has no connection", o.uin)
	}
	select {
	case <-r.done:
		return nil
	case <-end:
		return fmt.Errorf("%d got no answer to %s", o.uin, r.record)
	}
}

// run opens a new connection whenever the last one has ended.
func (o *oldProgram) run(ctx context.Context) {
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for ctx.Err() == nil {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp", o.addr); err == nil {
			o.serve(ctx, conn)
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
		}
	}
}

// serve logs in on a connection and sends the requests of the outbox until it breaks.
// While the outbox is empty, the program asks every ten seconds who is online. Each
// record has its length before it, in two bytes.
func (o *oldProgram) serve(ctx context.Context, conn net.Conn) {
	answers := make(chan string)
	defer func() {
		_ = conn.Close()
		for range answers { // ends when read notices that the connection is closed
		}
	}()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	go o.read(conn, answers)
	ask := func(record string) (string, bool) {
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(record)))
		if _, err := conn.Write(append(framed, record+"\n"...)); err != nil {
			return "", false
		}
		answer, ok := <-answers
		return answer, ok
	}
	login := o.request("Login", fmt.Sprintf("&PS=%X&M5=1&LC=812822641C978097&ST=10", md5.Sum([]byte(o.password))))
	if answer, ok := ask(login); !ok || !strings.Contains(answer, "&RES=0&RS=0") {
		return
	}
	heartbeat := time.NewTicker(10 * time.Second)
	defer heartbeat.Stop()
	for {
		if o.pending == nil {
			select {
			case r := <-o.outbox:
				o.pending = &r
			case <-heartbeat.C:
				if _, ok := ask(o.request("Query_Stat2", "&UN=0")); !ok {
					return
				}
				continue
			case <-ctx.Done():
				return
			}
		}
		answer, ok := ask(o.pending.record)
		if !ok {
			return
		}
		if strings.Contains(answer, "&RES=0") {
			close(o.pending.done)
			o.pending = nil
		}
	}
}

// read reads records until the connection breaks. It stores pushes and hands answers on.
func (o *oldProgram) read(conn net.Conn, answers chan<- string) {
	defer close(answers)
	for reader := bufio.NewReader(conn); ; {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		record := strings.TrimSuffix(line, "\r\n")
		switch fields := strings.Split(record, "&"); fields[1] {
		case "CMD=Server_Msg":
			o.storePush(fields)
		case "CMD=update_stat":
		default:
			answers <- record
		}
	}
}

// storePush parses a push by the positions of its fields: VER CMD SEQ UIN RES MN MT UN MG.
func (o *oldProgram) storePush(fields []string) {
	field := func(i int, key string) string {
		if i >= len(fields) || !strings.HasPrefix(fields[i], key+"=") {
			o.t.Errorf("field %d of a push is not %s=: %q", i, key, fields)
			return ""
		}
		return strings.NewReplacer("%25", "%", "%26", "&", "%2c", ",").Replace(fields[i][len(key)+1:])
	}
	number, p := field(2, "SEQ"), oldPush{field(6, "MT"), field(7, "UN"), field(8, "MG")}
	o.mu.Lock()
	defer o.mu.Unlock()
	first, ok := o.pushes[number]
	if ok && first != p {
		o.t.Errorf("the repeated push %s is %v, want %v as before", number, p, first)
	}
	if !ok {
		o.pushes[number] = p
		o.order = append(o.order, number)
		close(o.more)
		o.more = make(chan struct{})
	}
}

// checkPushes waits for as many pushes as there are texts to the program, and compares them.
func (o *oldProgram) checkPushes(sent []sentText) {
	o.t.Helper()
	for end := time.After(patience); ; {
		o.mu.Lock()
		got, more := map[string][]string{}, o.more
		for _, number := range o.order {
			p := o.pushes[number]
			got[p.from] = append(got[p.from], p.text)
		}
		n := len(o.order)
		o.mu.Unlock()
		want, complete := 0, true
		for from := rookery.UIN(10001); from < o.uin; from++ {
			texts := textsBetween(sent, from, o.uin)
			want += len(texts)
			complete = complete && slices.Equal(got[from.String()], texts)
		}
		if complete && n == want {
			return
		}
		if n >= want {
			o.t.Errorf("pushed texts by sender = %q, want those of %v", got, sent)
			return
		}
		select {
		case <-more:
		case <-end:
			o.t.Errorf("after %v, got %d pushes, want %d: %q", patience, n, want, got)
			return
		}
	}
}

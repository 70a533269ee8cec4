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
	unsent   *oldRequest // not answered yet; of run alone

	mu    sync.Mutex // guards what follows
	heard map[string]oldPush
	order []string // the numbers, as they came first
	more  chan struct{}
}

// oldRequest is a record, and what is closed once it is done.
type oldRequest struct {
	record string
	done   chan struct{}
}

// oldPush is a message as it was pushed.
type oldPush struct{ kind, from, text string }

// newOldProgram connects, and stays connected until the test ends.
func newOldProgram(t *testing.T, addr string, uin rookery.UIN, password string) *oldProgram {
	o := &oldProgram{t: t, addr: addr, uin: uin, password: password,
		outbox: make(chan oldRequest), heard: map[string]oldPush{}, more: make(chan struct{})}
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

// request writes a record as the program does: what belongs to the connection
// stands in it, and before it its length in two bytes.
func (o *oldProgram) request(command, fields string) string {
	return fmt.Sprintf("VER=1.4&CON=1&CMD=%s&SEQ=%d&UIN=%d&SID=&XP=C4CA4238A0B92382&CM=2%s", command,
		time.Now().UnixNano(), o.uin, fields)
}

// write sends a message, and returns once the server has it.
func (o *oldProgram) write(to rookery.UIN, text string) error {
	escaped := strings.NewReplacer("%", "%25", "&", "%26").Replace(text)
	r := oldRequest{o.request("CLTMSG", fmt.Sprintf("&UN=%d&MG=%s", to, escaped)), make(chan struct{})}
	end := time.After(patience)
	select {
	case o.outbox <- r:
	case <-end:
		return fmt.Errorf("%d cannot send for want of a line", o.uin)
	}
	select {
	case <-r.done:
		return nil
	case <-end:
		return fmt.Errorf("%d was given no answer to %s", o.uin, r.record)
	}
}

// run opens one line after another.
func (o *oldProgram) run(ctx context.Context) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for ctx.Err() == nil {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp", o.addr); err == nil {
			o.serve(ctx, conn)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}

// serve signs in on a line, and sends what is to be sent until it breaks. If
// there is nothing, the program asks who is online every ten seconds.
func (o *oldProgram) serve(ctx context.Context, conn net.Conn) {
	answers := make(chan string)
	defer func() {
		_ = conn.Close()
		for range answers { // until the reader has noticed
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
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		if o.unsent == nil {
			select {
			case r := <-o.outbox:
				o.unsent = &r
			case <-beat.C:
				if _, ok := ask(o.request("Query_Stat2", "&UN=0")); !ok {
					return
				}
				continue
			case <-ctx.Done():
				return
			}
		}
		answer, ok := ask(o.unsent.record)
		if !ok {
			return
		}
		if strings.Contains(answer, "&RES=0") {
			close(o.unsent.done)
			o.unsent = nil
		}
	}
}

// read takes what comes until the line breaks: what has been pushed, and
// answers.
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
			o.hear(fields)
		case "CMD=update_stat":
		default:
			answers <- record
		}
	}
}

// hear takes a push by the positions of its fields: VER CMD SEQ UIN RES MN MT
// UN MG.
func (o *oldProgram) hear(fields []string) {
	at := func(i int, key string) string {
		if i >= len(fields) || !strings.HasPrefix(fields[i], key+"=") {
			o.t.Errorf("field %d of a push is not %s: %q", i, key, fields)
			return ""
		}
		return strings.NewReplacer("%25", "%", "%26", "&", "%2c", ",").Replace(fields[i][len(key)+1:])
	}
	number, p := at(2, "SEQ"), oldPush{at(6, "MT"), at(7, "UN"), at(8, "MG")}
	o.mu.Lock()
	defer o.mu.Unlock()
	before, known := o.heard[number]
	if known && before != p {
		o.t.Errorf("number %s was pushed as %v, and then as %v", number, before, p)
	}
	if !known {
		o.heard[number] = p
		o.order = append(o.order, number)
		close(o.more)
		o.more = make(chan struct{})
	}
}

// check waits until all has come, and looks at it.
func (o *oldProgram) check(all []sentText) {
	o.t.Helper()
	for end := time.After(patience); ; {
		o.mu.Lock()
		got, more := map[string][]string{}, o.more
		for _, number := range o.order {
			p := o.heard[number]
			got[p.from] = append(got[p.from], p.text)
		}
		n := len(o.order)
		o.mu.Unlock()
		want, complete := 0, true
		for from := rookery.UIN(10001); from < o.uin; from++ {
			texts := textsBetween(all, from, o.uin)
			want += len(texts)
			complete = complete && slices.Equal(got[from.String()], texts)
		}
		if complete && n == want {
			return
		}
		if n >= want {
			o.t.Errorf("the program of old was told %q", got)
			return
		}
		select {
		case <-more:
		case <-end:
			o.t.Errorf("after %v the program of old was told only %q", patience, got)
			return
		}
	}
}

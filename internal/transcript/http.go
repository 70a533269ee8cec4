package transcript

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// answerLimit bounds the body of an answer, in bytes: a List of 1000 accounts
// and 32 KiB of messages are far below it.
const answerLimit = 1 << 20

// DialFrom connects to a server on this machine from one of this machine's
// addresses.
func DialFrom(ctx context.Context, from netip.Addr, server string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp", server)
}

// Post sends one record as the article's client does, on a connection of its
// own, and returns the body of the answer. It closes the connection. A World
// on a socket is served by Post and DialFrom.
func Post(ctx context.Context, conn net.Conn, r Request) ([]byte, error) {
	defer conn.Close()
	defer bound(ctx, conn)()
	request := fmt.Appendf(nil, "POST HTTP/1.1\r\n"+
		"Host: tqq.tencent.com:8000\r\n"+
		"Content-Type: text/plain; charset=%s\r\n"+
		"Content-length: %d\r\n"+
		"Connection: close\r\n"+
		"\r\n", r.Charset, len(r.Record))
	if _, err := conn.Write(append(request, r.Record...)); err != nil {
		return nil, err
	}
	br := bufio.NewReader(conn)
	status, body, err := readAnswer(br, true)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d, want 200", status)
	}
	return body, atEnd(br)
}

// bound ends reads and writes when ctx ends, until what it returns is called.
func bound(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

func (c *Connection) perform(r *replay) error {
	hTTPWorld, ok := r.world.(HTTPWorld)
	if !ok {
		return errNeedsHTTP
	}
	conn, err := hTTPWorld.Dial(r.ctx, r.from)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer bound(r.ctx, conn)()
	br := bufio.NewReader(conn)
	for _, turn := range c.Turns {
		if err := turn.perform(r, conn, br); err != nil {
			return err
		}
	}
	if !c.Ends {
		half, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			return nil
		}
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	return atEnd(br)
}

// perform sends and reads at once: a server may answer, and stop reading,
// before all is sent. What it says is what counts.
func (t *Turn) perform(r *replay, conn net.Conn, br *bufio.Reader) error {
	request := r.expand(t.Sent, nil)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = conn.Write(request)
	}()
	for i, want := range t.Answers {
		if err := t.read(r, br, want); err != nil {
			conn.Close()
			<-sent
			return fmt.Errorf("answer %d: %w", i+1, err)
		}
	}
	<-sent
	return nil
}

// read reads one answer and compares it.
func (t *Turn) read(r *replay, br *bufio.Reader, want HTTPAnswer) error {
	status, body, err := readAnswer(br, want.Record != nil)
	if err != nil {
		return err
	}
	if status != want.Status {
		return fmt.Errorf("status %d, want %d\n\tsent %s\n\tgot  %s",
			status, want.Status, appendEscaped(nil, t.Sent), appendEscaped(nil, body))
	}
	if want.Record == nil {
		return nil
	}
	record := r.expand(want.Record, body)
	if at, ok := Match(record, body); !ok {
		return mismatch(t.Sent, append(bytes.Clone(record), lineEnd(record)...), body, at)
	}
	return nil
}

// readAnswer reads an HTTP response. That of a record has the type and the
// length that the contract wants.
func readAnswer(br *bufio.Reader, isRecord bool) (status int, body []byte, err error) {
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil || !isRecord {
		return resp.StatusCode, body, err
	}
	for name, want := range map[string]string{
		"Content-Type":   "text/plain; charset=UTF-8",
		"Content-Length": strconv.Itoa(len(body)),
	} {
		if got := resp.Header.Get(name); got != want {
			return 0, nil, fmt.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	return resp.StatusCode, body, nil
}

// atEnd reports what comes before the end of a connection that should have
// nothing left.
func atEnd(br *bufio.Reader) error {
	rest, err := io.ReadAll(io.LimitReader(br, answerLimit))
	if len(rest) > 0 {
		return fmt.Errorf("after the last answer there is more: %s", appendEscaped(nil, rest))
	}
	if err != nil {
		return fmt.Errorf("the connection does not end: %w", err)
	}
	return nil
}

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

// maxResponseBytes bounds the body of a response. The largest ones, a List of 1000 accounts or a batch of
// 32 KiB, are far below it.
const maxResponseBytes = 1 << 20

// DialFrom connects to a local server from a given local address.
func DialFrom(ctx context.Context, from netip.Addr, server string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp", server)
}

// Post sends one record as the client of the published article does, and returns the body of the answer. It
// closes the connection. Implementations of SocketServer build on Post and DialFrom.
func Post(ctx context.Context, conn net.Conn, r Request) ([]byte, error) {
	defer conn.Close()
	defer interruptWhenDone(ctx, conn)()
	request := fmt.Appendf(nil, "POST HTTP/1.1\r\n"+
		"Host: tqq.tencent.com:8000\r\n"+
		"Content-Type: text/plain; charset=%s\r\n"+
		"Content-length: %d\r\n"+
		"Connection: close\r\n"+
		"\r\n", r.Charset, len(r.Record))
	if _, err := conn.Write(append(request, r.Record...)); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	status, body, err := readResponse(reader, true)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d, want 200", status)
	}
	return body, expectEOF(reader)
}

// interruptWhenDone makes reads and writes fail once ctx ends, until release is called.
func interruptWhenDone(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

func (c *RawConnection) perform(rep *replayer) error {
	server, ok := rep.server.(SocketServer)
	if !ok {
		return errNeedsSocket
	}
	conn, err := server.Dial(rep.ctx, rep.clientAddr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer interruptWhenDone(rep.ctx, conn)()
	reader := bufio.NewReader(conn)
	for _, turn := range c.Turns {
		if err := turn.perform(rep, conn, reader); err != nil {
			return err
		}
	}
	if !c.ServerCloses {
		writeCloser, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			return nil
		}
		if err := writeCloser.CloseWrite(); err != nil {
			return err
		}
	}
	return expectEOF(reader)
}

// perform sends and reads concurrently, because a server may answer and stop reading before it has received
// everything. Only the answers matter, so write errors are ignored.
func (t *RawTurn) perform(rep *replayer, conn net.Conn, reader *bufio.Reader) error {
	request := rep.expandVariables(t.Sent, nil)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = conn.Write(request)
	}()
	for i, wanted := range t.Answers {
		if err := t.expectAnswer(rep, reader, wanted); err != nil {
			conn.Close()
			<-sent
			return fmt.Errorf("answer %d: %w", i+1, err)
		}
	}
	<-sent
	return nil
}

// expectAnswer reads one answer and compares it.
func (t *RawTurn) expectAnswer(rep *replayer, reader *bufio.Reader, wanted HTTPAnswer) error {
	status, body, err := readResponse(reader, wanted.Record != nil)
	if err != nil {
		return err
	}
	if status != wanted.Status {
		return fmt.Errorf("status %d, want %d\n\tsent %s\n\tgot  %s",
			status, wanted.Status, appendEscaped(nil, t.Sent), appendEscaped(nil, body))
	}
	if wanted.Record == nil {
		return nil
	}
	record := rep.expandVariables(wanted.Record, body)
	if offset, ok := Match(record, body); !ok {
		return mismatchError(t.Sent, append(bytes.Clone(record), lineEndOf(record)...), body, offset)
	}
	return nil
}

// readResponse reads an HTTP response. If it contains a record, its type and length must be those of the contract.
func readResponse(reader *bufio.Reader, isRecord bool) (status int, body []byte, err error) {
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxResponseBytes))
	if err != nil || !isRecord {
		return response.StatusCode, body, err
	}
	for name, wanted := range map[string]string{
		"Content-Type":   "text/plain; charset=UTF-8",
		"Content-Length": strconv.Itoa(len(body)),
	} {
		if received := response.Header.Get(name); received != wanted {
			return 0, nil, fmt.Errorf("%s is %q, want %q", name, received, wanted)
		}
	}
	return response.StatusCode, body, nil
}

// expectEOF returns an error if anything arrives before the end of the connection.
func expectEOF(reader *bufio.Reader) error {
	remaining, err := io.ReadAll(io.LimitReader(reader, maxResponseBytes))
	if len(remaining) > 0 {
		return fmt.Errorf("after the last answer there is more: %s", appendEscaped(nil, remaining))
	}
	if err != nil {
		return fmt.Errorf("the connection does not end: %w", err)
	}
	return nil
}

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// maxAnswer is the longest answer that is read, head and all. A batch of the
// versions before 1.4 has at most 8 KiB.
const maxAnswerBytes = 16 << 10

// frameFunc finds the answer that begins b: its body and its size with head and
// pushConn ends. A size of 0 means that more bytes are needed. body is part of b.
type frameFunc func(data []byte) (body []byte, size int, err error)

// clientConn is one client's connection to a server, made anew for each exchange
// unless it is kept alive. It has one exchange at a time, or is used by a
// pipeline.
type clientConn struct {
	addr       string
	findAnswer frameFunc
	keepAlive  bool
	deadline   time.Time

	dialer net.Dialer
	tcp    net.Conn
	buffer [maxAnswerBytes]byte
	// bufferedBytes is how much of buf is the beginning of the next answer, for answers.
	bufferedBytes int
}

// newClientConn prepares a connection to addr. Its exchanges fail at the deadline.
func newClientConn(addr string, f frameFunc, keepAlive bool, deadline time.Time) *clientConn {
	return &clientConn{
		addr: addr, findAnswer: f, keepAlive: keepAlive, deadline: deadline,
		// Probes on loopback connections would be system calls for nothing.
		dialer: net.Dialer{KeepAlive: -1, Deadline: deadline},
	}
}

// exchange sends a request and returns the body of its answer, which is valid
// until the next exchange.
func (cc *clientConn) exchange(request []byte) ([]byte, error) {
	if err := cc.connect(); err != nil {
		return nil, err
	}
	if _, err := cc.tcp.Write(request); err != nil {
		return nil, err
	}
	body, err := cc.readAnswer()
	if err == nil && !cc.keepAlive {
		err = cc.awaitServerClose()
	}
	return body, err
}

// connect dials, unless there is a connection.
func (cc *clientConn) connect() error {
	if cc.tcp != nil {
		return nil
	}
	tcp, err := cc.dialer.Dial("tcp", cc.addr)
	if err != nil {
		return err
	}
	cc.tcp, cc.bufferedBytes = tcp, 0
	return tcp.SetDeadline(cc.deadline)
}

// readAnswers waits for answers to several requests, and hands over those that
// have come. Use it on connections that have no exchanges any more.
func (cc *clientConn) readAnswers(take func(body []byte) error) error {
	count, err := cc.tcp.Read(cc.buffer[cc.bufferedBytes:])
	cc.bufferedBytes += count
	remaining := cc.buffer[:cc.bufferedBytes]
	for len(remaining) > 0 {
		body, size, frameErr := cc.findAnswer(remaining)
		if frameErr != nil {
			return fmt.Errorf("%w in %q", frameErr, remaining)
		}
		if size == 0 {
			break
		}
		if frameErr := take(body); frameErr != nil {
			return frameErr
		}
		remaining = remaining[size:]
	}
	if err == nil && len(remaining) == len(cc.buffer) {
		err = fmt.Errorf("an answer of more than %d bytes", len(cc.buffer))
	}
	cc.bufferedBytes = copy(cc.buffer[:], remaining)
	return err
}

func (cc *clientConn) readAnswer() ([]byte, error) {
	for bufferedBytes := 0; bufferedBytes < len(cc.buffer); {
		count, err := cc.tcp.Read(cc.buffer[bufferedBytes:])
		bufferedBytes += count
		body, size, frameErr := cc.findAnswer(cc.buffer[:bufferedBytes])
		switch {
		case frameErr != nil:
			return nil, fmt.Errorf("%w in %q", frameErr, cc.buffer[:bufferedBytes])
		case size == bufferedBytes && size > 0:
			return body, nil
		case size > 0:
			return nil, fmt.Errorf("bytes behind the answer: %q", cc.buffer[size:bufferedBytes])
		case err != nil:
			return nil, fmt.Errorf("after %d bytes of an answer: %w", bufferedBytes, err)
		}
	}
	return nil, fmt.Errorf("an answer of more than %d bytes", len(cc.buffer))
}

// awaitServerClose waits until the server has closed its side and closes ours, as a
// client does that reads to the end. So the connection lingers in the server's
// kernel tables, and the client does not run out of ports.
func (cc *clientConn) awaitServerClose() error {
	var remaining [1]byte
	switch _, err := cc.tcp.Read(remaining[:]); {
	case err == nil:
		return errors.New("bytes behind the answer of a connection that was to be closed")
	case !errors.Is(err, io.EOF):
		return err
	}
	return cc.close()
}

func (cc *clientConn) close() error {
	if cc.tcp == nil {
		return nil
	}
	err := cc.tcp.Close()
	cc.tcp = nil
	return err
}

var (
	lineEnd       = []byte("\r\n")
	headEnd       = []byte("\r\n\r\n")
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("content-length")
)

// frameHTTPAnswer reads an answer of status 200 that states its Content-Length, the
// only kind that servers give here.
func frameHTTPAnswer(data []byte) (body []byte, size int, err error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return nil, 0, nil
	}
	if !bytes.HasPrefix(data, statusOK) {
		return nil, 0, errors.New("no HTTP/1.1 200")
	}
	length := -1
	for line := range bytes.SplitSeq(data[:end], lineEnd) {
		name, value, found := bytes.Cut(line, []byte{':'})
		if found && bytes.EqualFold(name, contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, 0, err
			}
		}
	}
	if length < 0 {
		return nil, 0, errors.New("no Content-Length")
	}
	size = end + len(headEnd) + length
	if len(data) < size {
		return nil, 0, nil
	}
	return data[size-length : size], size, nil
}

// frameRedisReply reads a bulk string or an integer of the Redis protocol.
func frameRedisReply(data []byte) (body []byte, size int, err error) {
	line, remaining, found := bytes.Cut(data, lineEnd)
	if !found {
		return nil, 0, nil
	}
	switch {
	case len(line) > 1 && line[0] == ':':
		return line[1:], len(line) + len(lineEnd), nil
	case len(line) > 1 && line[0] == '$':
		length, err := strconv.Atoi(string(line[1:]))
		if err != nil || length < 0 {
			return nil, 0, errors.New("no length of a bulk string")
		}
		if len(remaining) < length+len(lineEnd) {
			return nil, 0, nil
		}
		return remaining[:length], len(line) + length + 2*len(lineEnd), nil
	}
	return nil, 0, errors.New("neither a bulk string nor an integer")
}

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

// maxAnswerBytes bounds an answer including its header. The largest answer is a batch of messages, which has at most
// 8 KiB in the protocol versions before 1.4.
const maxAnswerBytes = 16 << 10

// frameFunc finds the first answer in data. body is a part of data; size is the length of the whole answer with
// header and line ends, or 0 if the answer is incomplete.
type frameFunc func(data []byte) (body []byte, size int, err error)

// clientConn is a client's connection to a server. Without keep-alive it reconnects for each exchange. A
// caller uses either exchange or, for several requests at a time, readAnswers, but not both.
type clientConn struct {
	addr       string
	findAnswer frameFunc
	keepAlive  bool
	deadline   time.Time

	dialer net.Dialer
	tcp    net.Conn
	buffer [maxAnswerBytes]byte
	// bufferedBytes is the length of the incomplete answer in buffer. Only readAnswers uses it.
	bufferedBytes int
}

// newClientConn returns a connection to addr, which is dialled at the first exchange. All reads and writes fail after
// the deadline.
func newClientConn(addr string, f frameFunc, keepAlive bool, deadline time.Time) *clientConn {
	return &clientConn{
		addr: addr, findAnswer: f, keepAlive: keepAlive, deadline: deadline,
		// Keep-alive probes on loopback would only cost system calls.
		dialer: net.Dialer{KeepAlive: -1, Deadline: deadline},
	}
}

// exchange sends a request and returns the body of its answer, which is valid until the next exchange.
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

// connect dials if the connection is not open.
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

// readAnswers reads once and passes the body of each complete answer to take, which must not retain it. The rest of
// an incomplete answer stays in the buffer for the next call.
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

// readAnswer reads exactly one answer. Further bytes are an error.
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

// awaitServerClose waits until the server has closed its side and then closes this one. The side that closes first
// keeps the TIME_WAIT state; were it the client, the client would run out of ports.
func (cc *clientConn) awaitServerClose() error {
	var extra [1]byte
	switch _, err := cc.tcp.Read(extra[:]); {
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

// frameHTTPAnswer is a frameFunc for HTTP. Any status but 200, and an answer without Content-Length, is an error.
func frameHTTPAnswer(data []byte) (body []byte, size int, err error) {
	if !bytes.HasPrefix(data, statusOK) && bytes.Contains(data, headEnd) {
		return nil, 0, errors.New("no HTTP/1.1 200")
	}
	return frameHTTPMessage(data)
}

// frameHTTPMessage finds the first request or answer in data, like a frameFunc. Content-Length must be present.
func frameHTTPMessage(data []byte) (body []byte, size int, err error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return nil, 0, nil
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

// frameRedisReply is a frameFunc for the Redis protocol. Any reply but a bulk string or an integer is an error.
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

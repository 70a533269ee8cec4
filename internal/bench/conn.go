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
const maxAnswer = 16 << 10

// framing finds the answer that begins b: its body and its size with head and
// pushConn ends. A size of 0 means that more bytes are needed. body is part of b.
type framing func(b []byte) (body []byte, size int, err error)

// conn is one client's connection to a server, made anew for each exchange
// unless it is kept alive. It has one exchange at a time, or is used by a
// pipeline.
type conn struct {
	addr      string
	framing   framing
	keepAlive bool
	deadline  time.Time

	dialer net.Dialer
	tcp    net.Conn
	buf    [maxAnswer]byte
	// have is how much of buf is the beginning of the next answer, for answers.
	have int
}

// newConn prepares a connection to addr. Its exchanges fail at the deadline.
func newConn(addr string, f framing, keepAlive bool, deadline time.Time) *conn {
	return &conn{
		addr: addr, framing: f, keepAlive: keepAlive, deadline: deadline,
		// Probes on loopback connections would be system calls for nothing.
		dialer: net.Dialer{KeepAlive: -1, Deadline: deadline},
	}
}

// exchange sends a request and returns the body of its answer, which is valid
// until the next exchange.
func (c *conn) exchange(request []byte) ([]byte, error) {
	if err := c.connect(); err != nil {
		return nil, err
	}
	if _, err := c.tcp.Write(request); err != nil {
		return nil, err
	}
	body, err := c.answer()
	if err == nil && !c.keepAlive {
		err = c.finish()
	}
	return body, err
}

// connect dials, unless there is a connection.
func (c *conn) connect() error {
	if c.tcp != nil {
		return nil
	}
	tcp, err := c.dialer.Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	c.tcp, c.have = tcp, 0
	return tcp.SetDeadline(c.deadline)
}

// answers waits for answers to several requests, and hands over those that
// have come. Use it on connections that have no exchanges any more.
func (c *conn) answers(take func(body []byte) error) error {
	n, err := c.tcp.Read(c.buf[c.have:])
	c.have += n
	rest := c.buf[:c.have]
	for len(rest) > 0 {
		body, size, bad := c.framing(rest)
		if bad != nil {
			return fmt.Errorf("%w in %q", bad, rest)
		}
		if size == 0 {
			break
		}
		if bad := take(body); bad != nil {
			return bad
		}
		rest = rest[size:]
	}
	if err == nil && len(rest) == len(c.buf) {
		err = fmt.Errorf("an answer of more than %d bytes", len(c.buf))
	}
	c.have = copy(c.buf[:], rest)
	return err
}

func (c *conn) answer() ([]byte, error) {
	for have := 0; have < len(c.buf); {
		n, err := c.tcp.Read(c.buf[have:])
		have += n
		body, size, bad := c.framing(c.buf[:have])
		switch {
		case bad != nil:
			return nil, fmt.Errorf("%w in %q", bad, c.buf[:have])
		case size == have && size > 0:
			return body, nil
		case size > 0:
			return nil, fmt.Errorf("bytes behind the answer: %q", c.buf[size:have])
		case err != nil:
			return nil, fmt.Errorf("after %d bytes of an answer: %w", have, err)
		}
	}
	return nil, fmt.Errorf("an answer of more than %d bytes", len(c.buf))
}

// finish waits until the server has closed its side and closes ours, as a
// client does that reads to the end. So the connection lingers in the server's
// kernel tables, and the client does not run out of ports.
func (c *conn) finish() error {
	var rest [1]byte
	switch _, err := c.tcp.Read(rest[:]); {
	case err == nil:
		return errors.New("bytes behind the answer of a connection that was to be closed")
	case !errors.Is(err, io.EOF):
		return err
	}
	return c.close()
}

func (c *conn) close() error {
	if c.tcp == nil {
		return nil
	}
	err := c.tcp.Close()
	c.tcp = nil
	return err
}

var (
	lineEnd       = []byte("\r\n")
	headEnd       = []byte("\r\n\r\n")
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("content-length")
)

// frameHTTP reads an answer of status 200 that states its Content-Length, the
// only kind that servers give here.
func frameHTTP(b []byte) (body []byte, size int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return nil, 0, nil
	}
	if !bytes.HasPrefix(b, statusOK) {
		return nil, 0, errors.New("no HTTP/1.1 200")
	}
	length := -1
	for line := range bytes.SplitSeq(b[:end], lineEnd) {
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
	if len(b) < size {
		return nil, 0, nil
	}
	return b[size-length : size], size, nil
}

// frameRedis reads a bulk string or an integer of the Redis protocol.
func frameRedis(b []byte) (body []byte, size int, err error) {
	line, rest, found := bytes.Cut(b, lineEnd)
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
		if len(rest) < length+len(lineEnd) {
			return nil, 0, nil
		}
		return rest[:length], len(line) + length + 2*len(lineEnd), nil
	}
	return nil, 0, errors.New("neither a bulk string nor an integer")
}

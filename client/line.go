package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// openLine opens a line: a raw TCP connection on which records end in line ends.
func (c *Client) openLine(ctx context.Context, address serverAddress) (serverConn, error) {
	conn, err := c.dial(ctx, "tcp", address.host)
	if err != nil {
		return nil, unreachable(err)
	}
	return c.stream(&lineConn{conn: conn, in: bufio.NewReader(conn)}), nil
}

// lineConn is a pipe over a TCP connection.
type lineConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func (l *lineConn) send(record []byte) error {
	l.out = append(append(l.out[:0], record...), '\n')
	if err := l.conn.SetWriteDeadline(time.Now().Add(sendTime)); err != nil {
		return err
	}
	_, err := l.conn.Write(l.out)
	return err
}

func (l *lineConn) receive() ([]byte, error) {
	var record []byte
	for {
		part, err := l.in.ReadSlice('\n')
		record = append(record, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(record, "\r\n"), nil
		case errors.Is(err, io.EOF):
			return nil, errEnded // what came of a record is not whole
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(record) > maxAnswer:
			return nil, fmt.Errorf("the server sends a line of more than %d bytes", maxAnswer)
		}
	}
}

func (l *lineConn) close() { _ = l.conn.Close() } // nothing is to be done about it

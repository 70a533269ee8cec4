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

// openLine opens a TCP connection on which each record is a line.
func (c *Client) openLine(ctx context.Context, address serverAddress) (serverConn, error) {
	conn, err := c.dialServer(ctx, "tcp", address.hostPort)
	if err != nil {
		return nil, newTemporaryError(err)
	}
	return c.newStreamConn(&lineConn{conn: conn, reader: bufio.NewReader(conn)}), nil
}

// lineConn is a recordConn over TCP.
type lineConn struct {
	conn        net.Conn
	reader      *bufio.Reader
	writeBuffer []byte
}

func (l *lineConn) writeRecord(record []byte) error {
	l.writeBuffer = append(append(l.writeBuffer[:0], record...), '\n')
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := l.conn.Write(l.writeBuffer)
	return err
}

func (l *lineConn) readRecord() ([]byte, error) {
	var record []byte
	for {
		chunk, err := l.reader.ReadSlice('\n')
		record = append(record, chunk...)
		switch {
		case err == nil:
			return bytes.TrimRight(record, "\r\n"), nil
		case errors.Is(err, io.EOF):
			return nil, errClosedByServer // drops an incomplete record
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(record) > maxAnswerBytes:
			return nil, fmt.Errorf("the server sends a line of more than %d bytes", maxAnswerBytes)
		}
	}
}

func (l *lineConn) close() { _ = l.conn.Close() }

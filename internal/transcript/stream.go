package transcript

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// A Stream is a client's persistent connection. The server answers records on it and also pushes records.
type Stream interface {
	// Send sends one record.
	Send(record []byte) error
	// Receive waits for the next record and returns it without its line end. It returns io.EOF once the
	// server has closed the connection.
	Receive(ctx context.Context) ([]byte, error)
	// ReceivePending returns a record that has arrived but was not received, or nil if there is none.
	ReceivePending(ctx context.Context) ([]byte, error)
	// Close closes the connection and returns once the server has noticed.
	Close() error
}

// ByteStream is a Stream that can also send arbitrary bytes.
type ByteStream interface {
	Stream
	SendBytes(bytes []byte) error
}

// receiveTimeout bounds the wait for an expected record. It is generous, because only a failing script
// reaches it.
const receiveTimeout = 20 * time.Second

// NewSocketStream returns a Stream on a TCP connection to the server.
func NewSocketStream(conn net.Conn) ByteStream {
	return &socketStream{conn: conn, reader: bufio.NewReader(conn)}
}

type socketStream struct {
	conn   net.Conn
	reader *bufio.Reader
}

func (l *socketStream) Send(record []byte) error {
	return l.SendBytes(append(bytes.Clone(record), '\n'))
}

func (l *socketStream) SendBytes(bytes []byte) error {
	_, err := l.conn.Write(bytes)
	return err
}

func (l *socketStream) Receive(ctx context.Context) ([]byte, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(receiveTimeout)); err != nil {
		return nil, err
	}
	defer interruptWhenDone(ctx, l.conn)()
	text, err := l.reader.ReadBytes('\n')
	if err != nil {
		if len(text) > 0 {
			err = fmt.Errorf("%w after %s", err, appendEscaped(nil, text))
		}
		return nil, err
	}
	record, ok := bytes.CutSuffix(text, []byte("\r\n"))
	if !ok {
		return nil, fmt.Errorf("it does not end in CR LF: %s", appendEscaped(nil, text))
	}
	return record, nil
}

// ReceivePending sends a record that has an answer but no effect. Records sent earlier arrive before the answer.
func (l *socketStream) ReceivePending(ctx context.Context) ([]byte, error) {
	return ReceivePending(ctx, l)
}

// Close closes the sending side and waits until the server closes the connection.
func (l *socketStream) Close() error {
	defer l.conn.Close()
	writeCloser, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || writeCloser.CloseWrite() != nil {
		return nil // the server has already closed it
	}
	if err := l.conn.SetReadDeadline(time.Now().Add(receiveTimeout)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, l.reader); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the server does not close a connection that its client has closed")
	}
	return nil
}

// ReceivePending implements Stream.ReceivePending with a record of an unknown version, which the server
// answers NULL without any effect.
func ReceivePending(ctx context.Context, line Stream) ([]byte, error) {
	if err := line.Send([]byte("VER=0")); err != nil {
		return nil, err
	}
	record, err := line.Receive(ctx)
	if string(record) == "NULL" {
		return nil, err
	}
	return record, err
}

// openStreams maps stream names of a script to connections.
type openStreams map[string]Stream

// openStream returns the named stream. If it is not open, it is opened from the current client's address.
func (r *replayer) openStream(name string) (Stream, error) {
	if line := r.streams[name]; line != nil {
		return line, nil
	}
	line, err := r.server.OpenStream(r.ctx, r.clientAddr)
	if err != nil {
		return nil, err
	}
	r.streams[name] = line
	return line, nil
}

// requireStream returns the named stream, or an error if it is not open.
func (r *replayer) requireStream(name string) (Stream, error) {
	if line := r.streams[name]; line != nil {
		return line, nil
	}
	return nil, fmt.Errorf("the line %s is not open", name)
}

func (s *SendRecord) perform(rep *replayer) error {
	line, err := rep.openStream(s.Stream)
	if err != nil {
		return err
	}
	return line.Send(rep.expandVariables(s.Record, nil))
}

func (s *SendBytes) perform(rep *replayer) error {
	line, err := rep.openStream(s.Stream)
	if err != nil {
		return err
	}
	raw, ok := line.(ByteStream)
	if !ok {
		return errNeedsSocket
	}
	return raw.SendBytes(rep.expandVariables(s.Bytes, nil))
}

func (h *ExpectRecord) perform(rep *replayer) error {
	line, err := rep.requireStream(h.Stream)
	if err != nil {
		return err
	}
	received, err := line.Receive(rep.ctx)
	if err != nil {
		return fmt.Errorf("no record comes: %w\n\twant %s", err, appendEscaped(nil, h.Record))
	}
	wanted := rep.expandVariables(h.Record, received)
	if offset, ok := matchWithLineEnd(wanted, received, ""); !ok {
		return mismatchError(nil, wanted, received, offset)
	}
	return nil
}

func (h *ExpectNothing) perform(rep *replayer) error {
	line, err := rep.requireStream(h.Stream)
	if err != nil {
		return err
	}
	return expectNothing(rep.ctx, line)
}

func expectNothing(ctx context.Context, line Stream) error {
	received, err := line.ReceivePending(ctx)
	if err != nil {
		return err
	}
	if received != nil {
		return fmt.Errorf("nothing should come, but this did: %s", appendEscaped(nil, received))
	}
	return nil
}

func (h *ExpectEnd) perform(rep *replayer) error {
	line, err := rep.requireStream(h.Stream)
	if err != nil {
		return err
	}
	defer rep.closeStream(h.Stream)
	received, err := line.Receive(rep.ctx)
	if err == nil {
		return fmt.Errorf("the connection should end, but this came: %s", appendEscaped(nil, received))
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection does not end: %w", err)
	}
	return nil
}

func (h *CloseStream) perform(rep *replayer) error {
	if _, err := rep.requireStream(h.Stream); err != nil {
		return err
	}
	return rep.closeStream(h.Stream)
}

func (r *replayer) closeStream(name string) error {
	line := r.streams[name]
	delete(r.streams, name)
	return line.Close()
}

// closeAllStreams closes the streams that are open at the end of a script. It returns an error if a stream
// holds a record that the script did not expect.
func (r *replayer) closeAllStreams() error {
	var errs error
	for name, line := range r.streams {
		if err := expectNothing(r.ctx, line); err != nil {
			errs = errors.Join(errs, fmt.Errorf("at the end, on the line %s: %w", name, err))
		}
		errs = errors.Join(errs, r.closeStream(name))
	}
	return errs
}

// discardStreams closes all streams after a restart, without a check for pending records.
func (r *replayer) discardStreams() {
	for name := range r.streams {
		_ = r.closeStream(name)
	}
}

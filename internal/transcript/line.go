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

// A Line is a client's connection that stays: on it records come unasked as
// well.
type Line interface {
	// Send sends one record.
	Send(record []byte) error
	// Receive waits for the next record that comes, and returns it without its
	// line end. The error is io.EOF when the server has closed the connection.
	Receive(ctx context.Context) ([]byte, error)
	// Waiting returns a record that has come and was not received, nil if none
	// has.
	Waiting(ctx context.Context) ([]byte, error)
	// Close hangs up. The server has noticed when it returns.
	Close() error
}

// RawLine is a Line on which bytes can be sent as they are.
type RawLine interface {
	Line
	SendBytes(b []byte) error
}

// patience is how long a record may take that must come. It is long: what is
// waited for does come, or the script fails.
const patience = 20 * time.Second

// SocketLine makes a Line of a connection to a server's line port.
func SocketLine(conn net.Conn) RawLine {
	return &socketLine{conn: conn, br: bufio.NewReader(conn)}
}

type socketLine struct {
	conn net.Conn
	br   *bufio.Reader
}

func (l *socketLine) Send(record []byte) error { return l.SendBytes(append(bytes.Clone(record), '\n')) }

func (l *socketLine) SendBytes(b []byte) error {
	_, err := l.conn.Write(b)
	return err
}

func (l *socketLine) Receive(ctx context.Context) ([]byte, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	defer bound(ctx, l.conn)()
	text, err := l.br.ReadBytes('\n')
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

// Waiting asks for something that has an answer and no effect: whatever was sent
// before it comes first.
func (l *socketLine) Waiting(ctx context.Context) ([]byte, error) { return Probe(ctx, l) }

// Close ends the connection in good order and waits for the server to do so
// too.
func (l *socketLine) Close() error {
	defer l.conn.Close()
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return nil // closed by the server already
	}
	if err := l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, l.br); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the server does not close a connection that its client has closed")
	}
	return nil
}

// Probe is a Line's Waiting by a record of a version that nobody speaks: it is
// answered NULL and does nothing.
func Probe(ctx context.Context, line Line) ([]byte, error) {
	if err := line.Send([]byte("VER=0")); err != nil {
		return nil, err
	}
	record, err := line.Receive(ctx)
	if string(record) == "NULL" {
		return nil, err
	}
	return record, err
}

// lines are the connections of a script, by name.
type lines map[string]Line

// open returns the line of that name; one that is not open is opened from the
// client that speaks.
func (r *replay) open(name string) (Line, error) {
	if line := r.lines[name]; line != nil {
		return line, nil
	}
	line, err := r.world.Line(r.ctx, r.from)
	if err != nil {
		return nil, err
	}
	r.lines[name] = line
	return line, nil
}

// opened returns a line that must be open.
func (r *replay) opened(name string) (Line, error) {
	if line := r.lines[name]; line != nil {
		return line, nil
	}
	return nil, fmt.Errorf("the line %s is not open", name)
}

func (s *Say) perform(r *replay) error {
	line, err := r.open(s.Line)
	if err != nil {
		return err
	}
	return line.Send(r.expand(s.Record, nil))
}

func (s *SayBytes) perform(r *replay) error {
	line, err := r.open(s.Line)
	if err != nil {
		return err
	}
	raw, ok := line.(RawLine)
	if !ok {
		return errNeedsHTTP
	}
	return raw.SendBytes(r.expand(s.Bytes, nil))
}

func (h *Hear) perform(r *replay) error {
	line, err := r.opened(h.Line)
	if err != nil {
		return err
	}
	got, err := line.Receive(r.ctx)
	if err != nil {
		return fmt.Errorf("no record comes: %w\n\twant %s", err, appendEscaped(nil, h.Record))
	}
	want := r.expand(h.Record, got)
	if at, ok := match(want, got, ""); !ok {
		return mismatch(nil, want, got, at)
	}
	return nil
}

func (h *HearNothing) perform(r *replay) error {
	line, err := r.opened(h.Line)
	if err != nil {
		return err
	}
	return quiet(r.ctx, line)
}

func quiet(ctx context.Context, line Line) error {
	got, err := line.Waiting(ctx)
	if err != nil {
		return err
	}
	if got != nil {
		return fmt.Errorf("nothing should come, but this did: %s", appendEscaped(nil, got))
	}
	return nil
}

func (h *HearEnd) perform(r *replay) error {
	line, err := r.opened(h.Line)
	if err != nil {
		return err
	}
	defer r.hangUp(h.Line)
	got, err := line.Receive(r.ctx)
	if err == nil {
		return fmt.Errorf("the connection should end, but this came: %s", appendEscaped(nil, got))
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection does not end: %w", err)
	}
	return nil
}

func (h *HangUp) perform(r *replay) error {
	if _, err := r.opened(h.Line); err != nil {
		return err
	}
	return r.hangUp(h.Line)
}

func (r *replay) hangUp(name string) error {
	line := r.lines[name]
	delete(r.lines, name)
	return line.Close()
}

// hangUpAll closes what is open when a script ends; nothing may have come that
// the script does not know of.
func (r *replay) hangUpAll() error {
	var all error
	for name, line := range r.lines {
		if err := quiet(r.ctx, line); err != nil {
			all = errors.Join(all, fmt.Errorf("at the end, on the line %s: %w", name, err))
		}
		all = errors.Join(all, r.hangUp(name))
	}
	return all
}

// forgetLines closes what a restart has ended.
func (r *replay) forgetLines() {
	for name := range r.lines {
		_ = r.hangUp(name)
	}
}

package fault

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/rookery-im/rookery"
)

// Push is a pushed message with its number in the mailbox.
type Push struct {
	Number uint64
	Message
}

// Stream is a persistent connection to the server. It passes pushes to a callback in order of arrival, and has at
// most one request without an answer.
type Stream struct {
	conn    net.Conn
	answers chan string
	// ended is closed once the connection has ended and all pushes have been passed to the callback. err is the
	// reason for the end; it may be read only after ended is closed.
	ended chan struct{}
	err   error

	requestMu sync.Mutex // held from a request until its answer
	writeMu   sync.Mutex // held while a record is written
}

// NewStream returns a stream on conn, which it owns. onPush receives the pushes and may be nil. onPush may call
// Confirm, but not SendAndWait: the goroutine that calls onPush also reads the answers.
func NewStream(conn net.Conn, onPush func(*Stream, Push)) *Stream {
	stream := &Stream{conn: conn, answers: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(stream.ended)
		stream.err = stream.readUntilClosed(onPush)
		conn.Close()
	}()
	return stream
}

// readUntilClosed passes pushes to onPush and answers to SendAndWait until the connection ends. It returns the
// reason for the end, which is never nil. It ignores status changes.
func (l *Stream) readUntilClosed(onPush func(*Stream, Push)) error {
	in := bufio.NewReader(l.conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		record, isComplete := strings.CutSuffix(line, "\r\n")
		answer, err := ParseAnswer(record)
		switch {
		case !isComplete || err != nil:
			return fmt.Errorf("%w: the line %q", errInvalidAnswer, line)
		case answer.CMD == "Server_Msg":
			push, err := parsePush(answer)
			if err != nil {
				return err
			}
			if onPush != nil {
				onPush(l, push)
			}
		case answer.CMD == "update_stat":
		default:
			select {
			case l.answers <- record:
			default:
				return fmt.Errorf("%w: %q without a request", errInvalidAnswer, record)
			}
		}
	}
}

// parsePush parses a Server_Msg record, in which MG is a text and not a list.
func parsePush(answer Answer) (Push, error) {
	number, err := strconv.ParseUint(answer.SEQ, 10, 64)
	kind, bad := strconv.ParseUint(answer.Value("MT"), 10, 8)
	from, ok := rookery.ParseUIN(answer.Value("UN"))
	if err := errors.Join(err, bad); err != nil || !ok || answer.RES != resDone || answer.Value("MN") != "1" {
		return Push{}, fmt.Errorf("%w: %q is not a valid push", errInvalidAnswer, answer.Text)
	}
	return Push{number, Message{From: from, To: answer.UIN, Kind: rookery.Kind(kind),
		Text: unescaper.Replace(answer.Value("MG"))}}, nil
}

// SendAndWait sends a record and waits for the answer; it is a PostFunc. If ctx ends first, it closes the
// stream, because a late answer would be taken for the answer to the next request.
func (l *Stream) SendAndWait(ctx context.Context, record string) (answer string, err error) {
	l.requestMu.Lock()
	defer l.requestMu.Unlock()
	if err := l.writeRecord(record); err != nil {
		return "", err
	}
	select {
	case answer := <-l.answers:
		return answer, nil
	case <-l.ended:
		return "", l.err
	case <-ctx.Done():
		l.conn.Close()
		return "", ctx.Err()
	}
}

// Confirm confirms a push and all earlier ones. The server does not answer.
func (l *Stream) Confirm(push Push) error {
	return l.writeRecord(fmt.Sprintf("VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0", push.Number, push.To))
}

func (l *Stream) writeRecord(record string) error {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	_, err := fmt.Fprintf(l.conn, "%s\n", record)
	return err
}

// Close closes the connection and waits until all received pushes have been passed to the callback.
func (l *Stream) Close() {
	l.conn.Close()
	<-l.ended
}

// StreamPost returns a PostFunc that sends records on a stream and opens a new one when the stream breaks.
func StreamPost(dial DialFunc) PostFunc {
	var mu sync.Mutex // guards stream; held from a request to its answer
	var stream *Stream
	return func(ctx context.Context, record string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if stream == nil {
			conn, err := dial(ctx)
			if err != nil {
				return "", err
			}
			stream = NewStream(conn, nil)
		}
		answer, err := stream.SendAndWait(ctx, record)
		if err != nil {
			stream.Close()
			stream = nil
		}
		return answer, err
	}
}

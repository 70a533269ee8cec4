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

// Push is a message as it was pushed, with its number in the mailbox.
type Push struct {
	Number uint64
	Message
}

// Stream is one connection that stays. It takes what is pushed on it, in the
// order in which it comes, and asks one thing at a time.
type Stream struct {
	conn    net.Conn
	answers chan string
	// ended is closed once the connection has ended and all that was pushed
	// before is taken; err, set before, says why.
	ended chan struct{}
	err   error

	requestMu sync.Mutex // held from a request to its answer
	writeMu   sync.Mutex // held for a record
}

// NewStream makes a line of a connection. hear gets what is pushed, nil if
// nobody cares; it may use the line to confirm, and not to ask.
func NewStream(conn net.Conn, onPush func(*Stream, Push)) *Stream {
	line := &Stream{conn: conn, answers: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(line.ended)
		line.err = line.readUntilClosed(onPush)
		conn.Close()
	}()
	return line
}

// readUntilClosed takes what comes until the connection ends. Half a record at the end is
// none.
func (l *Stream) readUntilClosed(onPush func(*Stream, Push)) error {
	in := bufio.NewReader(l.conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		record, isWhole := strings.CutSuffix(line, "\r\n")
		answer, err := ParseAnswer(record)
		switch {
		case !isWhole || err != nil:
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
				return fmt.Errorf("%w: %q, and nothing was asked", errInvalidAnswer, record)
			}
		}
	}
}

// parsePush reads a Server_Msg, whose text is not a list.
func parsePush(answer Answer) (Push, error) {
	number, err := strconv.ParseUint(answer.SEQ, 10, 64)
	kind, bad := strconv.ParseUint(answer.Value("MT"), 10, 8)
	from, ok := rookery.ParseUIN(answer.Value("UN"))
	if err := errors.Join(err, bad); err != nil || !ok || answer.RES != resDone || answer.Value("MN") != "1" {
		return Push{}, fmt.Errorf("%w: %q is no push", errInvalidAnswer, answer.Text)
	}
	return Push{number, Message{From: from, To: answer.UIN, Kind: rookery.Kind(kind), Text: unescaper.Replace(answer.Value("MG"))}}, nil
}

// SendAndWait sends a record and waits for the answer: it is a Post. After an error the
// line is closed, since a late answer would be taken for another.
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

// Confirm says that everything up to a push has arrived. There is no answer to
// it.
func (l *Stream) Confirm(push Push) error {
	return l.writeRecord(fmt.Sprintf("VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0", push.Number, push.To))
}

func (l *Stream) writeRecord(record string) error {
	l.writeMu.Lock()
	defer l.writeMu.Unlock()
	_, err := fmt.Fprintf(l.conn, "%s\n", record)
	return err
}

// Close ends the connection and waits until what came on it is taken.
func (l *Stream) Close() {
	l.conn.Close()
	<-l.ended
}

// StreamPost posts on lines, on one after another, each for as long as it lives.
func StreamPost(dial DialFunc) PostFunc {
	var mu sync.Mutex // guards line, and lets one ask at a time
	var line *Stream
	return func(ctx context.Context, record string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if line == nil {
			conn, err := dial(ctx)
			if err != nil {
				return "", err
			}
			line = NewStream(conn, nil)
		}
		answer, err := line.SendAndWait(ctx, record)
		if err != nil {
			line.Close()
			line = nil
		}
		return answer, err
	}
}

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

// Line is one connection that stays. It takes what is pushed on it, in the
// order in which it comes, and asks one thing at a time.
type Line struct {
	conn    net.Conn
	answers chan string
	// ended is closed once the connection has ended and all that was pushed
	// before is taken; err, set before, says why.
	ended chan struct{}
	err   error

	asking  sync.Mutex // held from a request to its answer
	writing sync.Mutex // held for a record
}

// NewLine makes a line of a connection. hear gets what is pushed, nil if
// nobody cares; it may use the line to confirm, and not to ask.
func NewLine(conn net.Conn, hear func(*Line, Push)) *Line {
	line := &Line{conn: conn, answers: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(line.ended)
		line.err = line.read(hear)
		conn.Close()
	}()
	return line
}

// read takes what comes until the connection ends. Half a record at the end is
// none.
func (l *Line) read(hear func(*Line, Push)) error {
	in := bufio.NewReader(l.conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		record, whole := strings.CutSuffix(line, "\r\n")
		answer, err := ParseAnswer(record)
		switch {
		case !whole || err != nil:
			return fmt.Errorf("%w: the line %q", errNonsense, line)
		case answer.CMD == "Server_Msg":
			push, err := parsePush(answer)
			if err != nil {
				return err
			}
			if hear != nil {
				hear(l, push)
			}
		case answer.CMD == "update_stat":
		default:
			select {
			case l.answers <- record:
			default:
				return fmt.Errorf("%w: %q, and nothing was asked", errNonsense, record)
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
		return Push{}, fmt.Errorf("%w: %q is no push", errNonsense, answer.Text)
	}
	return Push{number, Message{From: from, To: answer.UIN, Kind: rookery.Kind(kind), Text: unescaper.Replace(answer.Value("MG"))}}, nil
}

// Ask sends a record and waits for the answer: it is a Post. After an error the
// line is closed, since a late answer would be taken for another.
func (l *Line) Ask(ctx context.Context, record string) (answer string, err error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	if err := l.write(record); err != nil {
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
func (l *Line) Confirm(push Push) error {
	return l.write(fmt.Sprintf("VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0", push.Number, push.To))
}

func (l *Line) write(record string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := fmt.Fprintf(l.conn, "%s\n", record)
	return err
}

// Close ends the connection and waits until what came on it is taken.
func (l *Line) Close() {
	l.conn.Close()
	<-l.ended
}

// Lines posts on lines, on one after another, each for as long as it lives.
func Lines(dial Dial) Post {
	var mu sync.Mutex // guards line, and lets one ask at a time
	var line *Line
	return func(ctx context.Context, record string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if line == nil {
			conn, err := dial(ctx)
			if err != nil {
				return "", err
			}
			line = NewLine(conn, nil)
		}
		answer, err := line.Ask(ctx, record)
		if err != nil {
			line.Close()
			line = nil
		}
		return answer, err
	}
}

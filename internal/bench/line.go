package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// frameLine reads an answer on a line.
func frameLine(b []byte) (body []byte, size int, err error) {
	body, _, found := bytes.Cut(b, lineEnd)
	if !found {
		return nil, 0, nil
	}
	return body, len(body) + len(lineEnd), nil
}

// lineTask makes a step ready for one worker on a line.
func lineTask(s step, worker int, accounts accountRange, l *ledger) *task {
	from, to := accounts.uin(worker, s.from), accounts.uin(worker, s.to)
	before := "VER=1.4&CMD=" + s.command + "&SEQ="
	record := before + strings.Repeat("0", seqDigits) + "&UIN=" + from.String() + s.fields
	if s.writes {
		record += "&UN=" + to.String() + "&MG=" + strings.Repeat("0", numberDigits) + filler
	}
	b := []byte(record + "\n")
	t := &task{request: b, seq: b[len(before) : len(before)+seqDigits], want: []byte(s.want)}
	if s.writes {
		t.text = b[len(record)-textBytes : len(record)]
		t.stored = l.entry(from, to)
	}
	return t
}

// lineBuffer holds the longest line that a member of a talk reads.
const lineBuffer = 512

// pushConn is one account's connection that stays: it signs in, sends, and takes
// what is pushed to it. Its messages to one account are numbered from 1, so it
// sees if one is pushed twice, too early, or not at all.
type pushConn struct {
	uin  rookery.UIN
	talk *pushWorkload
	tcp  net.Conn
	in   *bufio.Reader

	mu sync.Mutex // guards what follows
	// flying are the messages that were sent and not answered yet, oldest
	// first.
	flying []pendingMessage
	// awaited is, for each sender, when the messages were written that were not
	// pushed yet; heard is how many were.
	awaited map[rookery.UIN][]time.Time
	heard   map[rookery.UIN]uint64
	// number is that of the latest push in the mailbox.
	number uint64
}

// pendingMessage is a message on its way to be acknowledged.
type pendingMessage struct {
	seq   uint64
	count *uint64
	at    time.Time
}

// open connects and signs in.
func (l *pushConn) open(addr string) error {
	d := net.Dialer{KeepAlive: -1, Timeout: patience}
	tcp, err := d.Dial("tcp", addr)
	if err != nil {
		return err
	}
	l.tcp, l.in = tcp, bufio.NewReaderSize(tcp, lineBuffer)
	if err := l.signIn(); err != nil {
		return errors.Join(err, tcp.Close())
	}
	return nil
}

func (l *pushConn) signIn() error {
	if err := l.tcp.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	record := fmt.Sprintf("VER=1.4&CMD=Login&SEQ=%d&UIN=%d%s\n", l.talk.seqs.next(), l.uin, loginFields)
	if _, err := l.tcp.Write([]byte(record)); err != nil {
		return err
	}
	answer, err := l.in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("the login of %d: %w", l.uin, err)
	}
	if !bytes.Contains(answer, []byte(login.want)) {
		return fmt.Errorf("asked %q, got %q", record, answer)
	}
	return l.tcp.SetDeadline(time.Time{})
}

// send sends the next message to another line, and does not wait.
func (l *pushConn) send(to *pushConn) error {
	pair := l.talk.ledger.entry(l.uin, to.uin)
	seq := l.talk.seqs.next()
	at := time.Now()

	to.mu.Lock()
	if to.awaited == nil {
		to.awaited, to.heard = map[rookery.UIN][]time.Time{}, map[rookery.UIN]uint64{}
	}
	to.awaited[l.uin] = append(to.awaited[l.uin], at)
	number := to.heard[l.uin] + uint64(len(to.awaited[l.uin]))
	to.mu.Unlock()

	l.mu.Lock()
	l.flying = append(l.flying, pendingMessage{seq, pair, at})
	l.mu.Unlock()
	l.talk.open.Add(2) // an answer and a push are to come
	_, err := fmt.Fprintf(l.tcp, "VER=1.4&CMD=CLTMSG&SEQ=%d&UIN=%d&UN=%d&MG=%0*d%s\n", seq, l.uin, to.uin, numberDigits, number, filler)
	return err
}

var pushHead = []byte("VER=1.4&CMD=Server_Msg&SEQ=")

// listen takes what comes, until the connection ends.
func (l *pushConn) listen() error {
	for {
		record, err := l.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("the line of %d: %w", l.uin, err)
		}
		now := time.Now()
		record = bytes.TrimSuffix(record, lineEnd)
		if bytes.HasPrefix(record, pushHead) {
			err = l.pushed(record, now)
		} else {
			err = l.answered(record, now)
		}
		if err != nil {
			return fmt.Errorf("the line of %d got %q: %w", l.uin, record, err)
		}
	}
}

// answered takes the answer to the oldest message that has none.
func (l *pushConn) answered(record []byte, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flying) == 0 {
		return errors.New("nothing was asked")
	}
	pendingMessage := l.flying[0]
	if want := fmt.Sprintf("VER=1.4&CMD=CLTMSG&SEQ=%d&UIN=%d&RES=0", pendingMessage.seq, l.uin); string(record) != want {
		return fmt.Errorf("expected %q", want)
	}
	l.flying = l.flying[1:]
	*pendingMessage.count++
	l.talk.noteAnswer(now.Sub(pendingMessage.at))
	return nil
}

// pushed takes a push and confirms it.
func (l *pushConn) pushed(record []byte, now time.Time) error {
	head, text, _ := bytes.Cut(record, []byte("&MG="))
	number, err := strconv.ParseUint(fieldOf(head, "SEQ"), 10, 64)
	if err != nil {
		return err
	}
	from, _ := rookery.ParseUIN(fieldOf(head, "UN"))

	l.mu.Lock()
	defer l.mu.Unlock()
	waiting, heard := l.awaited[from], l.heard[from]
	switch n := numberOf(string(text)); {
	case n != 0 && n <= heard:
		return fmt.Errorf("message %d from %d was pushed twice", n, from)
	case n != heard+1 || len(waiting) == 0:
		return fmt.Errorf("message %d from %d was pushed where %d follows", n, from, heard+1)
	case number <= l.number:
		return fmt.Errorf("the number in the mailbox is not above %d, that of the push before", l.number)
	}
	l.awaited[from], l.heard[from], l.number = waiting[1:], heard+1, number
	l.talk.notePush(now.Sub(waiting[0]))
	_, err = fmt.Fprintf(l.tcp, "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0\n", number, l.uin)
	return err
}

// fieldOf is the value of a key of a record, empty if it has none.
func fieldOf(record []byte, key string) string {
	_, after, _ := bytes.Cut(record, []byte("&"+key+"="))
	value, _, _ := bytes.Cut(after, []byte{'&'})
	return string(value)
}

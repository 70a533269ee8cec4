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

// frameStreamAnswer is a frameFunc for persistent connections, where each answer is a line.
func frameStreamAnswer(data []byte) (body []byte, size int, err error) {
	body, _, found := bytes.Cut(data, lineEnd)
	if !found {
		return nil, 0, nil
	}
	return body, len(body) + len(lineEnd), nil
}

// newStreamTask prepares a step as a line on a persistent connection of one worker.
func newStreamTask(s requestStep, worker int, accounts accountRange, l *ledger) *requestTask {
	sender, receiver := accounts.accountFor(worker, s.fromRole), accounts.accountFor(worker, s.toRole)
	before := "VER=1.4&CMD=" + s.command + "&SEQ="
	record := before + strings.Repeat("0", seqDigits) + "&UIN=" + sender.String() + s.extraFields
	if s.hasText {
		record += "&UN=" + receiver.String() + "&MG=" + strings.Repeat("0", numberDigits) + textFiller
	}
	data := []byte(record + "\n")
	t := &requestTask{requestBytes: data, seq: data[len(before) : len(before)+seqDigits],
		wantAnswer: []byte(s.wantAnswer)}
	if s.hasText {
		t.text = data[len(record)-textBytes : len(record)]
		t.acknowledged = l.counterOf(sender, receiver)
	}
	return t
}

// lineBufferSize is longer than the longest line that a pushConn reads.
const lineBufferSize = 512

// pushConn is one account's persistent connection. It signs in, sends messages, and receives pushes. The
// messages from one sender to one receiver are numbered from 1, so that handlePush can detect a push that is repeated,
// early, or missing.
type pushConn struct {
	uin      rookery.UIN
	workload *pushWorkload
	tcp      net.Conn
	reader   *bufio.Reader

	mu sync.Mutex // guards the fields below
	// unanswered holds the sent messages without an answer, oldest first.
	unanswered []unansweredMessage
	// unpushedSince holds, for each sender, the send times of its messages to this account that were not pushed
	// yet. pushedCounts holds the number of those that were.
	unpushedSince map[rookery.UIN][]time.Time
	pushedCounts  map[rookery.UIN]uint64
	// latestNumber is the mailbox number of the latest push.
	latestNumber uint64
}

// unansweredMessage is a sent message without an answer.
type unansweredMessage struct {
	seq          uint64
	acknowledged *uint64 // the ledger's count, which the answer increments
	sentAt       time.Time
}

// connect dials and signs in.
func (pc *pushConn) connect(addr string) error {
	dialer := net.Dialer{KeepAlive: -1, Timeout: answerTimeout}
	tcp, err := dialer.Dial("tcp", addr)
	if err != nil {
		return err
	}
	pc.tcp, pc.reader = tcp, bufio.NewReaderSize(tcp, lineBufferSize)
	if err := pc.signIn(); err != nil {
		return errors.Join(err, tcp.Close())
	}
	return nil
}

// signIn logs in, and waits for the answer at most for answerTimeout.
func (pc *pushConn) signIn() error {
	if err := pc.tcp.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	record := fmt.Sprintf("VER=1.4&CMD=Login&SEQ=%d&UIN=%d%s\n", pc.workload.seqs.next(), pc.uin, loginFields)
	if _, err := pc.tcp.Write([]byte(record)); err != nil {
		return err
	}
	answer, err := pc.reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("the login of %d: %w", pc.uin, err)
	}
	if !bytes.Contains(answer, []byte(loginStep.wantAnswer)) {
		return fmt.Errorf("asked %q, got %q", record, answer)
	}
	return pc.tcp.SetDeadline(time.Time{})
}

// sendTo sends the next message to the account of another connection, without waiting for the answer.
func (pc *pushConn) sendTo(receiver *pushConn) error {
	pair := pc.workload.ledger.counterOf(pc.uin, receiver.uin)
	seq := pc.workload.seqs.next()
	sentAt := time.Now()

	receiver.mu.Lock()
	if receiver.unpushedSince == nil {
		receiver.unpushedSince, receiver.pushedCounts = map[rookery.UIN][]time.Time{}, map[rookery.UIN]uint64{}
	}
	receiver.unpushedSince[pc.uin] = append(receiver.unpushedSince[pc.uin], sentAt)
	number := receiver.pushedCounts[pc.uin] + uint64(len(receiver.unpushedSince[pc.uin]))
	receiver.mu.Unlock()

	pc.mu.Lock()
	pc.unanswered = append(pc.unanswered, unansweredMessage{seq, pair, sentAt})
	pc.mu.Unlock()
	pc.workload.outstanding.Add(2) // one answer and one push are outstanding
	_, err := fmt.Fprintf(pc.tcp, "VER=1.4&CMD=CLTMSG&SEQ=%d&UIN=%d&UN=%d&MG=%0*d%s\n", seq, pc.uin, receiver.uin,
		numberDigits, number, textFiller)
	return err
}

var pushPrefix = []byte("VER=1.4&CMD=Server_Msg&SEQ=")

// readUntilClosed handles answers and pushes until the connection ends or one is wrong. It never returns nil.
func (pc *pushConn) readUntilClosed() error {
	for {
		record, err := pc.reader.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("the line of %d: %w", pc.uin, err)
		}
		now := time.Now()
		record = bytes.TrimSuffix(record, lineEnd)
		if bytes.HasPrefix(record, pushPrefix) {
			err = pc.handlePush(record, now)
		} else {
			err = pc.handleAnswer(record, now)
		}
		if err != nil {
			return fmt.Errorf("the line of %d got %q: %w", pc.uin, record, err)
		}
	}
}

// handleAnswer checks an answer, which must be that to the oldest unanswered message.
func (pc *pushConn) handleAnswer(record []byte, now time.Time) error {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if len(pc.unanswered) == 0 {
		return errors.New("nothing was asked")
	}
	oldest := pc.unanswered[0]
	if wanted := fmt.Sprintf("VER=1.4&CMD=CLTMSG&SEQ=%d&UIN=%d&RES=0", oldest.seq,
		pc.uin); string(record) != wanted {
		return fmt.Errorf("expected %q", wanted)
	}
	pc.unanswered = pc.unanswered[1:]
	*oldest.acknowledged++
	pc.workload.recordAnswer(now.Sub(oldest.sentAt))
	return nil
}

// handlePush checks a push and confirms it.
func (pc *pushConn) handlePush(record []byte, now time.Time) error {
	head, text, _ := bytes.Cut(record, []byte("&MG="))
	number, err := strconv.ParseUint(fieldValue(head, "SEQ"), 10, 64)
	if err != nil {
		return err
	}
	sender, _ := rookery.ParseUIN(fieldValue(head, "UN"))

	pc.mu.Lock()
	defer pc.mu.Unlock()
	unpushed, pushedCount := pc.unpushedSince[sender], pc.pushedCounts[sender]
	switch n := messageNumber(string(text)); {
	case n != 0 && n <= pushedCount:
		return fmt.Errorf("message %d from %d was pushed twice", n, sender)
	case n != pushedCount+1 || len(unpushed) == 0:
		return fmt.Errorf("message %d from %d was pushed where %d follows", n, sender, pushedCount+1)
	case number <= pc.latestNumber:
		return fmt.Errorf("the number in the mailbox is not above %d, that of the push before", pc.latestNumber)
	}
	pc.unpushedSince[sender], pc.pushedCounts[sender], pc.latestNumber = unpushed[1:], pushedCount+1, number
	pc.workload.recordPush(now.Sub(unpushed[0]))
	_, err = fmt.Fprintf(pc.tcp, "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0\n", number, pc.uin)
	return err
}

// fieldValue returns the value of a key in a record, or the empty string if it is absent.
func fieldValue(record []byte, key string) string {
	_, after, _ := bytes.Cut(record, []byte("&"+key+"="))
	value, _, _ := bytes.Cut(after, []byte{'&'})
	return string(value)
}

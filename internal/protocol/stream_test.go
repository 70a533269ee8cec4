package protocol_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// recordingStore is a real store that records deliveries and can be made to fail.
type recordingStore struct {
	service.Store
	deliverySizes    []int // number of messages in each call
	failsMailbox     bool
	panicsOnDelivery bool
	beforeDelivery   func() // called before messages are stored
}

func (s *recordingStore) DeliverInOrder(ctx context.Context, list []rookery.Delivery,
	now time.Time) []rookery.DeliveryResult {
	s.deliverySizes = append(s.deliverySizes, len(list))
	if s.beforeDelivery != nil {
		s.beforeDelivery()
	}
	if s.panicsOnDelivery {
		panic("a panic for the test")
	}
	return s.Store.DeliverInOrder(ctx, list, now)
}

func (s *recordingStore) MailboxState(ctx context.Context, uin rookery.UIN, device string) (uint64, rookery.Cursor,
	error) {
	if s.failsMailbox {
		return 0, rookery.Cursor{}, rookery.Temporary(errors.New("the disk is gone"))
	}
	return s.Store.MailboxState(ctx, uin, device)
}

// testOnLine runs a test on a line, with accounts 10001 and 10002.
func testOnLine(t *testing.T, test func(l *lineClient, store *recordingStore)) {
	path := filepath.Join(t.TempDir(), "store.db")
	synctest.Test(t, func(t *testing.T) {
		store := new(recordingStore)
		env := &testEnv{t: t, path: path, clock: newClock(time.Unix(1218196800, 0)),
			wrapStore: func(real service.Store) service.Store {
				store.Store = real
				return store
			}}
		env.start()
		defer env.stop()
		for _, uin := range []uint32{10001, 10002} {
			if err := env.CreateAccount(uin, "123456", nil); err != nil {
				t.Fatal(err)
			}
		}
		test(env.openLine(), store)
	})
}

func (w *testEnv) openLine() *lineClient {
	l, _ := w.OpenStream(w.t.Context(), netip.MustParseAddr("192.0.2.1"))
	return l.(*lineClient)
}

// exchange sends records together and returns the answers.
func (l *lineClient) exchange(records ...string) (answers []string) {
	l.answerRecords(func(answer []byte) error {
		answers = append(answers, string(answer))
		return nil
	}, records...)
	return answers
}

func (l *lineClient) answerRecords(reply func([]byte) error, records ...string) {
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, []byte(r))
	}
	l.stream.AnswerRecords(l.env.t.Context(), &l.peer, raw, reply)
}

// drainPushes returns the pushes that have arrived.
func (l *lineClient) drainPushes() (all []string) {
	for {
		record, _ := l.ReceivePending(l.env.t.Context())
		if record == nil {
			return all
		}
		all = append(all, string(record))
	}
}

const loginRecord = "VER=1.4&CMD=Login&SEQ=1&UIN=10001&PS=123456&M5=0"

const deviceRecord = loginRecord + "&DV=phone"

// resultCodesOf returns the RES of each answer.
func resultCodesOf(answers []string) (res []string) {
	for _, a := range answers {
		_, rest, _ := strings.Cut(a, "&RES=")
		r, _, _ := strings.Cut(rest, "&")
		res = append(res, r)
	}
	return res
}

func TestConsecutiveMessagesAreStoredTogether(t *testing.T) {
	testOnLine(t, func(l *lineClient, store *recordingStore) {
		l.exchange(loginRecord)
		answers := l.exchange(
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100002&UIN=10001&UN=10002&MG=",
			"VER=1.1&CMD=CLTMSG&SEQ=100003&UIN=10001&UN=10002&MG=2",
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100004&UIN=10002&UN=10001&MG=not mine",
			"VER=1.4&CMD=List&SEQ=2&UIN=10001",
			"VER=1.4&CMD=CLTMSG&SEQ=100005&UIN=10001&UN=10002&MG=3",
			"VER=1.4&CMD=Logout&SEQ=3&UIN=10001",
			"VER=1.4&CMD=CLTMSG&SEQ=100006&UIN=10001&UN=10002&MG=4",
		)
		if want := []string{"0", "1", "0", "0", "20", "0", "0", "0", "20"}; !slices.Equal(resultCodesOf(answers),
			want) {
			t.Errorf("the answers are %q, want RES %q", answers, want)
		}
		if !strings.HasPrefix(answers[2], "VER=1.1&CMD=CLTMSG&SEQ=100003&") {
			t.Errorf("the third answer is %q, want one in version 1.1", answers[2])
		}
		if want := []int{3, 1}; !slices.Equal(store.deliverySizes, want) {
			t.Errorf("the deliveries have %d messages, want %d", store.deliverySizes, want)
		}
		_, last, _ := l.env.storedMessages(10002)
		if want := []string{"1", "2", "3"}; !slices.Equal(last, want) {
			t.Errorf("the mailbox has %q, want %q", last, want)
		}
	})
}

// storedMessages returns the numbers and texts in a mailbox.
func (w *testEnv) storedMessages(uin rookery.UIN) (numbers []uint64, texts []string, err error) {
	entries, err := w.store.Entries(w.t.Context(), uin, 0, 100, 100)
	for _, entry := range entries {
		numbers, texts = append(numbers, entry.Number), append(texts, entry.Text)
	}
	return numbers, texts, err
}

func TestConsecutiveMessagesSurvivePanic(t *testing.T) {
	testOnLine(t, func(l *lineClient, store *recordingStore) {
		l.exchange(loginRecord)
		store.panicsOnDelivery = true
		send := []string{
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100002&UIN=10001&UN=10002&MG=",
			"VER=1.4&CMD=CLTMSG&SEQ=100003&UIN=10001&UN=10002&MG=2",
		}
		if got, want := resultCodesOf(l.exchange(send...)), []string{"4", "1", "4"}; !slices.Equal(got, want) {
			t.Errorf("the answers have RES %q, want %q", got, want)
		}
		store.panicsOnDelivery = false
		if got, want := resultCodesOf(l.exchange(send...)), []string{"0", "1", "0"}; !slices.Equal(got, want) {
			t.Errorf("the repeated records got RES %q, want %q", got, want)
		}
	})
}

func TestLoginAnswerPrecedesPushes(t *testing.T) {
	testOnLine(t, func(l *lineClient, _ *recordingStore) {
		if err := l.env.SendNotice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		answered := false
		l.answerRecords(func([]byte) error {
			answered = true
			if early := l.drainPushes(); early != nil { // all goroutines have had time to push
				t.Errorf("the pushes %q came before the answer, want none", early)
			}
			return nil
		}, loginRecord)
		l.env.clock.advance(2*time.Second, synctest.Wait)
		if late := l.drainPushes(); !answered || len(late) != 1 {
			t.Errorf("the pushes %q came after the answer, want one", late)
		}
	})
}

func TestUnwrittenLoginAnswerStartsNoPushes(t *testing.T) {
	testOnLine(t, func(l *lineClient, _ *recordingStore) {
		if err := l.env.SendNotice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		answers := 0
		l.answerRecords(func([]byte) error {
			answers++
			return errClosed
		}, loginRecord, "VER=1.4&CMD=Logout&SEQ=2&UIN=10001")
		if pushed := l.drainPushes(); pushed != nil || answers != 1 {
			t.Errorf("the client got pushes %q and %d answers, want no push and one answer", pushed, answers)
		}
		// The second record was not executed: the session still exists.
		if got := resultCodesOf(l.env.openLine().exchange("VER=1.4&CMD=List&SEQ=3&UIN=10001")); got[0] != "0" {
			t.Errorf("a request from the same address got RES %s, want 0", got[0])
		}
	})
}

func TestUnwrittenAnswerStopsLaterRecords(t *testing.T) {
	testOnLine(t, func(l *lineClient, _ *recordingStore) {
		l.exchange(loginRecord)
		answers := 0
		l.answerRecords(func([]byte) error {
			answers++
			return errClosed
		},
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100002&UIN=10001&UN=10002&MG=2",
			"VER=1.4&CMD=Logout&SEQ=2&UIN=10001")
		if got := resultCodesOf(l.exchange("VER=1.4&CMD=List&SEQ=3&UIN=10001")); answers != 1 || got[0] != "0" {
			t.Errorf("the client got %d answers and then RES %s, want one and 0", answers, got[0])
		}
	})
}

func TestClosedStreamGetsNoPushes(t *testing.T) {
	testOnLine(t, func(l *lineClient, _ *recordingStore) {
		l.exchange(loginRecord)
		l.stream.Close()
		if err := l.env.SendNotice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		if pushed := l.drainPushes(); pushed != nil {
			t.Errorf("the client got pushes %q, want none", pushed)
		}
		select {
		case <-l.closed:
			t.Error("the stream closed a connection that had ended")
		default:
		}
	})
}

func TestFailedSubscriptionClosesConnection(t *testing.T) {
	testOnLine(t, func(l *lineClient, store *recordingStore) {
		store.failsMailbox = true
		l.exchange(loginRecord)
		select {
		case <-l.closed:
		default:
			t.Error("the connection is open, want it closed")
		}
	})
}

func TestDelayedRecordConfirmsNoLaterPush(t *testing.T) {
	testOnLine(t, func(l *lineClient, store *recordingStore) {
		l.exchange(deviceRecord)
		store.beforeDelivery = func() { // a slow disk
			if err := l.env.SendNotice([]uint32{10001}, "hello"); err != nil {
				t.Fatal(err)
			}
			if len(l.drainPushes()) != 1 {
				t.Error("the notice was not pushed once")
			}
			l.env.clock.advance(6*time.Second, synctest.Wait)
		}
		l.exchange("VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1", "VER=1.4&CMD=List&SEQ=2&UIN=10001",
			"VER=1.4&CMD=List&SEQ=3&UIN=10001")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again := l.env.openLine()
		again.exchange(deviceRecord)
		if pushed := again.drainPushes(); len(pushed) != 1 {
			t.Errorf("the next connection got pushes %q, want the unconfirmed one", pushed)
		}
	})
}

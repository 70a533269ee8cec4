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

// watched is the real store with a note of how messages came, and a switch that
// breaks it.
type watched struct {
	service.Store
	together []int // how many messages each call brought
	broken   bool
	panics   bool
	delays   func() // goes by before messages are stored
}

func (s *watched) DeliverInOrder(ctx context.Context, list []rookery.Delivery, now time.Time) []rookery.DeliveryResult {
	s.together = append(s.together, len(list))
	if s.delays != nil {
		s.delays()
	}
	if s.panics {
		panic("the store is out of its mind")
	}
	return s.Store.DeliverInOrder(ctx, list, now)
}

func (s *watched) MailboxState(ctx context.Context, uin rookery.UIN, device string) (uint64, rookery.Cursor, error) {
	if s.broken {
		return 0, rookery.Cursor{}, rookery.Temporary(errors.New("the disk is gone"))
	}
	return s.Store.MailboxState(ctx, uin, device)
}

// talk runs a test on a line, with 10001 and 10002 as accounts.
func talk(t *testing.T, test func(l *line, s *watched)) {
	path := filepath.Join(t.TempDir(), "store.db")
	synctest.Test(t, func(t *testing.T) {
		s := new(watched)
		w := &world{t: t, path: path, clock: newClock(time.Unix(1218196800, 0)), around: func(real service.Store) service.Store {
			s.Store = real
			return s
		}}
		w.start()
		defer w.stop()
		for _, uin := range []uint32{10001, 10002} {
			if err := w.Account(uin, "123456", nil); err != nil {
				t.Fatal(err)
			}
		}
		test(w.open(), s)
	})
}

func (w *world) open() *line {
	l, _ := w.Line(w.t.Context(), netip.MustParseAddr("192.0.2.1"))
	return l.(*line)
}

// say says records at once and returns what is answered.
func (l *line) say(records ...string) (answers []string) {
	l.answer(func(answer []byte) error {
		answers = append(answers, string(answer))
		return nil
	}, records...)
	return answers
}

func (l *line) answer(reply func([]byte) error, records ...string) {
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, []byte(r))
	}
	l.dialogue.AnswerRecords(l.w.t.Context(), &l.peer, raw, reply)
}

// pushed returns what has come unasked.
func (l *line) pushed() (all []string) {
	for {
		record, _ := l.Waiting(l.w.t.Context())
		if record == nil {
			return all
		}
		all = append(all, string(record))
	}
}

const loginRecord = "VER=1.4&CMD=Login&SEQ=1&UIN=10001&PS=123456&M5=0"

const deviceRecord = loginRecord + "&DV=phone"

// results are the RES of answers.
func results(answers []string) (res []string) {
	for _, a := range answers {
		_, rest, _ := strings.Cut(a, "&RES=")
		r, _, _ := strings.Cut(rest, "&")
		res = append(res, r)
	}
	return res
}

func TestMessagesThatFollowOneAnotherAreStoredTogether(t *testing.T) {
	talk(t, func(l *line, s *watched) {
		l.say(loginRecord)
		answers := l.say(
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
		if want := []string{"0", "1", "0", "0", "20", "0", "0", "0", "20"}; !slices.Equal(results(answers), want) {
			t.Errorf("answered %q, want RES %q", answers, want)
		}
		if !strings.HasPrefix(answers[2], "VER=1.1&CMD=CLTMSG&SEQ=100003&") {
			t.Errorf("the third answer is %q", answers[2])
		}
		if want := []int{3, 1}; !slices.Equal(s.together, want) {
			t.Errorf("stored together were %d, want %d", s.together, want)
		}
		_, last, _ := l.w.stored(10002)
		if want := []string{"1", "2", "3"}; !slices.Equal(last, want) {
			t.Errorf("the mailbox has %q, want %q", last, want)
		}
	})
}

// stored returns the texts of a mailbox.
func (w *world) stored(uin rookery.UIN) (numbers []uint64, texts []string, err error) {
	entries, err := w.store.Entries(w.t.Context(), uin, 0, 100, 100)
	for _, entry := range entries {
		numbers, texts = append(numbers, entry.Number), append(texts, entry.Text)
	}
	return numbers, texts, err
}

func TestARunOfMessagesSurvivesAPanic(t *testing.T) {
	talk(t, func(l *line, s *watched) {
		l.say(loginRecord)
		s.panics = true
		send := []string{
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100002&UIN=10001&UN=10002&MG=",
			"VER=1.4&CMD=CLTMSG&SEQ=100003&UIN=10001&UN=10002&MG=2",
		}
		if got, want := results(l.say(send...)), []string{"4", "1", "4"}; !slices.Equal(got, want) {
			t.Errorf("answered with RES %q, want %q", got, want)
		}
		s.panics = false
		if got, want := results(l.say(send...)), []string{"0", "1", "0"}; !slices.Equal(got, want) {
			t.Errorf("then answered with RES %q, want %q", got, want)
		}
	})
}

func TestTheAnswerToALoginComesBeforeAnyPush(t *testing.T) {
	talk(t, func(l *line, _ *watched) {
		if err := l.w.Notice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		answered := false
		l.answer(func([]byte) error {
			answered = true
			if early := l.pushed(); early != nil { // whoever could push has had the time
				t.Errorf("before the answer came %q", early)
			}
			return nil
		}, loginRecord)
		l.w.clock.move(2*time.Second, synctest.Wait)
		if late := l.pushed(); !answered || len(late) != 1 {
			t.Errorf("after the answer came %q", late)
		}
	})
}

func TestWhoCannotBeAnsweredIsNotBound(t *testing.T) {
	talk(t, func(l *line, _ *watched) {
		if err := l.w.Notice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		answers := 0
		l.answer(func([]byte) error {
			answers++
			return errClosed
		}, loginRecord, "VER=1.4&CMD=Logout&SEQ=2&UIN=10001")
		if pushed := l.pushed(); pushed != nil || answers != 1 {
			t.Errorf("pushed %q, answered %d times", pushed, answers)
		}
		// The second record was not looked at: the session lives.
		if got := results(l.w.open().say("VER=1.4&CMD=List&SEQ=3&UIN=10001")); got[0] != "0" {
			t.Errorf("from the same address, RES is %s", got[0])
		}
	})
}

func TestAnAnswerThatCannotBeWrittenEndsARun(t *testing.T) {
	talk(t, func(l *line, _ *watched) {
		l.say(loginRecord)
		answers := 0
		l.answer(func([]byte) error {
			answers++
			return errClosed
		},
			"VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1",
			"VER=1.4&CMD=CLTMSG&SEQ=100002&UIN=10001&UN=10002&MG=2",
			"VER=1.4&CMD=Logout&SEQ=2&UIN=10001")
		if got := results(l.say("VER=1.4&CMD=List&SEQ=3&UIN=10001")); answers != 1 || got[0] != "0" {
			t.Errorf("%d answers, then RES=%s", answers, got[0])
		}
	})
}

func TestNothingIsPushedAfterTheEnd(t *testing.T) {
	talk(t, func(l *line, _ *watched) {
		l.say(loginRecord)
		l.dialogue.Close()
		if err := l.w.Notice([]uint32{10001}, "hello"); err != nil {
			t.Fatal(err)
		}
		if pushed := l.pushed(); pushed != nil {
			t.Errorf("pushed %q", pushed)
		}
		select {
		case <-l.closed:
			t.Error("the dialogue has closed a connection that had ended")
		default:
		}
	})
}

func TestAConnectionOnWhichNothingCanBePushedIsClosed(t *testing.T) {
	talk(t, func(l *line, s *watched) {
		s.broken = true
		l.say(loginRecord)
		select {
		case <-l.closed:
		default:
			t.Error("it stays open")
		}
	})
}

func TestARecordThatHadToWaitConfirmsNothingThatWasPushedMeanwhile(t *testing.T) {
	talk(t, func(l *line, s *watched) {
		l.say(deviceRecord)
		s.delays = func() { // a disk that is busy
			if err := l.w.Notice([]uint32{10001}, "hello"); err != nil {
				t.Fatal(err)
			}
			if len(l.pushed()) != 1 {
				t.Error("not pushed")
			}
			l.w.clock.move(6*time.Second, synctest.Wait)
		}
		l.say("VER=1.4&CMD=CLTMSG&SEQ=100001&UIN=10001&UN=10002&MG=1", "VER=1.4&CMD=List&SEQ=2&UIN=10001", "VER=1.4&CMD=List&SEQ=3&UIN=10001")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again := l.w.open()
		again.say(deviceRecord)
		if pushed := again.pushed(); len(pushed) != 1 {
			t.Errorf("pushed again was %q", pushed)
		}
	})
}

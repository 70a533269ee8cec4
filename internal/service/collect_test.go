package service_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// These tests cover the sentences of section 2.1 of the protocol that transcripts cannot show. The
// others are in testdata/transcripts/seq-*.txt.

// inbox collects everything, with a new SEQ each time.
func (w *world) inbox(session *service.Session) []string {
	w.Helper()
	var all []string
	for {
		w.inboxPolls++
		texts := w.collect(session, fmt.Sprint("inbox ", w.inboxPolls))
		if len(texts) == 0 {
			return all
		}
		all = append(all, texts...)
	}
}

func (w *world) wantInbox(session *service.Session, want ...string) {
	w.Helper()
	if got := w.inbox(session); !slices.Equal(got, want) {
		w.Errorf("inbox %q, want %q", got, want)
	}
}

func (w *world) wantCollected(session *service.Session, seq string, want ...string) {
	w.Helper()
	if got := w.collect(session, seq); !slices.Equal(got, want) {
		w.Errorf("collecting with SEQ %q got %q, want %q", seq, got, want)
	}
}

func TestAChangingRequestIsDoneOnceWithin120Seconds(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signIn(10001, home)
	w.must(w.send(me, "abcdef", 10002, "once"))
	w.passTime(119 * time.Second)
	w.must(w.send(me, "abcdef", 10002, "once"))
	w.must(w.send(me, "abcdef", 10002, "other content"))
	w.passTime(time.Second)
	w.must(w.send(me, "abcdef", 10002, "once"))
	w.wantInbox(w.signIn(10002, cafe), "once", "other content", "once")
}

func TestAShortSEQCountsOnlyForTheLatestRequestWithin15Seconds(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signIn(10001, home)
	w.must(w.send(me, "12345", 10002, "a"))
	w.passTime(14 * time.Second)
	w.must(w.send(me, "12345", 10002, "a")) // a repeat
	w.passTime(time.Second)
	w.must(w.send(me, "12345", 10002, "a")) // too late for a repeat
	w.must(w.send(me, "long enough", 10002, "b"))
	w.must(w.send(me, "12345", 10002, "a")) // not a repeat of the latest request
	w.wantInbox(w.signIn(10002, cafe), "a", "a", "b", "a")
}

func TestALoginForgetsShortSEQsButNoLongOnes(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signIn(10001, home)
	w.must(w.send(me, "long one", 10002, "long"))
	w.must(w.send(me, "1", 10002, "short"))
	me = w.signIn(10001, home)
	w.must(w.send(me, "1", 10002, "short"))
	w.must(w.send(me, "long one", 10002, "long"))
	w.wantInbox(w.signIn(10002, cafe), "long", "short", "short")
}

func TestAnEmptySEQIsNeverARepeat(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.send(me, "", 10002, "a"))
	w.must(w.send(me, "", 10002, "a"))
	w.wantCollected(you, "", "a", "a")
	w.wantCollected(you, "")
}

func TestMemoryIsPerAccount(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	w.must(w.send(w.signIn(10001, home), "same SEQ", 10003, "a"))
	w.must(w.send(w.signIn(10002, home), "same SEQ", 10003, "a"))
	w.wantInbox(w.signIn(10003, cafe), "a", "a")
}

func TestMemoryOutlivesDisplacementAndLogout(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, home)
	w.must(w.send(me, "sequence", 10002, "a"))
	me = w.signIn(10001, cafe)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.SignOut(t.Context(), 10001, service.Caller{Address: cafe})
	me = w.signIn(10001, cafe)
	w.must(w.send(me, "sequence", 10002, "a"))

	w.wantCollected(you, "collect 1", "a")
	you = w.signIn(10002, cafe)
	w.wantCollected(you, "collect 1", "a")
	w.wantCollected(you, "collect 2")
	w.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
	you = w.signIn(10002, cafe)
	w.must(w.send(me, "sequence 2", 10002, "b"))
	w.wantCollected(you, "collect 2", "b") // after an empty answer the same SEQ makes a new request
	w.wantCollected(you, "collect 1")      // a delayed copy
	w.wantCollected(you, "collect 2", "b")
}

func TestMemoryOutlivesARestartAndDowntimeDoesNotCount(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.passTime(60 * time.Second)
	w.wantCollected(you, "collect", "a")
	w.restart(time.Hour)
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	you, err = w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	w.passTime(59 * time.Second)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantCollected(you, "collect", "a")
	w.passTime(time.Second)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantInbox(you, "a")
}

func TestARequestThatWasNotDoneIsNotRemembered(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.store.setFull(true)
	w.wantCode(w.send(me, "sequence", 10002, "a"), rookery.CodeTemporary)
	w.store.setFull(false)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.must(w.send(me, "sequence", 10002, "a"))

	w.store.setFull(true)
	_, err := w.tryCollect(you, "collect")
	w.wantCode(err, rookery.CodeTemporary)
	w.store.setFull(false)
	w.wantCollected(you, "collect", "a")
	w.wantCollected(you, "collect", "a")
	w.wantCollected(you, "collect more")
}

func TestARepeatIsAnsweredWhateverHasHappenedSince(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signIn(10001, home)
	w.must(w.send(me, "sequence", 10002, "a"))
	_, err := w.ChangeAccount(t.Context(), 10002, func(account *rookery.Account) error {
		account.Strangers = false
		return nil
	})
	w.must(err)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantCode(w.send(me, "sequence", 10002, "b"), rookery.CodeRefused)
	w.must(w.RemoveAccount(t.Context(), 10002))
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantCode(w.send(me, "sequence", 10002, "b"), rookery.CodeNoAccount)
}

func TestARequestInFlightTwiceIsDoneOnce(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	for i := range 50 {
		var both sync.WaitGroup
		for range 4 {
			both.Go(func() {
				if err := w.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		batches := make([][]string, 4)
		for j := range batches {
			both.Go(func() { batches[j], _ = w.tryCollect(you, fmt.Sprint("collect ", i)) })
		}
		both.Wait()
		for _, batch := range batches {
			if !slices.Equal(batch, []string{fmt.Sprint(i)}) {
				t.Fatalf("round %d: one of the equal requests got %q", i, batch)
			}
		}
	}
}

func TestAnAnswerToARequestForFriendshipInFlightTwiceIsOne(t *testing.T) {
	for range 20 {
		w := newWorld(t, 10001, 10002)
		asker, me := w.signIn(10001, home), w.signIn(10002, cafe)
		w.must(w.RequestFriendship(t.Context(), asker, 10002, "please",
			w.NewRequestKey(asker, "request", []byte("ask"))))
		var both sync.WaitGroup
		for range 4 {
			both.Go(func() {
				if err := w.AcceptRequest(t.Context(), me, 10001,
					w.NewRequestKey(me, "accept", []byte("accept"))); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		batch, err := w.Collect(t.Context(), asker, "collect", service.BatchLimit{MaxEvents: 50, MaxBytes: 1 << 20,
			EventSize: func(int, rookery.Event) int { return 1 }})
		w.must(err)
		if len(batch) != 1 || batch[0].(*rookery.Entry).Kind != rookery.KindAccepted {
			t.Fatalf("the asker collected %v, want one acceptance", batch)
		}
	}
}

func TestABatchCountsAsArrivedWithTheNextSEQ(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.send(me, "sequence 1", 10002, "a"))
	w.wantCollected(you, "collect 1", "a")
	w.passTime(250 * time.Second) // a long SEQ is valid until another request comes
	w.must(w.send(me, "sequence 2", 10002, "b"))
	w.wantCollected(you, "collect 1", "a")
	w.wantCollected(you, "collect 2", "b")
	w.wantCollected(you, "collect 3")
	w.wantCollected(you, "collect 2") // a delayed copy, although its answer was empty
}

func TestThatABatchArrivedOutlivesLogoutAndACleanStop(t *testing.T) {
	for name, away := range map[string]func(*world){
		"logout, and long gone": func(w *world) {
			w.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
			w.passTime(10 * time.Minute)
		},
		"a clean stop": func(w *world) { w.restart(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10001, 10002)
			me, you := w.signIn(10001, home), w.signIn(10002, cafe)
			w.must(w.send(me, "sequence 1", 10002, "a"))
			w.wantCollected(you, "collect 1", "a")
			w.wantCollected(you, "collect 2") // "a" has arrived
			away(w)
			me, you = w.signIn(10001, home), w.signIn(10002, cafe)
			w.must(w.send(me, "sequence 2", 10002, "b"))
			if name == "a clean stop" {
				w.wantCollected(you, "collect 1") // still a delayed copy
				w.wantCollected(you, "collect 3", "b")
			} else {
				w.wantCollected(you, "collect 1", "b") // old enough to be a new request
			}
		})
	}
}

func TestUptimeGoesOnThroughAQuietRun(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signIn(10001, home)
	w.passTime(200 * time.Second) // longer than any window of the previous run
	w.must(w.send(me, "sequence", 10002, "a"))
	w.restart(time.Second)
	w.passTime(121 * time.Second) // without any change
	w.restart(time.Second)
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantInbox(w.signIn(10002, cafe), "a", "a")
}

func TestAShortSEQBringsTheBatchAgainFor15Seconds(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.send(me, "sequence 1", 10002, "a"))
	w.wantCollected(you, "7", "a")
	w.passTime(14 * time.Second)
	w.must(w.send(me, "sequence 2", 10002, "b"))
	w.wantCollected(you, "7", "a")
	w.passTime(time.Second)
	w.wantCollected(you, "7", "b")
}

func TestALoginForgetsShortSEQsOfCollecting(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.send(me, "sequence 1", 10002, "a"))
	w.wantCollected(you, "1", "a")
	w.wantCollected(you, "2")
	you = w.signIn(10002, cafe)
	w.must(w.send(me, "sequence 2", 10002, "b"))
	w.wantCollected(you, "1", "b")
}

func TestAStragglerMovesNothing(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	seq := func(i int) string { return fmt.Sprint("collect ", i) }
	for i := range 17 {
		w.wantCollected(you, seq(i))
	}
	w.must(w.send(me, "sequence", 10002, "a"))
	for i := 1; i < 16; i++ {
		w.wantCollected(you, seq(i)) // the recorded requests except the latest
	}
	w.passTime(119 * time.Second)
	w.wantCollected(you, seq(15))
	w.passTime(time.Second)
	w.wantCollected(you, seq(15), "a") // old enough to be a new request
}

func TestTheSEQBefore16OthersIsNewAgain(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	for i := range 17 {
		w.wantCollected(you, fmt.Sprint("collect ", i))
	}
	w.must(w.send(me, "sequence", 10002, "a"))
	w.wantCollected(you, "collect 0", "a")
}

func TestAShortStragglerIsOneFor15Seconds(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.wantCollected(you, "1")
	w.wantCollected(you, "2")
	w.must(w.send(me, "sequence", 10002, "a"))
	w.passTime(14 * time.Second)
	w.wantCollected(you, "1")
	w.passTime(time.Second)
	w.wantCollected(you, "1", "a")
}

func TestTheSameBatchHoldsItsNotices(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	you := w.signIn(10002, cafe)
	me := w.signIn(10001, home)
	w.wantCollected(you, "collect 1", "10001:10")
	w.must(w.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	w.wantCollected(you, "collect 1", "10001:10")
	w.restart(time.Second)
	you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	w.wantCollected(you, "collect 1", "10001:10")
}

func TestARepeatedStatusDoesNotComeBack(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signIn(10001, home)
	set := func(seq string, status rookery.Status) {
		w.must(w.SetStatus(t.Context(), me, status, w.NewRequestKey(me, seq, []byte{byte(status)})))
	}
	set("sequence 1", rookery.StatusAway)
	set("sequence 2", rookery.StatusOnline)
	set("sequence 1", rookery.StatusAway)
	if got := w.VisibleStatus(10001); got != rookery.StatusOnline {
		t.Errorf("status %v, want online", got)
	}
}

// moveCursor moves the cursor in the store, as another server on the same store does.
func (w *world) moveCursor(session *service.Session, was, number uint64) {
	w.Helper()
	w.must(w.store.Store.SaveCursor(
		w.Context(), session.Account(), session.Device(), was, rookery.Cursor{Number: number}))
}

func TestCollectContinuesWhereAnotherServerHasMovedTheCursor(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.sendTexts(me, 10002, "one")
	w.wantCollected(you, "collect 1", "one")
	w.sendTexts(me, 10002, "two", "three")
	w.moveCursor(you, 1, 2)
	w.wantCollected(you, "collect 2", "three")
}

func TestConfirmationIsSavedAfterAnotherServerHasMovedTheCursor(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		client := w.subscribe(you)
		w.sendTexts(me, 10002, "one", "two", "three")
		w.advance(time.Minute)
		w.waitIdle()
		w.moveCursor(you, 0, 1)
		client.confirm(3)
		w.passTime(time.Second)
		_, cursor, err := w.store.MailboxState(w.Context(), 10002, "phone")
		if err != nil || cursor.Number != 3 {
			t.Errorf("the stored cursor is %d, want 3; error %v", cursor.Number, err)
		}
	}, 10001, 10002)
}

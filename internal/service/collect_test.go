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
func (f *fixture) inbox(session *service.Session) []string {
	f.Helper()
	var all []string
	for {
		f.inboxPolls++
		texts := f.collect(session, fmt.Sprint("inbox ", f.inboxPolls))
		if len(texts) == 0 {
			return all
		}
		all = append(all, texts...)
	}
}

func (f *fixture) wantInbox(session *service.Session, want ...string) {
	f.Helper()
	if got := f.inbox(session); !slices.Equal(got, want) {
		f.Errorf("the collections returned %q, want %q", got, want)
	}
}

func (f *fixture) wantCollected(session *service.Session, seq string, want ...string) {
	f.Helper()
	if got := f.collect(session, seq); !slices.Equal(got, want) {
		f.Errorf("Collect with SEQ %q returned %q, want %q", seq, got, want)
	}
}

func TestEqualRequestsWithin120SecondsAreOne(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signIn(10001, home)
	f.must(f.send(me, "abcdef", 10002, "once"))
	f.passTime(119 * time.Second)
	f.must(f.send(me, "abcdef", 10002, "once"))
	f.must(f.send(me, "abcdef", 10002, "other content"))
	f.passTime(time.Second)
	f.must(f.send(me, "abcdef", 10002, "once"))
	f.wantInbox(f.signIn(10002, cafe), "once", "other content", "once")
}

func TestShortSEQIdentifiesOnlyLatestRequestFor15Seconds(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signIn(10001, home)
	f.must(f.send(me, "12345", 10002, "a"))
	f.passTime(14 * time.Second)
	f.must(f.send(me, "12345", 10002, "a")) // a repeat
	f.passTime(time.Second)
	f.must(f.send(me, "12345", 10002, "a")) // too late for a repeat
	f.must(f.send(me, "long enough", 10002, "b"))
	f.must(f.send(me, "12345", 10002, "a")) // not a repeat of the latest request
	f.wantInbox(f.signIn(10002, cafe), "a", "a", "b", "a")
}

func TestLoginForgetsShortSEQsOnly(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signIn(10001, home)
	f.must(f.send(me, "long one", 10002, "long"))
	f.must(f.send(me, "1", 10002, "short"))
	me = f.signIn(10001, home)
	f.must(f.send(me, "1", 10002, "short"))
	f.must(f.send(me, "long one", 10002, "long"))
	f.wantInbox(f.signIn(10002, cafe), "long", "short", "short")
}

func TestEmptySEQIsNeverARepeat(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.send(me, "", 10002, "a"))
	f.must(f.send(me, "", 10002, "a"))
	f.wantCollected(you, "", "a", "a")
	f.wantCollected(you, "")
}

func TestSEQsOfTwoAccountsAreIndependent(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003)
	f.must(f.send(f.signIn(10001, home), "same SEQ", 10003, "a"))
	f.must(f.send(f.signIn(10002, home), "same SEQ", 10003, "a"))
	f.wantInbox(f.signIn(10003, cafe), "a", "a")
}

func TestSEQsSurviveReplacedSessionsAndLogout(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, home)
	f.must(f.send(me, "sequence", 10002, "a"))
	me = f.signIn(10001, cafe)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.SignOut(t.Context(), 10001, service.Caller{Address: cafe})
	me = f.signIn(10001, cafe)
	f.must(f.send(me, "sequence", 10002, "a"))

	f.wantCollected(you, "collect 1", "a")
	you = f.signIn(10002, cafe)
	f.wantCollected(you, "collect 1", "a")
	f.wantCollected(you, "collect 2")
	f.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
	you = f.signIn(10002, cafe)
	f.must(f.send(me, "sequence 2", 10002, "b"))
	f.wantCollected(you, "collect 2", "b") // after an empty answer the same SEQ makes a new request
	f.wantCollected(you, "collect 1")      // a delayed copy
	f.wantCollected(you, "collect 2", "b")
}

func TestSEQsSurviveRestartWithoutCountingDowntime(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.passTime(60 * time.Second)
	f.wantCollected(you, "collect", "a")
	f.restart(time.Hour)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	you, err = f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	f.passTime(59 * time.Second)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantCollected(you, "collect", "a")
	f.passTime(time.Second)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantInbox(you, "a")
}

func TestFailedRequestIsNotRecorded(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.store.setFull(true)
	f.wantCode(f.send(me, "sequence", 10002, "a"), rookery.CodeTemporary)
	f.store.setFull(false)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.must(f.send(me, "sequence", 10002, "a"))

	f.store.setFull(true)
	_, err := f.tryCollect(you, "collect")
	f.wantCode(err, rookery.CodeTemporary)
	f.store.setFull(false)
	f.wantCollected(you, "collect", "a")
	f.wantCollected(you, "collect", "a")
	f.wantCollected(you, "collect more")
}

func TestRepeatSucceedsAfterSettingsHaveChanged(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signIn(10001, home)
	f.must(f.send(me, "sequence", 10002, "a"))
	_, err := f.ChangeAccount(t.Context(), 10002, func(account *rookery.Account) error {
		account.AllowStrangers = false
		return nil
	})
	f.must(err)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantCode(f.send(me, "sequence", 10002, "b"), rookery.CodeRefused)
	f.must(f.RemoveAccount(t.Context(), 10002))
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantCode(f.send(me, "sequence", 10002, "b"), rookery.CodeNoAccount)
}

func TestConcurrentEqualRequestsAreOne(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	for i := range 50 {
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				if err := f.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		batches := make([][]string, 4)
		for j := range batches {
			callers.Go(func() { batches[j], _ = f.tryCollect(you, fmt.Sprint("collect ", i)) })
		}
		callers.Wait()
		for _, batch := range batches {
			if !slices.Equal(batch, []string{fmt.Sprint(i)}) {
				t.Fatalf("round %d: an equal collection returned %q, want %d", i, batch, i)
			}
		}
	}
}

func TestConcurrentEqualAcceptancesAreOne(t *testing.T) {
	for range 20 {
		f := newFixture(t, 10001, 10002)
		asker, me := f.signIn(10001, home), f.signIn(10002, cafe)
		f.must(f.RequestFriendship(t.Context(), asker, 10002, "please",
			f.NewRequestKey(asker, "request", []byte("ask"))))
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				if err := f.AcceptRequest(t.Context(), me, 10001,
					f.NewRequestKey(me, "accept", []byte("accept"))); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		batch, err := f.Collect(t.Context(), asker, "collect", service.BatchLimit{MaxEvents: 50, MaxBytes: 1 << 20,
			EventSize: func(int, rookery.Event) int { return 1 }})
		f.must(err)
		if len(batch) != 1 || batch[0].(*rookery.Entry).Kind != rookery.KindAccepted {
			t.Fatalf("the asker collected %v, want one acceptance", batch)
		}
	}
}

func TestNextSEQConfirmsBatch(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.send(me, "sequence 1", 10002, "a"))
	f.wantCollected(you, "collect 1", "a")
	f.passTime(250 * time.Second) // a long SEQ is valid until another request comes
	f.must(f.send(me, "sequence 2", 10002, "b"))
	f.wantCollected(you, "collect 1", "a")
	f.wantCollected(you, "collect 2", "b")
	f.wantCollected(you, "collect 3")
	f.wantCollected(you, "collect 2") // a delayed copy, although its answer was empty
}

func TestConfirmedBatchSurvivesLogoutAndCleanStop(t *testing.T) {
	for name, away := range map[string]func(*fixture){
		"logout, and long gone": func(f *fixture) {
			f.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
			f.passTime(10 * time.Minute)
		},
		"a clean stop": func(f *fixture) { f.restart(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 10001, 10002)
			me, you := f.signIn(10001, home), f.signIn(10002, cafe)
			f.must(f.send(me, "sequence 1", 10002, "a"))
			f.wantCollected(you, "collect 1", "a")
			f.wantCollected(you, "collect 2") // "a" has arrived
			away(f)
			me, you = f.signIn(10001, home), f.signIn(10002, cafe)
			f.must(f.send(me, "sequence 2", 10002, "b"))
			if name == "a clean stop" {
				f.wantCollected(you, "collect 1") // still a delayed copy
				f.wantCollected(you, "collect 3", "b")
			} else {
				f.wantCollected(you, "collect 1", "b") // old enough to be a new request
			}
		})
	}
}

func TestIdleRunCountsAsUptime(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signIn(10001, home)
	f.passTime(200 * time.Second) // longer than any window of the previous run
	f.must(f.send(me, "sequence", 10002, "a"))
	f.restart(time.Second)
	f.passTime(121 * time.Second) // without any change
	f.restart(time.Second)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantInbox(f.signIn(10002, cafe), "a", "a")
}

func TestShortSEQRepeatsBatchFor15Seconds(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.send(me, "sequence 1", 10002, "a"))
	f.wantCollected(you, "7", "a")
	f.passTime(14 * time.Second)
	f.must(f.send(me, "sequence 2", 10002, "b"))
	f.wantCollected(you, "7", "a")
	f.passTime(time.Second)
	f.wantCollected(you, "7", "b")
}

func TestLoginForgetsShortSEQsOfCollections(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.send(me, "sequence 1", 10002, "a"))
	f.wantCollected(you, "1", "a")
	f.wantCollected(you, "2")
	you = f.signIn(10002, cafe)
	f.must(f.send(me, "sequence 2", 10002, "b"))
	f.wantCollected(you, "1", "b")
}

func TestDelayedCopyMovesNoCursor(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	seq := func(i int) string { return fmt.Sprint("collect ", i) }
	for i := range 17 {
		f.wantCollected(you, seq(i))
	}
	f.must(f.send(me, "sequence", 10002, "a"))
	for i := 1; i < 16; i++ {
		f.wantCollected(you, seq(i)) // the recorded requests except the latest
	}
	f.passTime(119 * time.Second)
	f.wantCollected(you, seq(15))
	f.passTime(time.Second)
	f.wantCollected(you, seq(15), "a") // old enough to be a new request
}

func TestSEQBefore16OthersIsNew(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	for i := range 17 {
		f.wantCollected(you, fmt.Sprint("collect ", i))
	}
	f.must(f.send(me, "sequence", 10002, "a"))
	f.wantCollected(you, "collect 0", "a")
}

func TestShortSEQIsADelayedCopyFor15Seconds(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.wantCollected(you, "1")
	f.wantCollected(you, "2")
	f.must(f.send(me, "sequence", 10002, "a"))
	f.passTime(14 * time.Second)
	f.wantCollected(you, "1")
	f.passTime(time.Second)
	f.wantCollected(you, "1", "a")
}

func TestRepeatedBatchContainsItsNotices(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	you := f.signIn(10002, cafe)
	me := f.signIn(10001, home)
	f.wantCollected(you, "collect 1", "10001:10")
	f.must(f.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	f.wantCollected(you, "collect 1", "10001:10")
	f.restart(time.Second)
	you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	f.wantCollected(you, "collect 1", "10001:10")
}

func TestRepeatedSetStatusHasNoEffect(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signIn(10001, home)
	set := func(seq string, status rookery.Status) {
		f.must(f.SetStatus(t.Context(), me, status, f.NewRequestKey(me, seq, []byte{byte(status)})))
	}
	set("sequence 1", rookery.StatusAway)
	set("sequence 2", rookery.StatusOnline)
	set("sequence 1", rookery.StatusAway)
	if got := f.VisibleStatus(10001); got != rookery.StatusOnline {
		t.Errorf("the visible status is %v, want online", got)
	}
}

// moveCursor moves the cursor in the store, as another server on the same store does.
func (f *fixture) moveCursor(session *service.Session, was, number uint64) {
	f.Helper()
	f.must(f.store.Store.SaveCursor(
		f.Context(), session.Account(), session.Device(), was, rookery.Cursor{Number: number}))
}

func TestCollectContinuesWhereAnotherServerHasMovedTheCursor(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.sendTexts(me, 10002, "one")
	f.wantCollected(you, "collect 1", "one")
	f.sendTexts(me, 10002, "two", "three")
	f.moveCursor(you, 1, 2)
	f.wantCollected(you, "collect 2", "three")
}

func TestConfirmationIsSavedAfterAnotherServerHasMovedTheCursor(t *testing.T) {
	for name, isClosed := range map[string]bool{"on a live connection": false, "and the connection has ended": true} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
				client := f.subscribe(you)
				f.sendTexts(me, 10002, "one", "two", "three")
				f.passTime(time.Minute)
				f.moveCursor(you, 0, 1)
				client.confirm(3)
				if isClosed {
					client.disconnect()
				}
				f.passTime(time.Second)
				f.wantCursor(10002, "phone", 3)
			}, 10001, 10002)
		})
	}
}

// The times of requests that Close stores must not lie ahead of the uptime after the restart.
func TestOldSEQIsNewAfterARestartOfAnIdleServer(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.signIn(10001, home)
	you := f.signIn(10002, cafe)
	f.passTime(200 * time.Second) // no write is recent
	f.wantCollected(you, "collect 1")
	f.wantCollected(you, "collect 2")
	f.restart(0)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	you, err = f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	f.passTime(121 * time.Second)
	f.sendTexts(me, 10002, "a")
	f.wantCollected(you, "collect 1", "a")
}

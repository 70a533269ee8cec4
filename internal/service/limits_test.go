package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// wantRefused checks for CodeRefused with a reason.
func (w *world) wantRefused(err error, reason string) {
	w.Helper()
	w.wantCode(err, rookery.CodeRefused)
	if !strings.Contains(rookery.TextOf(err), reason) {
		w.Fatalf("the reason is %q, want one with %q", rookery.TextOf(err), reason)
	}
}

func TestAFullMailboxTakesNoMoreUntilSomeIsCollected(t *testing.T) {
	w := newWorldWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 3}}, 10001, 10002, 10003)
	me, you, third := w.signIn(10001, home), w.signIn(10002, cafe), w.signIn(10003, home)
	for i := range 3 {
		w.must(w.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(i)))
	}
	w.wantRefused(w.send(me, "sequence 3", 10002, "3"), "mailbox is full")
	w.wantRefused(w.send(third, "sequence 3", 10002, "3"), "mailbox is full")
	w.must(w.send(me, "sequence 2", 10002, "2")) // a repeat
	errs := w.SendAll(t.Context(), me, []service.OutgoingMessage{{To: 10002, Text: "4"}, {To: 10003, Text: "5"}})
	w.wantRefused(errs[0], "mailbox is full")
	w.must(errs[1])
	w.wantInbox(you, "0", "1", "2")
	w.must(w.send(me, "sequence 3", 10002, "3")) // the same request as before
	w.wantInbox(you, "3")
}

func TestAFullMailboxTakesAnswersAndNoticesOfTheOperator(t *testing.T) {
	w := newWorldWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 1}}, 10001, 10002, 10003, 10004)
	me, you, third := w.signIn(10001, home), w.signIn(10002, cafe), w.signIn(10003, home)
	w.must(w.RequestFriendship(t.Context(), me, 10002, "hello", rookery.RequestKey{}))
	w.must(w.RequestFriendship(t.Context(), me, 10003, "hello", rookery.RequestKey{}))
	w.must(w.send(third, "sequence", 10001, "full"))
	w.wantRefused(w.send(third, "sequence 1", 10001, "more"), "mailbox is full")
	w.wantRefused(w.RequestFriendship(t.Context(), w.signIn(10004, cafe), 10001, "hello", rookery.RequestKey{}),
		"mailbox is full")
	w.must(w.AcceptRequest(t.Context(), you, 10001, rookery.RequestKey{}))
	w.must(w.RejectRequest(t.Context(), third, 10001, "no", rookery.RequestKey{}))
	w.must(w.SendSystemMessage(t.Context(), "notice", []rookery.UIN{10001}))
	w.wantInbox(me, "full", "", "no", "notice")
}

func TestWhatOneDeviceHasCollectedWaitsForNobody(t *testing.T) {
	w := newWorldWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 2}}, 10001, 10002)
	me, phone, desk := w.signIn(10001, home), w.signInDevice(10002, "phone"), w.signInDevice(10002, "desk")
	for i := range 3 {
		w.must(w.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(2*i)))
		w.must(w.send(me, fmt.Sprint("sequence ", i, "b"), 10002, fmt.Sprint(2*i+1)))
		w.wantRefused(w.send(me, "sequence x", 10002, "x"), "mailbox is full")
		w.wantInbox(phone, fmt.Sprint(2*i), fmt.Sprint(2*i+1))
	}
	w.wantInbox(desk, "0", "1", "2", "3", "4", "5")
}

func TestOwnWordsFillNobodysMailboxAndGoWithTime(t *testing.T) {
	w := newWorldWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 2}}, 10001, 10002)
	me, you := w.signInDevice(10001, "phone"), w.signIn(10002, cafe)
	desk := w.signInDevice(10001, "desk")
	for i := range 5 {
		w.must(w.send(me, fmt.Sprint("sequence ", i), 10002, "x"))
		w.wantInbox(you, "x")
	}
	w.must(w.send(you, "sequence", 10001, "y"))
	w.must(w.send(you, "sequence 1", 10001, "z"))
	w.wantRefused(w.send(you, "sequence 2", 10001, "full"), "mailbox is full")
	w.advance(service.DefaultRetention + time.Hour)
	if _, n, err := w.store.PurgeEntries(t.Context(), 0, w.now().Add(-service.DefaultRetention), 100); err != nil ||
		n < 5 {
		t.Errorf("%d entries were deleted, error %v", n, err)
	}
	w.wantInbox(desk, "y", "z")
}

func TestAskingAgainIsToldOnce(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	ask := func(requestText string) {
		w.must(w.RequestFriendship(t.Context(), me, 10002, requestText, rookery.RequestKey{}))
	}
	ask("hello")
	ask("it is me")
	w.wantInbox(you, "it is me")
	w.advance(59 * time.Minute)
	ask("do you hear?")
	w.wantInbox(you)
	requests, _, err := w.FriendRequests(t.Context(), you, service.PageQuery{Limit: 10})
	w.must(err)
	if len(requests) != 1 || requests[0].Text != "do you hear?" {
		t.Errorf("what waits is %+v", requests)
	}
	w.advance(time.Minute)
	w.signIn(10001, home)
	me, you = w.signIn(10001, home), w.signIn(10002, cafe)
	ask("an hour later")
	w.wantInbox(you, "an hour later")
}

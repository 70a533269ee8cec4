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
func (f *fixture) wantRefused(err error, reason string) {
	f.Helper()
	f.wantCode(err, rookery.CodeRefused)
	if !strings.Contains(rookery.TextOf(err), reason) {
		f.Fatalf("the error text is %q, want one with %q", rookery.TextOf(err), reason)
	}
}

func TestFullMailboxRefusesMessagesUntilCollection(t *testing.T) {
	f := newFixtureWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 3}}, 10001, 10002, 10003)
	me, you, third := f.signIn(10001, home), f.signIn(10002, cafe), f.signIn(10003, home)
	for i := range 3 {
		f.must(f.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(i)))
	}
	f.wantRefused(f.send(me, "sequence 3", 10002, "3"), "mailbox is full")
	f.wantRefused(f.send(third, "sequence 3", 10002, "3"), "mailbox is full")
	f.must(f.send(me, "sequence 2", 10002, "2")) // a repeat
	errs := f.SendAll(t.Context(), me, []service.OutgoingMessage{{To: 10002, Text: "4"}, {To: 10003, Text: "5"}})
	f.wantRefused(errs[0], "mailbox is full")
	f.must(errs[1])
	f.wantInbox(you, "0", "1", "2")
	f.must(f.send(me, "sequence 3", 10002, "3")) // the same request as before
	f.wantInbox(you, "3")
}

func TestFullMailboxAcceptsAnswersAndOperatorMessages(t *testing.T) {
	f := newFixtureWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 1}}, 10001, 10002, 10003, 10004)
	me, you, third := f.signIn(10001, home), f.signIn(10002, cafe), f.signIn(10003, home)
	f.must(f.RequestFriendship(t.Context(), me, 10002, "hello", rookery.RequestKey{}))
	f.must(f.RequestFriendship(t.Context(), me, 10003, "hello", rookery.RequestKey{}))
	f.must(f.send(third, "sequence", 10001, "full"))
	f.wantRefused(f.send(third, "sequence 1", 10001, "more"), "mailbox is full")
	f.wantRefused(f.RequestFriendship(t.Context(), f.signIn(10004, cafe), 10001, "hello", rookery.RequestKey{}),
		"mailbox is full")
	f.must(f.AcceptRequest(t.Context(), you, 10001, rookery.RequestKey{}))
	f.must(f.RejectRequest(t.Context(), third, 10001, "no", rookery.RequestKey{}))
	f.must(f.SendSystemMessage(t.Context(), "notice", []rookery.UIN{10001}))
	f.wantInbox(me, "full", "", "no", "notice")
}

func TestEntryCollectedByOneDeviceLeavesBacklog(t *testing.T) {
	f := newFixtureWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 2}}, 10001, 10002)
	me, phone, desk := f.signIn(10001, home), f.signInDevice(10002, "phone"), f.signInDevice(10002, "desk")
	for i := range 3 {
		f.must(f.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint(2*i)))
		f.must(f.send(me, fmt.Sprint("sequence ", i, "b"), 10002, fmt.Sprint(2*i+1)))
		f.wantRefused(f.send(me, "sequence x", 10002, "x"), "mailbox is full")
		f.wantInbox(phone, fmt.Sprint(2*i), fmt.Sprint(2*i+1))
	}
	f.wantInbox(desk, "0", "1", "2", "3", "4", "5")
}

func TestSentMessagesLeaveBacklogAndExpire(t *testing.T) {
	f := newFixtureWith(t, service.Config{BacklogLimit: rookery.BacklogLimit{Messages: 2}}, 10001, 10002)
	me, you := f.signInDevice(10001, "phone"), f.signIn(10002, cafe)
	desk := f.signInDevice(10001, "desk")
	for i := range 5 {
		f.must(f.send(me, fmt.Sprint("sequence ", i), 10002, "x"))
		f.wantInbox(you, "x")
	}
	f.must(f.send(you, "sequence", 10001, "y"))
	f.must(f.send(you, "sequence 1", 10001, "z"))
	f.wantRefused(f.send(you, "sequence 2", 10001, "full"), "mailbox is full")
	f.advance(service.DefaultRetention + time.Hour)
	if _, n, err := f.store.PurgeEntries(t.Context(), 0, f.now().Add(-service.DefaultRetention), 100); err != nil ||
		n < 5 {
		t.Errorf("PurgeEntries deleted %d entries, want at least 5, error %v", n, err)
	}
	f.wantInbox(desk, "y", "z")
}

func TestRepeatedFriendRequestNotifiesOncePerHour(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	ask := func(requestText string) {
		f.must(f.RequestFriendship(t.Context(), me, 10002, requestText, rookery.RequestKey{}))
	}
	ask("hello")
	ask("it is me")
	f.wantInbox(you, "it is me")
	f.advance(59 * time.Minute)
	ask("do you hear?")
	f.wantInbox(you)
	requests, _, err := f.FriendRequests(t.Context(), you, service.PageQuery{Limit: 10})
	f.must(err)
	if len(requests) != 1 || requests[0].Text != "do you hear?" {
		t.Errorf("FriendRequests returned %+v, want one with the latest text", requests)
	}
	f.advance(time.Minute)
	f.signIn(10001, home)
	me, you = f.signIn(10001, home), f.signIn(10002, cafe)
	ask("an hour later")
	f.wantInbox(you, "an hour later")
}

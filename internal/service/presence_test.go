package service_test

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) set(session *service.Session, statuses ...rookery.Status) {
	w.Helper()
	for _, status := range statuses {
		w.must(w.SetStatus(w.Context(), session, status, rookery.RequestKey{}))
	}
}

func TestPushesShowEveryStatusAndPollsTheBasicOnes(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		phone, you := w.attach(w.device(10002, "phone")), w.signIn(10002, cafe)
		phone.feed.Confirm(0)
		me := w.device(10001, "desk")
		phone.want("#1 10001:10")
		w.wantInbox(you, "10001:10")
		w.pass(2 * time.Second)
		w.set(me, rookery.StatusTalkToMe)
		phone.want("#2 10001:60")
		w.wantInbox(you) // still online, for all that it knows
		w.pass(2 * time.Second)
		w.set(me, rookery.StatusDoNotDisturb)
		phone.want("#3 10001:70")
		w.wantInbox(you, "10001:30")
		w.pass(2 * time.Second)
		w.set(me, rookery.StatusInvisible)
		phone.want("#4 10001:20")
		w.set(me, rookery.StatusOffline) // looks the same
		w.pass(2 * time.Second)
		phone.want()
		w.wantInbox(you, "10001:20")
	}, 10001, 10002)
}

func TestOfWaitingStatusesTheLatestIsPushed(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		w.befriend(10003, 10002)
		phone := w.attach(w.signIn(10002, home))
		w.pass(1500 * time.Millisecond)
		me, third := w.device(10001, "desk"), w.signIn(10003, home)
		phone.want("#1 10001:10")
		w.set(me, rookery.StatusAway)
		w.set(third, rookery.StatusAway)
		w.set(me, rookery.StatusBusy, rookery.StatusOnline, rookery.StatusTalkToMe)
		w.pass(1500 * time.Millisecond)
		phone.want("#2 10003:30")
		w.pass(1500 * time.Millisecond)
		phone.want("#3 10001:60")
		w.pass(time.Minute)
		phone.want()
	}, 10001, 10002, 10003)
}

// What a poll is not told of, because it knows no difference, is not told to it
// later either.
func TestWhatOnlyPushesShowIsLostWithTheConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.device(10001, "desk")
		you := w.device(10002, "phone")
		w.wantInbox(me, "10002:10")
		phone := w.attach(you)
		w.set(me, rookery.StatusAway)
		phone.want("#1 10001:30")
		w.set(me, rookery.StatusBusy) // waits for its turn
		phone.cut()
		w.wantInbox(you)
		w.set(me, rookery.StatusTalkToMe, rookery.StatusOnline)
		w.wantInbox(you, "10001:10")
		w.set(me, rookery.StatusTalkToMe)
		w.attach(you).want() // there was no connection then
	}, 10001, 10002)
}

func TestEverySessionOfAnAccountHearsOfAFriend(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	phone, desk, address := w.device(10002, "phone"), w.device(10002, "desk"), w.signIn(10002, cafe)
	me := w.signIn(10001, home)
	w.wantInbox(phone, "10001:10")
	w.wantInbox(address, "10001:10")
	w.set(me, rookery.StatusAway)
	w.wantInbox(phone, "10001:30")
	w.wantInbox(desk, "10001:30")
}

func TestAnAccountIsOnlineWhileOneOfItsSessionsIs(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		_, token := w.token(10001, "phone")
		w.signIn(10001, home)
		you := w.device(10002, "phone")
		phone := w.attach(you)
		w.SignOut(w.Context(), 10001, service.Caller{Address: home})
		phone.want()
		w.SignOut(w.Context(), 10001, service.Caller{Token: token})
		phone.want("#1 10001:20")
	}, 10001, 10002)
}

func TestADroppedConnectionDoesNotFlicker(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		me, you := w.device(10001, "phone"), w.device(10002, "phone")
		phone := w.attach(you)
		mine := w.attach(me)
		mine.cut()
		w.pass(299 * time.Second)
		_, err := w.Heard(you)
		w.must(err)
		mine = w.attach(me)
		mine.cut()
		phone.want()
		w.pass(time.Second) // a connection alone is no request
		phone.want("#1 10001:20")
	}, 10001, 10002)
}

func TestWhatASessionDidNotHearInItsTimeIsNoNews(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	w.befriend(10001, 10002)
	w.befriend(10003, 10002)
	w.signIn(10002, cafe)
	w.signIn(10001, home)
	w.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
	you := w.signIn(10002, cafe)
	w.wantInbox(you)
	w.signIn(10003, home)
	w.must(w.Unfriend(t.Context(), you, 10003, rookery.RequestKey{}))
	w.wantInbox(you) // nor is what a friend did who is none any more
}

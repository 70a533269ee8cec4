package service_test

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) setStatuses(session *service.Session, statuses ...rookery.Status) {
	w.Helper()
	for _, status := range statuses {
		w.must(w.SetStatus(w.Context(), session, status, rookery.RequestKey{}))
	}
}

func TestPushesShowEveryStatusAndPollsTheBasicOnes(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		phone, you := w.subscribe(w.signInDevice(10002, "phone")), w.signIn(10002, cafe)
		phone.subscription.Confirm(0)
		me := w.signInDevice(10001, "desk")
		phone.wantPushed("#1 10001:10")
		w.wantInbox(you, "10001:10")
		w.passTime(2 * time.Second)
		w.setStatuses(me, rookery.StatusTalkToMe)
		phone.wantPushed("#2 10001:60")
		w.wantInbox(you) // the friend has seen no change
		w.passTime(2 * time.Second)
		w.setStatuses(me, rookery.StatusDoNotDisturb)
		phone.wantPushed("#3 10001:70")
		w.wantInbox(you, "10001:30")
		w.passTime(2 * time.Second)
		w.setStatuses(me, rookery.StatusInvisible)
		phone.wantPushed("#4 10001:20")
		w.setStatuses(me, rookery.StatusOffline) // invisible and offline look the same
		w.passTime(2 * time.Second)
		phone.wantPushed()
		w.wantInbox(you, "10001:20")
	}, 10001, 10002)
}

func TestOfWaitingStatusesTheLatestIsPushed(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		w.befriend(10003, 10002)
		phone := w.subscribe(w.signIn(10002, home))
		w.passTime(1500 * time.Millisecond)
		me, third := w.signInDevice(10001, "desk"), w.signIn(10003, home)
		phone.wantPushed("#1 10001:10")
		w.setStatuses(me, rookery.StatusAway)
		w.setStatuses(third, rookery.StatusAway)
		w.setStatuses(me, rookery.StatusBusy, rookery.StatusOnline, rookery.StatusTalkToMe)
		w.passTime(1500 * time.Millisecond)
		phone.wantPushed("#2 10003:30")
		w.passTime(1500 * time.Millisecond)
		phone.wantPushed("#3 10001:60")
		w.passTime(time.Minute)
		phone.wantPushed()
	}, 10001, 10002, 10003)
}

// A poll omits changes between statuses that it cannot tell apart, and no later event makes up for
// them.
func TestWhatOnlyPushesShowIsLostWithTheConnection(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.signInDevice(10001, "desk")
		you := w.signInDevice(10002, "phone")
		w.wantInbox(me, "10002:10")
		phone := w.subscribe(you)
		w.setStatuses(me, rookery.StatusAway)
		phone.wantPushed("#1 10001:30")
		w.setStatuses(me, rookery.StatusBusy) // waits for its turn
		phone.disconnect()
		w.wantInbox(you)
		w.setStatuses(me, rookery.StatusTalkToMe, rookery.StatusOnline)
		w.wantInbox(you, "10001:10")
		w.setStatuses(me, rookery.StatusTalkToMe)
		w.subscribe(you).wantPushed() // no connection existed then
	}, 10001, 10002)
}

func TestEverySessionOfAnAccountHearsOfAFriend(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	phone, desk, address := w.signInDevice(10002, "phone"), w.signInDevice(10002, "desk"), w.signIn(10002, cafe)
	me := w.signIn(10001, home)
	w.wantInbox(phone, "10001:10")
	w.wantInbox(address, "10001:10")
	w.setStatuses(me, rookery.StatusAway)
	w.wantInbox(phone, "10001:30")
	w.wantInbox(desk, "10001:30")
}

func TestAnAccountIsOnlineWhileOneOfItsSessionsIs(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		_, token := w.signInDeviceToken(10001, "phone")
		w.signIn(10001, home)
		you := w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		w.SignOut(w.Context(), 10001, service.Caller{Address: home})
		phone.wantPushed()
		w.SignOut(w.Context(), 10001, service.Caller{Token: token})
		phone.wantPushed("#1 10001:20")
	}, 10001, 10002)
}

func TestADroppedConnectionDoesNotFlicker(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		me, you := w.signInDevice(10001, "phone"), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		mine := w.subscribe(me)
		mine.disconnect()
		w.passTime(299 * time.Second)
		_, err := w.RefreshSession(you)
		w.must(err)
		mine = w.subscribe(me)
		mine.disconnect()
		phone.wantPushed()
		w.passTime(time.Second) // a connection is not a request
		phone.wantPushed("#1 10001:20")
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
	w.must(w.RemoveFriend(t.Context(), you, 10003, rookery.RequestKey{}))
	w.wantInbox(you) // nor a notice about a former friend
}

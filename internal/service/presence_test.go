package service_test

import (
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (f *fixture) setStatuses(session *service.Session, statuses ...rookery.Status) {
	f.Helper()
	for _, status := range statuses {
		f.must(f.SetStatus(f.Context(), session, status, rookery.RequestKey{}))
	}
}

func TestPushesShowEveryStatusAndPollsBasicOnes(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		phone, you := f.subscribe(f.signInDevice(10002, "phone")), f.signIn(10002, cafe)
		phone.subscription.Confirm(0)
		me := f.signInDevice(10001, "desk")
		phone.wantPushed("#1 10001:10")
		f.wantInbox(you, "10001:10")
		f.passTime(2 * time.Second)
		f.setStatuses(me, rookery.StatusTalkToMe)
		phone.wantPushed("#2 10001:60")
		f.wantInbox(you) // the friend has seen no change
		f.passTime(2 * time.Second)
		f.setStatuses(me, rookery.StatusDoNotDisturb)
		phone.wantPushed("#3 10001:70")
		f.wantInbox(you, "10001:30")
		f.passTime(2 * time.Second)
		f.setStatuses(me, rookery.StatusInvisible)
		phone.wantPushed("#4 10001:20")
		f.setStatuses(me, rookery.StatusOffline) // invisible and offline look the same
		f.passTime(2 * time.Second)
		phone.wantPushed()
		f.wantInbox(you, "10001:20")
	}, 10001, 10002)
}

func TestOnlyLatestPendingStatusIsPushed(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		f.befriend(10003, 10002)
		phone := f.subscribe(f.signIn(10002, home))
		f.passTime(1500 * time.Millisecond)
		me, third := f.signInDevice(10001, "desk"), f.signIn(10003, home)
		phone.wantPushed("#1 10001:10")
		f.setStatuses(me, rookery.StatusAway)
		f.setStatuses(third, rookery.StatusAway)
		f.setStatuses(me, rookery.StatusBusy, rookery.StatusOnline, rookery.StatusTalkToMe)
		f.passTime(1500 * time.Millisecond)
		phone.wantPushed("#2 10003:30")
		f.passTime(1500 * time.Millisecond)
		phone.wantPushed("#3 10001:60")
		f.passTime(time.Minute)
		phone.wantPushed()
	}, 10001, 10002, 10003)
}

// A poll omits changes between statuses that it cannot tell apart, and no later event makes up for
// them.
func TestExtendedStatusIsLostWithConnection(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		me := f.signInDevice(10001, "desk")
		you := f.signInDevice(10002, "phone")
		f.wantInbox(me, "10002:10")
		phone := f.subscribe(you)
		f.setStatuses(me, rookery.StatusAway)
		phone.wantPushed("#1 10001:30")
		f.setStatuses(me, rookery.StatusBusy) // waits for its turn
		phone.disconnect()
		f.wantInbox(you)
		f.setStatuses(me, rookery.StatusTalkToMe, rookery.StatusOnline)
		f.wantInbox(you, "10001:10")
		f.setStatuses(me, rookery.StatusTalkToMe)
		f.subscribe(you).wantPushed() // no connection existed then
	}, 10001, 10002)
}

func TestEverySessionGetsStatusNotices(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	phone, desk, address := f.signInDevice(10002, "phone"), f.signInDevice(10002, "desk"), f.signIn(10002, cafe)
	me := f.signIn(10001, home)
	f.wantInbox(phone, "10001:10")
	f.wantInbox(address, "10001:10")
	f.setStatuses(me, rookery.StatusAway)
	f.wantInbox(phone, "10001:30")
	f.wantInbox(desk, "10001:30")
}

func TestAccountIsOnlineUntilLastSessionEnds(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		_, token := f.signInDeviceToken(10001, "phone")
		f.signIn(10001, home)
		you := f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		f.SignOut(f.Context(), 10001, service.Caller{Address: home})
		phone.wantPushed()
		f.SignOut(f.Context(), 10001, service.Caller{Token: token})
		phone.wantPushed("#1 10001:20")
	}, 10001, 10002)
}

func TestDroppedConnectionChangesNoStatus(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		me, you := f.signInDevice(10001, "phone"), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		mine := f.subscribe(me)
		mine.disconnect()
		f.passTime(299 * time.Second)
		_, err := f.RefreshSession(you)
		f.must(err)
		mine = f.subscribe(me)
		mine.disconnect()
		phone.wantPushed()
		f.passTime(time.Second) // a connection is not a request
		phone.wantPushed("#1 10001:20")
	}, 10001, 10002)
}

func TestNewSessionGetsNoEarlierNotices(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003)
	f.befriend(10001, 10002)
	f.befriend(10003, 10002)
	f.signIn(10002, cafe)
	f.signIn(10001, home)
	f.SignOut(t.Context(), 10002, service.Caller{Address: cafe})
	you := f.signIn(10002, cafe)
	f.wantInbox(you)
	f.signIn(10003, home)
	f.must(f.RemoveFriend(t.Context(), you, 10003, rookery.RequestKey{}))
	f.wantInbox(you) // nor a notice about a former friend
}

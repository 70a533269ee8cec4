package service_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (f *fixture) block(session *service.Session, otherUIN rookery.UIN) error {
	return f.Block(f.Context(), session, otherUIN, f.NewRequestKey(session, "", nil))
}

func (f *fixture) unblock(session *service.Session, otherUIN rookery.UIN) error {
	return f.Unblock(f.Context(), session, otherUIN, f.NewRequestKey(session, "", nil))
}

func (f *fixture) wantFriends(session *service.Session, want ...rookery.UIN) {
	f.Helper()
	got, _, err := f.Friends(f.Context(), session, service.PageQuery{Limit: 100})
	f.must(err)
	if !slices.Equal(got, want) {
		f.Errorf("Friends returned %v, want %v", got, want)
	}
}

func TestBlockedAccountCannotSend(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signInDevice(10001, "desk"), f.signIn(10002, cafe)
	f.sendTexts(you, 10001, "before")
	f.must(f.block(me, 10002))
	f.wantCode(f.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	f.restart(0)
	you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	f.wantCode(f.send(you, "", 10001, "still"), rookery.CodeRefused)
	me = f.signInDevice(10001, "desk")
	f.must(f.unblock(me, 10002))
	f.sendTexts(you, 10001, "after")
	f.wantInbox(me, "before", "after")
}

func TestBlockEndsFriendshipAndHidesPresence(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003)
	f.befriend(10001, 10002)
	f.befriend(10001, 10003)
	you := f.signIn(10002, cafe)
	me := f.signInDevice(10001, "desk")
	f.inbox(you)
	f.must(f.block(me, 10002))
	f.wantFriends(me, 10003)
	f.wantFriends(you)
	f.wantInbox(you, "10001:20")
	f.must(f.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	f.wantInbox(you)
	outcome, err := f.AddFriend(t.Context(), you, 10001, rookery.RequestKey{})
	f.must(err)
	if outcome != rookery.OutcomeClosed {
		t.Errorf("AddFriend of a blocking account returned %v, want OutcomeClosed", outcome)
	}
	f.wantCode(f.RequestFriendship(t.Context(), you, 10001, "please", rookery.RequestKey{}), rookery.CodeRefused)
	_, err = f.AddFriend(t.Context(), me, 10002, rookery.RequestKey{})
	f.wantCode(err, rookery.CodeRefused)
}

func TestBlockNotifiesOnlyAccountsThatSawPresence(t *testing.T) {
	for name, prepare := range map[string]func(f *fixture, me *service.Session){
		"no friend": func(*fixture, *service.Session) {},
		"invisible": func(f *fixture, me *service.Session) {
			f.must(f.SetStatus(f.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}))
			f.befriend(10001, 10002)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 10001, 10002)
			you, me := f.signIn(10002, cafe), f.signInDevice(10001, "desk")
			prepare(f, me)
			f.must(f.block(me, 10002))
			f.wantInbox(you)
		})
	}
}

func TestBlockIsPushedAtOnce(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		me := f.signInDevice(10001, "desk")
		phone := f.subscribe(f.signInDevice(10002, "phone"))
		f.must(f.block(me, 10002))
		phone.wantPushed("#1 10001:20")
	}, 10001, 10002)
}

func TestBlockRefusesSelfAndSystem(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signInDevice(10001, "desk")
	f.wantCode(f.block(me, 10001), rookery.CodeParameter)
	f.wantCode(f.unblock(me, 10001), rookery.CodeParameter)
	f.wantCode(f.block(me, rookery.System), rookery.CodeRefused)
	f.wantCode(f.block(me, 10777), rookery.CodeNoAccount)
}

func TestRepeatedBlockDoesNotUndoUnblock(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signInDevice(10001, "desk")
	requestKey := f.NewRequestKey(me, "sequence", []byte("block"))
	f.must(f.Block(t.Context(), me, 10002, requestKey))
	f.must(f.unblock(me, 10002))
	f.must(f.Block(t.Context(), me, 10002, requestKey))
	f.wantBlocked(me)
}

func (f *fixture) wantBlocked(session *service.Session, want ...rookery.UIN) {
	f.Helper()
	got, err := f.BlockedAccounts(f.Context(), session)
	f.must(err)
	if !slices.Equal(got, want) {
		f.Errorf("BlockedAccounts returned %v, want %v", got, want)
	}
}

func TestAccountCanBlockAThousandOthers(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signInDevice(10001, "desk")
	var want []rookery.UIN
	for i := range rookery.UIN(1000) {
		f.createAccount(rookery.NewAccount(20000+i, "nick", f.now()))
		f.must(f.block(me, 20000+i))
		want = append(want, 20000+i)
	}
	f.createAccount(rookery.NewAccount(30000, "nick", f.now()))
	f.wantCode(f.block(me, 30000), rookery.CodeRefused)
	f.must(f.block(me, 20000)) // changes nothing
	f.wantBlocked(me, want...)
	f.must(f.unblock(me, 20000))
	f.must(f.block(me, 30000))
}

func TestFindAccountsOmitsBlockingAccounts(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signInDevice(10001, "desk"), f.signIn(10002, cafe)
	findAccounts := func() []rookery.UIN {
		page, _, err := f.FindAccounts(t.Context(), you, rookery.ProfileQuery{}, service.PageQuery{Limit: 10})
		f.must(err)
		uins := []rookery.UIN{}
		for _, contact := range page {
			uins = append(uins, contact.UIN)
		}
		return uins
	}
	both := []rookery.UIN{10001, 10002}
	if got := findAccounts(); !slices.Equal(got, both) {
		t.Errorf("FindAccounts returned %v before the block, want %v", got, both)
	}
	f.must(f.block(me, 10002))
	if got := findAccounts(); !slices.Equal(got, both[1:]) {
		t.Errorf("FindAccounts returned %v during the block, want %v", got, both[1:])
	}
	f.must(f.unblock(me, 10002))
	if got := findAccounts(); !slices.Equal(got, both) {
		t.Errorf("FindAccounts returned %v after the block, want %v", got, both)
	}
}

func TestBefriendEndsBlock(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signInDevice(10001, "desk"), f.signIn(10002, cafe)
	f.must(f.block(me, 10002))
	f.wantCode(f.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	f.befriend(10001, 10002)
	f.sendTexts(you, 10001, "again")
	f.wantFriends(me, 10002)
}

func TestFriendRequestsAreReturnedInPages(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003, 10004)
	me := f.signInDevice(10001, "desk")
	for _, uin := range []rookery.UIN{10002, 10003, 10004} {
		f.must(f.RequestFriendship(t.Context(), f.signIn(uin, cafe), 10001, fmt.Sprint("words of ", uin),
			rookery.RequestKey{}))
	}
	for after, want := range map[rookery.UIN]string{
		0:     "10002 words of 10002, 10003 words of 10003, false",
		10002: "10003 words of 10003, 10004 words of 10004, true",
		10004: "true",
	} {
		page, isLastPage, err := f.FriendRequests(t.Context(), me, service.PageQuery{After: after, Limit: 2})
		f.must(err)
		got := ""
		for _, r := range page {
			got += fmt.Sprintf("%d %s, ", r.From, r.Text)
			if !r.Time.Equal(f.now()) {
				t.Errorf("the request has time %v, want %v", r.Time, f.now())
			}
		}
		if got += fmt.Sprint(isLastPage); got != want {
			t.Errorf("the page after %d is %q, want %q", after, got, want)
		}
	}
	f.must(f.RejectRequest(t.Context(), me, 10003, "no", rookery.RequestKey{}))
	page, _, err := f.FriendRequests(t.Context(), me, service.PageQuery{Limit: 10})
	f.must(err)
	if len(page) != 2 {
		t.Errorf("FriendRequests returned %+v after an answer, want 2", page)
	}
}

func TestRepeatedAccountChangeHasNoEffect(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signInDevice(10001, "desk")
	set := func(seq, nick string) error {
		return f.ChangeOwnAccount(t.Context(), me, func(account *rookery.Account) error {
			account.Profile.Nick = nick
			return nil
		}, f.NewRequestKey(me, seq, []byte(nick)))
	}
	f.must(set("sequence 1", "first"))
	f.must(set("sequence 2", "second"))
	f.must(set("sequence 1", "first"))
	visible, err := f.VisibleAccount(t.Context(), me, 10001)
	f.must(err)
	if visible.Profile.Nick != "second" {
		t.Errorf("the nick is %q, want second", visible.Profile.Nick)
	}
	f.wantCode(set("sequence 3", ""), rookery.CodeParameter)
	f.wantCode(set("sequence 4", string(make([]byte, 97))), rookery.CodeParameter)
	refuse := rookery.Errorf(rookery.CodeParameter, "no")
	f.wantCode(f.ChangeOwnAccount(t.Context(), me, func(*rookery.Account) error { return refuse },
		rookery.RequestKey{}), rookery.CodeParameter)
}

func TestConflictingChangeIsRetried(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signInDevice(10001, "desk")
	tries := 0
	f.must(f.ChangeOwnAccount(t.Context(), me, func(account *rookery.Account) error {
		if tries++; tries == 1 {
			_, err := f.ChangeAccount(t.Context(), 10001, func(account *rookery.Account) error {
				account.Profile.Age = 9
				return nil
			})
			f.must(err)
		}
		account.Profile.City = "Harbin"
		return nil
	}, f.NewRequestKey(me, "sequence", nil)))
	visible, err := f.VisibleAccount(t.Context(), me, 10001)
	f.must(err)
	if tries != 2 || visible.Profile.Age != 9 || visible.Profile.City != "Harbin" {
		t.Errorf("after %d tries the profile is %+v, want 2 tries and both changes", tries, visible.Profile)
	}
}

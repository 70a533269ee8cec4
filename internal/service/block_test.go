package service_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) block(session *service.Session, otherUIN rookery.UIN) error {
	return w.Block(w.Context(), session, otherUIN, w.NewRequestKey(session, "", nil))
}

func (w *world) unblock(session *service.Session, otherUIN rookery.UIN) error {
	return w.Unblock(w.Context(), session, otherUIN, w.NewRequestKey(session, "", nil))
}

func (w *world) wantFriends(session *service.Session, want ...rookery.UIN) {
	w.Helper()
	got, _, err := w.Friends(w.Context(), session, service.PageQuery{Limit: 100})
	w.must(err)
	if !slices.Equal(got, want) {
		w.Errorf("friends are %v, want %v", got, want)
	}
}

func TestWhoIsBlockedCannotWrite(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signInDevice(10001, "desk"), w.signIn(10002, cafe)
	w.sendTexts(you, 10001, "before")
	w.must(w.block(me, 10002))
	w.wantCode(w.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	w.restart(0)
	you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	w.wantCode(w.send(you, "", 10001, "still"), rookery.CodeRefused)
	me = w.signInDevice(10001, "desk")
	w.must(w.unblock(me, 10002))
	w.sendTexts(you, 10001, "after")
	w.wantInbox(me, "before", "after")
}

func TestABlockEndsFriendshipAndHidesPresence(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	w.befriend(10001, 10002)
	w.befriend(10001, 10003)
	you := w.signIn(10002, cafe)
	me := w.signInDevice(10001, "desk")
	w.inbox(you)
	w.must(w.block(me, 10002))
	w.wantFriends(me, 10003)
	w.wantFriends(you)
	w.wantInbox(you, "10001:20")
	w.must(w.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	w.wantInbox(you)
	outcome, err := w.AddFriend(t.Context(), you, 10001, rookery.RequestKey{})
	w.must(err)
	if outcome != rookery.OutcomeClosed {
		t.Errorf("adding an account that blocks me: %v", outcome)
	}
	w.wantCode(w.RequestFriendship(t.Context(), you, 10001, "please", rookery.RequestKey{}), rookery.CodeRefused)
	_, err = w.AddFriend(t.Context(), me, 10002, rookery.RequestKey{})
	w.wantCode(err, rookery.CodeRefused)
}

func TestABlockTellsOfPresenceOnlyWhoSawIt(t *testing.T) {
	for name, prepare := range map[string]func(w *world, me *service.Session){
		"no friend": func(*world, *service.Session) {},
		"invisible": func(w *world, me *service.Session) {
			w.must(w.SetStatus(w.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}))
			w.befriend(10001, 10002)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10001, 10002)
			you, me := w.signIn(10002, cafe), w.signInDevice(10001, "desk")
			prepare(w, me)
			w.must(w.block(me, 10002))
			w.wantInbox(you)
		})
	}
}

func TestABlockIsSeenAtOnceOnALiveConnection(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.signInDevice(10001, "desk")
		phone := w.subscribe(w.signInDevice(10002, "phone"))
		w.must(w.block(me, 10002))
		phone.wantPushed("#1 10001:20")
	}, 10001, 10002)
}

func TestOneCannotBlockOneselfNorTheServer(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signInDevice(10001, "desk")
	w.wantCode(w.block(me, 10001), rookery.CodeParameter)
	w.wantCode(w.unblock(me, 10001), rookery.CodeParameter)
	w.wantCode(w.block(me, rookery.System), rookery.CodeRefused)
	w.wantCode(w.block(me, 10777), rookery.CodeNoAccount)
}

func TestARepeatedBlockDoesNotUndoAnUnblock(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signInDevice(10001, "desk")
	requestKey := w.NewRequestKey(me, "sequence", []byte("block"))
	w.must(w.Block(t.Context(), me, 10002, requestKey))
	w.must(w.unblock(me, 10002))
	w.must(w.Block(t.Context(), me, 10002, requestKey))
	w.wantBlocked(me)
}

func (w *world) wantBlocked(session *service.Session, want ...rookery.UIN) {
	w.Helper()
	got, err := w.BlockedAccounts(w.Context(), session)
	w.must(err)
	if !slices.Equal(got, want) {
		w.Errorf("blocked are %v, want %v", got, want)
	}
}

func TestAThousandCanBeBlocked(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signInDevice(10001, "desk")
	var want []rookery.UIN
	for i := range rookery.UIN(1000) {
		w.createAccount(rookery.NewAccount(20000+i, "nick", w.now()))
		w.must(w.block(me, 20000+i))
		want = append(want, 20000+i)
	}
	w.createAccount(rookery.NewAccount(30000, "nick", w.now()))
	w.wantCode(w.block(me, 30000), rookery.CodeRefused)
	w.must(w.block(me, 20000)) // changes nothing
	w.wantBlocked(me, want...)
	w.must(w.unblock(me, 20000))
	w.must(w.block(me, 30000))
}

func TestASearchDoesNotFindWhoBlocksTheSearcher(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signInDevice(10001, "desk"), w.signIn(10002, cafe)
	found := func() []rookery.UIN {
		page, _, err := w.FindAccounts(t.Context(), you, rookery.ProfileQuery{}, service.PageQuery{Limit: 10})
		w.must(err)
		uins := []rookery.UIN{}
		for _, contact := range page {
			uins = append(uins, contact.UIN)
		}
		return uins
	}
	both := []rookery.UIN{10001, 10002}
	if got := found(); !slices.Equal(got, both) {
		t.Errorf("found before the block: %v", got)
	}
	w.must(w.block(me, 10002))
	if got := found(); !slices.Equal(got, both[1:]) {
		t.Errorf("found are %v", got)
	}
	w.must(w.unblock(me, 10002))
	if got := found(); !slices.Equal(got, both) {
		t.Errorf("found after it: %v", got)
	}
}

func TestTheOperatorBefriendsWhomeverBlocks(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signInDevice(10001, "desk"), w.signIn(10002, cafe)
	w.must(w.block(me, 10002))
	w.wantCode(w.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	w.befriend(10001, 10002)
	w.sendTexts(you, 10001, "again")
	w.wantFriends(me, 10002)
}

func TestRequestsWaitInPages(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003, 10004)
	me := w.signInDevice(10001, "desk")
	for _, uin := range []rookery.UIN{10002, 10003, 10004} {
		w.must(w.RequestFriendship(t.Context(), w.signIn(uin, cafe), 10001, fmt.Sprint("words of ", uin),
			rookery.RequestKey{}))
	}
	for after, want := range map[rookery.UIN]string{
		0:     "10002 words of 10002, 10003 words of 10003, false",
		10002: "10003 words of 10003, 10004 words of 10004, true",
		10004: "true",
	} {
		page, isLastPage, err := w.FriendRequests(t.Context(), me, service.PageQuery{After: after, Limit: 2})
		w.must(err)
		got := ""
		for _, r := range page {
			got += fmt.Sprintf("%d %s, ", r.From, r.Text)
			if !r.Time.Equal(w.now()) {
				t.Errorf("the time is %v", r.Time)
			}
		}
		if got += fmt.Sprint(isLastPage); got != want {
			t.Errorf("after %d: %q, want %q", after, got, want)
		}
	}
	w.must(w.RejectRequest(t.Context(), me, 10003, "no", rookery.RequestKey{}))
	page, _, err := w.FriendRequests(t.Context(), me, service.PageQuery{Limit: 10})
	w.must(err)
	if len(page) != 2 {
		t.Errorf("after an answer wait %+v", page)
	}
}

func TestOnesOwnAccountIsChangedOnceForEqualRequests(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signInDevice(10001, "desk")
	set := func(seq, nick string) error {
		return w.ChangeOwnAccount(t.Context(), me, func(account *rookery.Account) error {
			account.Profile.Nick = nick
			return nil
		}, w.NewRequestKey(me, seq, []byte(nick)))
	}
	w.must(set("sequence 1", "first"))
	w.must(set("sequence 2", "second"))
	w.must(set("sequence 1", "first"))
	visible, err := w.VisibleAccount(t.Context(), me, 10001)
	w.must(err)
	if visible.Profile.Nick != "second" {
		t.Errorf("the nick is %q", visible.Profile.Nick)
	}
	w.wantCode(set("sequence 3", ""), rookery.CodeParameter)
	w.wantCode(set("sequence 4", string(make([]byte, 97))), rookery.CodeParameter)
	refuse := rookery.Errorf(rookery.CodeParameter, "no")
	w.wantCode(w.ChangeOwnAccount(t.Context(), me, func(*rookery.Account) error { return refuse },
		rookery.RequestKey{}), rookery.CodeParameter)
}

func TestAConflictingChangeIsMadeAgain(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signInDevice(10001, "desk")
	tries := 0
	w.must(w.ChangeOwnAccount(t.Context(), me, func(account *rookery.Account) error {
		if tries++; tries == 1 {
			_, err := w.ChangeAccount(t.Context(), 10001, func(account *rookery.Account) error {
				account.Profile.Age = 9
				return nil
			})
			w.must(err)
		}
		account.Profile.City = "Harbin"
		return nil
	}, w.NewRequestKey(me, "sequence", nil)))
	visible, err := w.VisibleAccount(t.Context(), me, 10001)
	w.must(err)
	if tries != 2 || visible.Profile.Age != 9 || visible.Profile.City != "Harbin" {
		t.Errorf("after %d tries: %+v", tries, visible.Profile)
	}
}

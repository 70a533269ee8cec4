package service_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) block(session *service.Session, other rookery.UIN) error {
	return w.Block(w.Context(), session, other, w.Mark(session, "", nil))
}

func (w *world) unblock(session *service.Session, other rookery.UIN) error {
	return w.Unblock(w.Context(), session, other, w.Mark(session, "", nil))
}

func (w *world) wantFriends(session *service.Session, want ...rookery.UIN) {
	w.Helper()
	got, _, err := w.Friends(w.Context(), session, service.Page{Limit: 100})
	w.must(err)
	if !slices.Equal(got, want) {
		w.Errorf("friends are %v, want %v", got, want)
	}
}

func TestWhoIsBlockedCannotWrite(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.device(10001, "desk"), w.signIn(10002, cafe)
	w.says(you, 10001, "before")
	w.must(w.block(me, 10002))
	w.code(w.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	w.restart(0)
	you, err := w.Session(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	w.code(w.send(you, "", 10001, "still"), rookery.CodeRefused)
	me = w.device(10001, "desk")
	w.must(w.unblock(me, 10002))
	w.says(you, 10001, "after")
	w.wantInbox(me, "before", "after")
}

func TestABlockEndsFriendshipAndHidesPresence(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	w.befriend(10001, 10002)
	w.befriend(10001, 10003)
	you := w.signIn(10002, cafe)
	me := w.device(10001, "desk")
	w.inbox(you)
	w.must(w.block(me, 10002))
	w.wantFriends(me, 10003)
	w.wantFriends(you)
	w.wantInbox(you, "10001:20")
	w.must(w.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	w.wantInbox(you)
	outcome, err := w.Add(t.Context(), you, 10001, rookery.RequestKey{})
	w.must(err)
	if outcome != rookery.OutcomeClosed {
		t.Errorf("adding who blocks me: %v", outcome)
	}
	w.code(w.Ask(t.Context(), you, 10001, "please", rookery.RequestKey{}), rookery.CodeRefused)
	_, err = w.Add(t.Context(), me, 10002, rookery.RequestKey{})
	w.code(err, rookery.CodeRefused)
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
			you, me := w.signIn(10002, cafe), w.device(10001, "desk")
			prepare(w, me)
			w.must(w.block(me, 10002))
			w.wantInbox(you)
		})
	}
}

func TestABlockIsSeenAtOnceOnALiveConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.device(10001, "desk")
		phone := w.attach(w.device(10002, "phone"))
		w.must(w.block(me, 10002))
		phone.want("#1 10001:20")
	}, 10001, 10002)
}

func TestOneCannotBlockOneselfNorTheServer(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.device(10001, "desk")
	w.code(w.block(me, 10001), rookery.CodeParameter)
	w.code(w.unblock(me, 10001), rookery.CodeParameter)
	w.code(w.block(me, rookery.System), rookery.CodeRefused)
	w.code(w.block(me, 10777), rookery.CodeNoAccount)
}

func TestARepeatedBlockDoesNotUndoAnUnblock(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.device(10001, "desk")
	mark := w.Mark(me, "sequence", []byte("block"))
	w.must(w.Block(t.Context(), me, 10002, mark))
	w.must(w.unblock(me, 10002))
	w.must(w.Block(t.Context(), me, 10002, mark))
	w.wantBlocked(me)
}

func (w *world) wantBlocked(session *service.Session, want ...rookery.UIN) {
	w.Helper()
	got, err := w.Blocked(w.Context(), session)
	w.must(err)
	if !slices.Equal(got, want) {
		w.Errorf("blocked are %v, want %v", got, want)
	}
}

func TestAThousandCanBeBlocked(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.device(10001, "desk")
	var want []rookery.UIN
	for i := range rookery.UIN(1000) {
		w.account(rookery.NewAccount(20000+i, "nick", w.now()))
		w.must(w.block(me, 20000+i))
		want = append(want, 20000+i)
	}
	w.account(rookery.NewAccount(30000, "nick", w.now()))
	w.code(w.block(me, 30000), rookery.CodeRefused)
	w.must(w.block(me, 20000)) // again: nothing new
	w.wantBlocked(me, want...)
	w.must(w.unblock(me, 20000))
	w.must(w.block(me, 30000))
}

func TestASearchDoesNotFindWhoBlocksTheSearcher(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.device(10001, "desk"), w.signIn(10002, cafe)
	found := func() []rookery.UIN {
		page, _, err := w.Find(t.Context(), you, rookery.ProfileQuery{}, service.Page{Limit: 10})
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
	me, you := w.device(10001, "desk"), w.signIn(10002, cafe)
	w.must(w.block(me, 10002))
	w.code(w.send(you, "", 10001, "blocked"), rookery.CodeRefused)
	w.befriend(10001, 10002)
	w.says(you, 10001, "again")
	w.wantFriends(me, 10002)
}

func TestRequestsWaitInPages(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003, 10004)
	me := w.device(10001, "desk")
	for _, uin := range []rookery.UIN{10002, 10003, 10004} {
		w.must(w.Ask(t.Context(), w.signIn(uin, cafe), 10001, fmt.Sprint("words of ", uin), rookery.RequestKey{}))
	}
	for after, want := range map[rookery.UIN]string{
		0:     "10002 words of 10002, 10003 words of 10003, false",
		10002: "10003 words of 10003, 10004 words of 10004, true",
		10004: "true",
	} {
		page, last, err := w.Requests(t.Context(), me, service.Page{After: after, Limit: 2})
		w.must(err)
		got := ""
		for _, r := range page {
			got += fmt.Sprintf("%d %s, ", r.From, r.Text)
			if !r.Time.Equal(w.now()) {
				t.Errorf("the time is %v", r.Time)
			}
		}
		if got += fmt.Sprint(last); got != want {
			t.Errorf("after %d: %q, want %q", after, got, want)
		}
	}
	w.must(w.Reject(t.Context(), me, 10003, "no", rookery.RequestKey{}))
	page, _, err := w.Requests(t.Context(), me, service.Page{Limit: 10})
	w.must(err)
	if len(page) != 2 {
		t.Errorf("after an answer wait %+v", page)
	}
}

func TestOnesOwnAccountIsChangedOnceForEqualRequests(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.device(10001, "desk")
	set := func(seq, nick string) error {
		return w.ChangeOwn(t.Context(), me, func(account *rookery.Account) error {
			account.Profile.Nick = nick
			return nil
		}, w.Mark(me, seq, []byte(nick)))
	}
	w.must(set("sequence 1", "first"))
	w.must(set("sequence 2", "second"))
	w.must(set("sequence 1", "first"))
	info, err := w.Info(t.Context(), me, 10001)
	w.must(err)
	if info.Profile.Nick != "second" {
		t.Errorf("the nick is %q", info.Profile.Nick)
	}
	w.code(set("sequence 3", ""), rookery.CodeParameter)
	w.code(set("sequence 4", string(make([]byte, 97))), rookery.CodeParameter)
	refuse := rookery.Errorf(rookery.CodeParameter, "no")
	w.code(w.ChangeOwn(t.Context(), me, func(*rookery.Account) error { return refuse }, rookery.RequestKey{}), rookery.CodeParameter)
}

func TestAConflictingChangeIsMadeAgain(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.device(10001, "desk")
	tries := 0
	w.must(w.ChangeOwn(t.Context(), me, func(account *rookery.Account) error {
		if tries++; tries == 1 {
			_, err := w.ChangeAccount(t.Context(), 10001, func(account *rookery.Account) error {
				account.Profile.Age = 9
				return nil
			})
			w.must(err)
		}
		account.Profile.City = "Harbin"
		return nil
	}, w.Mark(me, "sequence", nil)))
	info, err := w.Info(t.Context(), me, 10001)
	w.must(err)
	if tries != 2 || info.Profile.Age != 9 || info.Profile.City != "Harbin" {
		t.Errorf("after %d tries: %+v", tries, info.Profile)
	}
}

package service_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// history returns a page as text: "number:text" for each entry, the read mark, and whether it is the
// oldest page.
func (w *world) history(session *service.Session, query rookery.HistoryQuery) string {
	w.Helper()
	history, err := w.History(w.Context(), session, query)
	w.must(err)
	var b strings.Builder
	for _, entry := range history.Entries {
		if fmt.Fprintf(&b, "%d:%s ", entry.Number, entry.Text); entry.Kind == rookery.KindSent {
			fmt.Fprintf(&b, "(own) ")
		}
	}
	fmt.Fprintf(&b, "read %d", history.ReadUpTo)
	if history.IsOldestPage {
		b.WriteString(" all")
	}
	return b.String()
}

func (w *world) markRead(session *service.Session, with rookery.UIN, entryNumber uint64) error {
	return w.MarkRead(w.Context(), session, rookery.ReadMark{Peer: with, Number: entryNumber},
		w.NewRequestKey(session, "", nil))
}

func TestHistoryTellsBothSidesOfAConversation(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	me, you, third := w.signInDevice(10001, "desk"), w.signIn(10002, home), w.signIn(10003, cafe)
	w.sendTexts(you, 10001, "hello")
	w.sendTexts(me, 10002, "hi")
	w.sendTexts(third, 10001, "psst")
	w.sendTexts(you, 10001, "bye")
	w.must(w.markRead(me, 10002, 1))
	for _, tt := range []struct {
		q    rookery.HistoryQuery
		want string
	}{
		{rookery.HistoryQuery{Peer: 10002, Limit: 10}, "1:hello 2:hi (own) 4:bye read 1 all"},
		{rookery.HistoryQuery{Peer: 10002, Limit: 2}, "2:hi (own) 4:bye read 1"},
		{rookery.HistoryQuery{Peer: 10002, Limit: 2, Before: 2}, "1:hello read 0 all"},
		{rookery.HistoryQuery{Peer: 10003, Limit: 2}, "3:psst read 0 all"},
		{rookery.HistoryQuery{Limit: 3}, "2:hi (own) 3:psst 4:bye read 0"},
		{rookery.HistoryQuery{Limit: 9, Text: "H"}, "1:hello 2:hi (own) read 0 all"},
	} {
		if got := w.history(me, tt.q); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.q, got, tt.want)
		}
	}
	if got := w.history(third, rookery.HistoryQuery{Limit: 9}); got != "read 0 all" {
		t.Errorf("another account's history is %q", got)
	}
}

func TestAReadMarkGoesForwardOnly(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signInDevice(10001, "desk"), w.signIn(10002, cafe)
	w.sendTexts(you, 10001, "a", "b", "c")
	w.must(w.markRead(me, 10002, 2))
	w.must(w.markRead(me, 10002, 1))
	if got := w.history(me, rookery.HistoryQuery{Peer: 10002, Limit: 1}); got != "3:c read 2" {
		t.Errorf("history is %q", got)
	}
	w.wantCode(w.markRead(me, 10777, 1), rookery.CodeNoAccount)
	w.restart(0) // no consumer is loaded yet
	me = w.signInDevice(10001, "desk")
	w.wantCode(w.markRead(me, 10002, 4), rookery.CodeParameter)
	w.must(w.RemoveAccount(t.Context(), 10002)) // its messages stay and can be read
	w.must(w.markRead(me, 10002, 3))
}

func TestTheOtherDevicesHearOfAReadMark(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		desk, you, address := w.signInDevice(10001, "desk"), w.signIn(10002, cafe), w.signIn(10001, home)
		w.sendTexts(you, 10001, "a", "b")
		mobile, own, old := w.subscribe(w.signInDevice(10001, "phone")), w.subscribe(desk), w.subscribe(address)
		mobile.wantPushed("1 a", "2 b")
		own.wantPushed("1 a", "2 b")
		old.confirm(0)
		w.passTime(3 * time.Second)
		old.wantPushed("1 a", "2 b")
		w.must(w.markRead(desk, 10002, 2))
		mobile.wantPushed("#1 read 10002 up to 2")
		w.must(w.markRead(desk, 10002, 1)) // changes nothing
		mobile.wantPushed()
		own.wantPushed()
		old.wantPushed() // address sessions get no read marks
	}, 10001, 10002)
}

func TestOfWaitingReadMarksTheLatestIsTold(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		desk, you, third := w.signInDevice(10001, "desk"), w.signIn(10002, cafe), w.signIn(10003, cafe)
		phone := w.subscribe(w.signInDevice(10001, "phone"))
		w.sendTexts(you, 10001, "a", "b", "c")
		w.sendTexts(third, 10001, "d")
		phone.wantPushed("1 a", "2 b", "3 c", "4 d")
		slow := make(chan struct{})
		phone.blockPushes(slow)
		w.must(w.markRead(desk, 10002, 1))
		w.waitIdle() // the push is in progress
		w.must(w.markRead(desk, 10002, 2))
		w.must(w.markRead(desk, 10003, 4))
		w.must(w.markRead(desk, 10002, 3))
		phone.blockPushes(nil)
		close(slow)
		phone.wantPushed("#1 read 10002 up to 1", "#2 read 10003 up to 4", "#3 read 10002 up to 3")
	}, 10001, 10002, 10003)
}

func TestAnAccountSearchesForOneTextAtATimeAndLeavesTheStoreToOthers(t *testing.T) {
	accounts := []rookery.UIN{10001, 10002, 10003, 10004}
	w := newWorld(t, accounts...)
	var mu sync.Mutex
	now, most := make(map[rookery.UIN]int), make(map[rookery.UIN]int)
	count := func(n int, of ...rookery.UIN) {
		mu.Lock()
		defer mu.Unlock()
		for _, uin := range of {
			now[uin] += n
			most[uin] = max(most[uin], now[uin])
		}
	}
	var asked atomic.Int32
	w.store.beforeHistory = func(uin rookery.UIN) {
		count(1, uin, 0) // 0 stands for all conversations
		for asked.Load() < 20 {
			runtime.Gosched()
		}
		for range 1000 { // lets every search start that can
			runtime.Gosched()
		}
		count(-1, uin, 0)
	}
	var all sync.WaitGroup
	for _, uin := range accounts {
		session := w.signInDevice(uin, "desk")
		for range 5 {
			all.Go(func() {
				asked.Add(1)
				_, _ = w.History(w.Context(), session, rookery.HistoryQuery{Limit: 1, Text: "word"})
			})
		}
	}
	all.Wait()
	for uin, n := range most {
		if n > 2 || n > 1 && uin != 0 {
			t.Errorf("of %d there were %d at once", uin, n)
		}
	}
}

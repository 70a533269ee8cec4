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

// history returns a page as text: "number:text" for each entry, the read mark, and "all" if it is the
// oldest page.
func (f *fixture) history(session *service.Session, query rookery.HistoryQuery) string {
	f.Helper()
	history, err := f.History(f.Context(), session, query)
	f.must(err)
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

func (f *fixture) markRead(session *service.Session, with rookery.UIN, entryNumber uint64) error {
	return f.MarkRead(f.Context(), session, rookery.ReadMark{Peer: with, Number: entryNumber},
		f.NewRequestKey(session, "", nil))
}

func TestHistoryReturnsSentAndReceivedMessages(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003)
	me, you, third := f.signInDevice(10001, "desk"), f.signIn(10002, home), f.signIn(10003, cafe)
	f.sendTexts(you, 10001, "hello")
	f.sendTexts(me, 10002, "hi")
	f.sendTexts(third, 10001, "psst")
	f.sendTexts(you, 10001, "bye")
	f.must(f.markRead(me, 10002, 1))
	for _, tt := range []struct {
		query rookery.HistoryQuery
		want  string
	}{
		{rookery.HistoryQuery{Peer: 10002, Limit: 10}, "1:hello 2:hi (own) 4:bye read 1 all"},
		{rookery.HistoryQuery{Peer: 10002, Limit: 2}, "2:hi (own) 4:bye read 1"},
		{rookery.HistoryQuery{Peer: 10002, Limit: 2, Before: 2}, "1:hello read 0 all"},
		{rookery.HistoryQuery{Peer: 10003, Limit: 2}, "3:psst read 0 all"},
		{rookery.HistoryQuery{Limit: 3}, "2:hi (own) 3:psst 4:bye read 0"},
		{rookery.HistoryQuery{Limit: 9, Text: "H"}, "1:hello 2:hi (own) read 0 all"},
	} {
		if got := f.history(me, tt.query); got != tt.want {
			t.Errorf("History(%+v) is %q, want %q", tt.query, got, tt.want)
		}
	}
	if got := f.history(third, rookery.HistoryQuery{Limit: 9}); got != "read 0 all" {
		t.Errorf("the history of another account is %q, want none", got)
	}
}

func TestReadMarkOnlyMovesForward(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signInDevice(10001, "desk"), f.signIn(10002, cafe)
	f.sendTexts(you, 10001, "a", "b", "c")
	f.must(f.markRead(me, 10002, 2))
	f.must(f.markRead(me, 10002, 1))
	if got := f.history(me, rookery.HistoryQuery{Peer: 10002, Limit: 1}); got != "3:c read 2" {
		t.Errorf("the history is %q, want read mark 2", got)
	}
	f.wantCode(f.markRead(me, 10777, 1), rookery.CodeNoAccount)
	f.restart(0) // no consumer is loaded yet
	me = f.signInDevice(10001, "desk")
	f.wantCode(f.markRead(me, 10002, 4), rookery.CodeParameter)
	f.must(f.RemoveAccount(t.Context(), 10002)) // its messages stay and can be read
	f.must(f.markRead(me, 10002, 3))
}

func TestReadMarkIsPushedToOtherDevices(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		desk, you, address := f.signInDevice(10001, "desk"), f.signIn(10002, cafe), f.signIn(10001, home)
		f.sendTexts(you, 10001, "a", "b")
		mobile, own, old := f.subscribe(f.signInDevice(10001, "phone")), f.subscribe(desk), f.subscribe(address)
		mobile.wantPushed("1 a", "2 b")
		own.wantPushed("1 a", "2 b")
		old.confirm(0)
		f.passTime(3 * time.Second)
		old.wantPushed("1 a", "2 b")
		f.must(f.markRead(desk, 10002, 2))
		mobile.wantPushed("#1 read 10002 up to 2")
		f.must(f.markRead(desk, 10002, 1)) // changes nothing
		mobile.wantPushed()
		own.wantPushed()
		old.wantPushed() // address sessions get no read marks
	}, 10001, 10002)
}

func TestOnlyLatestPendingReadMarkIsPushed(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		desk, you, third := f.signInDevice(10001, "desk"), f.signIn(10002, cafe), f.signIn(10003, cafe)
		phone := f.subscribe(f.signInDevice(10001, "phone"))
		f.sendTexts(you, 10001, "a", "b", "c")
		f.sendTexts(third, 10001, "d")
		phone.wantPushed("1 a", "2 b", "3 c", "4 d")
		slow := make(chan struct{})
		phone.blockPushes(slow)
		f.must(f.markRead(desk, 10002, 1))
		f.waitIdle() // the push is in progress
		f.must(f.markRead(desk, 10002, 2))
		f.must(f.markRead(desk, 10003, 4))
		f.must(f.markRead(desk, 10002, 3))
		phone.blockPushes(nil)
		close(slow)
		phone.wantPushed("#1 read 10002 up to 1", "#2 read 10003 up to 4", "#3 read 10002 up to 3")
	}, 10001, 10002, 10003)
}

func TestConcurrentTextSearchesAreLimited(t *testing.T) {
	accounts := []rookery.UIN{10001, 10002, 10003, 10004}
	f := newFixture(t, accounts...)
	var mu sync.Mutex
	running, maxRunning := make(map[rookery.UIN]int), make(map[rookery.UIN]int)
	count := func(n int, uins ...rookery.UIN) {
		mu.Lock()
		defer mu.Unlock()
		for _, uin := range uins {
			running[uin] += n
			maxRunning[uin] = max(maxRunning[uin], running[uin])
		}
	}
	var started atomic.Int32
	f.store.beforeHistory = func(uin rookery.UIN) {
		count(1, uin, 0) // 0 counts the searches of all accounts
		for started.Load() < 20 {
			runtime.Gosched()
		}
		for range 1000 { // lets every search start that can
			runtime.Gosched()
		}
		count(-1, uin, 0)
	}
	var searches sync.WaitGroup
	for _, uin := range accounts {
		session := f.signInDevice(uin, "desk")
		for range 5 {
			searches.Go(func() {
				started.Add(1)
				_, _ = f.History(f.Context(), session, rookery.HistoryQuery{Limit: 1, Text: "word"})
			})
		}
	}
	searches.Wait()
	for uin, n := range maxRunning {
		limit := 1
		if uin == 0 {
			limit = 2
		}
		if n > limit {
			t.Errorf("account %d had %d searches at once, want at most %d", uin, n, limit)
		}
	}
}

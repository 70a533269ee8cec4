package service_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) tryPassword(uin rookery.UIN, from netip.Addr, password string) error {
	proof := auth.ProofOf(password)
	_, _, err := w.SignIn(w.Context(), service.SignInRequest{UIN: uin, Proof: &proof, Address: from})
	return err
}

func TestASessionEndsAfter300SecondsWithoutARequest(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	w.passTime(299 * time.Second)
	_, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	w.passTime(299 * time.Second)
	_, err = w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	w.passTime(300 * time.Second)
	_, err = w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.wantCode(err, rookery.CodeNotSignedIn)
	w.restart(0)
	_, err = w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.wantCode(err, rookery.CodeNotSignedIn)
}

func TestASessionThatRanOutIsOverBeforeItsEndWasStored(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	you := w.signIn(10002, cafe)
	w.signIn(10001, home)
	w.wantCollected(you, "collect 1", "10001:10")
	w.passTime(200 * time.Second)
	you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	w.store.setFull(true)
	w.passTime(100 * time.Second)
	_, err = w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.wantCode(err, rookery.CodeNotSignedIn)
	if got := w.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status is %v", got)
	}
	w.store.setFull(false)
	w.passTime(10 * time.Second) // the sweep is repeated after retryInterval
	w.wantCollected(you, "collect 2", "10001:20")
}

func TestAnotherAddressDisplacesAndKeepsTheStatus(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	you := w.signIn(10002, cafe)
	me := w.signIn(10001, home)
	w.must(w.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	w.wantCollected(you, "collect 1", "10001:30")
	w.signIn(10001, cafe)
	_, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.wantCode(err, rookery.CodeNotSignedIn)
	if got := w.VisibleStatus(10001); got != rookery.StatusAway {
		t.Errorf("the visible status is %v", got)
	}
	w.wantCollected(you, "collect 2")
	w.SignOut(t.Context(), 10001, service.Caller{Address: home}) // the session belongs to another address now
	_, err = w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe})
	w.must(err)
}

func TestARestartEndsNoSessionAndTellsNobody(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	w.must(w.SetStatus(t.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}))
	w.inbox(you)
	w.inbox(me)
	w.passTime(299 * time.Second)
	w.restart(time.Hour)
	w.passTime(299 * time.Second)
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	you, err = w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	if got := w.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status of the invisible account is %v", got)
	}
	w.wantCollected(me, "collect")
	w.wantCollected(you, "collect")
}

func TestWhatAClientsTextsAreReadAsOutlivesARestart(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signIn(10001, home)
	w.must(w.SetEncoding(t.Context(), me, 2))
	w.restart(time.Second)
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	if me.Encoding() != 2 {
		t.Errorf("encoding %d", me.Encoding())
	}
	if me = w.signIn(10001, home); me.Encoding() != 2 {
		t.Errorf("after a renewal: encoding %d", me.Encoding())
	}
	if me = w.signIn(10001, cafe); me.Encoding() != 0 {
		t.Errorf("another session begins with encoding %d", me.Encoding())
	}
}

func TestAFailedStoreChangesNoSession(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	w.store.setFull(true)
	w.wantCode(w.tryPassword(10001, cafe, password), rookery.CodeTemporary)
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	w.wantCode(w.SetStatus(t.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}), rookery.CodeTemporary)
	if got := w.VisibleStatus(10001); got != rookery.StatusOnline {
		t.Errorf("the visible status is %v", got)
	}
}

func TestSigningOutEndsASessionAtOnceAndIsStoredWhenThereIsRoom(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	friend := service.Caller{Address: cafe}
	w.signIn(10002, cafe)
	w.signIn(10001, home)
	_, awake := w.signInDeviceToken(10001, "phone")
	_, asleep := w.signInDeviceToken(10001, "desk")
	w.advance(service.SessionTimeout - time.Second)
	for _, caller := range []service.Caller{{Address: home}, {Token: awake}} {
		_, err := w.AuthenticateSession(t.Context(), 10001, caller)
		w.must(err)
	}
	_, err := w.AuthenticateSession(t.Context(), 10002, friend)
	w.must(err)
	w.passTime(2 * time.Second) // the desktop's session falls asleep
	ends := []service.Caller{{Address: home}, {Address: home, Token: awake}, {Address: home, Token: asleep}}

	w.store.setFull(true)
	for range 2 {
		for _, caller := range ends {
			w.SignOut(t.Context(), 10001, caller)
			_, err := w.AuthenticateSession(t.Context(), 10001, caller)
			w.wantCode(err, rookery.CodeNotSignedIn)
		}
	}
	if got := w.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status is %v", got)
	}
	w.passTime(time.Second)
	if got := len(w.storedSessions()); got != 4 {
		t.Fatalf("the store has %d sessions", got)
	}
	w.store.setFull(false)
	w.passTime(time.Second)
	if got := w.storedSessions(); len(got) != 1 || got[0].Account != 10002 {
		t.Errorf("the store has the sessions %+v", got)
	}
}

func TestAKillBeforeASignOutIsStoredBringsTheSessionBack(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	w.store.setFull(true)
	w.SignOut(t.Context(), 10001, service.Caller{Address: home})
	w.must(w.store.Close()) // the service cannot store anything more
	w.start()
	_, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
}

func TestASignOutThatIsNotStoredDoesNotEndALaterSession(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	w.store.setFull(true)
	w.SignOut(t.Context(), 10001, service.Caller{Address: home})
	w.store.setFull(false)
	w.signIn(10001, home)
	w.passTime(time.Second)
	_, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.must(err)
	if got := len(w.storedSessions()); got != 1 {
		t.Errorf("the store has %d sessions", got)
	}
}

// storedSessions returns the sessions in the store.
func (w *world) storedSessions() (all []rookery.Session) {
	w.Helper()
	w.must(w.store.ForEachSession(w.Context(), func(session rookery.Session) bool {
		all = append(all, session)
		return true
	}))
	return all
}

func TestGuessingHasToWait(t *testing.T) {
	w := newWorld(t, 10001)
	for i := range 5 {
		if err := w.tryPassword(10001, home, "wrong"); err == nil || err.Error() != "Password error" {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	for waitTime := 10 * time.Second; waitTime <= 160*time.Second; waitTime *= 2 {
		err := w.tryPassword(10001, home, password)
		if err == nil || !strings.Contains(err.Error(),
			fmt.Sprintf("Password error: too many tries, wait %d seconds", int(waitTime.Seconds()))) {
			t.Fatalf("%v: %v", waitTime, err)
		}
		w.passTime(waitTime)
		w.wantCode(w.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	}
	w.passTime(15 * time.Minute)
	w.must(w.tryPassword(10001, home, password))
	w.wantCode(w.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	w.must(w.tryPassword(10001, home, password)) // the count was reset
}

func TestOthersTriesLockOutNobodyWhoWasThereBefore(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	for range 5 {
		w.wantCode(w.tryPassword(10001, cafe, "wrong"), rookery.CodePassword)
	}
	w.must(w.tryPassword(10001, home, password))
	w.restart(0)
	for range 5 {
		w.wantCode(w.tryPassword(10001, cafe, "wrong"), rookery.CodePassword)
	}
	w.must(w.tryPassword(10001, home, password)) // from the store
}

func TestAnUnknownAccountIsAWrongPassword(t *testing.T) {
	w := newWorld(t, 10001)
	for i := range 6 {
		one, other := w.tryPassword(10001, home, "wrong"), w.tryPassword(10777, cafe, "wrong")
		if one == nil || other == nil || one.Error() != other.Error() {
			t.Errorf("try %d: %v, but %v", i, one, other)
		}
	}
	for range 2 {
		w.wantCode(w.tryPassword(rookery.System, home, ""), rookery.CodePassword)
	}
}

func TestAProofThatWasRightIsRecognisedUntilThePasswordChanges(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	// A hundred hashes would take seconds. MaxQueuedHashes makes logins fail that need one: see the
	// next test.
	for range 100 {
		w.signIn(10001, home)
	}
	w.must(w.SetPassword(t.Context(), 10001, "new one"))
	_, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	w.wantCode(err, rookery.CodeNotSignedIn)
	w.wantCode(w.tryPassword(10001, home, password), rookery.CodePassword)
	w.must(w.tryPassword(10001, home, "new one"))
}

func TestRightPasswordsSentAtOnceAreNoGuessing(t *testing.T) {
	w := newWorld(t, 10001)
	results := make(chan error)
	const logins = 20
	for range logins {
		go func() { results <- w.tryPassword(10001, home, password) }()
	}
	for range logins {
		w.must(<-results)
	}
}

func TestGuessingIsRememberedForADay(t *testing.T) {
	w := newWorld(t, 10001)
	tries := 0
	for range 24 * 60 {
		// With 61 s between attempts, each comes clearly after a wait has ended, not at its very end.
		w.passTime(61 * time.Second)
		if err := w.tryPassword(10001, home, "wrong"); err.Error() == "Password error" {
			tries++
		}
	}
	if tries > 110 {
		t.Errorf("%d guesses in a day", tries)
	}
}

func TestANetworkOfIPv6IsOneGuesser(t *testing.T) {
	w := newWorld(t, 10001)
	// Each try is at another account, so that only the network is the same.
	for i := range 100 {
		from := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))
		w.wantCode(w.tryPassword(20000+rookery.UIN(i), from, "wrong"), rookery.CodePassword)
	}
	err := w.tryPassword(10001, netip.MustParseAddr("2001:db8::7777"), password)
	if err == nil || !strings.Contains(err.Error(), "wait") {
		t.Errorf("from the same network: %v", err)
	}
	w.must(w.tryPassword(10001, netip.MustParseAddr("2001:db8:0:1::1"), password))
}

func TestNetworkOfIPv6IsKnownAfterARestart(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, netip.MustParseAddr("2001:db8:0:7::1"))
	w.restart(0)
	for i := range 1000 { // until new addresses have to wait
		from := netip.AddrFrom4([4]byte{10, 0, byte(i / 5), 1})
		w.wantCode(w.tryPassword(10001, from, fmt.Sprint("wrong ", i)), rookery.CodePassword)
	}
	err := w.tryPassword(10001, netip.MustParseAddr("2001:db8:0:8::1"), password)
	if err == nil || !strings.Contains(err.Error(), "too many tries, wait") {
		t.Errorf("from a new network: error %v, want a wait", err)
	}
	w.must(w.tryPassword(10001, netip.MustParseAddr("2001:db8:0:7:aaaa::2"), password))
}

func TestAnInvisibleUserNeverShowsWhileSigningIn(t *testing.T) {
	w := newWorld(t, 10001)
	// The earlier session was online. Each login is invisible from the start.
	w.signIn(10001, home)
	w.SignOut(t.Context(), 10001, service.Caller{Address: home})
	proof := auth.ProofOf(password)
	done := make(chan struct{})
	var watch sync.WaitGroup
	for range 2 {
		watch.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if w.VisibleStatus(10001) != rookery.StatusOffline {
						t.Error("the invisible user shows")
						return
					}
				}
			}
		})
	}
	for range 200 {
		_, _, err := w.SignIn(t.Context(),
			service.SignInRequest{UIN: 10001, Proof: &proof, Address: home, Status: rookery.StatusInvisible})
		w.must(err)
		w.SignOut(t.Context(), 10001, service.Caller{Address: home})
	}
	close(done)
	watch.Wait()
}

func TestARequestOfASessionThatHasEndedChangesNothing(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	oldSession := w.signIn(10001, home)
	w.must(w.send(w.signIn(10002, home), "sequence", 10001, "for the owner"))
	proof := auth.ProofOf(password)
	_, _, err := w.SignIn(t.Context(),
		service.SignInRequest{UIN: 10001, Proof: &proof, Address: cafe, Status: rookery.StatusInvisible})
	w.must(err)
	// Both requests passed the session check before they had to wait.
	w.wantCode(w.SetStatus(t.Context(), oldSession, rookery.StatusOnline, rookery.RequestKey{}),
		rookery.CodeNotSignedIn)
	_, err = w.tryCollect(oldSession, "collect")
	w.wantCode(err, rookery.CodeNotSignedIn)
	if got := w.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the invisible user shows %v", got)
	}
	me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe})
	w.must(err)
	w.wantCollected(me, "collect", "for the owner")
}

func TestFriendsOfARemovedAccountSeeItGo(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	you := w.signIn(10002, cafe)
	w.signIn(10001, home)
	w.wantCollected(you, "collect 1", "10001:10")
	w.restart(0) // without a cached friend list
	you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	w.must(err)
	friends, _, err := w.Friends(t.Context(), you, service.PageQuery{Limit: 10}) // cached from now on
	w.must(err)
	if len(friends) != 1 {
		t.Errorf("friends before: %v", friends)
	}
	w.must(w.RemoveAccount(t.Context(), 10001))
	w.wantCollected(you, "collect 2", "10001:20")
	friends, _, err = w.Friends(t.Context(), you, service.PageQuery{Limit: 10})
	w.must(err)
	if len(friends) != 0 {
		t.Errorf("friends left: %v", friends)
	}
}

func TestRunEndsSessionsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10001, 10002)
		w.Service = service.New(service.Config{Store: w.store, Now: time.Now, Passwords: newPasswords(time.Now)})
		w.befriend(10001, 10002)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Service.Run(ctx) }()
		w.signIn(10001, home)
		w.signIn(10002, cafe)
		time.Sleep(200 * time.Second)
		you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
		w.must(err)
		w.wantCollected(you, "collect 1")
		time.Sleep(102 * time.Second)
		synctest.Wait()
		w.wantCollected(you, "collect 2", "10001:20")
		cancel()
		w.must(<-done)
		w.must(w.store.Close())
	})
}

func TestIdlePollsTouchMemoryOnly(t *testing.T) {
	w := newWorld(t, 10001)
	me := w.signIn(10001, home)
	w.wantCollected(me, "first")
	before := w.store.calls()
	for i := range 100 {
		me, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
		w.must(err)
		w.wantCollected(me, fmt.Sprint("collect ", i))
	}
	if got := w.store.calls(); got != before {
		t.Errorf("100 idle polls asked the store %d times", got-before)
	}
}

func TestRunDeletesWhatWasCollectedLongAgoAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10001, 10002)
		w.Service = service.New(service.Config{Store: w.store, Now: time.Now, Retention: 24 * time.Hour,
			Passwords: newPasswords(time.Now)})
		me, you := w.signIn(10001, home), w.signIn(10002, cafe)
		for i := range 3 {
			w.must(w.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint("collected ", i)))
			w.wantCollected(you, fmt.Sprint("collect ", i), fmt.Sprint("collected ", i))
		}
		w.must(w.send(me, "sequence 3", 10002, "waiting"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Service.Run(ctx) }()
		time.Sleep(26 * time.Hour)
		cancel()
		w.must(<-done)
		left, err := w.store.Entries(t.Context(), 10002, 0, 100, 100)
		w.must(err)
		// The latest batch can still be asked for again.
		if len(left) != 2 || left[0].Text != "collected 2" || left[1].Text != "waiting" {
			t.Errorf("left are %+v", left)
		}
		w.must(w.store.Close())
	})
}

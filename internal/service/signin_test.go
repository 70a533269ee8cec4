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

func (f *fixture) tryPassword(uin rookery.UIN, from netip.Addr, password string) error {
	proof := auth.ProofOf(password)
	_, _, err := f.SignIn(f.Context(), service.SignInRequest{UIN: uin, Proof: &proof, Address: from})
	return err
}

func TestSessionExpiresAfter300Seconds(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	f.passTime(299 * time.Second)
	_, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	f.passTime(299 * time.Second)
	_, err = f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	f.passTime(300 * time.Second)
	_, err = f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.wantCode(err, rookery.CodeNotSignedIn)
	f.restart(0)
	_, err = f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.wantCode(err, rookery.CodeNotSignedIn)
}

func TestExpiredSessionEndsBeforeItIsStored(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	you := f.signIn(10002, cafe)
	f.signIn(10001, home)
	f.wantCollected(you, "collect 1", "10001:10")
	f.passTime(200 * time.Second)
	you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	f.store.setFull(true)
	f.passTime(100 * time.Second)
	_, err = f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.wantCode(err, rookery.CodeNotSignedIn)
	if got := f.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status is %v, want offline", got)
	}
	f.store.setFull(false)
	f.passTime(10 * time.Second) // the sweep is repeated after retryInterval
	f.wantCollected(you, "collect 2", "10001:20")
}

func TestLoginFromAnotherAddressKeepsStatus(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	you := f.signIn(10002, cafe)
	me := f.signIn(10001, home)
	f.must(f.SetStatus(t.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
	f.wantCollected(you, "collect 1", "10001:30")
	f.signIn(10001, cafe)
	_, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.wantCode(err, rookery.CodeNotSignedIn)
	if got := f.VisibleStatus(10001); got != rookery.StatusAway {
		t.Errorf("the visible status is %v, want away", got)
	}
	f.wantCollected(you, "collect 2")
	f.SignOut(t.Context(), 10001, service.Caller{Address: home}) // the session belongs to another address now
	_, err = f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe})
	f.must(err)
}

func TestRestartKeepsSessionsAndSendsNoNotice(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	f.must(f.SetStatus(t.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}))
	f.inbox(you)
	f.inbox(me)
	f.passTime(299 * time.Second)
	f.restart(time.Hour)
	f.passTime(299 * time.Second)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	you, err = f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	if got := f.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status of the invisible account is %v, want offline", got)
	}
	f.wantCollected(me, "collect")
	f.wantCollected(you, "collect")
}

func TestEncodingSurvivesRestart(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signIn(10001, home)
	f.must(f.SetEncoding(t.Context(), me, 2))
	f.restart(time.Second)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	if me.Encoding() != 2 {
		t.Errorf("the encoding is %d after a restart, want 2", me.Encoding())
	}
	if me = f.signIn(10001, home); me.Encoding() != 2 {
		t.Errorf("the encoding is %d after a renewal, want 2", me.Encoding())
	}
	if me = f.signIn(10001, cafe); me.Encoding() != 0 {
		t.Errorf("the encoding of another session is %d, want 0", me.Encoding())
	}
}

func TestFailedWriteChangesNoSession(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	f.store.setFull(true)
	f.wantCode(f.tryPassword(10001, cafe, password), rookery.CodeTemporary)
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	f.wantCode(f.SetStatus(t.Context(), me, rookery.StatusInvisible, rookery.RequestKey{}), rookery.CodeTemporary)
	if got := f.VisibleStatus(10001); got != rookery.StatusOnline {
		t.Errorf("the visible status is %v, want online", got)
	}
}

func TestSignOutOnFullDiskIsStoredLater(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	friend := service.Caller{Address: cafe}
	f.signIn(10002, cafe)
	f.signIn(10001, home)
	_, awake := f.signInDeviceToken(10001, "phone")
	_, asleep := f.signInDeviceToken(10001, "desk")
	f.advance(service.SessionTimeout - time.Second)
	for _, caller := range []service.Caller{{Address: home}, {Token: awake}} {
		_, err := f.AuthenticateSession(t.Context(), 10001, caller)
		f.must(err)
	}
	_, err := f.AuthenticateSession(t.Context(), 10002, friend)
	f.must(err)
	f.passTime(2 * time.Second) // the desktop's session falls asleep
	ends := []service.Caller{{Address: home}, {Address: home, Token: awake}, {Address: home, Token: asleep}}

	f.store.setFull(true)
	for range 2 {
		for _, caller := range ends {
			f.SignOut(t.Context(), 10001, caller)
			_, err := f.AuthenticateSession(t.Context(), 10001, caller)
			f.wantCode(err, rookery.CodeNotSignedIn)
		}
	}
	if got := f.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status is %v, want offline", got)
	}
	f.passTime(time.Second)
	if got := len(f.storedSessions()); got != 4 {
		t.Fatalf("the store has %d sessions, want 4", got)
	}
	f.store.setFull(false)
	f.passTime(time.Second)
	if got := f.storedSessions(); len(got) != 1 || got[0].Account != 10002 {
		t.Errorf("the store has sessions %+v, want only that of 10002", got)
	}
}

func TestCrashBeforeSignOutIsStoredRestoresSession(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	f.store.setFull(true)
	f.SignOut(t.Context(), 10001, service.Caller{Address: home})
	f.must(f.store.Close()) // the service cannot store anything more
	f.start()
	_, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
}

func TestUnsavedSignOutDoesNotEndLaterSession(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	f.store.setFull(true)
	f.SignOut(t.Context(), 10001, service.Caller{Address: home})
	f.store.setFull(false)
	f.signIn(10001, home)
	f.passTime(time.Second)
	_, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.must(err)
	if got := len(f.storedSessions()); got != 1 {
		t.Errorf("the store has %d sessions, want 1", got)
	}
}

// storedSessions returns the sessions in the store.
func (f *fixture) storedSessions() (all []rookery.Session) {
	f.Helper()
	f.must(f.store.ForEachSession(f.Context(), func(session rookery.Session) bool {
		all = append(all, session)
		return true
	}))
	return all
}

func TestWrongPasswordsRequireAWait(t *testing.T) {
	f := newFixture(t, 10001)
	for i := range 5 {
		if err := f.tryPassword(10001, home, "wrong"); err == nil || err.Error() != "Password error" {
			t.Fatalf("try %d returned error %v, want Password error", i, err)
		}
	}
	for waitTime := 10 * time.Second; waitTime <= 160*time.Second; waitTime *= 2 {
		err := f.tryPassword(10001, home, password)
		if err == nil || !strings.Contains(err.Error(),
			fmt.Sprintf("Password error: too many tries, wait %d seconds", int(waitTime.Seconds()))) {
			t.Fatalf("the try returned error %v, want a wait of %v", err, waitTime)
		}
		f.passTime(waitTime)
		f.wantCode(f.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	}
	f.passTime(15 * time.Minute)
	f.must(f.tryPassword(10001, home, password))
	f.wantCode(f.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	f.must(f.tryPassword(10001, home, password)) // the count was reset
}

func TestWrongPasswordsElsewhereDoNotLockOutKnownAddress(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	for range 5 {
		f.wantCode(f.tryPassword(10001, cafe, "wrong"), rookery.CodePassword)
	}
	f.must(f.tryPassword(10001, home, password))
	f.restart(0)
	for range 5 {
		f.wantCode(f.tryPassword(10001, cafe, "wrong"), rookery.CodePassword)
	}
	f.must(f.tryPassword(10001, home, password)) // from the store
}

func TestUnknownAccountLooksLikeWrongPassword(t *testing.T) {
	f := newFixture(t, 10001)
	for i := range 6 {
		one, other := f.tryPassword(10001, home, "wrong"), f.tryPassword(10777, cafe, "wrong")
		if one == nil || other == nil || one.Error() != other.Error() {
			t.Errorf("try %d returned errors %v and %v, want equal ones", i, one, other)
		}
	}
	for range 2 {
		f.wantCode(f.tryPassword(rookery.System, home, ""), rookery.CodePassword)
	}
}

func TestVerifiedProofIsCachedUntilPasswordChanges(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	// A hundred hashes would take seconds. MaxQueuedHashes makes logins fail that need one: see the
	// next test.
	for range 100 {
		f.signIn(10001, home)
	}
	f.must(f.SetPassword(t.Context(), 10001, "new one"))
	_, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
	f.wantCode(err, rookery.CodeNotSignedIn)
	f.wantCode(f.tryPassword(10001, home, password), rookery.CodePassword)
	f.must(f.tryPassword(10001, home, "new one"))
}

func TestConcurrentRightPasswordsAllSucceed(t *testing.T) {
	f := newFixture(t, 10001)
	results := make(chan error)
	const logins = 20
	for range logins {
		go func() { results <- f.tryPassword(10001, home, password) }()
	}
	for range logins {
		f.must(<-results)
	}
}

func TestGuessesPerDayAreLimited(t *testing.T) {
	f := newFixture(t, 10001)
	tries := 0
	for range 24 * 60 {
		// With 61 s between attempts, each comes clearly after a wait has ended, not at its very end.
		f.passTime(61 * time.Second)
		if err := f.tryPassword(10001, home, "wrong"); err.Error() == "Password error" {
			tries++
		}
	}
	if tries > 110 {
		t.Errorf("%d guesses were checked in a day, want at most 110", tries)
	}
}

// wantLoginWait checks that the login limiter has refused a login.
func (f *fixture) wantLoginWait(err error) {
	f.Helper()
	if err == nil || !strings.Contains(err.Error(), "too many tries, wait") {
		f.Errorf("the login returned error %v, want a wait", err)
	}
}

func TestIPv6NetworkSharesItsFailureCount(t *testing.T) {
	f := newFixture(t, 10001)
	// Each try is at another account, so that only the network is the same.
	for i := range 100 {
		from := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))
		f.wantCode(f.tryPassword(20000+rookery.UIN(i), from, "wrong"), rookery.CodePassword)
	}
	f.wantLoginWait(f.tryPassword(10001, netip.MustParseAddr("2001:db8::7777"), password))
	f.must(f.tryPassword(10001, netip.MustParseAddr("2001:db8:0:1::1"), password))
}

func TestIPv6NetworkIsKnownAfterRestart(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, netip.MustParseAddr("2001:db8:0:7::1"))
	f.restart(0)
	for i := range 1000 { // until new addresses have to wait
		from := netip.AddrFrom4([4]byte{10, 0, byte(i / 5), 1})
		f.wantCode(f.tryPassword(10001, from, fmt.Sprint("wrong ", i)), rookery.CodePassword)
	}
	f.wantLoginWait(f.tryPassword(10001, netip.MustParseAddr("2001:db8:0:8::1"), password))
	f.must(f.tryPassword(10001, netip.MustParseAddr("2001:db8:0:7:aaaa::2"), password))
}

func TestInvisibleLoginNeverShowsOnline(t *testing.T) {
	f := newFixture(t, 10001)
	// The earlier session was online. Each login is invisible from the start.
	f.signIn(10001, home)
	f.SignOut(t.Context(), 10001, service.Caller{Address: home})
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
					if f.VisibleStatus(10001) != rookery.StatusOffline {
						t.Error("the invisible user is visible")
						return
					}
				}
			}
		})
	}
	for range 200 {
		_, _, err := f.SignIn(t.Context(),
			service.SignInRequest{UIN: 10001, Proof: &proof, Address: home, Status: rookery.StatusInvisible})
		f.must(err)
		f.SignOut(t.Context(), 10001, service.Caller{Address: home})
	}
	close(done)
	watch.Wait()
}

func TestRequestOfEndedSessionChangesNothing(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	oldSession := f.signIn(10001, home)
	f.must(f.send(f.signIn(10002, home), "sequence", 10001, "for the owner"))
	proof := auth.ProofOf(password)
	_, _, err := f.SignIn(t.Context(),
		service.SignInRequest{UIN: 10001, Proof: &proof, Address: cafe, Status: rookery.StatusInvisible})
	f.must(err)
	// Both requests passed the session check before they had to wait.
	f.wantCode(f.SetStatus(t.Context(), oldSession, rookery.StatusOnline, rookery.RequestKey{}),
		rookery.CodeNotSignedIn)
	_, err = f.tryCollect(oldSession, "collect")
	f.wantCode(err, rookery.CodeNotSignedIn)
	if got := f.VisibleStatus(10001); got != rookery.StatusOffline {
		t.Errorf("the visible status is %v, want offline", got)
	}
	me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe})
	f.must(err)
	f.wantCollected(me, "collect", "for the owner")
}

func TestRemovalNotifiesFriends(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	you := f.signIn(10002, cafe)
	f.signIn(10001, home)
	f.wantCollected(you, "collect 1", "10001:10")
	f.restart(0) // without a cached friend list
	you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
	f.must(err)
	friends, _, err := f.Friends(t.Context(), you, service.PageQuery{Limit: 10}) // cached from now on
	f.must(err)
	if len(friends) != 1 {
		t.Errorf("Friends returned %v before the removal, want one", friends)
	}
	f.must(f.RemoveAccount(t.Context(), 10001))
	f.wantCollected(you, "collect 2", "10001:20")
	friends, _, err = f.Friends(t.Context(), you, service.PageQuery{Limit: 10})
	f.must(err)
	if len(friends) != 0 {
		t.Errorf("Friends returned %v after the removal, want none", friends)
	}
}

func TestRunEndsExpiredSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 10001, 10002)
		f.Service = service.New(service.Config{Store: f.store, Now: time.Now, Passwords: newPasswords(time.Now)})
		f.befriend(10001, 10002)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Service.Run(ctx) }()
		f.signIn(10001, home)
		f.signIn(10002, cafe)
		time.Sleep(200 * time.Second)
		you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
		f.must(err)
		f.wantCollected(you, "collect 1")
		time.Sleep(102 * time.Second)
		synctest.Wait()
		f.wantCollected(you, "collect 2", "10001:20")
		cancel()
		f.must(<-done)
		f.must(f.store.Close())
	})
}

func TestIdlePollsReadNoStore(t *testing.T) {
	f := newFixture(t, 10001)
	me := f.signIn(10001, home)
	f.wantCollected(me, "first")
	before := f.store.calls()
	for i := range 100 {
		me, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: home})
		f.must(err)
		f.wantCollected(me, fmt.Sprint("collect ", i))
	}
	if got := f.store.calls(); got != before {
		t.Errorf("100 idle polls called the store %d times, want 0", got-before)
	}
}

func TestRunDeletesOnlyOldCollectedEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 10001, 10002)
		f.Service = service.New(service.Config{Store: f.store, Now: time.Now, Retention: 24 * time.Hour,
			Passwords: newPasswords(time.Now)})
		me, you := f.signIn(10001, home), f.signIn(10002, cafe)
		for i := range 3 {
			f.must(f.send(me, fmt.Sprint("sequence ", i), 10002, fmt.Sprint("collected ", i)))
			f.wantCollected(you, fmt.Sprint("collect ", i), fmt.Sprint("collected ", i))
		}
		f.must(f.send(me, "sequence 3", 10002, "waiting"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Service.Run(ctx) }()
		time.Sleep(26 * time.Hour)
		cancel()
		f.must(<-done)
		left, err := f.store.Entries(t.Context(), 10002, 0, 100, 100)
		f.must(err)
		// The latest batch can still be asked for again.
		if len(left) != 2 || left[0].Text != "collected 2" || left[1].Text != "waiting" {
			t.Errorf("the mailbox has entries %+v, want the last two", left)
		}
		f.must(f.store.Close())
	})
}

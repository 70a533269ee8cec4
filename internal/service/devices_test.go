package service_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

func (w *world) devicesOnly(uin rookery.UIN, only bool) error {
	_, err := w.ChangeAccount(w.Context(), uin, func(account *rookery.Account) error {
		account.DevicesOnly = only
		return nil
	})
	return err
}

func (w *world) wantSession(uin rookery.UIN, caller service.Caller, want *service.Session) {
	w.Helper()
	got, err := w.AuthenticateSession(w.Context(), uin, caller)
	if want == nil {
		w.wantCode(err, rookery.CodeNotSignedIn)
		return
	}
	w.must(err)
	if got != want {
		w.Errorf("the session is another")
	}
}

func TestATokenIsWorthItsSessionFromAnywhere(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	phone, token := w.signInDeviceToken(10001, "phone")
	desk, deskToken := w.signInDeviceToken(10001, "desk")
	address := w.signIn(10001, home)
	w.wantSession(10001, service.Caller{Address: cafe, Token: token}, phone)
	w.wantSession(10001, service.Caller{Address: home, Token: deskToken}, desk)
	w.wantSession(10001, service.Caller{Address: home}, address)
	w.wantSession(10001, service.Caller{Address: cafe}, nil)

	w.signInDevice(10002, "phone")
	w.wantSession(10002, service.Caller{Address: home, Token: token}, nil)
	unknown := rookery.NewToken([rookery.TokenBytes]byte{1})
	w.wantSession(10001, service.Caller{Address: home, Token: unknown}, nil)
	// An address session has no token. Not even a token with a zero hash matches it.
	w.SignOut(w.Context(), 10001, service.Caller{Token: unknown})
	w.wantSession(10001, service.Caller{Address: home}, address)
}

func TestALoginWithAKnownDeviceRenewsItAndEndsTheOldToken(t *testing.T) {
	w := newWorld(t, 10001)
	oldSession, oldToken := w.signInDeviceToken(10001, "phone")
	renewed, token := w.signInDeviceToken(10001, "phone")
	w.wantSession(10001, service.Caller{Token: oldToken}, nil)
	w.wantSession(10001, service.Caller{Token: token}, renewed)
	_, err := w.RefreshSession(oldSession)
	w.wantCode(err, rookery.CodeNotSignedIn)
	_, err = w.tryCollect(oldSession, "collect")
	w.wantCode(err, rookery.CodeNotSignedIn)
	w.wantCode(w.SetStatus(w.Context(), oldSession, rookery.StatusAway, rookery.RequestKey{}), rookery.CodeNotSignedIn)
}

func TestWhatADevicesTextsAreReadAsOutlivesItsToken(t *testing.T) {
	w := newWorld(t, 10001)
	phone := w.signInDevice(10001, "phone")
	w.must(w.SetEncoding(t.Context(), phone, 2))
	proof := auth.ProofOf(password)
	phone, _, err := w.SignIn(t.Context(),
		service.SignInRequest{UIN: 10001, Proof: &proof, Address: cafe, Device: "phone"})
	w.must(err)
	if phone.Encoding() != 2 {
		t.Errorf("encoding %d", phone.Encoding())
	}
}

func TestATokenOutlivesARestart(t *testing.T) {
	w := newWorld(t, 10001)
	_, token := w.signInDeviceToken(10001, "phone")
	w.restart(time.Hour)
	session, err := w.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe, Token: token})
	w.must(err)
	if session.Device() != "phone" {
		w.Errorf("the session is of %q", session.Device())
	}
}

func TestLogoutEndsTheSessionOfItsTokenAlone(t *testing.T) {
	w := newWorld(t, 10001)
	_, token := w.signInDeviceToken(10001, "phone")
	desk, deskToken := w.signInDeviceToken(10001, "desk")
	address := w.signIn(10001, home)
	w.SignOut(w.Context(), 10001, service.Caller{Address: home, Token: token})
	w.wantSession(10001, service.Caller{Token: token}, nil)
	w.wantSession(10001, service.Caller{Token: deskToken}, desk)
	w.wantSession(10001, service.Caller{Address: home}, address)
	w.restart(0)
	w.wantSession(10001, service.Caller{Token: token}, nil)
}

func (w *world) wantVisibleStatus(uin rookery.UIN, want rookery.Status) {
	w.Helper()
	if got := w.VisibleStatus(uin); got != want {
		w.Errorf("the visible status of %d is %v, want %v", uin, got, want)
	}
}

func TestADeviceThatIsNotHeardOfSleepsAndItsTokenStaysGood(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	w.befriend(10001, 10002)
	session, token := w.signInDeviceToken(10001, "phone")
	friend, friendToken := w.signInDeviceToken(10002, "desk")
	w.passTime(299 * time.Second)
	w.wantSession(10001, service.Caller{Token: token}, session)
	w.wantSession(10002, service.Caller{Token: friendToken}, friend)
	w.passTime(299 * time.Second)
	_, err := w.RefreshSession(session)
	w.must(err)
	w.wantSession(10002, service.Caller{Token: friendToken}, friend)
	w.passTime(200 * time.Second)
	w.wantSession(10002, service.Caller{Token: friendToken}, friend)
	w.passTime(100 * time.Second)
	_, err = w.RefreshSession(session)
	w.wantCode(err, rookery.CodeNotSignedIn) // its connection is closed
	w.wantVisibleStatus(10001, rookery.StatusOffline)
	w.wantCollected(friend, "news-1", "10001:20")

	woken, err := w.AuthenticateSession(w.Context(), 10001, service.Caller{Address: cafe, Token: token})
	w.must(err)
	w.wantVisibleStatus(10001, rookery.StatusOnline)
	w.wantCollected(friend, "news-2", "10001:10")
	w.wantSession(10001, service.Caller{Token: token}, woken)
}

func TestADeviceSleepsThroughARestartWithItsStatus(t *testing.T) {
	w := newWorld(t, 10001)
	session, token := w.signInDeviceToken(10001, "phone")
	w.must(w.SetStatus(w.Context(), session, rookery.StatusInvisible,
		w.NewRequestKey(session, "status-1", []byte("a"))))
	w.passTime(300 * time.Second)
	w.restart(24 * time.Hour)
	w.wantVisibleStatus(10001, rookery.StatusOffline)
	w.passTime(time.Hour)
	woken, err := w.AuthenticateSession(w.Context(), 10001, service.Caller{Token: token})
	w.must(err)
	w.wantVisibleStatus(10001, rookery.StatusOffline) // still invisible
	w.must(w.SetStatus(w.Context(), woken, rookery.StatusAway, w.NewRequestKey(woken, "status-2", []byte("b"))))
	w.wantVisibleStatus(10001, rookery.StatusAway)
	w.restart(0)
	w.wantVisibleStatus(10001, rookery.StatusAway)
}

func TestASleepingDeviceCanBeSignedOutRevokedAndLockedOut(t *testing.T) {
	w := newWorld(t, 10001)
	_, out := w.signInDeviceToken(10001, "signed out")
	_, revoked := w.signInDeviceToken(10001, "revoked")
	_, locked := w.signInDeviceToken(10001, "locked out")
	w.passTime(300 * time.Second)
	w.passTime(300 * time.Second) // until the active account is removed from memory
	w.SignOut(w.Context(), 10001, service.Caller{Token: out})
	w.wantSession(10001, service.Caller{Token: out}, nil)
	w.must(w.RevokeDevice(w.Context(), 10001, 2))
	w.wantSession(10001, service.Caller{Token: revoked}, nil)
	w.must(w.SetPassword(w.Context(), 10001, "other"))
	w.wantSession(10001, service.Caller{Token: locked}, nil)
}

func TestADeviceWakesOnceForRequestsAtTheSameTime(t *testing.T) {
	w := newWorld(t, 10001)
	_, token := w.signInDeviceToken(10001, "phone")
	w.passTime(300 * time.Second)
	var wg sync.WaitGroup
	var woken [8]*service.Session
	for i := range woken {
		wg.Go(func() { woken[i], _ = w.AuthenticateSession(w.Context(), 10001, service.Caller{Token: token}) })
	}
	wg.Wait()
	for _, session := range woken {
		if session == nil || session != woken[0] {
			t.Fatalf("woken are %v", woken)
		}
	}
}

func TestADeviceThatAnotherRequestWakesJustNowIsAwake(t *testing.T) {
	w := newWorld(t, 10001)
	_, token := w.signInDeviceToken(10001, "phone")
	caller := service.Caller{Token: token}
	other := func() {
		_, err := w.AuthenticateSession(w.Context(), 10001, caller)
		w.must(err)
	}
	w.passTime(300 * time.Second)
	w.store.beforeAsleep = other
	_, err := w.AuthenticateSession(w.Context(), 10001, caller)
	w.must(err)

	w.passTime(300 * time.Second)
	w.store.beforeAsleep = other
	w.SignOut(w.Context(), 10001, caller)
	w.wantSession(10001, caller, nil)
}

func TestWhatCannotBeADevicesNameIsRefused(t *testing.T) {
	w := newWorld(t, 10001)
	proof := auth.ProofOf("wrong") // parameters are checked before the proof
	for _, name := range []string{"a\x00b", "line\nend", "\xff", strings.Repeat("x", 65)} {
		_, _, err := w.SignIn(w.Context(),
			service.SignInRequest{UIN: 10001, Proof: &proof, Address: home, Device: name})
		w.wantCode(err, rookery.CodeParameter)
	}
}

func TestAnAccountMayTakeDevicesOnly(t *testing.T) {
	w := newWorld(t, 10001)
	phone, token := w.signInDeviceToken(10001, "phone")
	w.signIn(10001, home)
	w.must(w.devicesOnly(10001, true))
	w.wantSession(10001, service.Caller{Address: home}, nil)
	w.wantSession(10001, service.Caller{Token: token}, phone)
	err := w.tryPassword(10001, home, password)
	w.wantCode(err, rookery.CodeRefused)
	if got := rookery.TextOf(err); got != "this account accepts device sessions only: log in with DV" {
		w.Errorf("the reason is %q", got)
	}
	w.wantCode(w.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	w.signInDevice(10001, "phone")
	w.restart(0)
	w.wantCode(w.tryPassword(10001, home, password), rookery.CodeRefused)
	w.must(w.devicesOnly(10001, false))
	w.must(w.tryPassword(10001, home, password))
}

func TestEachDeviceHasItsOwnPlace(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, address := w.signIn(10001, home), w.signIn(10002, cafe)
	phone, desk := w.signInDevice(10002, "phone"), w.signInDevice(10002, "desk")
	w.sendTexts(me, 10002, "a")
	w.wantInbox(phone, "a")
	w.sendTexts(me, 10002, "b")
	w.wantInbox(desk, "a", "b")
	w.wantInbox(address, "a", "b")
	w.wantInbox(phone, "b")
	w.wantInbox(w.signInDevice(10002, "new")) // a new device begins with uncollected entries
	w.sendTexts(me, 10002, "c")
	w.wantInbox(w.signInDevice(10002, "newer"), "c")
	// The cursor and the recent requests survive a logout.
	w.wantCollected(desk, "collect 1", "c")
	_, token := w.signInDeviceToken(10002, "desk")
	w.SignOut(w.Context(), 10002, service.Caller{Token: token})
	w.passTime(10 * time.Minute)
	desk = w.signInDevice(10002, "desk")
	w.wantCollected(desk, "collect 1", "c")
	w.wantInbox(desk)
}

func TestSEQsOfTwoDevicesAreTwo(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	phone, desk := w.signInDevice(10001, "phone"), w.signInDevice(10001, "desk")
	w.must(w.send(phone, "sequence", 10002, "a"))
	w.must(w.send(phone, "sequence", 10002, "a"))
	w.must(w.send(desk, "sequence", 10002, "a"))
	w.wantInbox(w.signIn(10002, cafe), "a", "a")
}

func TestOwnWordsReachTheOtherDevices(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		address := w.signIn(10001, home)
		w.sendTexts(address, 10002, "before there was a device")
		phone, desk := w.signInDevice(10001, "phone"), w.signInDevice(10001, "desk")
		you := w.signIn(10002, cafe)
		live := w.subscribe(desk)
		w.sendTexts(phone, 10002, "from the phone")
		live.wantPushed("1 to 10002: from the phone")
		live.confirm(1)
		w.sendTexts(address, 10002, "from the address")
		w.sendTexts(desk, 10002, "from the desk")
		live.wantPushed("2 to 10002: from the address")
		w.sendTexts(you, 10001, "to me")
		live.wantPushed("4 to me")
		w.wantInbox(phone, "from the address", "from the desk", "to me")
		w.wantInbox(address, "to me") // address sessions receive no copies of sent messages
		w.wantInbox(you, "before there was a device", "from the phone", "from the address", "from the desk")
	}, 10001, 10002)
}

func TestALiveConnectionLeavesItsOwnWordsBehind(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me := w.signInDevice(10001, "phone")
		phone := w.subscribe(me)
		w.sendTexts(me, 10002, "a", "b", "c")
		phone.wantPushed()
		phone.disconnect()
		w.wantCursor(10001, "phone", 3)
	}, 10001, 10002)
}

func TestAWordToOneselfIsOneMessageForAll(t *testing.T) {
	w := newWorld(t, 10001)
	phone, desk := w.signInDevice(10001, "phone"), w.signInDevice(10001, "desk")
	w.sendTexts(phone, 10001, "note")
	w.wantInbox(phone, "note")
	w.wantInbox(desk, "note")
}

func TestARepeatedSendKeepsOneCopy(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	phone, desk := w.signInDevice(10001, "phone"), w.signInDevice(10001, "desk")
	for range 3 {
		w.must(w.send(phone, "sequence", 10002, "a"))
	}
	w.wantInbox(desk, "a")
}

// Whether the account has devices is cached, and must be read again after each change.
func TestOwnWordsAreKeptAsLongAsThereAreDevices(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	kept := func(want uint64) {
		w.Helper()
		w.sendTexts(w.signIn(10001, home), 10002, "a")
		newestNumber, _, err := w.store.MailboxState(w.Context(), 10001, "")
		w.must(err)
		if newestNumber != want {
			w.Errorf("%d words are kept, want %d", newestNumber, want)
		}
	}
	kept(0)
	_, token := w.signInDeviceToken(10001, "phone")
	kept(1)
	w.SignOut(w.Context(), 10001, service.Caller{Token: token})
	kept(2) // the device exists without a session
	w.restart(0)
	kept(3)
	devices, err := w.DevicesOf(w.Context(), 10001)
	w.must(err)
	w.must(w.RevokeDevice(w.Context(), 10001, devices[0].ID))
	kept(3)
	w.signInDevice(10001, "phone")
	kept(4)
}

// A consumer that only skips copies of sent messages reads the store once.
func TestIdlePollsBehindSkippedWordsTouchMemoryOnly(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	phone, address := w.signInDevice(10001, "phone"), w.signIn(10001, home)
	for i := range 120 {
		w.sendTexts(phone, 10002, fmt.Sprint(i))
	}
	w.wantCollected(phone, "first")
	w.wantCollected(address, "first")
	before := w.store.calls()
	for i := range 10 {
		w.wantCollected(phone, fmt.Sprint("collect ", i))
		w.wantCollected(address, fmt.Sprint("collect ", i))
	}
	if got := w.store.calls(); got != before {
		w.Errorf("idle polls asked the store %d times", got-before)
	}
}

func TestABatchAmongSkippedWordsIsTheSameAgain(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	phone, you := w.signInDevice(10001, "phone"), w.signIn(10002, cafe)
	want := []string{}
	for i := range 130 {
		w.sendTexts(phone, 10002, "own")
		if i%30 == 0 {
			w.sendTexts(you, 10001, fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
	}
	w.wantCollected(phone, "collect 1", want...)
	w.wantCollected(phone, "collect 1", want...)
	w.wantCollected(phone, "collect 2")
}

func TestAForgottenDeviceIsNoMore(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		desk, you := w.signInDevice(10001, "desk"), w.signIn(10002, cafe)
		phone, token := w.signInDeviceToken(10001, "phone")
		live := w.subscribe(phone)
		devices, err := w.Devices(w.Context(), desk)
		w.must(err)
		if len(devices) != 2 || devices[1].Name != "phone" || !devices[1].SignedIn {
			w.Fatalf("the devices are %+v", devices)
		}
		requestKey := w.NewRequestKey(desk, "sequence", []byte("forget"))
		w.must(w.ForgetDevice(w.Context(), desk, devices[1].ID, requestKey))
		w.must(w.ForgetDevice(w.Context(), desk, devices[1].ID, requestKey)) // a repeat
		w.wantCode(w.ForgetDevice(w.Context(), desk, devices[1].ID, w.NewRequestKey(desk, "another", nil)),
			rookery.CodeParameter)
		w.wantSession(10001, service.Caller{Token: token}, nil)
		w.sendTexts(you, 10001, "a")
		live.wantPushed()
		if live.isClosed() {
			w.Error("its connection was closed: it can log in anew")
		}
		live.disconnect()
		w.wantInbox(desk, "a")
		w.wantInbox(w.signInDevice(10001, "phone")) // a new device begins with uncollected entries
		w.must(w.ForgetDevice(w.Context(), desk, devices[0].ID, w.NewRequestKey(desk, "itself", nil)))
		_, err = w.RefreshSession(desk)
		w.wantCode(err, rookery.CodeNotSignedIn)
	}, 10001, 10002)
}

func TestTheOperatorSeesAndRevokesDevices(t *testing.T) {
	w := newWorld(t, 10001)
	_, token := w.signInDeviceToken(10001, "phone")
	devices, err := w.DevicesOf(w.Context(), 10001)
	w.must(err)
	if len(devices) != 1 || devices[0].Name != "phone" || !devices[0].SignedInAt.Equal(w.now()) {
		w.Fatalf("the devices are %+v", devices)
	}
	w.wantCode(w.RevokeDevice(w.Context(), 10001, devices[0].ID+1), rookery.CodeParameter)
	w.must(w.RevokeDevice(w.Context(), 10001, devices[0].ID))
	w.wantSession(10001, service.Caller{Token: token}, nil)
	_, err = w.DevicesOf(w.Context(), 10777)
	w.wantCode(err, rookery.CodeNoAccount)
	w.wantCode(w.RevokeDevice(w.Context(), 10777, 1), rookery.CodeNoAccount)
}

func TestTheOperatorsListShowsNoToken(t *testing.T) {
	w := newWorld(t, 10001)
	w.signInDevice(10001, "phone")
	infos, err := w.AccountsAfter(w.Context(), rookery.System, 10)
	w.must(err)
	if s := infos[0].Sessions; len(s) != 1 || s[0].Device != "phone" || s[0].Token != (rookery.TokenHash{}) {
		w.Errorf("signed in are %+v", s)
	}
}

func TestANumberGivenAgainBeginsAnew(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signInDevice(10001, "desk")
	w.sendTexts(me, 10002, "a", "b")
	phone, token := w.signInDeviceToken(10002, "phone")
	w.wantInbox(phone, "a", "b")
	w.wantInbox(w.signIn(10002, cafe), "a", "b")
	w.must(w.RemoveAccount(t.Context(), 10002))
	w.wantSession(10002, service.Caller{Token: token}, nil)
	w.createAccount(rookery.NewAccount(10002, "another", w.now()))
	phone, address := w.signInDevice(10002, "phone"), w.signIn(10002, cafe)
	w.sendTexts(me, 10002, "c")
	w.wantInbox(phone, "c")
	w.wantInbox(address, "c")
}

func TestDevicesOnlyIsMadeSureOfWhenAskedAgain(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, home)
	w.store.setFull(true)
	// the setting is stored, but the session could not be ended
	w.wantCode(w.devicesOnly(10001, true), rookery.CodeTemporary)
	w.store.setFull(false)
	w.must(w.devicesOnly(10001, true))
	w.wantSession(10001, service.Caller{Address: home}, nil)
}

func TestAnAccountThatIsRemovedLeavesNoNumberBehind(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me := w.signIn(10001, home)
		w.signInDevice(10002, "phone")
		w.sendTexts(me, 10002, "a", "b", "c")
		stored := make(chan struct{})
		told := make(chan struct{})
		w.store.afterDeliver = func() { close(stored); <-told }
		sent := make(chan error)
		go func() { sent <- w.send(me, "", 10002, "d") }()
		<-stored
		w.store.afterDeliver = nil
		w.must(w.RemoveAccount(w.Context(), 10002))
		close(told)
		w.must(<-sent)
		w.createAccount(rookery.NewAccount(10002, "another", w.now()))
		phone := w.subscribe(w.signInDevice(10002, "phone"))
		w.sendTexts(me, 10002, "e")
		phone.wantPushed("5 e")
		phone.disconnect()
		w.subscribe(w.signInDevice(10002, "phone")).wantPushed("5 e")
	}, 10001, 10002)
}

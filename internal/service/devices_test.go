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

func (f *fixture) devicesOnly(uin rookery.UIN, only bool) error {
	_, err := f.ChangeAccount(f.Context(), uin, func(account *rookery.Account) error {
		account.DevicesOnly = only
		return nil
	})
	return err
}

func (f *fixture) wantSession(uin rookery.UIN, caller service.Caller, want *service.Session) {
	f.Helper()
	got, err := f.AuthenticateSession(f.Context(), uin, caller)
	if want == nil {
		f.wantCode(err, rookery.CodeNotSignedIn)
		return
	}
	f.must(err)
	if got != want {
		f.Errorf("AuthenticateSession returned another session than the expected one")
	}
}

func TestTokenIdentifiesSessionFromAnyAddress(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	phone, token := f.signInDeviceToken(10001, "phone")
	desk, deskToken := f.signInDeviceToken(10001, "desk")
	address := f.signIn(10001, home)
	f.wantSession(10001, service.Caller{Address: cafe, Token: token}, phone)
	f.wantSession(10001, service.Caller{Address: home, Token: deskToken}, desk)
	f.wantSession(10001, service.Caller{Address: home}, address)
	f.wantSession(10001, service.Caller{Address: cafe}, nil)

	f.signInDevice(10002, "phone")
	f.wantSession(10002, service.Caller{Address: home, Token: token}, nil)
	unknown := rookery.NewToken([rookery.TokenBytes]byte{1})
	f.wantSession(10001, service.Caller{Address: home, Token: unknown}, nil)
	// An address session has no token. Not even a token with a zero hash matches it.
	f.SignOut(f.Context(), 10001, service.Caller{Token: unknown})
	f.wantSession(10001, service.Caller{Address: home}, address)
}

func TestDeviceLoginReplacesOldToken(t *testing.T) {
	f := newFixture(t, 10001)
	oldSession, oldToken := f.signInDeviceToken(10001, "phone")
	renewed, token := f.signInDeviceToken(10001, "phone")
	f.wantSession(10001, service.Caller{Token: oldToken}, nil)
	f.wantSession(10001, service.Caller{Token: token}, renewed)
	_, err := f.RefreshSession(oldSession)
	f.wantCode(err, rookery.CodeNotSignedIn)
	_, err = f.tryCollect(oldSession, "collect")
	f.wantCode(err, rookery.CodeNotSignedIn)
	f.wantCode(f.SetStatus(f.Context(), oldSession, rookery.StatusAway, rookery.RequestKey{}), rookery.CodeNotSignedIn)
}

func TestEncodingSurvivesNewDeviceToken(t *testing.T) {
	f := newFixture(t, 10001)
	phone := f.signInDevice(10001, "phone")
	f.must(f.SetEncoding(t.Context(), phone, 2))
	proof := auth.ProofOf(password)
	phone, _, err := f.SignIn(t.Context(),
		service.SignInRequest{UIN: 10001, Proof: &proof, Address: cafe, Device: "phone"})
	f.must(err)
	if phone.Encoding() != 2 {
		t.Errorf("the encoding is %d, want 2", phone.Encoding())
	}
}

func TestTokenSurvivesRestart(t *testing.T) {
	f := newFixture(t, 10001)
	_, token := f.signInDeviceToken(10001, "phone")
	f.restart(time.Hour)
	session, err := f.AuthenticateSession(t.Context(), 10001, service.Caller{Address: cafe, Token: token})
	f.must(err)
	if session.Device() != "phone" {
		f.Errorf("the session belongs to device %q, want phone", session.Device())
	}
}

func TestLogoutEndsOnlySessionOfItsToken(t *testing.T) {
	f := newFixture(t, 10001)
	_, token := f.signInDeviceToken(10001, "phone")
	desk, deskToken := f.signInDeviceToken(10001, "desk")
	address := f.signIn(10001, home)
	f.SignOut(f.Context(), 10001, service.Caller{Address: home, Token: token})
	f.wantSession(10001, service.Caller{Token: token}, nil)
	f.wantSession(10001, service.Caller{Token: deskToken}, desk)
	f.wantSession(10001, service.Caller{Address: home}, address)
	f.restart(0)
	f.wantSession(10001, service.Caller{Token: token}, nil)
}

func (f *fixture) wantVisibleStatus(uin rookery.UIN, want rookery.Status) {
	f.Helper()
	if got := f.VisibleStatus(uin); got != want {
		f.Errorf("the visible status of %d is %v, want %v", uin, got, want)
	}
}

func TestSilentDeviceFallsAsleepAndWakesWithItsToken(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	f.befriend(10001, 10002)
	session, token := f.signInDeviceToken(10001, "phone")
	friend, friendToken := f.signInDeviceToken(10002, "desk")
	f.passTime(299 * time.Second)
	f.wantSession(10001, service.Caller{Token: token}, session)
	f.wantSession(10002, service.Caller{Token: friendToken}, friend)
	f.passTime(299 * time.Second)
	_, err := f.RefreshSession(session)
	f.must(err)
	f.wantSession(10002, service.Caller{Token: friendToken}, friend)
	f.passTime(200 * time.Second)
	f.wantSession(10002, service.Caller{Token: friendToken}, friend)
	f.passTime(100 * time.Second)
	_, err = f.RefreshSession(session)
	f.wantCode(err, rookery.CodeNotSignedIn) // its connection is closed
	f.wantVisibleStatus(10001, rookery.StatusOffline)
	f.wantCollected(friend, "news-1", "10001:20")

	woken, err := f.AuthenticateSession(f.Context(), 10001, service.Caller{Address: cafe, Token: token})
	f.must(err)
	f.wantVisibleStatus(10001, rookery.StatusOnline)
	f.wantCollected(friend, "news-2", "10001:10")
	f.wantSession(10001, service.Caller{Token: token}, woken)
}

func TestSleepingDeviceKeepsStatusAcrossRestart(t *testing.T) {
	f := newFixture(t, 10001)
	session, token := f.signInDeviceToken(10001, "phone")
	f.must(f.SetStatus(f.Context(), session, rookery.StatusInvisible,
		f.NewRequestKey(session, "status-1", []byte("a"))))
	f.passTime(300 * time.Second)
	f.restart(24 * time.Hour)
	f.wantVisibleStatus(10001, rookery.StatusOffline)
	f.passTime(time.Hour)
	woken, err := f.AuthenticateSession(f.Context(), 10001, service.Caller{Token: token})
	f.must(err)
	f.wantVisibleStatus(10001, rookery.StatusOffline) // still invisible
	f.must(f.SetStatus(f.Context(), woken, rookery.StatusAway, f.NewRequestKey(woken, "status-2", []byte("b"))))
	f.wantVisibleStatus(10001, rookery.StatusAway)
	f.restart(0)
	f.wantVisibleStatus(10001, rookery.StatusAway)
}

func TestSleepingDeviceCanBeSignedOutAndRevoked(t *testing.T) {
	f := newFixture(t, 10001)
	_, out := f.signInDeviceToken(10001, "signed out")
	_, revoked := f.signInDeviceToken(10001, "revoked")
	_, locked := f.signInDeviceToken(10001, "locked out")
	f.passTime(300 * time.Second)
	f.passTime(300 * time.Second) // until the active account is removed from memory
	f.SignOut(f.Context(), 10001, service.Caller{Token: out})
	f.wantSession(10001, service.Caller{Token: out}, nil)
	f.must(f.RevokeDevice(f.Context(), 10001, 2))
	f.wantSession(10001, service.Caller{Token: revoked}, nil)
	f.must(f.SetPassword(f.Context(), 10001, "other"))
	f.wantSession(10001, service.Caller{Token: locked}, nil)
}

func TestConcurrentRequestsWakeDeviceOnce(t *testing.T) {
	f := newFixture(t, 10001)
	_, token := f.signInDeviceToken(10001, "phone")
	f.passTime(300 * time.Second)
	var wg sync.WaitGroup
	var woken [8]*service.Session
	for i := range woken {
		wg.Go(func() { woken[i], _ = f.AuthenticateSession(f.Context(), 10001, service.Caller{Token: token}) })
	}
	wg.Wait()
	for _, session := range woken {
		if session == nil || session != woken[0] {
			t.Fatalf("the requests got sessions %v, want the same one", woken)
		}
	}
}

func TestRequestFindsDeviceThatAnotherRequestWoke(t *testing.T) {
	f := newFixture(t, 10001)
	_, token := f.signInDeviceToken(10001, "phone")
	caller := service.Caller{Token: token}
	other := func() {
		_, err := f.AuthenticateSession(f.Context(), 10001, caller)
		f.must(err)
	}
	f.passTime(300 * time.Second)
	f.store.beforeAsleep = other
	_, err := f.AuthenticateSession(f.Context(), 10001, caller)
	f.must(err)

	f.passTime(300 * time.Second)
	f.store.beforeAsleep = other
	f.SignOut(f.Context(), 10001, caller)
	f.wantSession(10001, caller, nil)
}

func TestInvalidDeviceNamesAreRefused(t *testing.T) {
	f := newFixture(t, 10001)
	proof := auth.ProofOf("wrong") // parameters are checked before the proof
	for _, name := range []string{"a\x00b", "line\nend", "\xff", strings.Repeat("x", 65)} {
		_, _, err := f.SignIn(f.Context(),
			service.SignInRequest{UIN: 10001, Proof: &proof, Address: home, Device: name})
		f.wantCode(err, rookery.CodeParameter)
	}
}

func TestDevicesOnlyRefusesAddressSessions(t *testing.T) {
	f := newFixture(t, 10001)
	phone, token := f.signInDeviceToken(10001, "phone")
	f.signIn(10001, home)
	f.must(f.devicesOnly(10001, true))
	f.wantSession(10001, service.Caller{Address: home}, nil)
	f.wantSession(10001, service.Caller{Token: token}, phone)
	err := f.tryPassword(10001, home, password)
	f.wantCode(err, rookery.CodeRefused)
	if got := rookery.TextOf(err); got != "this account accepts device sessions only: log in with DV" {
		f.Errorf("the error text is %q, want one that names DV", got)
	}
	f.wantCode(f.tryPassword(10001, home, "wrong"), rookery.CodePassword)
	f.signInDevice(10001, "phone")
	f.restart(0)
	f.wantCode(f.tryPassword(10001, home, password), rookery.CodeRefused)
	f.must(f.devicesOnly(10001, false))
	f.must(f.tryPassword(10001, home, password))
}

func TestEachDeviceHasItsOwnCursor(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, address := f.signIn(10001, home), f.signIn(10002, cafe)
	phone, desk := f.signInDevice(10002, "phone"), f.signInDevice(10002, "desk")
	f.sendTexts(me, 10002, "a")
	f.wantInbox(phone, "a")
	f.sendTexts(me, 10002, "b")
	f.wantInbox(desk, "a", "b")
	f.wantInbox(address, "a", "b")
	f.wantInbox(phone, "b")
	f.wantInbox(f.signInDevice(10002, "new")) // a new device begins with uncollected entries
	f.sendTexts(me, 10002, "c")
	f.wantInbox(f.signInDevice(10002, "newer"), "c")
	// The cursor and the recent requests survive a logout.
	f.wantCollected(desk, "collect 1", "c")
	_, token := f.signInDeviceToken(10002, "desk")
	f.SignOut(f.Context(), 10002, service.Caller{Token: token})
	f.passTime(10 * time.Minute)
	desk = f.signInDevice(10002, "desk")
	f.wantCollected(desk, "collect 1", "c")
	f.wantInbox(desk)
}

func TestSEQsOfTwoDevicesAreIndependent(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	phone, desk := f.signInDevice(10001, "phone"), f.signInDevice(10001, "desk")
	f.must(f.send(phone, "sequence", 10002, "a"))
	f.must(f.send(phone, "sequence", 10002, "a"))
	f.must(f.send(desk, "sequence", 10002, "a"))
	f.wantInbox(f.signIn(10002, cafe), "a", "a")
}

func TestSentMessagesReachOtherDevices(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		address := f.signIn(10001, home)
		f.sendTexts(address, 10002, "before there was a device")
		phone, desk := f.signInDevice(10001, "phone"), f.signInDevice(10001, "desk")
		you := f.signIn(10002, cafe)
		live := f.subscribe(desk)
		f.sendTexts(phone, 10002, "from the phone")
		live.wantPushed("1 to 10002: from the phone")
		live.confirm(1)
		f.sendTexts(address, 10002, "from the address")
		f.sendTexts(desk, 10002, "from the desk")
		live.wantPushed("2 to 10002: from the address")
		f.sendTexts(you, 10001, "to me")
		live.wantPushed("4 to me")
		f.wantInbox(phone, "from the address", "from the desk", "to me")
		f.wantInbox(address, "to me") // address sessions receive no copies of sent messages
		f.wantInbox(you, "before there was a device", "from the phone", "from the address", "from the desk")
	}, 10001, 10002)
}

func TestCursorPassesOwnSentMessages(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me := f.signInDevice(10001, "phone")
		phone := f.subscribe(me)
		f.sendTexts(me, 10002, "a", "b", "c")
		phone.wantPushed()
		phone.disconnect()
		f.wantCursor(10001, "phone", 3)
	}, 10001, 10002)
}

func TestMessageToSelfReachesEachDeviceOnce(t *testing.T) {
	f := newFixture(t, 10001)
	phone, desk := f.signInDevice(10001, "phone"), f.signInDevice(10001, "desk")
	f.sendTexts(phone, 10001, "note")
	f.wantInbox(phone, "note")
	f.wantInbox(desk, "note")
}

func TestRepeatedSendStoresOneCopy(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	phone, desk := f.signInDevice(10001, "phone"), f.signInDevice(10001, "desk")
	for range 3 {
		f.must(f.send(phone, "sequence", 10002, "a"))
	}
	f.wantInbox(desk, "a")
}

// Whether the account has devices is cached, and must be read again after each change.
func TestSentMessagesAreStoredWhileDevicesExist(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	sendAndCountCopies := func(want uint64) {
		f.Helper()
		f.sendTexts(f.signIn(10001, home), 10002, "a")
		newestNumber, _, err := f.store.MailboxState(f.Context(), 10001, "")
		f.must(err)
		if newestNumber != want {
			f.Errorf("the store has %d copies of sent messages, want %d", newestNumber, want)
		}
	}
	sendAndCountCopies(0)
	_, token := f.signInDeviceToken(10001, "phone")
	sendAndCountCopies(1)
	f.SignOut(f.Context(), 10001, service.Caller{Token: token})
	sendAndCountCopies(2) // the device exists without a session
	f.restart(0)
	sendAndCountCopies(3)
	devices, err := f.DevicesOf(f.Context(), 10001)
	f.must(err)
	f.must(f.RevokeDevice(f.Context(), 10001, devices[0].ID))
	sendAndCountCopies(3)
	f.signInDevice(10001, "phone")
	sendAndCountCopies(4)
}

// A consumer that only skips copies of sent messages reads the store once.
func TestIdlePollsAfterSkippedEntriesReadNoStore(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	phone, address := f.signInDevice(10001, "phone"), f.signIn(10001, home)
	for i := range 120 {
		f.sendTexts(phone, 10002, fmt.Sprint(i))
	}
	f.wantCollected(phone, "first")
	f.wantCollected(address, "first")
	before := f.store.calls()
	for i := range 10 {
		f.wantCollected(phone, fmt.Sprint("collect ", i))
		f.wantCollected(address, fmt.Sprint("collect ", i))
	}
	if got := f.store.calls(); got != before {
		f.Errorf("idle polls called the store %d times, want 0", got-before)
	}
}

func TestRepeatedBatchOmitsSkippedEntries(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	phone, you := f.signInDevice(10001, "phone"), f.signIn(10002, cafe)
	want := []string{}
	for i := range 130 {
		f.sendTexts(phone, 10002, "own")
		if i%30 == 0 {
			f.sendTexts(you, 10001, fmt.Sprint(i))
			want = append(want, fmt.Sprint(i))
		}
	}
	f.wantCollected(phone, "collect 1", want...)
	f.wantCollected(phone, "collect 1", want...)
	f.wantCollected(phone, "collect 2")
}

func TestForgetDeviceEndsItsSessionAndCursor(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		desk, you := f.signInDevice(10001, "desk"), f.signIn(10002, cafe)
		phone, token := f.signInDeviceToken(10001, "phone")
		live := f.subscribe(phone)
		devices, err := f.Devices(f.Context(), desk)
		f.must(err)
		if len(devices) != 2 || devices[1].Name != "phone" || !devices[1].SignedIn {
			f.Fatalf("Devices returned %+v, want two and a signed-in phone", devices)
		}
		requestKey := f.NewRequestKey(desk, "sequence", []byte("forget"))
		f.must(f.ForgetDevice(f.Context(), desk, devices[1].ID, requestKey))
		f.must(f.ForgetDevice(f.Context(), desk, devices[1].ID, requestKey)) // a repeat
		f.wantCode(f.ForgetDevice(f.Context(), desk, devices[1].ID, f.NewRequestKey(desk, "another", nil)),
			rookery.CodeParameter)
		f.wantSession(10001, service.Caller{Token: token}, nil)
		f.sendTexts(you, 10001, "a")
		live.wantPushed()
		if live.isClosed() {
			f.Error("the connection was closed, want it open for another login")
		}
		live.disconnect()
		f.wantInbox(desk, "a")
		f.wantInbox(f.signInDevice(10001, "phone")) // a new device begins with uncollected entries
		f.must(f.ForgetDevice(f.Context(), desk, devices[0].ID, f.NewRequestKey(desk, "itself", nil)))
		_, err = f.RefreshSession(desk)
		f.wantCode(err, rookery.CodeNotSignedIn)
	}, 10001, 10002)
}

func TestOperatorListsAndRevokesDevices(t *testing.T) {
	f := newFixture(t, 10001)
	_, token := f.signInDeviceToken(10001, "phone")
	devices, err := f.DevicesOf(f.Context(), 10001)
	f.must(err)
	if len(devices) != 1 || devices[0].Name != "phone" || !devices[0].SignedInAt.Equal(f.now()) {
		f.Fatalf("DevicesOf returned %+v, want one phone", devices)
	}
	f.wantCode(f.RevokeDevice(f.Context(), 10001, devices[0].ID+1), rookery.CodeParameter)
	f.must(f.RevokeDevice(f.Context(), 10001, devices[0].ID))
	f.wantSession(10001, service.Caller{Token: token}, nil)
	_, err = f.DevicesOf(f.Context(), 10777)
	f.wantCode(err, rookery.CodeNoAccount)
	f.wantCode(f.RevokeDevice(f.Context(), 10777, 1), rookery.CodeNoAccount)
}

func TestOperatorListOmitsTokens(t *testing.T) {
	f := newFixture(t, 10001)
	f.signInDevice(10001, "phone")
	infos, err := f.AccountsAfter(f.Context(), rookery.System, 10)
	f.must(err)
	if s := infos[0].Sessions; len(s) != 1 || s[0].Device != "phone" || s[0].Token != (rookery.TokenHash{}) {
		f.Errorf("the listed sessions are %+v, want one of the phone without a token", s)
	}
}

func TestRecreatedAccountInheritsNothing(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signInDevice(10001, "desk")
	f.sendTexts(me, 10002, "a", "b")
	phone, token := f.signInDeviceToken(10002, "phone")
	f.wantInbox(phone, "a", "b")
	f.wantInbox(f.signIn(10002, cafe), "a", "b")
	f.must(f.RemoveAccount(t.Context(), 10002))
	f.wantSession(10002, service.Caller{Token: token}, nil)
	f.createAccount(rookery.NewAccount(10002, "another", f.now()))
	phone, address := f.signInDevice(10002, "phone"), f.signIn(10002, cafe)
	f.sendTexts(me, 10002, "c")
	f.wantInbox(phone, "c")
	f.wantInbox(address, "c")
}

func TestDevicesOnlyRetryEndsAddressSession(t *testing.T) {
	f := newFixture(t, 10001)
	f.signIn(10001, home)
	f.store.setFull(true)
	// the setting is stored, but the session could not be ended
	f.wantCode(f.devicesOnly(10001, true), rookery.CodeTemporary)
	f.store.setFull(false)
	f.must(f.devicesOnly(10001, true))
	f.wantSession(10001, service.Caller{Address: home}, nil)
}

func TestRecreatedAccountIgnoresLateDelivery(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me := f.signIn(10001, home)
		f.signInDevice(10002, "phone")
		f.sendTexts(me, 10002, "a", "b", "c")
		stored := make(chan struct{})
		removed := make(chan struct{})
		f.store.afterDeliver = func() { close(stored); <-removed }
		sent := make(chan error)
		go func() { sent <- f.send(me, "", 10002, "d") }()
		<-stored
		f.store.afterDeliver = nil
		f.must(f.RemoveAccount(f.Context(), 10002))
		close(removed)
		f.must(<-sent)
		f.createAccount(rookery.NewAccount(10002, "another", f.now()))
		phone := f.subscribe(f.signInDevice(10002, "phone"))
		f.sendTexts(me, 10002, "e")
		phone.wantPushed("5 e")
		phone.disconnect()
		f.subscribe(f.signInDevice(10002, "phone")).wantPushed("5 e")
	}, 10001, 10002)
}

// The phone does not receive its own message, and so confirms nothing that would store its cursor.
func TestNewDeviceDoesNotReceiveWhatAnotherDeviceSentBefore(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		phone := f.signInDevice(10001, "phone")
		connection := f.subscribe(phone)
		f.sendTexts(f.signIn(10002, cafe), 10001, "one")
		f.passTime(time.Minute)
		connection.wantPushed("1 one")
		connection.confirm(1)
		f.passTime(time.Second)
		f.sendTexts(phone, 10002, "two")
		f.waitIdle()
		f.subscribe(f.signInDevice(10001, "desk")).wantPushed()
	}, 10001, 10002)
}

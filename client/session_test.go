package client_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

func TestDialErrors(t *testing.T) {
	server := newTestServer(t, 10001)
	forEachScheme(t, func(t *testing.T, scheme string) {
		for name, test := range map[string]struct {
			address string
			opts    []client.Option
			want    error
		}{
			"a wrong password": {"10001@" + server.address, []client.Option{client.Password("wrong")},
				client.ErrPassword},
			"no such account": {"10999@" + server.address, []client.Option{client.Password(password)},
				client.ErrPassword},
			"a token of nothing": {"10001@" + server.address, []client.Option{client.Token(token)},
				client.ErrNotLoggedIn},
			"nobody listens": {"10001@127.0.0.1:1", []client.Option{client.Password(password)},
				client.ErrTemporary},
			"no account in it": {server.address, []client.Option{client.Password(password)},
				client.ErrParameter},
			"a password in it": {"10001:secret@" + server.address, []client.Option{client.Password(password)},
				client.ErrParameter},
			"no number": {"99@" + server.address, []client.Option{client.Password(password)},
				client.ErrParameter},
			"neither": {"10001@" + server.address, nil, client.ErrParameter},
			"no token": {"10001@" + server.address, []client.Option{client.Token("rk_short")},
				client.ErrParameter},
			"an unknown version": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Version("2.0")}, client.ErrParameter},
			"a device in 1.3": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Device("d"), client.Version("1.3")},
				client.ErrParameter},
			"a device with a line end": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Device("d\n")}, client.ErrParameter},
			"no device for both": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Token(token)}, client.ErrParameter},
			"no interval": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.PollInterval(-1)}, client.ErrParameter},
			"no status": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.InitialStatus(11)}, client.ErrParameter},
			"no interval for a device": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Device("d"), client.PollInterval(0)},
				client.ErrParameter},
			"no status for a device": {"10001@" + server.address,
				[]client.Option{client.Password(password), client.Device("d"), client.InitialStatus(11)},
				client.ErrParameter},
		} {
			messenger, err := client.Dial(t.Context(), scheme+"://"+test.address, test.opts...)
			if !errors.Is(err, test.want) || messenger != nil {
				t.Errorf("%s: Dial returns %v, expected is %v", name, err, test.want)
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("%s: the error gives the password away: %v", name, err)
			}
		}
	})
	for _, address := range []string{"gopher://10001@host", "10001", "qq://10001@", "qq://10001@ho st", "://"} {
		if _, err := client.Dial(t.Context(), address, client.Password(password)); !errors.Is(err,
			client.ErrParameter) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestATokenResumesTheSession(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		first := server.dial(scheme, 10001, client.Device("d"))
		token := first.Token()
		first.Close()
		server.restart()
		messenger, err := client.Dial(t.Context(), scheme+"://10001@"+server.address, client.Token(token),
			client.ShortRetryDelays(), client.PollInterval(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		defer messenger.Close()
		server.sendDirectly(10002, 10001, "hello")
		expectEqual(t, "messages", textsOf(receive(t, messenger, 1)), []string{"hello"})
		if messenger.Token() != token || messenger.UIN() != 10001 {
			t.Errorf("%v has the token %q", messenger, messenger.Token())
		}
	})
}

func TestARevokedTokenEndsTheClient(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001)
		tablet, phone := server.dial(scheme, 10001, client.Device("tablet")),
			server.dial(scheme, 10001, client.Device("phone"))
		lost, err := client.Dial(t.Context(), scheme+"://10001@"+server.address, client.Token(phone.Token()),
			client.ShortRetryDelays())
		if err != nil {
			t.Fatal(err)
		}
		defer lost.Close()
		phone.Close()
		devices, err := tablet.Devices(t.Context())
		if err != nil || len(devices) != 2 || devices[1].Name != "phone" ||
			time.Since(devices[1].SignedInAt) > time.Hour {
			t.Fatalf("the devices are %+v, %v", devices, err)
		}
		if err := tablet.RevokeDevice(t.Context(), devices[1].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := lost.Friends(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("Friends returns %v", err)
		}
		for event := range lost.Events(t.Context()) {
			if state, ok := event.(client.State); ok && state.RetryAt.IsZero() &&
				!errors.Is(state.Err, client.ErrNotLoggedIn) {
				t.Errorf("an event is %+v", event)
			}
		}
		if state := lost.State(); !errors.Is(state.Err, client.ErrNotLoggedIn) {
			t.Errorf("the state is %+v", state)
		}
	})
}

func TestADisplacedSessionIsRegainedWithThePassword(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		messenger := server.dial(scheme, 10001)
		proof := auth.ProofOf(password)
		elsewhere := netip.MustParseAddr("192.0.2.9")
		if _, _, err := server.service.SignIn(t.Context(),
			service.SignInRequest{UIN: 10001, Proof: &proof, Address: elsewhere}); err != nil {
			t.Fatal(err)
		}
		if err := messenger.Send(t.Context(), 10002, "still here"); err != nil {
			t.Error(err)
		}
		expectEqual(t, "sent", server.storedTexts(10002), []string{"still here"})
		if _, err := server.service.AuthenticateSession(t.Context(), 10001,
			service.Caller{Address: elsewhere}); rookery.CodeOf(err) != rookery.CodeNotSignedIn {
			t.Errorf("the other session: %v", err)
		}
	})
}

func TestAServerRestartLosesAndDuplicatesNothing(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		messenger := server.dial(scheme, 10001, client.Device("d"))
		restarts := 0
		restarted := make(chan struct{})
		go func() {
			defer close(restarted)
			for range 5 {
				server.restart()
				if err := messenger.Send(t.Context(), 10001, fmt.Sprintf("restart %d", restarts)); err != nil {
					t.Error(err)
				}
				restarts++
			}
		}()
		var sent []string
		for done := false; !done; {
			select {
			case <-restarted:
				done = true
			default:
			}
			text := fmt.Sprintf("message %d", len(sent))
			if err := messenger.Send(t.Context(), 10002, text); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, text)
		}
		expectEqual(t, "sent", server.storedTexts(10002), sent)
		expectEqual(t, "arrived", textsOf(receive(t, messenger, 5)),
			[]string{"restart 0", "restart 1", "restart 2", "restart 3", "restart 4"})
	})
}

func TestAChosenStatusSurvivesANewLogin(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		for _, version := range []string{"1.1", "1.4"} {
			server := newTestServer(t, 10001, 10002)
			server.befriend(10001, 10002)
			bob := server.dial("http", 10002)
			alice := server.dial(scheme, 10001, client.Version(version), client.InitialStatus(client.StatusAway))
			online, err := bob.OnlineFriends(t.Context())
			if err != nil || len(online) != 1 || online[0].Status != client.StatusAway {
				t.Errorf("%s: online are %+v, %v", version, online, err)
			}
			if err := alice.SetStatus(t.Context(), client.StatusInvisible); err != nil {
				t.Fatal(err)
			}
			server.moveClock(service.SessionTimeout + time.Second)
			if _, err := alice.Friends(t.Context()); err != nil {
				t.Fatal(err)
			}
			if online, err := bob.OnlineFriends(t.Context()); err != nil || len(online) != 0 {
				t.Errorf("%s: signed in again, online are %+v, %v", version, online, err)
			}
		}
	})
}

func TestAResumedSessionSetsTheInitialStatus(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		server.befriend(10001, 10002)
		bob := server.dial("http", 10002)
		alice := server.dial(scheme, 10001, client.Device("d"))
		token := alice.Token()
		alice.Close()
		messenger, err := client.Dial(t.Context(), scheme+"://10001@"+server.address, client.Token(token),
			client.InitialStatus(client.StatusInvisible))
		if err != nil {
			t.Fatal(err)
		}
		defer messenger.Close()
		if online, err := bob.OnlineFriends(t.Context()); err != nil || len(online) != 0 {
			t.Errorf("online are %+v, %v", online, err)
		}
	})
}

func TestLogoutEndsTheSession(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		for name, opts := range map[string][]client.Option{"address": nil, "device": {client.Device("d")}} {
			server := newTestServer(t, 10001)
			messenger := server.dial(scheme, 10001, opts...)
			token := messenger.Token()
			if err := messenger.Logout(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			caller := service.Caller{Address: netip.MustParseAddr("127.0.0.1"), Token: rookery.Token(token)}
			if _, err := server.service.AuthenticateSession(t.Context(), 10001,
				caller); rookery.CodeOf(err) != rookery.CodeNotSignedIn {
				t.Errorf("%s: the session is %v", name, err)
			}
			if _, err := messenger.Friends(t.Context()); !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s: Friends returns %v", name, err)
			}
		}
	})
}

// The test runs a whole session with the most detailed log.
func TestNoSecretIsLogged(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		var log lockedBuffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		messenger := server.dial(scheme, 10001, client.Device("d"), client.Logger(logger))
		_ = messenger.Send(t.Context(), 10002, "a private word")
		server.sendDirectly(10002, 10001, "another private word")
		receive(t, messenger, 1)
		server.restart()
		_, _ = messenger.Friends(t.Context())
		_ = messenger.Send(t.Context(), 10999, "a private word")
		token := messenger.Token()
		fmt.Fprintf(&log, "%v %+v %#v %s", messenger, messenger, messenger, messenger)
		if err := messenger.Logout(t.Context()); err != nil {
			t.Error(err)
		}
		_, err := client.Dial(t.Context(), scheme+"://10001@"+server.address, client.Token(token),
			client.Logger(logger))
		fmt.Fprint(&log, err)
		sum := md5.Sum([]byte(password))
		for _, secret := range []string{password, hex.EncodeToString(sum[:]), token, token[3:], "private"} {
			if secret == "" || strings.Contains(strings.ToLower(log.String()), strings.ToLower(secret)) {
				t.Errorf("%q is in the log:\n%s", secret, log.String())
			}
		}
		for _, said := range []string{"command=Login", "command=CLTMSG", "connected"} {
			if !strings.Contains(log.String(), said) {
				t.Errorf("%q is not in the log:\n%s", said, log.String())
			}
		}
	})
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestAClosedClientLeavesNothingRunning(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002)
		for range 3 {
			messenger := server.dial(scheme, 10001, client.Device("d"))
			reading := make(chan struct{})
			go func() {
				defer close(reading)
				for range messenger.Events(context.Background()) {
				}
			}()
			if err := messenger.Send(t.Context(), 10002, "hello"); err != nil {
				t.Error(err)
			}
			messenger.Close()
			<-reading
			_, err := client.Dial(t.Context(), scheme+"://10001@"+server.address, client.Password("wrong"))
			if err == nil {
				t.Error("a wrong password is right")
			}
		}
		// net/http ends connections a moment after they are closed.
		for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			left := findStacks("rookery/client.", "net/http.(*persistConn)")
			if len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("it goes on:\n%s", strings.Join(left, "\n\n"))
			}
		}
	})
}

// findStacks returns the stacks of goroutines that contain one of the names.
func findStacks(names ...string) (found []string) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		for _, name := range names {
			if strings.Contains(stack, name) {
				found = append(found, stack)
				break
			}
		}
	}
	return found
}

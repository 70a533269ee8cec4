package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/transcript"
	"github.com/rookery-im/rookery/internal/transcript/oldclient"
)

// TestOldClients runs two clients of each HTTP kind from two addresses. They log in, list
// each other, exchange a message and log out.
func TestOldClients(t *testing.T) {
	for _, kind := range oldclient.HTTPKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := newServerWithTwoFriends(t)
			client := func(uin, password, address string) *oldclient.Client {
				c := kind.NewClient(func(ctx context.Context) (net.Conn, error) {
					return transcript.DialFrom(ctx, netip.MustParseAddr(address), s.addr())
				}, uin, password)
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			if err := client("10001", "654321", "127.0.0.2").Login(t.Context()); !errors.Is(err,
				oldclient.ErrWrongPassword) {
				t.Errorf("login with a wrong password: got error %v, want ErrWrongPassword", err)
			}
			chatByPolling(t, client("10001", "123456", "127.0.0.2"), client("10002", "123456", "127.0.0.3"))
		})
	}
}

// newServerWithTwoFriends starts a server with the friends 10001 and 10002.
func newServerWithTwoFriends(t *testing.T) *testServer {
	s := newTestServer(t, serverConfig{})
	for uin, nick := range map[rookery.UIN]string{10001: "Pingu, Jr", 10002: "Tom & Jerry"} {
		_, err := s.operator().AddAccount(t.Context(), control.NewAccount{
			UIN: uin, Password: "123456", Settings: control.Settings{"nick": nick, "face": "270"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.operator().Befriend(t.Context(), 10001, 10002); err != nil {
		t.Fatal(err)
	}
	return s
}

func chatByPolling(t *testing.T, one, two *oldclient.Client) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(one.Login(ctx))
	must(two.Login(ctx))

	friends, err := one.Friends(ctx)
	must(err)
	if want := []string{"10002"}; !slices.Equal(friends, want) {
		t.Errorf("friends %q, want %q", friends, want)
	}
	must(two.SetStatus(ctx, "30"))
	online, err := one.OnlineFriends(ctx)
	must(err)
	if want := []oldclient.Friend{{UIN: "10002", Status: "30", Face: "270", Nick: "Tom & Jerry"}}; !reflect.DeepEqual(
		online, want) {
		t.Errorf("online %q, want %q", online, want)
	}

	const text = "你好, Tom & Jerry: 100%?"
	must(one.Send(ctx, "10002", text))
	received, err := two.Receive(ctx)
	must(err)
	if want := []oldclient.Message{{Type: "9", From: "10001", Text: text}}; !reflect.DeepEqual(received, want) {
		t.Errorf("received %q, want %q", received, want)
	}
	must(two.Logout(ctx))
	received, err = one.Receive(ctx)
	must(err)
	if want := []oldclient.Message{{Type: "99", From: "10002", Text: "20"}}; !reflect.DeepEqual(received, want) {
		t.Errorf("after the logout of 10002 received %q, want %q", received, want)
	}
	must(one.Logout(ctx))
}

// TestOldClientsOnLines does the same with clients that hold a line and wait for pushes.
func TestOldClientsOnLines(t *testing.T) {
	for _, kind := range oldclient.StreamKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := newServerWithTwoFriends(t)
			client := func(uin, address string) *oldclient.Client {
				c := kind.NewClient(func(ctx context.Context) (net.Conn, error) {
					conn, err := transcript.DialFrom(ctx, netip.MustParseAddr(address), s.addr())
					return &recordConn{Conn: conn, br: bufio.NewReader(conn)}, err
				}, uin, "123456")
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			chatOnLines(t, s, client("10001", "127.0.0.2"), client("10002", "127.0.0.3"))
		})
	}
}

// recordConn is a connection whose Read returns one record at a time, as on the slow
// networks for which the programs were written.
type recordConn struct {
	net.Conn
	br *bufio.Reader
}

func (c *recordConn) Read(b []byte) (int, error) {
	line, err := c.br.ReadBytes('\n')
	return copy(b, line), err
}

func chatOnLines(t *testing.T, s *testServer, one, two *oldclient.Client) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expectPush := func(c *oldclient.Client, want oldclient.Message) {
		t.Helper()
		waitForPushes()
		s.wait(1500 * time.Millisecond) // longer than a push is delayed
		got, err := c.Receive(ctx)
		must(err)
		if !slices.Equal(got, []oldclient.Message{want}) {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
	must(one.Login(ctx))
	must(two.Login(ctx))
	expectPush(one, oldclient.Message{Type: "99", From: "10002", Text: "10"})
	must(two.SetStatus(ctx, "70"))
	expectPush(one, oldclient.Message{Type: "99", From: "10002", Text: "70"})
	friends, err := one.Friends(ctx)
	must(err)
	if want := []string{"10002"}; !slices.Equal(friends, want) {
		t.Errorf("friends %q, want %q", friends, want)
	}
	online, err := two.OnlineFriends(ctx)
	must(err)
	if want := []oldclient.Friend{{UIN: "10001", Status: "10", Face: "270", Nick: "Pingu, Jr"}}; !slices.Equal(online,
		want) {
		t.Errorf("online %q, want %q", online, want)
	}
	const text = "你好, Tom & Jerry: 100%?"
	must(one.Send(ctx, "10002", text))
	expectPush(two, oldclient.Message{Type: "9", From: "10001", Text: text})
	must(two.Send(ctx, "10001", "一会儿见"))
	expectPush(one, oldclient.Message{Type: "9", From: "10002", Text: "一会儿见"})
	must(two.Logout(ctx))
	expectPush(one, oldclient.Message{Type: "99", From: "10002", Text: "20"})
	must(one.Logout(ctx))
}

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

// TestOldClients lets two programs of each kind, at two addresses, find each
// other, talk and leave.
func TestOldClients(t *testing.T) {
	for _, kind := range oldclient.HTTPKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := serverOfTwo(t)
			client := func(uin, password, address string) *oldclient.Client {
				c := kind.NewClient(func(ctx context.Context) (net.Conn, error) {
					return transcript.DialFrom(ctx, netip.MustParseAddr(address), s.addr())
				}, uin, password)
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			if err := client("10001", "654321", "127.0.0.2").Login(t.Context()); !errors.Is(err,
				oldclient.ErrWrongPassword) {
				t.Errorf("with a wrong password: %v", err)
			}
			chatOf(t, client("10001", "123456", "127.0.0.2"), client("10002", "123456", "127.0.0.3"))
		})
	}
}

// serverOfTwo is a server with two friends.
func serverOfTwo(t *testing.T) *testServer {
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

func chatOf(t *testing.T, one, two *oldclient.Client) {
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
		t.Errorf("after the other's leaving received %q, want %q", received, want)
	}
	must(one.Logout(ctx))
}

// TestOldClientsOnLines lets two programs that hold a line find each other, talk
// and leave. Nobody asks for what comes.
func TestOldClientsOnLines(t *testing.T) {
	for _, kind := range oldclient.StreamKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := serverOfTwo(t)
			client := func(uin, address string) *oldclient.Client {
				c := kind.NewClient(func(ctx context.Context) (net.Conn, error) {
					conn, err := transcript.DialFrom(ctx, netip.MustParseAddr(address), s.addr())
					return &quietNetwork{Conn: conn, br: bufio.NewReader(conn)}, err
				}, uin, "123456")
				t.Cleanup(func() { _ = c.Close() })
				return c
			}
			chatOnLines(t, s, client("10001", "127.0.0.2"), client("10002", "127.0.0.3"))
		})
	}
}

// quietNetwork is a connection on which what was written apart comes apart. The
// programs were written on such networks.
type quietNetwork struct {
	net.Conn
	br *bufio.Reader
}

func (q *quietNetwork) Read(b []byte) (int, error) {
	line, err := q.br.ReadBytes('\n')
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
	hears := func(c *oldclient.Client, want oldclient.Message) {
		t.Helper()
		settle()
		s.wait(1500 * time.Millisecond) // a push may wait until then
		got, err := c.Receive(ctx)
		must(err)
		if !slices.Equal(got, []oldclient.Message{want}) {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
	must(one.Login(ctx))
	must(two.Login(ctx))
	hears(one, oldclient.Message{Type: "99", From: "10002", Text: "10"})
	must(two.SetStatus(ctx, "70"))
	hears(one, oldclient.Message{Type: "99", From: "10002", Text: "70"})
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
	hears(two, oldclient.Message{Type: "9", From: "10001", Text: text})
	must(two.Send(ctx, "10001", "一会儿见"))
	hears(one, oldclient.Message{Type: "9", From: "10002", Text: "一会儿见"})
	must(two.Logout(ctx))
	hears(one, oldclient.Message{Type: "99", From: "10002", Text: "20"})
	must(one.Logout(ctx))
}

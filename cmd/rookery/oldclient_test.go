package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"testing"

	"github.com/rookery-im/rookery/internal/transcript"
	"github.com/rookery-im/rookery/internal/transcript/oldclient"
)

// TestOldClients lets two users of each kind of client meet on the whole
// server: login, list, status, a message there and back, logout.
func TestOldClients(t *testing.T) {
	for _, kind := range oldclient.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t}
			must(t, w.Account(10001, "123456", []transcript.Field{{Name: "nick", Value: "Rookie"}}))
			must(t, w.Account(10002, "secret", []transcript.Field{{Name: "nick", Value: "Pingu, Jr"}, {Name: "face", Value: "270"}}))
			must(t, w.Account(10003, "secret", nil))
			must(t, w.Befriend(10001, 10002))
			must(t, w.Befriend(10001, 10003))
			visit(t, w, kind)
		})
	}
}

func visit(t *testing.T, w *world, kind oldclient.Kind) {
	ctx := t.Context()
	start := func(from, uin, password string) *oldclient.Client {
		c := kind.Client(func(ctx context.Context) (net.Conn, error) {
			return w.Dial(ctx, netip.MustParseAddr(from))
		}, uin, password)
		t.Cleanup(func() { c.Close() })
		return c
	}
	if err := start("127.0.0.2", "10001", "guess").Login(ctx); !errors.Is(err, oldclient.ErrPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	rookie, pingu := start("127.0.0.2", "10001", "123456"), start("127.0.0.3", "10002", "secret")
	must(t, rookie.Login(ctx))
	must(t, pingu.Login(ctx))
	friends, err := rookie.Friends(ctx)
	if want := []string{"10002", "10003"}; err != nil || !reflect.DeepEqual(friends, want) {
		t.Errorf("friends: %q, %v", friends, err)
	}
	must(t, pingu.SetStatus(ctx, "30"))
	online, err := rookie.Online(ctx)
	if want := []oldclient.Friend{{UIN: "10002", Status: "30", Face: "270", Nick: "Pingu, Jr"}}; err != nil || !reflect.DeepEqual(online, want) {
		t.Errorf("online: %q, %v", online, err)
	}
	const text = "你好 & 100%, a=b\n1+1"
	must(t, pingu.Send(ctx, "10001", text))
	messages, err := rookie.Receive(ctx)
	if want := []oldclient.Message{{Type: "9", From: "10002", Text: text}, {Type: "99", From: "10002", Text: "30"}}; err != nil || !reflect.DeepEqual(messages, want) {
		t.Errorf("received: %q, %v", messages, err)
	}
	must(t, rookie.Send(ctx, "10002", "hello"))
	must(t, rookie.Logout(ctx))
	messages, err = pingu.Receive(ctx)
	if want := []oldclient.Message{{Type: "9", From: "10001", Text: "hello"}, {Type: "99", From: "10001", Text: "20"}}; err != nil || !reflect.DeepEqual(messages, want) {
		t.Errorf("received back: %q, %v", messages, err)
	}
	if messages, err = pingu.Receive(ctx); err != nil || len(messages) > 0 {
		t.Errorf("received again: %q, %v", messages, err)
	}
	must(t, pingu.Logout(ctx))
	if friends, err := rookie.Friends(ctx); err == nil {
		t.Errorf("after its logout it still has friends: %q", friends)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func TestFriendshipInEachVersion(t *testing.T) {
	for _, version := range []string{"1.0", "1.1", "1.2", "1.3", "1.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			forEachScheme(t, func(t *testing.T, scheme string) { testFriendship(t, scheme, version) })
		})
	}
}

// testFriendship tests requests, friend lists, searches and profiles.
func testFriendship(t *testing.T, scheme, version string) {
	server := newTestServer(t, 10001, 10002, 10003)
	ctx := t.Context()
	alice, bob := server.dial(scheme, 10001, client.Version(version)),
		server.dial(scheme, 10002, client.Version(version))

	if added, err := alice.AddFriend(ctx, 10002); added != client.AddNeedsRequest || err != nil {
		t.Errorf("Add: %v, %v", added, err)
	}
	if _, err := alice.AddFriend(ctx, 10999); !errors.Is(err, client.ErrNoAccount) {
		t.Errorf("Add of nobody: %v", err)
	}
	if err := alice.RequestFriendship(ctx, 10002, "it's me & you, 100% &"); err != nil {
		t.Error(err)
	}
	if message := receive(t, bob, 1)[0]; message.Kind != client.KindAsks || message.Peer != 10001 ||
		message.Text != "it's me & you, 100% &" {
		t.Errorf("the request is %+v", message)
	}
	if err := bob.AcceptRequest(ctx, 10001); err != nil {
		t.Error(err)
	}
	if err := bob.AcceptRequest(ctx, 10003); !errors.Is(err, client.ErrParameter) {
		t.Errorf("Accept of nothing: %v", err)
	}
	if message := receive(t, alice, 1)[0]; message.Kind != client.KindAccepted || message.Peer != 10002 {
		t.Errorf("the acceptance is %+v", message)
	}
	server.befriend(10001, 10003)
	if err := bob.SetStatus(ctx, client.StatusBusy); err != nil {
		t.Error(err)
	}
	busy := client.StatusBusy
	if version != "1.4" {
		busy = client.StatusAway
	}
	expectFriends := []client.Friend{{UIN: 10002, Nick: "nick 10002", Status: busy},
		{UIN: 10003, Nick: "nick 10003", Status: client.StatusOffline}}
	friends, err := alice.Friends(ctx)
	expectEqual(t, fmt.Sprint("friends", err), friends, expectFriends)
	online, err := alice.OnlineFriends(ctx)
	expectEqual(t, fmt.Sprint("online", err), online, expectFriends[:1])

	sex := 0
	found, err := alice.Find(ctx, client.SearchQuery{Sex: &sex})
	if err != nil || !slices.Contains(found, client.SearchResult{UIN: 10002, Nick: "nick 10002"}) {
		t.Errorf("found are %+v, %v", found, err)
	}
	info, err := alice.Info(ctx, 10002)
	if err != nil || info.Nick != "nick 10002" || info.UIN != 10002 {
		t.Errorf("the info is %+v, %v", info, err)
	}
	if err := alice.RemoveFriend(ctx, 10003); err != nil {
		t.Error(err)
	}
	if friends, err = alice.Friends(ctx); len(friends) != 1 || err != nil {
		t.Errorf("friends are %+v, %v", friends, err)
	}
	if _, err := alice.FriendRequests(ctx); !errors.Is(err, client.ErrRefused) {
		t.Errorf("Requests of an address session: %v", err)
	}
	answer, err := alice.Do(ctx, "GetInfo", client.Field{Key: "UN", Value: "10001"},
		client.Field{Key: "LV", Value: "1"})
	if err != nil || answer.Text("NK") != "nick 10001" {
		t.Errorf("Do: %q, %v", answer.Text("NK"), err)
	}
}

func TestLongListsAreComplete(t *testing.T) {
	accounts := []rookery.UIN{10001}
	for uin := rookery.UIN(10002); uin < 10132; uin++ {
		accounts = append(accounts, uin)
	}
	server := newTestServer(t, accounts...)
	for _, uin := range accounts[1:] {
		server.befriend(10001, uin)
	}
	for _, version := range []string{"1.3", "1.4"} {
		messenger := server.dial("http", 10001, client.Version(version))
		friends, err := messenger.Friends(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var uins []rookery.UIN
		for _, friend := range friends {
			if uins = append(uins, friend.UIN); friend.Nick != "nick "+friend.UIN.String() {
				t.Errorf("a friend is %+v", friend)
			}
		}
		expectEqual(t, version, uins, accounts[1:])
	}
}

func TestADeviceManagesItsAccount(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		server := newTestServer(t, 10001, 10002, 10003)
		ctx := t.Context()
		alice := server.dial(scheme, 10001, client.Device("d"))
		bob := server.dial(scheme, 10002)
		if err := bob.RequestFriendship(ctx, 10001, "hello, it's me\nreally"); err != nil {
			t.Fatal(err)
		}
		requests, err := alice.FriendRequests(ctx)
		if err != nil || len(requests) != 1 || requests[0].From != 10002 ||
			requests[0].Text != "hello, it's me\nreally" || requests[0].Time.IsZero() {
			t.Errorf("requests are %+v, %v", requests, err)
		}
		if err := alice.RejectRequest(ctx, 10002, "no & no"); err != nil {
			t.Error(err)
		}
		if message := receive(t, bob, 1)[0]; message.Kind != client.KindRejected || message.Text != "no & no" {
			t.Errorf("the rejection is %+v", message)
		}
		open, no := client.RuleOpen, false
		change := client.AccountChange{
			Profile:    map[string]string{"NK": "Pingu, 100% & co", "AG": "33", "PR": "two\nlines", "PV": "广东"},
			FriendRule: &open, AllowStrangers: &no, Findable: &no,
		}
		if err := alice.SetInfo(ctx, change); err != nil {
			t.Fatal(err)
		}
		info, err := bob.Info(ctx, 10001)
		if err != nil || info.Nick != "Pingu, 100% & co" || info.Age != 33 || info.About != "two\nlines" ||
			info.Province != "广东" {
			t.Errorf("the info is %+v, %v", info, err)
		}
		if err := bob.Send(ctx, 10001, "hello"); !errors.Is(err, client.ErrRefused) {
			t.Errorf("a stranger's message: %v", err)
		}
		if added, err := bob.AddFriend(ctx, 10001); added != client.AddedFriend || err != nil {
			t.Errorf("Add: %v, %v", added, err)
		}
		if err := alice.SetInfo(ctx, client.AccountChange{Profile: map[string]string{"AG": "old"}}); !errors.Is(err,
			client.ErrParameter) {
			t.Errorf("an age that is none: %v", err)
		}
		if err := alice.Block(ctx, 10002); err != nil {
			t.Error(err)
		}
		blocked, err := alice.Blocked(ctx)
		expectEqual(t, fmt.Sprint("blocked", err), blocked, []client.UIN{10002})
		if err := bob.Send(ctx, 10001, "hello"); !errors.Is(err, client.ErrRefused) {
			t.Errorf("a blocked one's message: %v", err)
		}
		if err := alice.Unblock(ctx, 10002); err != nil {
			t.Error(err)
		}
		if blocked, err = alice.Blocked(ctx); len(blocked) != 0 || err != nil {
			t.Errorf("blocked are %v, %v", blocked, err)
		}
		if err := alice.RevokeDevice(ctx, 999); !errors.Is(err, client.ErrParameter) {
			t.Errorf("Revoke of nothing: %v", err)
		}
	})
}

func TestHistoryComesInPages(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	alice := server.dial("http", 10001, client.Device("d"))
	var texts []string
	for i := range 12 {
		texts = append(texts, fmt.Sprintf("word %d", i))
	}
	server.sendDirectly(10002, 10001, texts...)
	var got []string
	for query := (client.HistoryQuery{Peer: 10002, Limit: 5}); ; {
		page, err := alice.History(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		got = append(textsOf(page.Messages), got...)
		if page.IsLastPage {
			break
		}
		query.Before = page.Messages[0].Number
	}
	expectEqual(t, "the history", got, texts)
}

// The records equal those in docs/protocol.md except for SEQ.
func TestRecordsOfEachVersion(t *testing.T) {
	for version, want := range map[string][]string{
		"1.1": {
			"VER=1.1&CMD=Login&SEQ=*&UIN=10001&PS=2d3cac1a7ad0ef2a3a2d2e2a&M5=1&LC=9326B87B234E7235",
			"VER=1.1&CMD=CLTMSG&SEQ=*&UIN=10001&UN=10002&MG=%20fish %26 chips, 100%25?%0A%20",
		},
		"1.4": {
			"VER=1.4&CMD=Login&SEQ=*&UIN=10001&PS=2d3cac1a7ad0ef2a3a2d2e2a&M5=1&LC=9326B87B234E7235&ST=40&DV=my " +
				"%26 phone",
			"VER=1.4&CMD=History&SEQ=*&UIN=10001&SID=" + token + "&UN=0&TN=1",
			"VER=1.4&CMD=CLTMSG&SEQ=*&UIN=10001&SID=" + token + "&UN=10002&MG=%20fish %26 chips, 100%25?%0A%20",
		},
	} {
		t.Run(version, func(t *testing.T) {
			var got []string
			server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
				for record := conn.readRecord(); record != nil; record = conn.readRecord() {
					line := strings.Replace(record.line, record.value("SEQ"), "*", 1)
					if ps := record.value("PS"); len(ps) == 32 {
						line = strings.Replace(line, ps, "2d3cac1a7ad0ef2a3a2d2e2a", 1)
					}
					if got = append(got, line); !conn.answerCommon(record) {
						conn.answer(record, "0")
					}
				}
			}}
			opts := []client.Option{client.Version(version), client.Program("9326B87B234E7235")}
			if version == "1.4" {
				opts = append(opts, client.Device("my & phone"), client.InitialStatus(client.StatusInvisible))
			}
			withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
				if err := messenger.Send(t.Context(), 10002, " fish & chips, 100%?\n "); err != nil {
					t.Error(err)
				}
			}, opts...)
			expectEqual(t, "records", got, want)
		})
	}
}

// Before version 1.4, servers drop a raw '&' at the end of a record.
func TestAnAmpersandAtTheEndOfATextArrivesInEachVersion(t *testing.T) {
	server := newTestServer(t, 10001, 10002)
	for _, version := range []string{"1.0", "1.1", "1.2", "1.3", "1.4"} {
		alice, bob := server.dial("http", 10001, client.Version(version)),
			server.dial("http", 10002, client.Version(version))
		if err := alice.Send(t.Context(), 10002, version+" &"); err != nil {
			t.Fatal(err)
		}
		expectEqual(t, version, textsOf(receive(t, bob, 1)), []string{version + " &"})
		alice.Close()
		bob.Close()
	}
}

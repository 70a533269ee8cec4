package tui

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/rookery-im/rookery/client"
)

func TestAFriendRequestIsAccepted(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/requests<enter>")
		u.sees("10008  Robby", "It's me, Robby, from the ice rink.")
		u.keys("a")
		u.told("accept 10008")
		u.sees("Robby is your friend now.")
		u.seesNot("/requests", "Friend requests")
	})
}

func TestAFriendRequestIsRejectedWithWords(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/requests<enter>xNot now.<enter>")
		u.told("reject 10008 Not now.")
		u.sees("The request of Robby is rejected.")
		u.seesNot("/requests")
	})
}

func TestAQuestionThatIsLeftDoesNothing(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/requests<enter>xNot now.<esc>")
		u.keys("<esc>/remove<enter>n<enter>")
		u.keys("/block<enter><right><esc>")
		u.told()
	})
}

func TestARequestThatComesIsCountedAndShown(t *testing.T) {
	withUser(t, func(u *user) {
		u.asksIn(10007, "let me in")
		u.sees("/requests: 2")
		u.keys("/requests<enter>")
		u.sees("10007  a stranger", "10008  Robby", "let me in")
	})
}

// asksIn has somebody ask for friendship.
func (u *user) asksIn(from client.UIN, words string) {
	u.t.Helper()
	u.m.mu.Lock()
	u.m.requests = append(u.m.requests, client.Request{From: from, Words: words, Time: noon})
	u.m.mu.Unlock()
	u.tell(client.Message{Number: 7, Kind: client.KindAsks, Peer: from, Text: words, Time: noon})
}

func TestARequestThatWasAnsweredSaysSo(t *testing.T) {
	asks := "Robby asks to be your friend: let me in "
	befriend := func(m *scripted) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.friends = append(m.friends, client.Friend{UIN: 10008, Nick: "Robby"})
	}
	for name, c := range map[string]struct {
		answer func(u *user)
		says   string
	}{
		"accepted here": {func(u *user) { befriend(u.m); u.keys("/requests<enter>a") }, "(accepted)"},
		"rejected here": {func(u *user) { u.keys("/requests<enter>x<enter>") }, "(answered)"},
		"accepted on another device": {func(u *user) {
			befriend(u.m)
			u.m.settle(10008)
			u.wait(catchUpEvery)
		}, "(accepted)"},
		"rejected on another device": {func(u *user) { u.m.settle(10008); u.wait(catchUpEvery) }, "(answered)"},
		"nobody has answered":        {func(u *user) { u.wait(catchUpEvery) }, "(/requests answers)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := household()
				m.requests = nil
				u := sit(t, m)
				u.resize(132, 40)
				u.asksIn(10008, "let me in")
				u.keys("<end><pgdown>")
				for range 10 { // wherever in the list it is
					if u.keys("<enter>"); strings.Contains(u.screen(), asks) {
						break
					}
					u.keys("<esc><up>")
				}
				u.sees(asks + "(/requests answers)")
				u.keys("<esc>")
				c.answer(u)
				u.sees(asks + c.says)
			})
		})
	}
}

func TestARequestThatWasAnsweredBeforeItCameIsNotCounted(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(client.Message{Number: 7, Kind: client.KindAsks, Peer: 10007, Text: "let me in", Time: noon})
		u.sees("/requests: 1")
	})
}

func TestSomebodyIsFoundByNumberAndAdded(t *testing.T) {
	for _, c := range []struct {
		added client.Added
		keys  string
		says  string
		told  []string
	}{
		{client.AddedFriend, "a", "a stranger is your friend now.", []string{"add 10007"}},
		{client.AddClosed, "a", "a stranger takes no friends.", []string{"add 10007"}},
		{client.AddMustAsk, "aLet's be friends<enter>", "a stranger has been asked.", []string{"add 10007", "ask 10007 Let's be friends"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := household()
			m.added = c.added
			u := sit(t, m)
			u.keys("/add 10007<enter>")
			u.sees("Found: 1", "10007  a stranger")
			u.keys(c.keys)
			u.sees(c.says)
			u.told(c.told...)
		})
	}
}

func TestPeopleAreFoundByWhatTheySay(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/add<enter><down>30<down><right><right><enter>")
		u.sees("Found: 1", "10008  Robby", "female, 30")
		u.keys("w")
		u.sees("Robby (10008)", "no friend")
	})
}

func TestWhatIsNoNumberIsSaid(t *testing.T) {
	withUser(t, func(u *user) {
		for _, text := range []string{"pingu", "9999", "4294967296", "-1"} {
			u.keys("/add " + text + "<enter>")
			u.sees(text + " is no account number.")
			u.keys("<esc>")
		}
		u.keys("/add<enter><down>old<enter>")
		u.sees("old is no age.")
	})
}

func TestAFriendIsRemovedAfterAQuestion(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/remove<enter><right><enter>")
		u.told("remove 10002")
		u.sees("Pingu is no friend any more.")
		u.keys("<end><pgdown>/remove<enter>")
		u.sees("a stranger is no friend of yours.")
	})
}

func TestSomebodyIsBlockedAndUnblocked(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/block<enter><right><enter>")
		u.told("block 10002")
		u.sees("x Pingu")
		u.keys("/blocked<enter>")
		u.sees("> 10002  Pingu")
		u.keys("u")
		u.told("block 10002", "unblock 10002")
		u.sees("Nobody is blocked.")
		u.seesNot("x Pingu")
	})
}

func TestTheOwnStatusIsChosen(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/status<enter><down><down><enter>")
		u.told("status 30")
		u.sees("Rook (10001)  away", "You are now: away")
	})
}

func TestOnlyWhatWasChangedOfTheProfileIsSaved(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/profile<enter><ctrl+u>Rook II<down><down><right><up><up><up><left><up><up><right><right><enter>")
		u.told("setinfo NK=Rook II SX=1 rule=ask")
		u.sees("Rook II (10001)", "Saved.")
	})
}

func TestADeviceIsSignedOutAfterAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := household()
		m.devices = []client.DeviceInfo{{ID: 1, Name: "terminal", Since: noon}, {ID: 2, Name: "phone", Since: noon}}
		u := sit(t, m)
		u.keys("/devices<enter><down>x")
		u.sees("End and forget device phone?")
		u.keys("<right><enter>")
		u.told("revoke")
		u.seesNot("> phone", "  phone ")
	})
}

func TestTheNextUnreadConversationIsAKeyAway(t *testing.T) {
	withUser(t, func(u *user) {
		for _, name := range []string{"Pingu", "企鹅爱好者协会南极洲分会会长", "Ada", "a stranger"} {
			u.keys("<ctrl+n>")
			u.sees(name)
			u.keys("<esc>")
		}
		u.keys("<ctrl+n>")
		u.sees("Nothing is unread.")
		u.keys("/next<enter>")
		u.sees("Nothing is unread.")
	})
}

// A session of an address has no history and the like: that is said, rather
// than that something fails.
func TestAnAddressSessionIsToldWhatItLacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := household()
		m.token = ""
		u := sit(t, m)
		u.sees("This sign-in has no device name.")
		for _, keys := range []string{"/profile<enter>", "/blocked<enter>", "/devices<enter>", "<ctrl+f>", "/block<enter>"} {
			u.keys(keys)
			u.sees("That needs a device login: rookery login")
		}
		u.tell(client.Message{Kind: client.KindAsks, Peer: 10008, Text: "hello", Time: noon},
			client.Message{Kind: client.KindMessage, Peer: 10002, Text: "one"}, client.Message{Kind: client.KindMessage, Peer: 10002, Text: "two"})
		u.sees("Pingu              2")
		u.keys("<enter>")
		u.sees("one", "two", "after a device login")
		u.keys("<pgup>")
		u.sees("That needs a device login")
		u.keys("<esc>/requests<enter>a")
		u.told("accept 10008")
		if len(u.read()) > 0 {
			t.Errorf("the server was told of %q", u.read())
		}
	})
}

func TestAPageThatIsClosedGivesTheKeysBack(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter><esc>/status<enter><esc>/bell<enter>")
		u.sees("bell off")
		u.keys("<enter><ctrl+f><esc>m")
		u.sees("> m")
	})
}

func TestThePageOfKeysIsThatOfWhereOneIs(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("?")
		u.sees("/remove", "remove the friend", "+ online", "! operator's notices")
		u.keys("<esc><enter>?")
		u.sees("> ?")
		u.keys("<f1>")
		u.sees("send again what failed")
		u.keys("<f1>")
		u.sees("> ?")
	})
}

// Every key that means something is on the page of keys under a name that is
// one.
func TestEveryKeyHasAName(t *testing.T) {
	withUser(t, func(u *user) {
		for _, keys := range []string{"", "<enter>", "<esc>/requests<enter>", "<esc>/status<enter>", "<esc>/profile<enter>", "<esc><ctrl+f>", "<esc>?"} {
			u.keys(keys)
			for _, binding := range append(u.a.bindings(), u.a.everywhere()...) {
				for _, k := range binding.keys {
					if name := keyName(k); len(k) > 1 && name == k {
						t.Errorf("key %s has no name", k)
					}
				}
			}
		}
	})
}

func TestNoScreenIsEverTooLarge(t *testing.T) {
	for _, keys := range []string{
		"", "<enter>", "<enter>a long text that needs a lot of rows 今天晚上我们一起去看企鹅吧<alt+enter>x", "?", "/requests<enter>", "/requests<enter>x", "/add<enter>", "/add 10002<enter>",
		"/info<enter>", "/status<enter>", "/profile<enter>", "/search the<enter>", "/blocked<enter>", "/devices<enter>", "/remove<enter>", "/blok<enter>",
	} {
		t.Run(keys, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.tell(client.State{Err: &oneError{"no route to host"}})
				u.keys(keys)
				for width := 1; width <= 90; width += 1 + width/20 {
					for height := 1; height <= 30; height += 1 + height/8 {
						u.resize(width, height) // it looks at every screen
					}
				}
				u.keys(strings.Repeat("<down>", 3) + strings.Repeat("<up>", 5))
			})
		})
	}
}

func TestAReasonIsSaidInTheUsersWords(t *testing.T) {
	for _, c := range []struct {
		err    error
		en, zh string
	}{
		{client.ErrRefused, "refused", "被拒绝"},
		{fmt.Errorf("CLTMSG: %w: that account takes no messages of strangers", client.ErrRefused),
			"refused: that account takes no messages of strangers", "被拒绝: that account takes no messages of strangers"},
		{fmt.Errorf("%w: %w", client.ErrRefused, &client.Error{Command: "CLTMSG", Res: 3, Reason: "UN: that account takes no messages from you"}),
			"refused: that account takes no messages from you", "被拒绝: that account takes no messages from you"},
		{fmt.Errorf("%w: %w", client.ErrTemporary, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
			"connection refused", "connection refused"},
		{fmt.Errorf("%w: %w", client.ErrTemporary, errors.New("dial tcp 192.0.2.1:14000: no route to host")),
			"dial tcp 192.0.2.1:14000: no route to host", "dial tcp 192.0.2.1:14000: no route to host"},
		{&client.Unreachable{Tried: []client.Attempt{
			{Address: "qq://10001@chat.example:14000", Err: fmt.Errorf("%w: %w", client.ErrTemporary, errors.New("connection refused"))},
			{Address: "qq://10001@chat.example:8000", Err: fmt.Errorf("%w: %w", client.ErrTemporary, context.DeadlineExceeded)},
		}}, "chat.example:14000: connection refused; chat.example:8000: context deadline exceeded",
			"chat.example:14000: connection refused; chat.example:8000: context deadline exceeded"},
		{fmt.Errorf("List: %w", context.DeadlineExceeded), "the server does not answer", "服务器没有响应"},
		{errors.New("the answer is\nnot understood\x1b"), "the answer is / not understood\ufffd", "the answer is / not understood\ufffd"},
	} {
		for l, want := range map[language]string{english: c.en, chinese: c.zh} {
			if got := (&App{lang: l}).why(c.err); got != want {
				t.Errorf("%v is said as %q, want %q", c.err, got, want)
			}
		}
	}
}

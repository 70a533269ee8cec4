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
		u.pressKeys("/requests<enter>")
		u.expectText("10008  Robby", "It's me, Robby, from the ice rink.")
		u.pressKeys("a")
		u.expectCalls("accept 10008")
		u.expectText("Robby is your friend now.")
		u.expectNoText("/requests", "Friend requests")
	})
}

func TestAFriendRequestIsRejectedWithWords(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/requests<enter>xNot now.<enter>")
		u.expectCalls("reject 10008 Not now.")
		u.expectText("The request of Robby is rejected.")
		u.expectNoText("/requests")
	})
}

func TestACancelledQuestionDoesNothing(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/requests<enter>xNot now.<esc>")
		u.pressKeys("<esc>/remove<enter>n<enter>")
		u.pressKeys("/block<enter><right><esc>")
		u.expectCalls()
	})
}

func TestANewRequestIsCountedAndShown(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveRequest(10007, "let me in")
		u.expectText("/requests: 2")
		u.pressKeys("/requests<enter>")
		u.expectText("10007  a stranger", "10008  Robby", "let me in")
	})
}

// receiveRequest delivers a friend request.
func (u *user) receiveRequest(from client.UIN, text string) {
	u.t.Helper()
	u.messenger.mu.Lock()
	u.messenger.requests = append(u.messenger.requests, client.FriendRequest{From: from, Text: text, Time: noon})
	u.messenger.mu.Unlock()
	u.receiveEvents(client.Message{Number: 7, Kind: client.KindAsks, Peer: from, Text: text, Time: noon})
}

func TestAnAnsweredRequestShowsItsOutcome(t *testing.T) {
	asks := "Robby asks to be your friend: let me in "
	befriend := func(messenger *fakeMessenger) {
		messenger.mu.Lock()
		defer messenger.mu.Unlock()
		messenger.friends = append(messenger.friends, client.Friend{UIN: 10008, Nick: "Robby"})
	}
	for name, c := range map[string]struct {
		answer func(u *user)
		says   string
	}{
		"accepted here": {func(u *user) { befriend(u.messenger); u.pressKeys("/requests<enter>a") }, "(accepted)"},
		"rejected here": {func(u *user) { u.pressKeys("/requests<enter>x<enter>") }, "(answered)"},
		"accepted on another device": {func(u *user) {
			befriend(u.messenger)
			u.messenger.removeRequest(10008)
			u.advanceTime(catchUpInterval)
		}, "(accepted)"},
		"rejected on another device": {func(u *user) {
			u.messenger.removeRequest(10008)
			u.advanceTime(catchUpInterval)
		}, "(answered)"},
		"nobody has answered": {func(u *user) { u.advanceTime(catchUpInterval) }, "(/requests answers)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				messenger := exampleAccount()
				messenger.requests = nil
				u := newUser(t, messenger)
				u.resize(132, 40)
				u.receiveRequest(10008, "let me in")
				u.pressKeys("<end><pgdown>")
				for range 10 { // searches the roster for the conversation
					if u.pressKeys("<enter>"); strings.Contains(u.screen(), asks) {
						break
					}
					u.pressKeys("<esc><up>")
				}
				u.expectText(asks + "(/requests answers)")
				u.pressKeys("<esc>")
				c.answer(u)
				u.expectText(asks + c.says)
			})
		})
	}
}

func TestARequestAnsweredElsewhereIsNotCounted(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(client.Message{Number: 7, Kind: client.KindAsks, Peer: 10007, Text: "let me in", Time: noon})
		u.expectText("/requests: 1")
	})
}

func TestSomebodyIsFoundByNumberAndAdded(t *testing.T) {
	for _, c := range []struct {
		added client.AddResult
		keys  string
		says  string
		told  []string
	}{
		{client.AddedFriend, "a", "a stranger is your friend now.", []string{"add 10007"}},
		{client.AddClosed, "a", "a stranger accepts no friends.", []string{"add 10007"}},
		{client.AddNeedsRequest, "aLet's be friends<enter>", "a stranger has been asked.",
			[]string{"add 10007", "ask 10007 Let's be friends"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			messenger := exampleAccount()
			messenger.addResult = c.added
			u := newUser(t, messenger)
			u.pressKeys("/add 10007<enter>")
			u.expectText("Found: 1", "10007  a stranger")
			u.pressKeys(c.keys)
			u.expectText(c.says)
			u.expectCalls(c.told...)
		})
	}
}

func TestPeopleAreFoundByProfile(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/add<enter><down>30<down><right><right><enter>")
		u.expectText("Found: 1", "10008  Robby", "female, 30")
		u.pressKeys("w")
		u.expectText("Robby (10008)", "not a friend")
	})
}

func TestInvalidNumbersAreReported(t *testing.T) {
	withUser(t, func(u *user) {
		for _, text := range []string{"pingu", "9999", "4294967296", "-1"} {
			u.pressKeys("/add " + text + "<enter>")
			u.expectText(text + " is not an account number.")
			u.pressKeys("<esc>")
		}
		u.pressKeys("/add<enter><down>old<enter>")
		u.expectText("old is not an age.")
	})
}

func TestAFriendIsRemovedAfterAQuestion(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/remove<enter><right><enter>")
		u.expectCalls("remove 10002")
		u.expectText("Pingu is no longer your friend.")
		u.pressKeys("<end><pgdown>/remove<enter>")
		u.expectText("a stranger is not your friend.")
	})
}

func TestSomebodyIsBlockedAndUnblocked(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/block<enter><right><enter>")
		u.expectCalls("block 10002")
		u.expectText("x Pingu")
		u.pressKeys("/blocked<enter>")
		u.expectText("> 10002  Pingu")
		u.pressKeys("u")
		u.expectCalls("block 10002", "unblock 10002")
		u.expectText("Nobody is blocked.")
		u.expectNoText("x Pingu")
	})
}

func TestTheOwnStatusIsChosen(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/status<enter><down><down><enter>")
		u.expectCalls("status 30")
		u.expectText("Rook (10001)  away", "You are now: away")
	})
}

func TestOnlyChangedProfileFieldsAreSaved(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/profile<enter><ctrl+u>Rook II<down><down><right><up><up><up><left><up><up><right><right><enter>")
		u.expectCalls("setinfo NK=Rook II SX=1 rule=ask")
		u.expectText("Rook II (10001)", "Saved.")
	})
}

func TestADeviceIsSignedOutAfterAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messenger := exampleAccount()
		messenger.devices = []client.DeviceInfo{{ID: 1, Name: "terminal", SignedInAt: noon},
			{ID: 2, Name: "phone", SignedInAt: noon}}
		u := newUser(t, messenger)
		u.pressKeys("/devices<enter><down>x")
		u.expectText("End and forget device phone?")
		u.pressKeys("<right><enter>")
		u.expectCalls("revoke")
		u.expectNoText("> phone", "  phone ")
	})
}

func TestAKeyOpensTheNextUnreadConversation(t *testing.T) {
	withUser(t, func(u *user) {
		for _, name := range []string{"Pingu", "企鹅爱好者协会南极洲分会会长", "Ada", "a stranger"} {
			u.pressKeys("<ctrl+n>")
			u.expectText(name)
			u.pressKeys("<esc>")
		}
		u.pressKeys("<ctrl+n>")
		u.expectText("Nothing is unread.")
		u.pressKeys("/next<enter>")
		u.expectText("Nothing is unread.")
	})
}

// An address session has no history, among others. A notice says so before a request
// could fail.
func TestAnAddressSessionShowsWhatNeedsADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messenger := exampleAccount()
		messenger.token = ""
		u := newUser(t, messenger)
		u.expectText("This sign-in has no device name.")
		for _, keys := range []string{"/profile<enter>", "/blocked<enter>", "/devices<enter>", "<ctrl+f>",
			"/block<enter>"} {
			u.pressKeys(keys)
			u.expectText("This needs a device login: rookery login")
		}
		u.receiveEvents(client.Message{Kind: client.KindAsks, Peer: 10008, Text: "hello", Time: noon},
			client.Message{Kind: client.KindMessage, Peer: 10002, Text: "one"},
			client.Message{Kind: client.KindMessage, Peer: 10002, Text: "two"})
		u.expectText("Pingu              2")
		u.pressKeys("<enter>")
		u.expectText("one", "two", "after a device login")
		u.pressKeys("<pgup>")
		u.expectText("This needs a device login")
		u.pressKeys("<esc>/requests<enter>a")
		u.expectCalls("accept 10008")
		if len(u.reportedReadMarks()) > 0 {
			t.Errorf("the server was told of %q", u.reportedReadMarks())
		}
	})
}

func TestClosingAPageRestoresTheFocus(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter><esc>/status<enter><esc>/bell<enter>")
		u.expectText("bell off")
		u.pressKeys("<enter><ctrl+f><esc>m")
		u.expectText("> m")
	})
}

func TestTheHelpPageMatchesTheFocusedPane(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("?")
		u.expectText("/remove", "remove the friend", "+ online", "! operator's notices")
		u.pressKeys("<esc><enter>?")
		u.expectText("> ?")
		u.pressKeys("<f1>")
		u.expectText("send again what failed")
		u.pressKeys("<f1>")
		u.expectText("> ?")
	})
}

// The help page shows a name for every bound key.
func TestEveryKeyHasAName(t *testing.T) {
	withUser(t, func(u *user) {
		for _, keys := range []string{"", "<enter>", "<esc>/requests<enter>", "<esc>/status<enter>",
			"<esc>/profile<enter>", "<esc><ctrl+f>", "<esc>?"} {
			u.pressKeys(keys)
			for _, binding := range append(u.app.paneBindings(), u.app.globalBindings()...) {
				for _, k := range binding.keys {
					if name := keyName(k); len(k) > 1 && name == k {
						t.Errorf("key %s has no name", k)
					}
				}
			}
		}
	})
}

func TestScreensFitEverySize(t *testing.T) {
	for _, keys := range []string{
		"", "<enter>", "<enter>a long text that needs a lot of rows 今天晚上我们一起去看企鹅吧<alt+enter>x", "?", "/requests<enter>",
		"/requests<enter>x", "/add<enter>", "/add 10002<enter>",
		"/info<enter>", "/status<enter>", "/profile<enter>", "/search the<enter>", "/blocked<enter>", "/devices<enter>",
		"/remove<enter>", "/blok<enter>",
	} {
		t.Run(keys, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.receiveEvents(client.State{Err: &testError{"no route to host"}})
				u.pressKeys(keys)
				for width := 1; width <= 90; width += 1 + width/20 {
					for height := 1; height <= 30; height += 1 + height/8 {
						u.resize(width, height) // checkScreen runs for every size
					}
				}
				u.pressKeys(strings.Repeat("<down>", 3) + strings.Repeat("<up>", 5))
			})
		})
	}
}

func TestErrorsAreExplainedInTheUsersLanguage(t *testing.T) {
	for _, c := range []struct {
		err    error
		en, zh string
	}{
		{client.ErrRefused, "refused", "被拒绝"},
		{fmt.Errorf("CLTMSG: %w: that account takes no messages of strangers", client.ErrRefused),
			"refused: that account takes no messages of strangers", "被拒绝: that account takes no messages of strangers"},
		{fmt.Errorf("%w: %w", client.ErrRefused, &client.Error{Command: "CLTMSG", Code: 3,
			Reason: "UN: that account takes no messages from you"}),
			"refused: that account takes no messages from you", "被拒绝: that account takes no messages from you"},
		{fmt.Errorf("%w: %w", client.ErrTemporary,
			&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
			"connection refused", "connection refused"},
		{fmt.Errorf("%w: %w", client.ErrTemporary, errors.New("dial tcp 192.0.2.1:14000: no route to host")),
			"dial tcp 192.0.2.1:14000: no route to host", "dial tcp 192.0.2.1:14000: no route to host"},
		{&client.UnreachableError{Attempts: []client.Attempt{
			{Address: "qq://10001@chat.example:14000",
				Err: fmt.Errorf("%w: %w", client.ErrTemporary, errors.New("connection refused"))},
			{Address: "qq://10001@chat.example:8000",
				Err: fmt.Errorf("%w: %w", client.ErrTemporary, context.DeadlineExceeded)},
		}}, "chat.example:14000: connection refused; chat.example:8000: context deadline exceeded",
			"chat.example:14000: connection refused; chat.example:8000: context deadline exceeded"},
		{fmt.Errorf("List: %w", context.DeadlineExceeded), "the server does not answer", "服务器没有响应"},
		{errors.New("the answer is\nnot understood\x1b"), "the answer is / not understood\ufffd",
			"the answer is / not understood\ufffd"},
	} {
		for language, want := range map[languageIndex]string{english: c.en, chinese: c.zh} {
			if got := (&App{language: language}).explainError(c.err); got != want {
				t.Errorf("%v is said as %q, want %q", c.err, got, want)
			}
		}
	}
}

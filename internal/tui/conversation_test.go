package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// withUser runs a test with a user of the example account.
func withUser(t *testing.T, test func(u *user)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newUser(t, exampleAccount())) })
}

// incomingMessage is a message that arrives at noon.
func incomingMessage(uin client.UIN, number uint64, text string) client.Message {
	return client.Message{Number: number, Kind: client.KindMessage, Peer: uin, Text: text, Time: noon}
}

// reportedReadMarks returns the read marks that the server received.
func (u *user) reportedReadMarks() []string {
	var all []string
	for _, n := range u.messenger.recordedCalls() {
		if rest, ok := strings.CutPrefix(n, "read "); ok {
			all = append(all, rest)
		}
	}
	return all
}

func TestAMessageIsUnreadUntilItsConversationIsOpened(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(10003, 7, "Anybody there?"))
		u.expectText("Tom & Jerry        1")
		if u.bellCount != 1 {
			t.Errorf("the bell rang %d times", u.bellCount)
		}
		if len(u.reportedReadMarks()) > 0 {
			t.Errorf("it counts as read: %q", u.reportedReadMarks())
		}
		u.pressKeys("<down><enter>")
		u.expectText("Anybody there?", " new ")
		u.expectNoText("Tom & Jerry        1")
		if got := u.reportedReadMarks(); !slices.Equal(got, []string{"10003 7"}) {
			t.Errorf("the server was told of %q", got)
		}
	})
}

func TestAMessageInTheOpenConversationIsReadAtOnce(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>")
		u.receiveEvents(incomingMessage(10002, 7, "Right here."))
		u.expectText("Right here.")
		if u.bellCount != 0 {
			t.Error("the bell rang")
		}
		if got := u.reportedReadMarks(); !slices.Equal(got, []string{"10002 4", "10002 7"}) {
			t.Errorf("the server was told of %q", got)
		}
	})
}

func TestAMessageIsUnreadWithoutTheTerminalFocus(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>")
		u.deliver(tea.BlurMsg{})
		u.receiveEvents(incomingMessage(10002, 7, "Look!"))
		u.expectText("Pingu              1")
		if u.bellCount != 1 {
			t.Errorf("the bell rang %d times", u.bellCount)
		}
		u.deliver(tea.FocusMsg{})
		u.waitUntilIdle()
		u.expectNoText("Pingu              1")
	})
}

func TestOnANarrowScreenOnlyTheOpenPaneIsRead(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(30, 10)
		u.pressKeys("<enter><esc>")
		u.receiveEvents(incomingMessage(10002, 7, "Look!"))
		u.expectText("Pingu                    1")
		u.receiveEvents(incomingMessage(10003, 8, "And here!"))
		u.pressKeys("<enter>")
		u.expectText("Look!")
		if got := u.reportedReadMarks(); !slices.Contains(got, "10002 7") {
			t.Errorf("the server was told of %q", got)
		}
		u.resize(44, 10)
		u.expectText("unread: 4")
	})
}

func TestAnotherDevicesReadMarkClearsTheCount(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(10003, 7, "one"), incomingMessage(10003, 8, "two"))
		u.expectText("Tom & Jerry        2")
		u.receiveEvents(client.ReadMark{Peer: 10003, Number: 7})
		u.expectText("Tom & Jerry        1")
		u.receiveEvents(client.ReadMark{Peer: 10003, Number: 8})
		u.expectNoText("Tom & Jerry        1")
	})
}

func TestTheBellIsSilentWhenTurnedOffAndForAMoment(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(10003, 7, "a"), incomingMessage(10003, 8, "b"))
		if u.bellCount != 1 {
			t.Errorf("for two at once the bell rang %d times", u.bellCount)
		}
		u.advanceTime(bellInterval)
		u.receiveEvents(incomingMessage(10003, 9, "c"))
		if u.bellCount != 2 {
			t.Errorf("some time later the bell had rung %d times", u.bellCount)
		}
		u.pressKeys("/bell<enter>")
		u.expectText("bell off")
		u.advanceTime(bellInterval)
		u.receiveEvents(incomingMessage(10003, 10, "d"))
		if u.bellCount != 2 {
			t.Error("the bell rang although it is off")
		}
	})
}

func TestAMessageIsShownOnceAndInItsPlace(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(10003, 9, "third"), incomingMessage(10003, 7, "first"),
			incomingMessage(10003, 8, "second"), incomingMessage(10003, 8, "second"))
		u.pressKeys("<down><enter>")
		screen := u.screen()
		if count := strings.Count(screen, "second"); count != 1 {
			t.Errorf("it is shown %d times", count)
		}
		if !(strings.Index(screen, "first") < strings.Index(screen, "second") &&
			strings.Index(screen, "second") < strings.Index(screen, "third")) {
			t.Errorf("the order is another:\n%s", screen)
		}
	})
}

func TestMessagesFromAnotherDeviceAreShownAsOwn(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(client.Message{Number: 7, Kind: client.KindSent, Peer: 10003, Text: "said elsewhere",
			Time: noon})
		if u.bellCount != 0 {
			t.Error("the bell rang for own words")
		}
		u.pressKeys("<down><enter>")
		u.expectText("You 12:00", "said elsewhere")
	})
}

func TestEnterSendsAndAltEnterBreaksTheLine(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter><enter>one<alt+enter>two<ctrl+j>three<enter>")
		u.expectCalls("send 10002 one\ntwo\nthree")
		u.expectText("  three")
		u.pressKeys("   <enter>")
		u.expectCalls("send 10002 one\ntwo\nthree")
	})
}

func TestPastedLinesWaitForEnter(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>")
		u.paste("one\r\ntwo\n")
		u.expectCalls()
		u.expectText("> one", "  two")
		u.pressKeys("<enter>")
		u.expectCalls("send 10002 one\ntwo")
	})
}

func TestATextThatIsTooLongIsNotSent(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>")
		u.paste(strings.Repeat("长", 1334))
		u.expectText("4002/4000")
		u.pressKeys("<enter>")
		u.expectText("The text has 4002 bytes; the limit is 4000.")
		u.pressKeys("<backspace><enter>")
		u.expectCalls("send 10002 " + strings.Repeat("长", 1333))
	})
}

func TestADraftStaysWithItsConversation(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<enter>for Pingu<esc><down><enter>")
		u.expectNoText("for Pingu")
		u.pressKeys("<esc><up><enter>")
		u.expectText("> for Pingu")
	})
}

func TestMessagesToOnePersonAreSentInOrder(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.sendResults[10002] = make(chan error)
		u.pressKeys("<enter>one<enter>two<enter>")
		if count := strings.Count(u.screen(), "[sending]"); count != 2 {
			t.Errorf("%d are being sent", count)
		}
		u.messenger.sendResults[10002] <- nil
		u.waitUntilIdle()
		u.expectCalls("send 10002 one")
		u.messenger.sendResults[10002] <- nil
		u.waitUntilIdle()
		u.expectCalls("send 10002 one", "send 10002 two")
		u.expectNoText("[sending]")
	})
}

func TestFailedMessagesAreRetriedOrDropped(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.sendResults[10002] = make(chan error)
		u.pressKeys("<enter>one<enter>")
		u.messenger.sendResults[10002] <- client.ErrRefused
		u.waitUntilIdle()
		u.expectText("[not sent: refused - Ctrl+R tries again, Ctrl+X", "1 not sent.", ">+ Pingu              !")
		u.pressKeys("<ctrl+r>")
		u.expectText("[sending]")
		u.messenger.sendResults[10002] <- nil
		u.waitUntilIdle()
		u.expectCalls("send 10002 one")
		u.expectNoText("not sent")
		u.pressKeys("two<enter>")
		u.messenger.sendResults[10002] <- client.ErrRefused
		u.waitUntilIdle()
		u.pressKeys("<ctrl+x><right><enter>")
		u.expectNoText("not sent", "two")
	})
}

func TestQuittingWithUnsentMessagesAsks(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.sendResults[10002] = make(chan error)
		u.pressKeys("<enter>one<enter><ctrl+c>")
		u.expectText("Unsent messages: 1. Quit and lose them?")
		u.pressKeys("<enter>")
		if u.hasQuit {
			t.Fatal("it has quit")
		}
		u.messenger.sendResults[10002] <- nil
		u.waitUntilIdle()
		u.pressKeys("<ctrl+c>")
		if !u.hasQuit {
			t.Error("with nothing unsent it asks")
		}
	})
}

// longConversation is an account with 120 messages from 10003.
func longConversation() *fakeMessenger {
	messenger := exampleAccount()
	messenger.history = nil
	for i := range uint64(120) {
		messenger.history = append(messenger.history,
			client.Message{Number: i + 1, Kind: client.KindMessage, Peer: 10003, Text: fmt.Sprintf("word %d.", i+1),
				Time: noon.Add(-time.Hour)})
	}
	messenger.readUpTo[10003] = 120
	return messenger
}

func TestScrollingBackLoadsOlderMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, longConversation())
		u.pressKeys("<down><enter>")
		u.expectText("word 120.")
		if len(u.reportedReadMarks()) > 0 {
			t.Errorf("what was read before is told once more: %q", u.reportedReadMarks())
		}
		for range 3 {
			u.pressKeys("<pgup><pgup><pgup><pgup>")
		}
		u.expectText("word 1.", "beginning")
		u.pressKeys("<ctrl+end>")
		u.expectText("word 120.")
		u.pressKeys("<ctrl+home><pgdown>")
		u.expectNoText("word 1.", "word 120.")
	})
}

func TestNewMessagesDoNotMoveAScrolledView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, longConversation())
		u.pressKeys("<down><enter><pgup>")
		before := u.screen()
		u.receiveEvents(incomingMessage(10003, 121, "news"))
		u.expectNoText("news")
		if first := func(s string) string { return strings.Split(s, "\n")[3] }; first(before) != first(u.screen()) {
			t.Errorf("the view has moved:\n%s\n%s", before, u.screen())
		}
		u.pressKeys("<ctrl+end>")
		u.expectText("news")
	})
}

func TestSearchOpensTheConversationAtTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, longConversation())
		u.pressKeys("<ctrl+f>word 7<enter>")
		u.expectText("Tom & Jerry: word 79.")
		for range 9 {
			u.pressKeys("<down>")
		}
		u.expectText("> Tom & Jerry: word 70.")
		u.pressKeys("<down>")
		u.expectText("> Tom & Jerry: word 7.")
		u.pressKeys("<enter>")
		u.expectText("> word 7.", "word 8.")
		u.pressKeys("<ctrl+f>word 119<enter>")
		u.expectText("Search: Tom & Jerry", "> Tom & Jerry: word 119.")
		u.pressKeys("<enter>")
		u.expectText("> word 119.")
	})
}

// The program learns the numbers of its own messages from the history only. Loading the
// history must not show them twice.
func TestHistoryDoesNotDuplicateOwnMessages(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.err = errors.New("down")
		u.pressKeys("<down><enter>") // loading the history fails
		u.messenger.mu.Lock()
		u.messenger.err = nil
		u.messenger.mu.Unlock()
		u.pressKeys("hello<enter>")
		u.messenger.mu.Lock()
		u.messenger.history = append(u.messenger.history,
			client.Message{Number: 7, Kind: client.KindSent, Peer: 10003, Text: "hello", Time: noon.Add(time.Second)})
		u.messenger.mu.Unlock()
		u.pressKeys("<esc><enter>")
		if count := strings.Count(u.screen(), "  hello"); count != 1 {
			t.Errorf("it is shown %d times:\n%s", count, u.screen())
		}
	})
}

// The server does not push a message to the device that sent it, even if another program
// with the same token did.
func TestOwnMessagesOfOtherProgramsAreShown(t *testing.T) {
	said := func(number uint64, to client.UIN, text string) client.Message {
		return client.Message{Number: number, Kind: client.KindSent, Peer: to, Text: text, Time: noon}
	}
	withUser(t, func(u *user) {
		add := func(message client.Message) {
			u.messenger.mu.Lock()
			defer u.messenger.mu.Unlock()
			u.messenger.history = append(u.messenger.history, message)
		}
		times := func(text string, want int) {
			t.Helper()
			if count := strings.Count(u.screen(), text); count != want {
				t.Errorf("%q is shown %d times, want %d:\n%s", text, count, want, u.screen())
			}
		}
		u.pressKeys("<enter>ok<enter>")
		add(said(7, 10002, "ok"))
		add(said(8, 10002, "from a command"))
		u.advanceTime(catchUpInterval)
		times("  ok", 1)
		times("from a command", 1)

		u.pressKeys("ok<enter>") // a second, separate message
		u.advanceTime(catchUpInterval)
		add(said(9, 10002, "ok"))
		u.advanceTime(2 * catchUpInterval)
		times("  ok", 2)
		times("from a command", 1)

		add(said(10, 10002, "and at once"))
		u.pressKeys("<esc><enter>")
		times("and at once", 1)

		add(said(11, 10008, "to somebody new"))
		u.advanceTime(catchUpInterval)
		u.expectText("Robby")
	})
}

func TestCatchingUpDoesNotDuplicateUnsentMessages(t *testing.T) {
	withUser(t, func(u *user) {
		u.messenger.sendResults[10002] = make(chan error)
		u.pressKeys("<enter>hello<enter>")
		u.messenger.mu.Lock()
		u.messenger.history = append(u.messenger.history,
			client.Message{Number: 7, Kind: client.KindSent, Peer: 10002, Text: "hello", Time: noon})
		u.messenger.mu.Unlock()
		u.advanceTime(catchUpInterval)
		u.messenger.sendResults[10002] <- nil
		u.advanceTime(catchUpInterval)
		if count := strings.Count(u.screen(), "  hello"); count != 1 {
			t.Errorf("it is shown %d times:\n%s", count, u.screen())
		}
	})
}

func TestPresenceIsShownAsItChanges(t *testing.T) {
	withUser(t, func(u *user) {
		u.expectText(">+ Pingu")
		u.receiveEvents(client.Presence{Friend: 10002, Status: client.StatusBusy})
		u.expectText(">b Pingu")
		u.receiveEvents(client.Presence{Friend: 10002, Status: client.StatusOffline})
		u.expectText(">- Pingu")
	})
}

func TestFriendsAreReloadedAfterADisconnection(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(client.State{Err: errors.New("cut"), RetryAt: noon.Add(10 * time.Second)})
		u.expectText("NOT CONNECTED. Next try in 10s, at 12:00:10.", "cut")
		u.advanceTime(4 * time.Second)
		u.expectText("Next try in 6s")
		u.messenger.mu.Lock()
		u.messenger.friends[0].Status = client.StatusAway
		u.messenger.mu.Unlock()
		u.receiveEvents(client.State{Connected: true})
		u.expectText(">a Pingu")
		u.expectNoText("NOT CONNECTED")
	})
}

func TestAnExpiredLoginShowsWhatToDo(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(client.State{Err: client.ErrNotLoggedIn})
		u.expectText("NOT CONNECTED. Quit, and log in again: rookery login")
	})
}

func TestTheOperatorsNoticesHaveTheOperatorsName(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(client.System, 7, "The server restarts at noon."))
		u.expectText("! operator")
		u.pressKeys("<end><down><down><down><down><down><down><enter>")
		u.expectText("operator (10000)", "operator's notices", "The server restarts at noon.")
		u.pressKeys("why?<enter>")
		u.expectCalls()
		u.expectText("Nobody reads messages to the operator's account.")
	})
}

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

// withUser runs a test with a user before a household's screen.
func withUser(t *testing.T, test func(u *user)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(sit(t, household())) })
}

// from is a message that has just come.
func from(uin client.UIN, number uint64, text string) client.Message {
	return client.Message{Number: number, Kind: client.KindMessage, Peer: uin, Text: text, Time: noon}
}

// read are the read marks that the server was told of.
func (u *user) read() []string {
	var all []string
	for _, n := range u.m.notes() {
		if rest, ok := strings.CutPrefix(n, "read "); ok {
			all = append(all, rest)
		}
	}
	return all
}

func TestAMessageIsUnreadUntilItsConversationIsOpened(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(10003, 7, "Anybody there?"))
		u.sees("Tom & Jerry        1")
		if u.bell != 1 {
			t.Errorf("the bell rang %d times", u.bell)
		}
		if len(u.read()) > 0 {
			t.Errorf("it counts as read: %q", u.read())
		}
		u.keys("<down><enter>")
		u.sees("Anybody there?", " new ")
		u.seesNot("Tom & Jerry        1")
		if got := u.read(); !slices.Equal(got, []string{"10003 7"}) {
			t.Errorf("the server was told of %q", got)
		}
	})
}

func TestAMessageBeforeTheUsersEyesIsReadAtOnce(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>")
		u.tell(from(10002, 7, "Right here."))
		u.sees("Right here.")
		if u.bell != 0 {
			t.Error("the bell rang")
		}
		if got := u.read(); !slices.Equal(got, []string{"10002 4", "10002 7"}) {
			t.Errorf("the server was told of %q", got)
		}
	})
}

func TestAMessageIsUnreadWhileTheTerminalIsNotLookedAt(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>")
		u.get(tea.BlurMsg{})
		u.tell(from(10002, 7, "Look!"))
		u.sees("Pingu              1")
		if u.bell != 1 {
			t.Errorf("the bell rang %d times", u.bell)
		}
		u.get(tea.FocusMsg{})
		u.settle()
		u.seesNot("Pingu              1")
	})
}

func TestOnANarrowScreenOnlyTheOpenPaneIsRead(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(30, 10)
		u.keys("<enter><esc>")
		u.tell(from(10002, 7, "Look!"))
		u.sees("Pingu                    1")
		u.tell(from(10003, 8, "And here!"))
		u.keys("<enter>")
		u.sees("Look!")
		if got := u.read(); !slices.Contains(got, "10002 7") {
			t.Errorf("the server was told of %q", got)
		}
		u.resize(44, 10)
		u.sees("unread: 4")
	})
}

func TestAnotherDevicesReadMarkClearsTheCount(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(10003, 7, "one"), from(10003, 8, "two"))
		u.sees("Tom & Jerry        2")
		u.tell(client.ReadMark{With: 10003, Number: 7})
		u.sees("Tom & Jerry        1")
		u.tell(client.ReadMark{With: 10003, Number: 8})
		u.seesNot("Tom & Jerry        1")
	})
}

func TestTheBellIsSilentWhenTurnedOffAndForAMoment(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(10003, 7, "a"), from(10003, 8, "b"))
		if u.bell != 1 {
			t.Errorf("for two at once the bell rang %d times", u.bell)
		}
		u.wait(quiet)
		u.tell(from(10003, 9, "c"))
		if u.bell != 2 {
			t.Errorf("some time later the bell had rung %d times", u.bell)
		}
		u.keys("/bell<enter>")
		u.sees("bell off")
		u.wait(quiet)
		u.tell(from(10003, 10, "d"))
		if u.bell != 2 {
			t.Error("the bell rang although it is off")
		}
	})
}

func TestAMessageIsShownOnceAndInItsPlace(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(10003, 9, "third"), from(10003, 7, "first"), from(10003, 8, "second"), from(10003, 8, "second"))
		u.keys("<down><enter>")
		screen := u.screen()
		if n := strings.Count(screen, "second"); n != 1 {
			t.Errorf("it is shown %d times", n)
		}
		if !(strings.Index(screen, "first") < strings.Index(screen, "second") && strings.Index(screen, "second") < strings.Index(screen, "third")) {
			t.Errorf("the order is another:\n%s", screen)
		}
	})
}

func TestWordsFromAnotherDeviceAreShownAsOnesOwn(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(client.Message{Number: 7, Kind: client.KindSent, Peer: 10003, Text: "said elsewhere", Time: noon})
		if u.bell != 0 {
			t.Error("the bell rang for own words")
		}
		u.keys("<down><enter>")
		u.sees("You 12:00", "said elsewhere")
	})
}

func TestEnterSendsAndAltEnterBreaksTheLine(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter><enter>one<alt+enter>two<ctrl+j>three<enter>")
		u.told("send 10002 one\ntwo\nthree")
		u.sees("  three")
		u.keys("   <enter>")
		u.told("send 10002 one\ntwo\nthree")
	})
}

func TestPastedLinesWaitForEnter(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>")
		u.paste("one\r\ntwo\n")
		u.told()
		u.sees("> one", "  two")
		u.keys("<enter>")
		u.told("send 10002 one\ntwo")
	})
}

func TestATextThatIsTooLongIsNotSent(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>")
		u.paste(strings.Repeat("长", 1334))
		u.sees("4002/4000")
		u.keys("<enter>")
		u.sees("The text has 4002 bytes, allowed are 4000.")
		u.keys("<backspace><enter>")
		u.told("send 10002 " + strings.Repeat("长", 1333))
	})
}

func TestADraftStaysWithItsConversation(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("<enter>for Pingu<esc><down><enter>")
		u.seesNot("for Pingu")
		u.keys("<esc><up><enter>")
		u.sees("> for Pingu")
	})
}

func TestTextsToOneReceiverGoOneAfterTheOther(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.sends[10002] = make(chan error)
		u.keys("<enter>one<enter>two<enter>")
		if n := strings.Count(u.screen(), "[sending]"); n != 2 {
			t.Errorf("%d are being sent", n)
		}
		u.m.sends[10002] <- nil
		u.settle()
		u.told("send 10002 one")
		u.m.sends[10002] <- nil
		u.settle()
		u.told("send 10002 one", "send 10002 two")
		u.seesNot("[sending]")
	})
}

func TestWhatWasNotSentIsSentAgainOrDropped(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.sends[10002] = make(chan error)
		u.keys("<enter>one<enter>")
		u.m.sends[10002] <- client.ErrRefused
		u.settle()
		u.sees("[not sent: refused - Ctrl+R tries again, Ctrl+X", "1 not sent.", ">+ Pingu              !")
		u.keys("<ctrl+r>")
		u.sees("[sending]")
		u.m.sends[10002] <- nil
		u.settle()
		u.told("send 10002 one")
		u.seesNot("not sent")
		u.keys("two<enter>")
		u.m.sends[10002] <- client.ErrRefused
		u.settle()
		u.keys("<ctrl+x><right><enter>")
		u.seesNot("not sent", "two")
	})
}

func TestUnsentWordsAreNotLostByQuitting(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.sends[10002] = make(chan error)
		u.keys("<enter>one<enter><ctrl+c>")
		u.sees("Own messages not sent: 1. Quit and lose them?")
		u.keys("<enter>")
		if u.quit {
			t.Fatal("it has quit")
		}
		u.m.sends[10002] <- nil
		u.settle()
		u.keys("<ctrl+c>")
		if !u.quit {
			t.Error("with nothing unsent it asks")
		}
	})
}

// hundred is a conversation of 120 messages with 10003.
func hundred() *scripted {
	m := household()
	m.history = nil
	for i := range uint64(120) {
		m.history = append(m.history, client.Message{Number: i + 1, Kind: client.KindMessage, Peer: 10003, Text: fmt.Sprintf("word %d.", i+1), Time: noon.Add(-time.Hour)})
	}
	m.read[10003] = 120
	return m
}

func TestScrollingBackLoadsOlderMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := sit(t, hundred())
		u.keys("<down><enter>")
		u.sees("word 120.")
		if len(u.read()) > 0 {
			t.Errorf("what was read before is told once more: %q", u.read())
		}
		for range 3 {
			u.keys("<pgup><pgup><pgup><pgup>")
		}
		u.sees("word 1.", "beginning")
		u.keys("<ctrl+end>")
		u.sees("word 120.")
		u.keys("<ctrl+home><pgdown>")
		u.seesNot("word 1.", "word 120.")
	})
}

func TestTheViewStaysWhenSomethingComesBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := sit(t, hundred())
		u.keys("<down><enter><pgup>")
		before := u.screen()
		u.tell(from(10003, 121, "news"))
		u.seesNot("news")
		if first := func(s string) string { return strings.Split(s, "\n")[3] }; first(before) != first(u.screen()) {
			t.Errorf("the view has moved:\n%s\n%s", before, u.screen())
		}
		u.keys("<ctrl+end>")
		u.sees("news")
	})
}

func TestSearchFindsAndOpensWhatWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := sit(t, hundred())
		u.keys("<ctrl+f>word 7<enter>")
		u.sees("Tom & Jerry: word 79.")
		for range 9 {
			u.keys("<down>")
		}
		u.sees("> Tom & Jerry: word 70.")
		u.keys("<down>")
		u.sees("> Tom & Jerry: word 7.")
		u.keys("<enter>")
		u.sees("> word 7.", "word 8.")
		u.keys("<ctrl+f>word 119<enter>")
		u.sees("Search: Tom & Jerry", "> Tom & Jerry: word 119.")
		u.keys("<enter>")
		u.sees("> word 119.")
	})
}

// The server numbers own words, which this terminal learns from the history
// only: they must not be there twice.
func TestOwnWordsAreNotDoubledByTheHistory(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.err = errors.New("down")
		u.keys("<down><enter>") // the history cannot be had now
		u.m.mu.Lock()
		u.m.err = nil
		u.m.mu.Unlock()
		u.keys("hello<enter>")
		u.m.mu.Lock()
		u.m.history = append(u.m.history, client.Message{Number: 7, Kind: client.KindSent, Peer: 10003, Text: "hello", Time: noon.Add(time.Second)})
		u.m.mu.Unlock()
		u.keys("<esc><enter>")
		if n := strings.Count(u.screen(), "  hello"); n != 1 {
			t.Errorf("it is shown %d times:\n%s", n, u.screen())
		}
	})
}

// What a command says with the login of this device is told to all devices but
// this one.
func TestOwnWordsOfOtherProgramsAreShown(t *testing.T) {
	said := func(number uint64, to client.UIN, text string) client.Message {
		return client.Message{Number: number, Kind: client.KindSent, Peer: to, Text: text, Time: noon}
	}
	withUser(t, func(u *user) {
		add := func(message client.Message) {
			u.m.mu.Lock()
			defer u.m.mu.Unlock()
			u.m.history = append(u.m.history, message)
		}
		times := func(text string, want int) {
			t.Helper()
			if n := strings.Count(u.screen(), text); n != want {
				t.Errorf("%q is shown %d times, want %d:\n%s", text, n, want, u.screen())
			}
		}
		u.keys("<enter>ok<enter>")
		add(said(7, 10002, "ok"))
		add(said(8, 10002, "from a command"))
		u.wait(catchUpEvery)
		times("  ok", 1)
		times("from a command", 1)

		u.keys("ok<enter>") // once more: it is not the one that was there before
		u.wait(catchUpEvery)
		add(said(9, 10002, "ok"))
		u.wait(2 * catchUpEvery)
		times("  ok", 2)
		times("from a command", 1)

		add(said(10, 10002, "and at once"))
		u.keys("<esc><enter>")
		times("and at once", 1)

		add(said(11, 10008, "to somebody new"))
		u.wait(catchUpEvery)
		u.sees("Robby")
	})
}

func TestWordsOnTheirWayAreNotDoubledByCatchingUp(t *testing.T) {
	withUser(t, func(u *user) {
		u.m.sends[10002] = make(chan error)
		u.keys("<enter>hello<enter>")
		u.m.mu.Lock()
		u.m.history = append(u.m.history, client.Message{Number: 7, Kind: client.KindSent, Peer: 10002, Text: "hello", Time: noon})
		u.m.mu.Unlock()
		u.wait(catchUpEvery)
		u.m.sends[10002] <- nil
		u.wait(catchUpEvery)
		if n := strings.Count(u.screen(), "  hello"); n != 1 {
			t.Errorf("it is shown %d times:\n%s", n, u.screen())
		}
	})
}

func TestPresenceIsShownAsItChanges(t *testing.T) {
	withUser(t, func(u *user) {
		u.sees(">+ Pingu")
		u.tell(client.Presence{Friend: 10002, Status: client.StatusBusy})
		u.sees(">b Pingu")
		u.tell(client.Presence{Friend: 10002, Status: client.StatusOffline})
		u.sees(">- Pingu")
	})
}

func TestFriendsAreAskedForAgainAfterADisconnection(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(client.State{Err: errors.New("cut"), Retry: noon.Add(10 * time.Second)})
		u.sees("NOT CONNECTED. Next try in 10s, at 12:00:10.", "cut")
		u.wait(4 * time.Second)
		u.sees("Next try in 6s")
		u.m.mu.Lock()
		u.m.friends[0].Status = client.StatusAway
		u.m.mu.Unlock()
		u.tell(client.State{Connected: true})
		u.sees(">a Pingu")
		u.seesNot("NOT CONNECTED")
	})
}

func TestALoginThatHasEndedIsSaidWithWhatToDo(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(client.State{Err: client.ErrNotLoggedIn})
		u.sees("NOT CONNECTED. Quit, and log in again: rookery login")
	})
}

func TestTheOperatorsNoticesHaveTheOperatorsName(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(client.System, 7, "The server restarts at noon."))
		u.sees("! operator")
		u.keys("<end><down><down><down><down><down><down><enter>")
		u.sees("operator (10000)", "operator's notices", "The server restarts at noon.")
		u.keys("why?<enter>")
		u.told()
		u.sees("Nobody reads what is written to the operator's number.")
	})
}

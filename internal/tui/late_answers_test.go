package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/client"
)

// These are about what the server answers late, or does not tell.

// These tests cover late answers and changes that the server does not push.
func TestOlderResultsAreShownOnce(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(80, 100)
		u.messenger.history = nil
		for i := range historyPageSize + 5 {
			u.messenger.history = append(u.messenger.history, client.Message{
				Number: uint64(i + 1), Kind: client.KindMessage, Peer: 10002, Text: fmt.Sprintf("fish %02d", i),
				Time: noon})
		}
		u.pressKeys("<ctrl+f>fish<enter>")
		for range historyPageSize - 1 {
			u.pressKeys("<down>")
		}
		answer := u.messenger.blockReplies()
		u.pressKeys("<down><down><down>")
		answer()
		u.waitUntilIdle()
		if count := strings.Count(u.screen(), "fish 01"); count != 1 {
			t.Errorf("what is older is shown %d times:\n%s", count, u.screen())
		}
	})
}

func TestOnlyTheLatestSearchShowsResults(t *testing.T) {
	withUser(t, func(u *user) {
		answer := u.messenger.blockReplies()
		u.pressKeys("<ctrl+f>thin<enter> x<enter><backspace><backspace><enter>")
		answer()
		u.waitUntilIdle()
		if count := strings.Count(u.screen(), "Pingu: The ice is thin"); count != 1 {
			t.Errorf("it is shown %d times:\n%s", count, u.screen())
		}
	})
}

func TestALateAnswerDoesNotMoveTheUser(t *testing.T) {
	for name, c := range map[string]struct{ before, waiting string }{
		"a profile that is saved":        {"/profile<enter>!", "<enter><esc>"},
		"a profile to be edited":         {"", "/profile<enter>"},
		"an account that does not exist": {"", "/info<enter><esc>"},
	} {
		t.Run(name, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.pressKeys(c.before)
				answer := u.messenger.blockReplies()
				u.pressKeys(c.waiting)
				u.messenger.mu.Lock()
				delete(u.messenger.profiles, 10002)
				u.messenger.mu.Unlock()
				u.pressKeys("<enter>hel")
				answer()
				u.waitUntilIdle()
				u.pressKeys("lo")
				u.expectText("> hello")
			})
		})
	}
}

func TestOlderHistoryGoesAboveOwnMessages(t *testing.T) {
	withUser(t, func(u *user) {
		answer := u.messenger.blockReplies()
		u.messenger.history = append(u.messenger.history, incomingMessage(10003, 7, "long ago"))
		u.pressKeys("<down><enter>")
		u.advanceTime(time.Minute / 4)
		u.pressKeys("just now<enter>")
		answer()
		u.waitUntilIdle()
		if s := u.screen(); strings.Index(s, "long ago") > strings.Index(s, "just now") {
			t.Errorf("own words stand above what was said before:\n%s", s)
		}
	})
}

func TestANoteToOneselfIsShownOnce(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("/add 10001<enter>w")
		u.pressKeys("buy fish<enter>")
		u.receiveEvents(incomingMessage(10001, 7, "buy fish"))
		if count := strings.Count(u.screen(), "buy fish"); count != 1 || u.bellCount != 0 {
			t.Errorf("it is shown %d times, the bell rang %d times:\n%s", count, u.bellCount, u.screen())
		}
		u.receiveEvents(incomingMessage(10001, 8, "from another device"))
		u.expectText("from another device")
	})
}

func TestReadMarksMissedWhileDisconnectedAreLoaded(t *testing.T) {
	withUser(t, func(u *user) {
		u.receiveEvents(incomingMessage(10003, 7, "Anybody there?"))
		u.expectText("Tom & Jerry        1")
		u.messenger.mu.Lock()
		u.messenger.history = append(u.messenger.history, incomingMessage(10003, 7, "Anybody there?"))
		u.messenger.readUpTo[10003] = 7
		u.messenger.friends[1].Status = client.StatusOffline
		u.messenger.mu.Unlock()
		u.receiveEvents(client.State{Connected: true}) // a short disconnection was not reported
		u.expectNoText("Tom & Jerry        1")
		u.expectText("- Tom & Jerry")
	})
}

package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/client"
)

// These are about what the server answers late, or does not tell.

func TestMoreThatIsFoundIsShownOnceHoweverOftenItIsAskedFor(t *testing.T) {
	withUser(t, func(u *user) {
		u.resize(80, 100)
		u.m.history = nil
		for i := range pageSize + 5 {
			u.m.history = append(u.m.history, client.Message{
				Number: uint64(i + 1), Kind: client.KindMessage, Peer: 10002, Text: fmt.Sprintf("fish %02d", i), Time: noon})
		}
		u.keys("<ctrl+f>fish<enter>")
		for range pageSize - 1 {
			u.keys("<down>")
		}
		answer := u.m.dawdle()
		u.keys("<down><down><down>")
		answer()
		u.settle()
		if n := strings.Count(u.screen(), "fish 01"); n != 1 {
			t.Errorf("what is older is shown %d times:\n%s", n, u.screen())
		}
	})
}

func TestOfSearchesOnlyTheLatestIsAnswered(t *testing.T) {
	withUser(t, func(u *user) {
		answer := u.m.dawdle()
		u.keys("<ctrl+f>thin<enter> x<enter><backspace><backspace><enter>")
		answer()
		u.settle()
		if n := strings.Count(u.screen(), "Pingu: The ice is thin"); n != 1 {
			t.Errorf("it is shown %d times:\n%s", n, u.screen())
		}
	})
}

func TestAnAnswerThatComesLateLeavesTheUserWhereTheyAre(t *testing.T) {
	for name, c := range map[string]struct{ before, waiting string }{
		"a profile that is saved":        {"/profile<enter>!", "<enter><esc>"},
		"a profile to be edited":         {"", "/profile<enter>"},
		"an account that does not exist": {"", "/info<enter><esc>"},
	} {
		t.Run(name, func(t *testing.T) {
			withUser(t, func(u *user) {
				u.keys(c.before)
				answer := u.m.dawdle()
				u.keys(c.waiting)
				u.m.mu.Lock()
				delete(u.m.people, 10002)
				u.m.mu.Unlock()
				u.keys("<enter>hel")
				answer()
				u.settle()
				u.keys("lo")
				u.sees("> hello")
			})
		})
	}
}

func TestOwnWordsStandBelowWhatTheHistoryHasOfBefore(t *testing.T) {
	withUser(t, func(u *user) {
		answer := u.m.dawdle()
		u.m.history = append(u.m.history, from(10003, 7, "long ago"))
		u.keys("<down><enter>")
		u.wait(time.Minute / 4)
		u.keys("just now<enter>")
		answer()
		u.settle()
		if s := u.screen(); strings.Index(s, "long ago") > strings.Index(s, "just now") {
			t.Errorf("own words stand above what was said before:\n%s", s)
		}
	})
}

func TestANoteToOneselfIsShownOnce(t *testing.T) {
	withUser(t, func(u *user) {
		u.keys("/add 10001<enter>w")
		u.keys("buy fish<enter>")
		u.tell(from(10001, 7, "buy fish"))
		if n := strings.Count(u.screen(), "buy fish"); n != 1 || u.bell != 0 {
			t.Errorf("it is shown %d times, the bell rang %d times:\n%s", n, u.bell, u.screen())
		}
		u.tell(from(10001, 8, "from another device"))
		u.sees("from another device")
	})
}

func TestWhatWasReadElsewhereWhileDisconnectedIsNotUnread(t *testing.T) {
	withUser(t, func(u *user) {
		u.tell(from(10003, 7, "Anybody there?"))
		u.sees("Tom & Jerry        1")
		u.m.mu.Lock()
		u.m.history = append(u.m.history, from(10003, 7, "Anybody there?"))
		u.m.read[10003] = 7
		u.m.friends[1].Status = client.StatusOffline
		u.m.mu.Unlock()
		u.tell(client.State{Connected: true}) // of the two changes only the latest is told
		u.seesNot("Tom & Jerry        1")
		u.sees("- Tom & Jerry")
	})
}

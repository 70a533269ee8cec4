package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

func TestTextOfOthersIsSanitized(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"several lines", sanitize("a\tb\x1b[2J\r\nc"), "a    b\ufffd[2J\nc"},
		{"one line", sanitizeLine(" a\tb\u202e\nc "), "a b\ufffd / c"},
		{"what is typed or pasted is sent as it is shown", sanitizeInput("a\x1b[2J\u202eb\nc"), "a[2Jb\nc"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

// The test shows every text of other accounts on every page.
func TestNoEscapeSequenceOfOthersReachesTheTerminal(t *testing.T) {
	const evil = "\x1b]0;owned\x07\x1b[2J\u009b5n\u202eevil\r\x00"
	synctest.Test(t, func(t *testing.T) {
		messenger := exampleAccount()
		messenger.friends = []client.Friend{{UIN: 10002, Nick: evil, Status: client.StatusOnline}}
		messenger.profiles[10002] = client.Profile{Nick: evil, About: evil, Province: evil, Country: evil}
		messenger.profiles[10001] = client.Profile{Nick: evil, City: evil}
		messenger.requests = []client.FriendRequest{{From: 10002, Text: evil, Time: noon}}
		messenger.blocked = []client.UIN{10002}
		messenger.devices = []client.DeviceInfo{{ID: 1, Name: evil, SignedInAt: noon}}
		for i := range messenger.history {
			messenger.history[i].Text = evil
			messenger.history[i].Peer = 10002
		}
		u := newUser(t, messenger)
		u.receiveEvents(
			client.Message{Number: 7, Kind: client.KindAsks, Peer: 10002, Text: evil, Time: noon},
			client.Message{Number: 8, Kind: client.KindRejected, Peer: 10002, Text: evil, Time: noon},
			client.Message{Number: 9, Kind: client.KindMessage, Peer: 10002, Text: evil, Time: noon},
			client.State{Err: &testError{evil}},
		)
		for _, keys := range []string{
			"", "<enter>", "<esc>/requests<enter>", "<esc>/info<enter>", "<esc>/add 10002<enter>",
			"<esc>/profile<enter>", "<esc>/blocked<enter>",
			"<esc>/devices<enter>", "<esc>/search evil<enter>", "<esc>/remove<enter>", "<enter>/block<enter>",
			"<esc>/ev\x1bil<enter>",
		} {
			u.pressKeys(keys)
			v := u.app.View()
			for _, r := range v.WindowTitle + ansi.Strip(v.Content) {
				if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Errorf("after %q the screen holds %U", keys, r)
				}
			}
			if own := stripColours(v.Content); strings.Contains(own, "\x1b") || strings.Contains(own, "\u009b") {
				t.Errorf("after %q the screen holds an escape sequence that is no colour: %q", keys, own)
			}
		}
		u.paste("\x1b[201~" + evil)
		if strings.ContainsAny(u.app.View().Content, "\a\r") {
			t.Error("what was pasted is shown as it is")
		}
	})
}

type testError struct{ text string }

func (e *testError) Error() string { return e.text }

// stripColours removes the colour sequences of this program.
func stripColours(screen string) string {
	var rest strings.Builder
	for screen != "" {
		before, after, found := strings.Cut(screen, "\x1b[")
		rest.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(after, func(r rune) bool { return r != ';' && !unicode.IsDigit(r) })
		if end < 0 || after[end] != 'm' {
			rest.WriteString("\x1b[")
			screen = after
			continue
		}
		screen = after[end+1:]
	}
	return rest.String()
}

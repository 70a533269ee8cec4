package tui

import (
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/rookery-im/rookery/client"
)

func TestNothingThatATerminalActsOnIsLeft(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain text", "fish & chips, 100%?", "fish & chips, 100%?"},
		{"a colour", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"the window's title", "\x1b]0;owned\x07", "]0;owned"},
		{"the clipboard", "\x1b]52;c;ZXZpbA==\x1b\\", "]52;c;ZXZpbA==\\"},
		{"C1 controls, which are escape sequences in one character", "\u009b31mred\u009d0;owned\u009c", "31mred0;owned"},
		{"C1 controls that are no UTF-8", "\x9b31m", "\ufffd31m"},
		{"bell, backspace, DEL, NUL", "a\a\b\x7f\x00b", "ab"},
		{"a cursor that goes up", "\x0b\x0c\x1bM", "M"},
		{"line ends of all kinds", "a\r\nb\rc\nd\u2028e\u2029f\u0085g", "a\nb\nc\nd\ne\nf\ng"},
		{"a tab", "a\tb", "a    b"},
		{"writing turned around", "a\u202eb\u202c\u2066c\u2069\u200fd\u061ce", "abcde"},
		{"what cannot be seen", "a\u00adb\u2060c\ufeffd\u200be\u3164f\U000e0041g", "abcdefg"},
		{"emoji made of several", "👩‍👩‍👧‍👦👍🏽❤️", "👩‍👩‍👧‍👦👍🏽❤️"},
		{"marks that a language needs", "e\u0301 ที่ नि", "e\u0301 ที่ नि"},
		{"marks piled up", "a" + strings.Repeat("\u0336", 500) + "b", "a" + strings.Repeat("\u0336", maxMarks) + "b"},
		{"Chinese", "你好，世界。", "你好，世界。"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := clean(c.text); got != c.want {
				t.Errorf("clean(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func FuzzCleanTextControlsNothing(f *testing.F) {
	f.Add("\x1b[2J\u202e\u009bx\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		for _, r := range got {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Errorf("clean(%q) holds %U", text, r)
			}
		}
		if clean(got) != got {
			t.Errorf("clean(%q) is not clean", text)
		}
	})
}

// Whatever others can write is looked for on the screen, wherever it is shown.
func TestNoEscapeSequenceOfOthersReachesTheTerminal(t *testing.T) {
	const evil = "\x1b]0;owned\x07\x1b[2J\u009b5n\u202eevil\r\x00"
	synctest.Test(t, func(t *testing.T) {
		m := household()
		m.friends = []client.Friend{{UIN: 10002, Nick: evil, Status: client.StatusOnline}}
		m.people[10002] = client.Profile{Nick: evil, About: evil, Province: evil, Country: evil}
		m.people[10001] = client.Profile{Nick: evil, City: evil}
		m.requests = []client.Request{{From: 10002, Words: evil, Time: noon}}
		m.blocked = []client.UIN{10002}
		m.devices = []client.DeviceInfo{{ID: 1, Name: evil, Since: noon}}
		for i := range m.history {
			m.history[i].Text = evil
			m.history[i].Peer = 10002
		}
		u := sit(t, m)
		u.tell(
			client.Message{Number: 7, Kind: client.KindAsks, Peer: 10002, Text: evil, Time: noon},
			client.Message{Number: 8, Kind: client.KindRejected, Peer: 10002, Text: evil, Time: noon},
			client.Message{Number: 9, Kind: client.KindMessage, Peer: 10002, Text: evil, Time: noon},
			client.State{Err: &oneError{evil}},
		)
		for _, keys := range []string{
			"", "<enter>", "<esc>r", "<esc>i", "<esc>a10002<enter>", "<esc>p", "<esc>B", "<esc>D", "<esc>x", "<esc>/evil<enter>", "<esc>d", "nb",
		} {
			u.keys(keys)
			v := u.a.View()
			for _, r := range v.WindowTitle + ansi.Strip(v.Content) {
				if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Errorf("after %q the screen holds %U", keys, r)
				}
			}
			if own := withoutColours(v.Content); strings.Contains(own, "\x1b") || strings.Contains(own, "\u009b") {
				t.Errorf("after %q the screen holds an escape sequence that is no colour: %q", keys, own)
			}
		}
		u.paste("\x1b[201~" + evil)
		if strings.ContainsAny(u.a.View().Content, "\a\r") {
			t.Error("what was pasted is shown as it is")
		}
	})
}

type oneError struct{ text string }

func (e *oneError) Error() string { return e.text }

// withoutColours takes out the escape sequences that we write ourselves.
func withoutColours(screen string) string {
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

package termtext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/termtext"
)

func TestLinesRemovesTerminalControls(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain text", "fish & chips, 100%?", "fish & chips, 100%?"},
		{"a colour", "\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"},
		{"the window's title", "\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"},
		{"C1 controls, which are escape sequences in one character",
			"\u009b31mred\u009d0;owned\u009c", "\ufffd31mred\ufffd0;owned\ufffd"},
		{"C1 controls in invalid UTF-8", "\x9b31m", "\ufffd31m"},
		{"bell, backspace, DEL, NUL", "a\a\b\x7f\x00b", "a\ufffd\ufffd\ufffd\ufffdb"},
		{"line ends of all kinds", "a\r\nb\rc\nd\u2028e\u2029f\u0085g\vh\fi", "a\nb\nc\nd\ne\nf\ng\nh\ni"},
		{"a tab", "a\tb", "a\tb"},
		{"bidirectional controls", "a\u202eb\u202c\u2066c\u2069d", "a\ufffdb\ufffd\ufffdc\ufffdd"},
		{"direction marks, as in Hebrew texts", "a\u200eb\u200fc\u061cd", "abcd"},
		{"invisible characters", "a\u00adb\u2060c\ufeffd\u200be\u3164f\U000e0041g", "abcdefg"},
		{"emoji sequences", "👩\u200d👩\u200d👧\u200d👦👍🏽❤️1️⃣", "👩\u200d👩\u200d👧\u200d👦👍🏽❤️1️⃣"},
		{"the flag of England", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",
			"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!"},
		{"an incomplete flag", "🏴\U000e0067\U000e0062", "🏴"},
		{"Persian", "می\u200cخواهم", "می\u200cخواهم"},
		{"combining marks of languages", "e\u0301 ที่ नि", "e\u0301 ที่ नि"},
		{"stacked combining marks", "a" + strings.Repeat("\u0336", 500) + "b", "a" + strings.Repeat("\u0336", 8) + "b"},
		{"Chinese", "你好，世界。", "你好，世界。"},
		{"a picture in Braille", "⠀⠁⠀", "⠀⠁⠀"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := termtext.Lines(c.text); got != c.want {
				t.Errorf("Lines(%q) = %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\r\nc\u2028d\u0085e": "a / b / c / d / e",
		"a\tb":                    "a b",
		"\n a \n":                 "a",
		"a\x1b[2Jb":               "a\ufffd[2Jb",
	} {
		if got := termtext.OneLine(text); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
		}
	}
}

// isTerminalControl reports whether a terminal acts on char.
func isTerminalControl(char rune) bool {
	return unicode.IsControl(char) && char != '\n' && char != '\t' ||
		char >= '\u202a' && char <= '\u202e' || char >= '\u2066' && char <= '\u2069'
}

func FuzzOutputHasNoTerminalControls(f *testing.F) {
	f.Add("\x1b[2J\u202e\u009bx\r\n")
	f.Add("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f")
	f.Fuzz(func(t *testing.T, text string) {
		lines, line := termtext.Lines(text), termtext.OneLine(text)
		if strings.ContainsFunc(lines+line, isTerminalControl) || strings.ContainsAny(line, "\n\t\u2028\u2029") {
			t.Errorf("Lines(%q) = %q, OneLine = %q, want no controls", text, lines, line)
		}
		if termtext.Lines(lines) != lines || termtext.OneLine(line) != line {
			t.Errorf("Lines or OneLine changes its own output for %q", text)
		}
		if !utf8.ValidString(text) {
			return
		}
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		escaped := termtext.EscapeJSON(raw)
		var back string
		err = json.Unmarshal(escaped, &back)
		if err != nil || back != text || strings.ContainsFunc(string(escaped), isTerminalControl) {
			t.Errorf("EscapeJSON of %q = %q, which decodes to %q, %v", text, escaped, back, err)
		}
	})
}

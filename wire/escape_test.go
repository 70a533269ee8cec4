package wire_test

import (
	"strings"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

func TestUnescape(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"an escape is its byte", "%41b%63", "Abc"},
		{"hex digits have either case", "%4a%4A%fF", "JJ\xff"},
		{"any byte can be escaped", "%00%25%26%0D%0A", "\x00%&\r\n"},
		{"what an escape stands for is not decoded again", "%2541", "%41"},
		{"'%' without two hex digits stands for itself", "100%, %4, %4g %g4 %%41 %", "100%, %4, %4g %g4 %A %"},
		{"'%' just before the end stands for itself", "a%4", "a%4"},
		{"'+' is a plus sign", "1+1%2B1", "1+1+1"},
		{"nothing stays nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wire.Unescape(nil, []byte(c.in)); string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := wire.Unescape([]byte("x"), []byte(c.in)); string(got) != "x"+c.want {
				t.Errorf("appended: got %q", got)
			}
		})
	}
}

func TestUnescapeCopiesOnlyIfNeeded(t *testing.T) {
	raw := []byte("plain+text")
	if got := wire.Unescape(nil, raw); &got[0] != &raw[0] {
		t.Error("a copy of what needs no decoding")
	}
	if got := wire.Unescape([]byte{}, raw); &got[0] == &raw[0] {
		t.Error("no copy although there is a buffer")
	}
	escaped := []byte("a%41")
	wire.Unescape(nil, escaped)
	if string(escaped) != "a%41" {
		t.Errorf("the input became %q", escaped)
	}
}

func TestAnswerValuesAreEscaped(t *testing.T) {
	for _, c := range []struct{ name, in, http, line string }{
		{"three characters are escaped", "%&,", "%25%26%2c", "%25%26%2c"},
		{"what looks like an escape is escaped", "%41", "%2541", "%2541"},
		{"no other printable is", ` !"#$'()*+-./:;<=>?@[\]^_{|}~`, ` !"#$'()*+-./:;<=>?@[\]^_{|}~`,
			` !"#$'()*+-./:;<=>?@[\]^_{|}~`},
		{"every line break is one CR", "a\r\nb\nc\rd", "a\rb\rc\rd", "a%0Db%0Dc%0Dd"},
		{"two line breaks stay two", "\n\n\r\r\r\n\r\n\n\r", "\r\r\r\r\r\r\r\r", "%0D%0D%0D%0D%0D%0D%0D%0D"},
		{"TAB stays", "a\tb", "a\tb", "a\tb"},
		{"other control characters are dropped", "a\x00\x01\x08\x0b\x0c\x0e\x1f\x7fb", "ab", "ab"},
		{"so are those of C1", "a\u0080\u0085\u009fb\u00a0", "ab\u00a0", "ab\u00a0"},
		{"a dropped one does not join CR and LF", "\r\x00\n", "\r\r", "%0D%0D"},
		{"Chinese and emoji stay", "你好，🐧", "你好，🐧", "你好，🐧"},
		{"each byte that is no UTF-8 is U+FFFD", "a\xff\xc4\xe3b\xed\xa0\x80", "a\ufffd\ufffd\ufffdb\ufffd\ufffd\ufffd",
			"a\ufffd\ufffd\ufffdb\ufffd\ufffd\ufffd"},
		{"U+FFFD itself stays", "\ufffd", "\ufffd", "\ufffd"},
		{"nothing stays nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for form, want := range map[wire.LineBreakForm]string{wire.FormHTTP: c.http, wire.FormLine: c.line} {
				if got := wire.AppendElement(nil, form, c.in); string(got) != want+"," {
					t.Errorf("form %d: got %q, want %q", form, got, want+",")
				}
				if got := wire.AppendText(nil, form, "K", c.in); string(got) != "&K="+want {
					t.Errorf("form %d: got %q, want %q", form, got, "&K="+want)
				}
				if got := wire.ElementSize(form, c.in); got != len(want)+1 {
					t.Errorf("form %d: ElementSize = %d, want %d", form, got, len(want)+1)
				}
			}
		})
	}
}

// cleanText returns what a client reads of an escaped value. It uses package strings, unlike the
// escaper's own loop.
func cleanText(text string) string {
	text = strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(text)
	return strings.Map(func(char rune) rune { // each invalid byte arrives as U+FFFD
		if char != '\t' && char != '\r' && char < ' ' || 0x7F <= char && char <= 0x9F {
			return -1
		}
		return char
	}, text)
}

// Package termtext makes what others have written fit for a terminal. Whatever
// is printed for people and was not written by this program goes through here.
//
// It keeps out three attacks. Control characters, ESC and those of C1 above all,
// steer the terminal: they write over other lines, set its title, answer in the
// user's place. Bidirectional controls show a text in another order than it is
// stored. Line ends in what should be one line forge a line of ours. All these
// become U+FFFD, which shows that something was there. Characters that cannot be
// seen are left out, and so are the marks of direction that Hebrew and Arabic texts
// hold, which reorder next to nothing.
package termtext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
)

const (
	replacement = '\uFFFD'
	// maxMarks is how many marks one character may carry. Languages need up to
	// four; piles of hundreds draw over the lines above.
	maxMarks = 8
)

// OneLine makes a text fit to be shown within one line of a terminal: a name, a
// reason, the words of a request. Its lines are joined by a slash.
func OneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, isLineEnd), " / ")
	return strings.TrimSpace(strings.ReplaceAll(Lines(text), "\t", " "))
}

// Lines makes a text fit to be shown over several lines. All kinds of line ends
// become \n; tabs stay. Whoever shows it indents the lines behind the first, so
// that none looks like a line of ours.
func Lines(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	marks := 0
	for rest := strings.ReplaceAll(text, "\r\n", "\n"); rest != ""; {
		size := rookery.FlagLen(rest)
		if size > 0 {
			out.WriteString(rest[:size])
			rest, marks = rest[size:], 0
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		if unicode.IsMark(r) && !isSpacingMark(r) {
			marks++
		} else {
			marks = 0
		}
		if r = displayRune(r); r != droppedRune && marks <= maxMarks {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// EscapeJSON writes the characters of a JSON text that a terminal would obey as
// JSON's escapes: for programs it is the same text.
func EscapeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if s := displayRune(r); s != r && (s == replacement || s == '\n') && r >= 0x7f {
			const digits = "0123456789abcdef"
			out = append(out, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		} else {
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}

// drop is what shown returns for a character that is left out.
const droppedRune rune = -1

// displayRune is what a character is shown as.
func displayRune(r rune) rune {
	switch {
	case r == '\t', r == '\n':
		return r
	case isLineEnd(r):
		return '\n'
	case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return replacement
	case r == '\u2800': // blank in a name, but a part of a picture in Braille
		return r
	case unicode.In(r, unicode.Join_Control, unicode.Variation_Selector), r == '\u180e':
		return r // scripts and emoji are written with them
	case rookery.IsInvisible(r):
		return droppedRune
	}
	return r // what is no UTF-8 was decoded as U+FFFD
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// isSpacingMark tells marks that take a place of their own from those that pile up.
func isSpacingMark(r rune) bool { return unicode.Is(unicode.Mc, r) }

package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What others write is shown on the user's terminal, which obeys escape
// sequences: nothing that a terminal may act on gets past here.

const (
	// tab is what a tab becomes; where a terminal's stops are is not known.
	tab = "    "
	// maxMarks is how many marks one character may carry. Languages need up to
	// four; piles of hundreds draw over the lines above.
	maxMarks = 8
)

// clean makes a text of others fit to be shown over several lines: line ends
// become \n; what controls a terminal, turns the direction of writing around or
// cannot be seen is dropped.
func clean(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	marks := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\r' && strings.HasPrefix(text[i+size:], "\n"):
		case r == '\r', r == '\n', r == '\u2028', r == '\u2029', r == '\u0085':
			out.WriteByte('\n')
		case r == '\t':
			out.WriteString(tab)
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks <= maxMarks {
				out.WriteRune(r)
			}
			i += size
			continue
		case visible(r):
			out.WriteRune(r) // what is no UTF-8 was decoded as U+FFFD
		}
		marks = 0
		i += size
	}
	return out.String()
}

// cleanLine is clean for what has one line: a name, the words of a request.
func cleanLine(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(clean(text), "\n", " "))
}

// joiners are the format characters that emoji and some scripts are written
// with.
const joiners = "\u200c\u200d"

// visible reports whether a character is drawn, and does nothing else. Format
// characters are those that hide, join and turn: the bidirectional controls
// among them.
func visible(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return false
	case unicode.Is(unicode.Cf, r):
		return strings.ContainsRune(joiners, r)
	case r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0': // fillers: letters with nothing on them
		return false
	}
	return true
}

// Package termtext makes untrusted text safe to print on a terminal. All text that
// people see and that this program did not write passes through it.
//
// It prevents three attacks. Control characters, such as ESC and the C1 controls, make
// the terminal overwrite lines, change its title or send input. Bidirectional controls
// show text in another order than it is stored. Line ends inside a single-line text
// forge a line of the program. The first two kinds become U+FFFD; line ends become " / "
// or LF. Invisible characters are removed, including the direction marks of Hebrew and
// Arabic texts, which change the display very little.
package termtext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
)

const (
	replacement = '\uFFFD'
	// maxMarks is the number of combining marks per character. Languages need up to
	// four; hundreds would cover the lines above.
	maxMarks = 8
)

// OneLine makes text safe to show within one line. It joins lines with " / ".
func OneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, isLineEnd), " / ")
	return strings.TrimSpace(strings.ReplaceAll(Lines(text), "\t", " "))
}

// Lines makes text safe to show on several lines. Every line end becomes LF; tabs stay.
// The caller must indent continuation lines, so that none looks like a line of the
// program.
func Lines(text string) string {
	var builder strings.Builder
	builder.Grow(len(text))
	markCount := 0
	for remaining := strings.ReplaceAll(text, "\r\n", "\n"); remaining != ""; {
		byteCount := rookery.FlagLen(remaining)
		if byteCount > 0 {
			builder.WriteString(remaining[:byteCount])
			remaining, markCount = remaining[byteCount:], 0
			continue
		}
		char, byteCount := utf8.DecodeRuneInString(remaining)
		remaining = remaining[byteCount:]
		if unicode.IsMark(char) && !isSpacingMark(char) {
			markCount++
		} else {
			markCount = 0
		}
		if char = displayRune(char); char != droppedRune && markCount <= maxMarks {
			builder.WriteRune(char)
		}
	}
	return builder.String()
}

// EscapeJSON replaces characters of a JSON text that control a terminal by JSON escapes.
// The decoded value stays the same.
func EscapeJSON(text []byte) []byte {
	escaped := make([]byte, 0, len(text))
	for len(text) > 0 {
		char, byteCount := utf8.DecodeRune(text)
		if shown := displayRune(char); shown != char && (shown == replacement || shown == '\n') && char >= 0x7f {
			const digits = "0123456789abcdef"
			escaped = append(escaped, '\\', 'u', digits[char>>12&15], digits[char>>8&15], digits[char>>4&15],
				digits[char&15])
		} else {
			escaped = append(escaped, text[:byteCount]...)
		}
		text = text[byteCount:]
	}
	return escaped
}

// droppedRune is the result of displayRune for a character to be removed.
const droppedRune rune = -1

// displayRune returns the character to show for char, or droppedRune.
func displayRune(char rune) rune {
	switch {
	case char == '\t', char == '\n':
		return char
	case isLineEnd(char):
		return '\n'
	case unicode.IsControl(char), char >= '\u202a' && char <= '\u202e', char >= '\u2066' && char <= '\u2069':
		return replacement
	case char == '\u2800': // invisible, but part of Braille pictures
		return char
	case unicode.In(char, unicode.Join_Control, unicode.Variation_Selector), char == '\u180e':
		return char // required by some scripts and emoji
	case rookery.IsInvisible(char):
		return droppedRune
	}
	return char // invalid UTF-8 was decoded as U+FFFD
}

func isLineEnd(char rune) bool {
	switch char {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// isSpacingMark reports whether a mark occupies its own space instead of being stacked.
func isSpacingMark(char rune) bool { return unicode.Is(unicode.Mc, char) }

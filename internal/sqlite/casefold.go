package sqlite

import (
	"strings"
	"unicode"
)

// foldCase makes texts equal that differ in the case of letters only.
func foldCase(text string) string { return strings.Map(foldRuneCase, text) }

// foldRuneCase is the lowest of all characters that are the same but for their
// case; σ has a third form, ς.
func foldRuneCase(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	case r < 0x80 || r >= 0x2E80 && r < 0xA640: // ASCII, and the Chinese characters
		return r
	}
	low := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		low = min(low, next)
	}
	return low
}

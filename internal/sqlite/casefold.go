package sqlite

import (
	"strings"
	"unicode"
)

// foldCase maps texts that differ only in case to the same text.
func foldCase(text string) string { return strings.Map(foldRuneCase, text) }

// foldRuneCase returns the lowest of all runes that differ only in case. Some letters have more than
// two forms: Σ, σ and ς.
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

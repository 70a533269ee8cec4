package wire

import (
	"bytes"
	"unicode/utf8"
)

// LineBreakForm says how line breaks inside an answer's values are written; it depends
// on the way in.
type LineBreakForm uint8

// The forms.
const (
	FormHTTP LineBreakForm = iota // CR
	FormLine                      // %0D, on lines and WebSocket, where a raw CR would be mistaken for a record's end
)

var lineBreakForms = [...]string{FormHTTP: "\r", FormLine: "%0D"}

// Unescape decodes the %XX of a value and appends the bytes to dst. A '%' that
// starts no valid escape stands for itself, and so does '+'. If there is
// nothing to decode and dst is nil, the result is raw itself.
func Unescape(dst, raw []byte) []byte {
	n := bytes.IndexByte(raw, '%')
	if n < 0 && dst == nil {
		return raw
	}
	for ; n >= 0; n = bytes.IndexByte(raw, '%') {
		dst = append(dst, raw[:n]...)
		raw = raw[n:]
		if c, ok := decodeEscape(raw); ok {
			dst, raw = append(dst, c), raw[len("%XX"):]
		} else {
			dst, raw = append(dst, '%'), raw[1:]
		}
	}
	return append(dst, raw...)
}

// decodeEscape reads the escape that b, which begins with '%', may begin with.
func decodeEscape(b []byte) (c byte, ok bool) {
	if len(b) < len("%XX") {
		return 0, false
	}
	high, low := hexDigitValues[b[1]], hexDigitValues[b[2]]
	return (high-1)<<4 | (low - 1), high > 0 && low > 0
}

// hexDigitValues has the value of each hex digit plus one, 0 for what is none.
var hexDigitValues = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16,
}

// appendEscaped appends a value as answers have it: '%', '&' and ',' escaped
// (clients undo only these three), a line break of any kind as the form has it,
// other control characters but TAB dropped, U+FFFD for each byte that is not
// UTF-8.
func appendEscaped(dst []byte, form LineBreakForm, s string) []byte {
	for {
		n := plainPrefixLength(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			return dst
		}
		written, width := form.escapeFirst(s)
		dst = append(dst, written...)
		s = s[width:]
	}
}

// escapedSize is the number of bytes that appendEscaped appends.
func escapedSize(form LineBreakForm, s string) int {
	size := 0
	for {
		n := plainPrefixLength(s)
		size += n
		if s = s[n:]; s == "" {
			return size
		}
		written, width := form.escapeFirst(s)
		size += len(written)
		s = s[width:]
	}
}

// plainPrefixLength is the number of bytes that s begins with which are written as
// they are.
func plainPrefixLength(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if needsEscape[c] {
				return i
			}
			i++
			continue
		}
		c, width := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && width == 1 || c <= lastC1Control {
			return i
		}
		i += width
	}
	return len(s)
}

// lastC1Control is the last of the control characters that begin at U+0080.
const lastC1Control = 0x9F

// needsEscape marks the ASCII characters to escape or to drop.
var needsEscape = [utf8.RuneSelf]bool{
	0x00: true, 0x01: true, 0x02: true, 0x03: true, 0x04: true, 0x05: true, 0x06: true, 0x07: true,
	0x08: true, '\n': true, 0x0B: true, 0x0C: true, '\r': true, 0x0E: true, 0x0F: true,
	0x10: true, 0x11: true, 0x12: true, 0x13: true, 0x14: true, 0x15: true, 0x16: true, 0x17: true,
	0x18: true, 0x19: true, 0x1A: true, 0x1B: true, 0x1C: true, 0x1D: true, 0x1E: true, 0x1F: true,
	'%': true, '&': true, ',': true, 0x7F: true,
}

// escapeFirst returns what is written for the character, or line break, that s
// begins with and that is not plain, and how many bytes of s that is.
func (f LineBreakForm) escapeFirst(s string) (written string, width int) {
	switch s[0] {
	case '%':
		return "%25", 1
	case '&':
		return "%26", 1
	case ',':
		return "%2c", 1
	case '\r':
		if len(s) > 1 && s[1] == '\n' {
			return lineBreakForms[f], len("\r\n")
		}
		return lineBreakForms[f], 1
	case '\n':
		return lineBreakForms[f], 1
	}
	c, width := utf8.DecodeRuneInString(s)
	if c == utf8.RuneError {
		return string(utf8.RuneError), width
	}
	return "", width // a control character
}

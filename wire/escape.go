package wire

import (
	"bytes"
	"unicode/utf8"
)

// LineBreakForm says how line breaks in values of answers are written.
type LineBreakForm uint8

// Forms of line breaks.
const (
	FormHTTP LineBreakForm = iota // CR
	FormLine                      // %0D, on lines and WebSockets, where CR could end the record
)

var lineBreakForms = [...]string{FormHTTP: "\r", FormLine: "%0D"}

// Unescape decodes %XX escapes in raw and appends the result to dst. Invalid escapes and '+' are
// kept as they are. If dst is nil and raw has no '%', the result is raw itself.
func Unescape(dst, raw []byte) []byte {
	n := bytes.IndexByte(raw, '%')
	if n < 0 && dst == nil {
		return raw
	}
	for ; n >= 0; n = bytes.IndexByte(raw, '%') {
		dst = append(dst, raw[:n]...)
		raw = raw[n:]
		if char, ok := decodeEscape(raw); ok {
			dst, raw = append(dst, char), raw[len("%XX"):]
		} else {
			dst, raw = append(dst, '%'), raw[1:]
		}
	}
	return append(dst, raw...)
}

// decodeEscape decodes the escape at the start of text, which begins with '%'.
func decodeEscape(data []byte) (char byte, ok bool) {
	if len(data) < len("%XX") {
		return 0, false
	}
	high, low := hexDigitValues[data[1]], hexDigitValues[data[2]]
	return (high-1)<<4 | (low - 1), high > 0 && low > 0
}

// hexDigitValues has the value of each hex digit plus one; 0 marks other bytes.
var hexDigitValues = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16,
}

// appendEscaped appends a value for an answer. It escapes '%', '&' and ',', the only escapes that
// clients decode, writes line breaks as form requires, drops other control characters except TAB,
// and replaces each invalid byte by U+FFFD.
func appendEscaped(dst []byte, form LineBreakForm, text string) []byte {
	for {
		n := plainPrefixLength(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; text == "" {
			return dst
		}
		escaped, width := form.escapeFirst(text)
		dst = append(dst, escaped...)
		text = text[width:]
	}
}

// escapedSize returns the number of bytes that appendEscaped appends.
func escapedSize(form LineBreakForm, text string) int {
	size := 0
	for {
		n := plainPrefixLength(text)
		size += n
		if text = text[n:]; text == "" {
			return size
		}
		escaped, width := form.escapeFirst(text)
		size += len(escaped)
		text = text[width:]
	}
}

// plainPrefixLength returns the length of the longest prefix of text that needs no escaping.
func plainPrefixLength(text string) int {
	for i := 0; i < len(text); {
		if char := text[i]; char < utf8.RuneSelf {
			if needsEscape[char] {
				return i
			}
			i++
			continue
		}
		char, width := utf8.DecodeRuneInString(text[i:])
		if char == utf8.RuneError && width == 1 || char <= lastC1Control {
			return i
		}
		i += width
	}
	return len(text)
}

// lastC1Control is the last of the control characters from U+0080.
const lastC1Control = 0x9F

// needsEscape marks the ASCII characters that are escaped or dropped.
var needsEscape = [utf8.RuneSelf]bool{
	0x00: true, 0x01: true, 0x02: true, 0x03: true, 0x04: true, 0x05: true, 0x06: true, 0x07: true,
	0x08: true, '\n': true, 0x0B: true, 0x0C: true, '\r': true, 0x0E: true, 0x0F: true,
	0x10: true, 0x11: true, 0x12: true, 0x13: true, 0x14: true, 0x15: true, 0x16: true, 0x17: true,
	0x18: true, 0x19: true, 0x1A: true, 0x1B: true, 0x1C: true, 0x1D: true, 0x1E: true, 0x1F: true,
	'%': true, '&': true, ',': true, 0x7F: true,
}

// escapeFirst returns the escaped form of the character or line break at the start of text, and its
// length in text.
func (f LineBreakForm) escapeFirst(text string) (escaped string, width int) {
	switch text[0] {
	case '%':
		return "%25", 1
	case '&':
		return "%26", 1
	case ',':
		return "%2c", 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return lineBreakForms[f], len("\r\n")
		}
		return lineBreakForms[f], 1
	case '\n':
		return lineBreakForms[f], 1
	}
	char, width := utf8.DecodeRuneInString(text)
	if char == utf8.RuneError {
		return string(utf8.RuneError), width
	}
	return "", width // a control character is dropped
}

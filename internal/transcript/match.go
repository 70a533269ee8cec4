package transcript

import (
	"bytes"
	"strings"
)

// Match compares what came back with a script's answer. The line end that
// version 1.4 adds is expected without being written. An answer that ends in
// &RA=*TEXT* fits any reason of one line that contains TEXT; of several texts
// between stars each must follow the one before. Where they differ, at is the
// first differing byte of got.
func Match(answer, received []byte) (offset int, ok bool) {
	return matchWithLineEnd(answer, received, lineEndOf(answer))
}

// matchWithLineEnd is Match where the line end is known.
func matchWithLineEnd(answer, received []byte, end string) (offset int, ok bool) {
	const reason = "&RA="
	i := bytes.LastIndex(answer, []byte(reason+"*"))
	if i < 0 || bytes.IndexByte(answer[i+1:], '&') >= 0 {
		return firstDifference(append(bytes.Clone(answer), end...), received)
	}
	i += len(reason)
	if offset, ok := firstDifference(answer[:i], received[:min(i, len(received))]); !ok {
		return offset, false
	}
	text, ok := strings.CutSuffix(string(received[i:]), end)
	if !ok {
		return len(received), false
	}
	if n := escapedLength(text); n < len(text) || n == 0 {
		return i + n, false
	}
	if !containsInOrder(text, strings.Split(string(answer[i:]), "*")) {
		return i, false
	}
	return len(received), true
}

// lineEndOf is what stands behind an answer in HTTP: a client of 1.4 looks for a
// line, one of the older versions would take a line end for text.
func lineEndOf(answer []byte) string {
	if bytes.HasPrefix(answer, []byte("VER=1.4&")) {
		return "\r\n"
	}
	return ""
}

// firstDifference returns the first byte in which two texts differ.
func firstDifference(wanted, received []byte) (offset int, equal bool) {
	n := min(len(wanted), len(received))
	for offset < n && wanted[offset] == received[offset] {
		offset++
	}
	return offset, offset == len(wanted) && offset == len(received)
}

// escapedLength is how much of a value can stand in an answer as it is: no separator,
// no control character, no percent sign but of one of the three escapes.
func escapedLength(value string) int {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c == 0x7f || c == '&' || c == ',':
			return i
		case c == '%':
			remaining := value[i+1:]
			if !strings.HasPrefix(remaining, "25") && !strings.HasPrefix(remaining, "26") && !strings.HasPrefix(remaining, "2c") {
				return i
			}
		}
	}
	return len(value)
}

func containsInOrder(text string, parts []string) bool {
	for _, piece := range parts {
		i := strings.Index(text, piece)
		if i < 0 {
			return false
		}
		text = text[i+len(piece):]
	}
	return true
}

package transcript

import (
	"bytes"
	"strings"
)

// Match compares an answer from the server with the one in a script. The line end that version 1.4 adds is
// expected but not written in scripts. A script answer that ends in &RA=*TEXT* matches any one-line reason
// that contains TEXT; several texts between stars must occur in that order. If the answers differ, the
// offset is that of the first differing byte of the server's answer.
func Match(answer, received []byte) (offset int, ok bool) {
	return matchWithLineEnd(answer, received, lineEndOf(answer))
}

// matchWithLineEnd is Match with a given line end.
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

// lineEndOf returns the line end of an HTTP answer. Clients of version 1.4 read a line; older clients would
// take a line end for text.
func lineEndOf(answer []byte) string {
	if bytes.HasPrefix(answer, []byte("VER=1.4&")) {
		return "\r\n"
	}
	return ""
}

// firstDifference returns the offset of the first byte in which two texts differ.
func firstDifference(wanted, received []byte) (offset int, equal bool) {
	n := min(len(wanted), len(received))
	for offset < n && wanted[offset] == received[offset] {
		offset++
	}
	return offset, offset == len(wanted) && offset == len(received)
}

// escapedLength returns the length of the longest prefix of value that is correctly escaped: it contains no
// separator, no control character, and no percent sign except in the three escapes.
func escapedLength(value string) int {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c == 0x7f || c == '&' || c == ',':
			return i
		case c == '%':
			remaining := value[i+1:]
			if !strings.HasPrefix(remaining, "25") && !strings.HasPrefix(remaining, "26") &&
				!strings.HasPrefix(remaining, "2c") {
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

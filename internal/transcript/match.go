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
func Match(answer, got []byte) (at int, ok bool) { return match(answer, got, lineEnd(answer)) }

// match is Match where the line end is known.
func match(answer, got []byte, end string) (at int, ok bool) {
	const reason = "&RA="
	i := bytes.LastIndex(answer, []byte(reason+"*"))
	if i < 0 || bytes.IndexByte(answer[i+1:], '&') >= 0 {
		return compare(append(bytes.Clone(answer), end...), got)
	}
	i += len(reason)
	if at, ok := compare(answer[:i], got[:min(i, len(got))]); !ok {
		return at, false
	}
	text, ok := strings.CutSuffix(string(got[i:]), end)
	if !ok {
		return len(got), false
	}
	if n := escaped(text); n < len(text) || n == 0 {
		return i + n, false
	}
	if !inOrder(text, strings.Split(string(answer[i:]), "*")) {
		return i, false
	}
	return len(got), true
}

// lineEnd is what stands behind an answer in HTTP: a client of 1.4 looks for a
// line, one of the older versions would take a line end for text.
func lineEnd(answer []byte) string {
	if bytes.HasPrefix(answer, []byte("VER=1.4&")) {
		return "\r\n"
	}
	return ""
}

// compare returns the first byte in which two texts differ.
func compare(want, got []byte) (at int, equal bool) {
	n := min(len(want), len(got))
	for at < n && want[at] == got[at] {
		at++
	}
	return at, at == len(want) && at == len(got)
}

// escaped is how much of a value can stand in an answer as it is: no separator,
// no control character, no percent sign but of one of the three escapes.
func escaped(value string) int {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c == 0x7f || c == '&' || c == ',':
			return i
		case c == '%':
			rest := value[i+1:]
			if !strings.HasPrefix(rest, "25") && !strings.HasPrefix(rest, "26") && !strings.HasPrefix(rest, "2c") {
				return i
			}
		}
	}
	return len(value)
}

func inOrder(text string, parts []string) bool {
	for _, part := range parts {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

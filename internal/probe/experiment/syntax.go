package experiment

import (
	"fmt"
	"strings"
)

// httpQQ is the syntax of HTTP QQ: what a file leaves out.
func httpQQ() Syntax {
	return Syntax{
		Pair:   "&",
		Equals: "=",
		List:   ",",
		Escape: "%",
		Path:   "/",
		Type:   "text/plain; charset=UTF-8",
	}
}

// Encode joins pairs to a record. Keys and values are written as they are: text
// that may hold anything goes through [Syntax.EscapeValue] first.
func (y Syntax) Encode(pairs []Pair) []byte {
	var out []byte
	for i, pair := range pairs {
		if i > 0 {
			out = append(out, y.Pair...)
		}
		out = append(out, pair.Key...)
		out = append(out, y.Equals...)
		out = append(out, pair.Value...)
	}
	return out
}

// Decode splits an answer into its pairs. Line ends behind the record are left
// out; values stay as they were sent, escapes and all. A piece without an equals
// sign belongs to the value before it, separator included, as servers send that
// do not escape their texts; so that [Syntax.Encode] gives the record again. ok is
// false for what does not begin with a pair.
func (y Syntax) Decode(record []byte) (fields []Pair, ok bool) {
	text := strings.TrimRight(string(record), "\r\n")
	for piece := range strings.SplitSeq(text, y.Pair) {
		key, value, isPair := strings.Cut(piece, y.Equals)
		switch {
		case isPair:
			fields = append(fields, Pair{key, value})
		case len(fields) == 0:
			return nil, false
		default:
			fields[len(fields)-1].Value += y.Pair + piece
		}
	}
	return fields, true
}

// Elements are those of a list, unescaped. ok is false if the value does not end
// like one; the empty value says nothing about what it is, and is none.
func (y Syntax) Elements(value string) (elements []string, ok bool) {
	inner, ok := strings.CutSuffix(value, y.List)
	if !ok {
		return nil, false
	}
	elements = strings.Split(inner, y.List)
	for i, e := range elements {
		elements[i] = y.Unescape(e)
	}
	return elements, true
}

// EscapeValue writes a text so that it can stand as a value in a request:
// whatever could end the value, begin an escape, or break a line is escaped. Without
// an escape in the syntax the text stays as it is.
func (y Syntax) EscapeValue(s string) string {
	if y.Escape == "" {
		return s
	}
	var out strings.Builder
	for i := range len(s) {
		// Any byte of the separator, not only the whole: the value's last bytes
		// and the separator behind them must not make another.
		c := s[i]
		if c < ' ' || c == 0x7f || c == y.Escape[0] || strings.IndexByte(y.Pair, c) >= 0 {
			fmt.Fprintf(&out, "%s%02X", y.Escape, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Unescape undoes the escapes of a value. What is no whole escape stands for
// itself.
func (y Syntax) Unescape(s string) string {
	if y.Escape == "" || !strings.Contains(s, y.Escape) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if c, ok := escaped(strings.TrimPrefix(s[i:], y.Escape)); ok && strings.HasPrefix(s[i:], y.Escape) {
			out.WriteByte(c)
			i += len(y.Escape) + 2
			continue
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}

// escaped reads the two hex digits that s begins with.
func escaped(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, low := hexDigit(s[0]), hexDigit(s[1])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

// hexDigit is the digit's value, or below 0.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// split reads pairs as they stand in a file. Unlike an answer, a piece that is no
// pair is an error: someone has written it who can mend it.
func (y Syntax) split(text string) ([]Pair, error) {
	var pairs []Pair
	for piece := range strings.SplitSeq(text, y.Pair) {
		key, value, ok := strings.Cut(piece, y.Equals)
		if !ok || key == "" {
			return nil, fmt.Errorf("%q does not split into pairs: %q is none; write KEY%sVALUE, with %q between pairs",
				text, piece, y.Equals, y.Pair)
		}
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, nil
}

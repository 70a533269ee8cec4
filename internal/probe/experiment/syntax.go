package experiment

import (
	"fmt"
	"strings"
)

// httpQQ is the syntax of HTTP QQ: what a file leaves out.
func httpQQ() RecordSyntax {
	return RecordSyntax{
		PairSeparator: "&",
		KeySeparator:  "=",
		ListSeparator: ",",
		EscapeSign:    "%",
		RequestPath:   "/",
		ContentType:   "text/plain; charset=UTF-8",
	}
}

// Encode joins pairs to a record. Keys and values are written as they are: text
// that may hold anything goes through [RecordSyntax.EscapeValue] first.
func (y RecordSyntax) Encode(pairs []Pair) []byte {
	var out []byte
	for i, pair := range pairs {
		if i > 0 {
			out = append(out, y.PairSeparator...)
		}
		out = append(out, pair.Key...)
		out = append(out, y.KeySeparator...)
		out = append(out, pair.Value...)
	}
	return out
}

// Decode splits an answer into its pairs. Line ends behind the record are left
// out; values stay as they were sent, escapes and all. A piece without an equals
// sign belongs to the value before it, separator included, as servers send that
// do not escape their texts; so that [RecordSyntax.Encode] gives the record again. ok is
// false for what does not begin with a pair.
func (y RecordSyntax) Decode(record []byte) (fields []Pair, ok bool) {
	text := strings.TrimRight(string(record), "\r\n")
	for piece := range strings.SplitSeq(text, y.PairSeparator) {
		key, value, isPair := strings.Cut(piece, y.KeySeparator)
		switch {
		case isPair:
			fields = append(fields, Pair{key, value})
		case len(fields) == 0:
			return nil, false
		default:
			fields[len(fields)-1].Value += y.PairSeparator + piece
		}
	}
	return fields, true
}

// SplitList are those of a list, unescaped. ok is false if the value does not end
// like one; the empty value says nothing about what it is, and is none.
func (y RecordSyntax) SplitList(value string) (elements []string, ok bool) {
	inner, ok := strings.CutSuffix(value, y.ListSeparator)
	if !ok {
		return nil, false
	}
	elements = strings.Split(inner, y.ListSeparator)
	for i, e := range elements {
		elements[i] = y.Unescape(e)
	}
	return elements, true
}

// EscapeValue writes a text so that it can stand as a value in a request:
// whatever could end the value, begin an escape, or break a line is escaped. Without
// an escape in the syntax the text stays as it is.
func (y RecordSyntax) EscapeValue(s string) string {
	if y.EscapeSign == "" {
		return s
	}
	var out strings.Builder
	for i := range len(s) {
		// Any byte of the separator, not only the whole: the value's last bytes
		// and the separator behind them must not make another.
		c := s[i]
		if c < ' ' || c == 0x7f || c == y.EscapeSign[0] || strings.IndexByte(y.PairSeparator, c) >= 0 {
			fmt.Fprintf(&out, "%s%02X", y.EscapeSign, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Unescape undoes the escapes of a value. What is no whole escape stands for
// itself.
func (y RecordSyntax) Unescape(s string) string {
	if y.EscapeSign == "" || !strings.Contains(s, y.EscapeSign) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if c, ok := escaped(strings.TrimPrefix(s[i:], y.EscapeSign)); ok && strings.HasPrefix(s[i:], y.EscapeSign) {
			out.WriteByte(c)
			i += len(y.EscapeSign) + 2
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

// splitStrict reads pairs as they stand in a file. Unlike an answer, a piece that is no
// pair is an error: someone has written it who can mend it.
func (y RecordSyntax) splitStrict(text string) ([]Pair, error) {
	var pairs []Pair
	for piece := range strings.SplitSeq(text, y.PairSeparator) {
		key, value, ok := strings.Cut(piece, y.KeySeparator)
		if !ok || key == "" {
			return nil, fmt.Errorf("%q does not split into pairs: %q is none; write KEY%sVALUE, with %q between pairs",
				text, piece, y.KeySeparator, y.PairSeparator)
		}
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, nil
}

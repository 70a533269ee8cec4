package experiment

import (
	"fmt"
	"strings"
)

// httpQQSyntax is the syntax of HTTP QQ: what a file leaves out.
func httpQQSyntax() RecordSyntax {
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
	var record []byte
	for i, pair := range pairs {
		if i > 0 {
			record = append(record, y.PairSeparator...)
		}
		record = append(record, pair.Key...)
		record = append(record, y.KeySeparator...)
		record = append(record, pair.Value...)
	}
	return record
}

// Decode splits an answer into its pairs. Line ends behind the record are left
// out; values stay as they were sent, escapes and all. A piece without an equals
// sign belongs to the value before it, separator included, as servers send that
// do not escape their texts; so that [RecordSyntax.Encode] gives the record again. ok is
// false for what does not begin with a pair.
func (y RecordSyntax) Decode(record []byte) (fields []Pair, ok bool) {
	text := strings.TrimRight(string(record), "\r\n")
	for part := range strings.SplitSeq(text, y.PairSeparator) {
		key, value, isPair := strings.Cut(part, y.KeySeparator)
		switch {
		case isPair:
			fields = append(fields, Pair{key, value})
		case len(fields) == 0:
			return nil, false
		default:
			fields[len(fields)-1].Value += y.PairSeparator + part
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
	for i, element := range elements {
		elements[i] = y.Unescape(element)
	}
	return elements, true
}

// EscapeValue writes a text so that it can stand as a value in a request:
// whatever could end the value, begin an escape, or break a line is escaped. Without
// an escape in the syntax the text stays as it is.
func (y RecordSyntax) EscapeValue(text string) string {
	if y.EscapeSign == "" {
		return text
	}
	var result strings.Builder
	for i := range len(text) {
		// Any byte of the separator, not only the whole: the value's last bytes
		// and the separator behind them must not make another.
		character := text[i]
		if character < ' ' || character == 0x7f || character == y.EscapeSign[0] || strings.IndexByte(y.PairSeparator, character) >= 0 {
			fmt.Fprintf(&result, "%s%02X", y.EscapeSign, character)
		} else {
			result.WriteByte(character)
		}
	}
	return result.String()
}

// Unescape undoes the escapes of a value. What is no whole escape stands for
// itself.
func (y RecordSyntax) Unescape(text string) string {
	if y.EscapeSign == "" || !strings.Contains(text, y.EscapeSign) {
		return text
	}
	var result strings.Builder
	for i := 0; i < len(text); {
		if character, ok := parseHexByte(strings.TrimPrefix(text[i:], y.EscapeSign)); ok && strings.HasPrefix(text[i:], y.EscapeSign) {
			result.WriteByte(character)
			i += len(y.EscapeSign) + 2
			continue
		}
		result.WriteByte(text[i])
		i++
	}
	return result.String()
}

// parseHexByte reads the two hex digits that s begins with.
func parseHexByte(text string) (byte, bool) {
	if len(text) < 2 {
		return 0, false
	}
	highDigit, lowDigit := hexDigitValue(text[0]), hexDigitValue(text[1])
	return byte(highDigit<<4 | lowDigit), highDigit >= 0 && lowDigit >= 0
}

// hexDigitValue is the digit's value, or below 0.
func hexDigitValue(character byte) int {
	switch {
	case '0' <= character && character <= '9':
		return int(character - '0')
	case 'a' <= character && character <= 'f':
		return int(character-'a') + 10
	case 'A' <= character && character <= 'F':
		return int(character-'A') + 10
	}
	return -1
}

// splitStrict reads pairs as they stand in a file. Unlike an answer, a piece that is no
// pair is an error: someone has written it who can mend it.
func (y RecordSyntax) splitStrict(text string) ([]Pair, error) {
	var pairs []Pair
	for part := range strings.SplitSeq(text, y.PairSeparator) {
		key, value, ok := strings.Cut(part, y.KeySeparator)
		if !ok || key == "" {
			return nil, fmt.Errorf("%q does not split into pairs: %q is none; write KEY%sVALUE, with %q between pairs",
				text, part, y.KeySeparator, y.PairSeparator)
		}
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, nil
}

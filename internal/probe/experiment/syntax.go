package experiment

import (
	"fmt"
	"strings"
)

// httpQQSyntax returns the syntax of HTTP QQ, which is the default.
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

// Encode joins pairs to a record without escaping. Escape arbitrary text with
// [RecordSyntax.EscapeValue] first.
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

// Decode splits an answer into pairs. It drops line ends after the record and leaves
// escapes in values as they are. A part without an equals sign becomes part of the value
// before it, separator included, because some servers do not escape texts; Encode
// therefore restores the record. ok is false if the record does not begin with a pair.
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

// SplitList returns the unescaped elements of a list. ok is false if value does not end
// with the list separator.
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

// EscapeValue escapes every byte that could end a value, begin an escape, or break a line.
// If the syntax has no escapes, it returns the text unchanged.
func (y RecordSyntax) EscapeValue(text string) string {
	if y.EscapeSign == "" {
		return text
	}
	var result strings.Builder
	for i := range len(text) {
		// Escape each byte of the separator: the end of the value and the separator
		// after it must not form another separator.
		character := text[i]
		if character < ' ' || character == 0x7f || character == y.EscapeSign[0] ||
			strings.IndexByte(y.PairSeparator, character) >= 0 {
			fmt.Fprintf(&result, "%s%02X", y.EscapeSign, character)
		} else {
			result.WriteByte(character)
		}
	}
	return result.String()
}

// Unescape decodes the escapes of a value. It leaves incomplete escapes as they are.
func (y RecordSyntax) Unescape(text string) string {
	if y.EscapeSign == "" || !strings.Contains(text, y.EscapeSign) {
		return text
	}
	var result strings.Builder
	for i := 0; i < len(text); {
		if character, ok := parseHexByte(strings.TrimPrefix(text[i:], y.EscapeSign)); ok &&
			strings.HasPrefix(text[i:], y.EscapeSign) {
			result.WriteByte(character)
			i += len(y.EscapeSign) + 2
			continue
		}
		result.WriteByte(text[i])
		i++
	}
	return result.String()
}

// parseHexByte decodes the two hex digits at the start of s.
func parseHexByte(text string) (byte, bool) {
	if len(text) < 2 {
		return 0, false
	}
	highDigit, lowDigit := hexDigitValue(text[0]), hexDigitValue(text[1])
	return byte(highDigit<<4 | lowDigit), highDigit >= 0 && lowDigit >= 0
}

// hexDigitValue returns the value of a hex digit, or -1.
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

// splitStrict parses pairs in an experiment file. Unlike Decode it fails for a part that
// is not a pair, because the author of the file can correct it.
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

package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// RawBytes are what went over a connection. JSON has them as a string, so that a
// transcript can be searched as text. With bytes that are no UTF-8 among them it is a
// list of strings, and of objects with those bytes in base64.
type RawBytes []byte

// base64Piece is a piece of Bytes that no string of JSON can hold.
type base64Piece struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements [json.Marshaler].
func (b RawBytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return marshalUnescaped(string(b))
	}
	var pieces []any
	for rest := []byte(b); len(rest) > 0; {
		text := leadingText(rest)
		n := max(len(text), 1)
		if len(text) > 0 {
			pieces = append(pieces, string(text))
		} else {
			for n < len(rest) && len(leadingText(rest[n:])) == 0 {
				n++
			}
			pieces = append(pieces, base64Piece{rest[:n]})
		}
		rest = rest[n:]
	}
	return marshalUnescaped(pieces)
}

// leadingText is the text that b begins with.
func leadingText(b []byte) []byte {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return b[:n]
}

// UnmarshalJSON implements [json.Unmarshaler].
func (b *RawBytes) UnmarshalJSON(value []byte) error {
	var pieces []json.RawMessage
	if !bytes.HasPrefix(value, []byte("[")) {
		pieces = append(pieces, value)
	} else if err := json.Unmarshal(value, &pieces); err != nil {
		return err
	}
	*b = nil
	for _, piece := range pieces {
		var text string
		if json.Unmarshal(piece, &text) == nil {
			*b = append(*b, text...)
			continue
		}
		var other base64Piece
		if err := json.Unmarshal(piece, &other); err != nil || other.Base64 == nil {
			return errors.Join(errors.New("what was sent is a string, or a list of strings and base64"), err)
		}
		*b = append(*b, other.Base64...)
	}
	return nil
}

// marshalUnescaped is JSON that leaves &, < and > as they are.
func marshalUnescaped(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

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
	for remaining := []byte(b); len(remaining) > 0; {
		text := leadingText(remaining)
		length := max(len(text), 1)
		if len(text) > 0 {
			pieces = append(pieces, string(text))
		} else {
			for length < len(remaining) && len(leadingText(remaining[length:])) == 0 {
				length++
			}
			pieces = append(pieces, base64Piece{remaining[:length]})
		}
		remaining = remaining[length:]
	}
	return marshalUnescaped(pieces)
}

// leadingText is the text that b begins with.
func leadingText(text []byte) []byte {
	length := 0
	for length < len(text) {
		character, size := utf8.DecodeRune(text[length:])
		if character == utf8.RuneError && size == 1 {
			break
		}
		length += size
	}
	return text[:length]
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
		var binary base64Piece
		if err := json.Unmarshal(piece, &binary); err != nil || binary.Base64 == nil {
			return errors.Join(errors.New("what was sent is a string, or a list of strings and base64"), err)
		}
		*b = append(*b, binary.Base64...)
	}
	return nil
}

// marshalUnescaped is JSON that leaves &, < and > as they are.
func marshalUnescaped(value any) ([]byte, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(encoded.Bytes(), []byte("\n")), err
}

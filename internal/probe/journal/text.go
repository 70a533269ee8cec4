package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// RawBytes are bytes from a connection. In JSON they are a string, so that transcripts can
// be searched as text. Bytes that are not UTF-8 make it a list of strings and of objects
// with base64.
type RawBytes []byte

// base64Piece holds bytes that a JSON string cannot.
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

// leadingText returns the longest prefix of b that is valid UTF-8.
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

// marshalUnescaped encodes value as JSON without escaping &, < and >.
func marshalUnescaped(value any) ([]byte, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(encoded.Bytes(), []byte("\n")), err
}

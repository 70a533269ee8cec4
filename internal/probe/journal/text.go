package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Bytes are what went over a connection. JSON has them as a string, so that a
// transcript can be searched as text. With bytes that are no UTF-8 among them it is a
// list of strings, and of objects with those bytes in base64.
type Bytes []byte

// notText is a piece of Bytes that no string of JSON can hold.
type notText struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements [json.Marshaler].
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return marshal(string(b))
	}
	var pieces []any
	for rest := []byte(b); len(rest) > 0; {
		text := textAt(rest)
		n := max(len(text), 1)
		if len(text) > 0 {
			pieces = append(pieces, string(text))
		} else {
			for n < len(rest) && len(textAt(rest[n:])) == 0 {
				n++
			}
			pieces = append(pieces, notText{rest[:n]})
		}
		rest = rest[n:]
	}
	return marshal(pieces)
}

// textAt is the text that b begins with.
func textAt(b []byte) []byte {
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
func (b *Bytes) UnmarshalJSON(value []byte) error {
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
		var other notText
		if err := json.Unmarshal(piece, &other); err != nil || other.Base64 == nil {
			return errors.Join(errors.New("what was sent is a string, or a list of strings and base64"), err)
		}
		*b = append(*b, other.Base64...)
	}
	return nil
}

// marshal is JSON that leaves &, < and > as they are.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

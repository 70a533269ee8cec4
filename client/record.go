package client

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/wire"
)

// Field is one KEY=VALUE of a request. Value is plain text; the client escapes it.
type Field struct{ Key, Value string }

func textField(key, value string) Field { return Field{key, value} }

func numberField[N ~int | ~uint8 | ~uint32 | ~uint64](key string, number N) Field {
	return Field{key, strconv.FormatUint(uint64(number), 10)}
}

// appendField appends a field in the format of requests. It escapes with %XX whatever a
// server could misread (section 2 of the protocol), including characters that may be
// raw in a final text, so the server need not guess where a text ends.
func appendField(dst []byte, field Field) []byte {
	if len(dst) > 0 {
		dst = append(dst, '&')
	}
	dst = append(append(dst, field.Key...), '=')
	for i := range len(field.Value) {
		b := field.Value[i]
		outer := i == 0 || i == len(field.Value)-1
		if b < ' ' || b == 0x7F || b == '%' || b == '&' || b == ' ' && outer {
			dst = fmt.Appendf(dst, "%%%02X", b)
			continue
		}
		dst = append(dst, b)
	}
	return dst
}

// newSEQ returns a random SEQ of 26 characters.
func newSEQ() string { return rand.Text() }

// Answer is the server's answer to a successful request.
type Answer struct{ record *wire.Record }

// parseAnswer parses an answer or a push. The result refers to data, which must not
// change afterwards.
func parseAnswer(data []byte) Answer {
	record := new(wire.Record)
	record.ParseAnswer(data)
	return Answer{record}
}

// isNullAnswer reports whether data is the answer to an unsupported protocol version.
func isNullAnswer(data []byte) bool { return string(bytes.TrimRight(data, "\r\n")) == wire.Null }

func (a Answer) rawValue(key string) []byte {
	if a.record == nil {
		return nil
	}
	raw, _ := a.record.Raw(key)
	return raw
}

// Text returns the value of key as plain text with LF line ends, or "" if it is missing.
func (a Answer) Text(key string) string { return decodeValue(a.rawValue(key)) }

// List returns the elements of a comma-separated value as plain text.
func (a Answer) List(key string) []string {
	var elements []string
	for _, raw := range wire.SplitList(a.rawValue(key)) {
		elements = append(elements, decodeValue(raw))
	}
	return elements
}

// decodeValue undoes the escapes of an answer. Servers write every line end as CR, raw
// or escaped.
func decodeValue(raw []byte) string {
	return strings.ReplaceAll(string(wire.Unescape(nil, raw)), "\r", "\n")
}

// hasValue reports whether the raw value of key is value.
func (a Answer) hasValue(key, value string) bool { return string(a.rawValue(key)) == value }

// resultCode returns RES. ok is false if it is missing or not a number.
func (a Answer) resultCode() (code int, ok bool) {
	code, err := strconv.Atoi(string(a.rawValue("RES")))
	return code, err == nil
}

// number returns the value of key as a number.
func (a Answer) number(key string) (uint64, error) {
	number, err := strconv.ParseUint(string(a.rawValue(key)), 10, 64)
	if err != nil {
		return 0, newAnswerError(a.Text("CMD"), "%s=%s is not a number", key, a.rawValue(key))
	}
	return number, nil
}

// listRow holds the values at one position of an answer's parallel lists.
type listRow struct {
	answer   Answer
	values   map[string]string
	firstErr *error
}

// parseRows combines parallel lists of an answer into rows. The value of countKey is
// their length. Call rowsErr after the values of all rows have been read: it returns the
// first error, of the lists or of a value. Until then, values of rows may be zero because
// of an error.
func (a Answer) parseRows(countKey string, keys ...string) (rows []listRow, rowsErr func() error) {
	var firstErr error
	length, firstErr := a.number(countKey)
	for _, key := range keys {
		elements := a.List(key)
		if firstErr == nil && uint64(len(elements)) != length {
			firstErr = newAnswerError(a.Text("CMD"), "%s has %d elements, %s=%d", key, len(elements), countKey, length)
		}
		if firstErr != nil {
			return nil, func() error { return firstErr }
		}
		if rows == nil {
			rows = make([]listRow, length)
		}
		for i, value := range elements {
			if rows[i].values == nil {
				rows[i] = listRow{answer: a, values: make(map[string]string, len(keys)), firstErr: &firstErr}
			}
			rows[i].values[key] = value
		}
	}
	return rows, func() error { return firstErr }
}

func (r listRow) text(key string) string { return r.values[key] }

func (r listRow) number(key string, bits int) uint64 {
	number, err := strconv.ParseUint(r.values[key], 10, bits)
	if err != nil && *r.firstErr == nil {
		*r.firstErr = newAnswerError(r.answer.Text("CMD"), "%q among %s is not a number", r.values[key], key)
	}
	return number
}

func (r listRow) uin(key string) UIN { return UIN(r.number(key, 32)) }

func (r listRow) int(key string) int { return int(r.number(key, 31)) }

// time returns a value in Unix seconds.
func (r listRow) time(key string) time.Time { return time.Unix(int64(r.number(key, 62)), 0) }

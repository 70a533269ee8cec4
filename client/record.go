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

// Field is a KEY=VALUE of a request. The value is the plain text.
type Field struct{ Key, Value string }

func text(key, value string) Field { return Field{key, value} }

func number[N ~int | ~uint8 | ~uint32 | ~uint64](key string, n N) Field {
	return Field{key, strconv.FormatUint(uint64(n), 10)}
}

// appendField appends a field as requests have it: percent-escaped as far as
// that is needed (section 2 of the protocol). Escaping what could be raw too
// costs nothing, and the server need not guess where a text ends.
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

// newSEQ is a mark that no other request has: 26 characters.
func newSEQ() string { return rand.Text() }

// Answer is a server's answer to a request that it did.
type Answer struct{ record *wire.Record }

// parseAnswer reads an answer or a push. The bytes must stay as they are.
func parseAnswer(b []byte) Answer {
	record := new(wire.Record)
	record.ParseAnswer(b)
	return Answer{record}
}

// isNull reports whether bytes are the answer to a version that the server does
// not speak.
func isNull(b []byte) bool { return string(bytes.TrimRight(b, "\r\n")) == wire.Null }

func (a Answer) raw(key string) []byte {
	if a.record == nil {
		return nil
	}
	raw, _ := a.record.Raw(key)
	return raw
}

// Text is the value of a key, empty if there is none. Line ends in it are LF.
func (a Answer) Text(key string) string { return plain(a.raw(key)) }

// List is a value that is a list.
func (a Answer) List(key string) []string {
	var list []string
	for _, raw := range wire.SplitList(a.raw(key)) {
		list = append(list, plain(raw))
	}
	return list
}

// plain undoes the escapes of an answer. Servers write any line end as CR, raw
// or escaped.
func plain(raw []byte) string {
	return strings.ReplaceAll(string(wire.Unescape(nil, raw)), "\r", "\n")
}

// is reports whether the answer's key has a value.
func (a Answer) is(key, value string) bool { return string(a.raw(key)) == value }

// res is the result code, ok is false if there is none.
func (a Answer) res() (code int, ok bool) {
	code, err := strconv.Atoi(string(a.raw("RES")))
	return code, err == nil
}

// count reads a number.
func (a Answer) count(key string) (uint64, error) {
	n, err := strconv.ParseUint(string(a.raw(key)), 10, 64)
	if err != nil {
		return 0, badAnswer(a.Text("CMD"), "%s=%s is no number", key, a.raw(key))
	}
	return n, nil
}

// listRow is what stands at one position of an answer's lists.
type listRow struct {
	answer Answer
	values map[string]string
	err    *error
}

// rows takes lists of one answer apart, which stand beside each other.
// countKey says how long they are. What reading the rows' values runs into
// goes to the error that check returns.
func (a Answer) rows(countKey string, keys ...string) (rows []listRow, check func() error) {
	var firstErr error
	n, firstErr := a.count(countKey)
	for _, key := range keys {
		list := a.List(key)
		if firstErr == nil && uint64(len(list)) != n {
			firstErr = badAnswer(a.Text("CMD"), "%s has %d elements, %s=%d", key, len(list), countKey, n)
		}
		if firstErr != nil {
			return nil, func() error { return firstErr }
		}
		if rows == nil {
			rows = make([]listRow, n)
		}
		for i, value := range list {
			if rows[i].values == nil {
				rows[i] = listRow{answer: a, values: make(map[string]string, len(keys)), err: &firstErr}
			}
			rows[i].values[key] = value
		}
	}
	return rows, func() error { return firstErr }
}

func (r listRow) text(key string) string { return r.values[key] }

func (r listRow) number(key string, bits int) uint64 {
	n, err := strconv.ParseUint(r.values[key], 10, bits)
	if err != nil && *r.err == nil {
		*r.err = badAnswer(r.answer.Text("CMD"), "%q among %s is no number", r.values[key], key)
	}
	return n
}

func (r listRow) uin(key string) UIN { return UIN(r.number(key, 32)) }

func (r listRow) int(key string) int { return int(r.number(key, 31)) }

// time reads Unix seconds.
func (r listRow) time(key string) time.Time { return time.Unix(int64(r.number(key, 62)), 0) }

package wire

import (
	"bytes"
	"strconv"
)

// AppendHead begins an answer: VER, CMD, SEQ, UIN and RES. The name is that of
// the command as section 2 of the protocol spells it, or an unknown one as it
// was sent; seq and uin are echoed.
func AppendHead(dst []byte, form LineBreakForm, version Version, name, seq, uin string, res int) []byte {
	dst = append(dst, "VER="...)
	dst = append(dst, version.String()...)
	dst = AppendText(dst, form, "CMD", version.CommandName(name))
	dst = AppendText(dst, form, "SEQ", seq)
	dst = AppendText(dst, form, "UIN", uin)
	dst = AppendKey(dst, "RES")
	return strconv.AppendInt(dst, int64(res), 10)
}

// AppendText appends a field whose value is escaped.
func AppendText(dst []byte, form LineBreakForm, key, value string) []byte {
	return appendEscaped(AppendKey(dst, key), form, value)
}

// AppendNumber appends a field with a decimal number.
func AppendNumber(dst []byte, key string, n uint64) []byte {
	return strconv.AppendUint(AppendKey(dst, key), n, 10)
}

// AppendKey begins a field; for a list its elements are to follow.
func AppendKey(dst []byte, key string) []byte {
	dst = append(dst, '&')
	dst = append(dst, key...)
	return append(dst, '=')
}

// AppendElement appends an element of a list, escaped, and the comma that
// follows each, the last too.
func AppendElement(dst []byte, form LineBreakForm, value string) []byte {
	return append(appendEscaped(dst, form, value), ',')
}

// AppendNumberElement appends a decimal element of a list and its comma.
func AppendNumberElement(dst []byte, n uint64) []byte {
	return append(strconv.AppendUint(dst, n, 10), ',')
}

// ElementSize is the number of bytes that AppendElement appends.
func ElementSize(form LineBreakForm, value string) int {
	return escapedSize(form, value) + len(",")
}

// SplitList returns the elements of an answer's list as they were sent, each a
// slice of raw. What follows the last comma is an element only if it is not
// empty.
func SplitList(raw []byte) [][]byte {
	if len(raw) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(raw, []byte(",")), []byte(","))
}

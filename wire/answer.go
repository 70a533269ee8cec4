package wire

import (
	"bytes"
	"strconv"
)

// AppendHead appends the first fields of an answer: VER, CMD, SEQ, UIN and RES. name is the command
// as docs/protocol.md, section 2, spells it, or an unknown one as sent. seq and uin repeat the
// request's.
func AppendHead(dst []byte, form LineBreakForm, version Version, name, seq, uin string, resultCode int) []byte {
	dst = append(dst, "VER="...)
	dst = append(dst, version.String()...)
	dst = AppendText(dst, form, "CMD", version.CommandName(name))
	dst = AppendText(dst, form, "SEQ", seq)
	dst = AppendText(dst, form, "UIN", uin)
	dst = AppendKey(dst, "RES")
	return strconv.AppendInt(dst, int64(resultCode), 10)
}

// AppendText appends a text field, escaped.
func AppendText(dst []byte, form LineBreakForm, key, value string) []byte {
	return appendEscaped(AppendKey(dst, key), form, value)
}

// AppendNumber appends a number field.
func AppendNumber(dst []byte, key string, number uint64) []byte {
	return strconv.AppendUint(AppendKey(dst, key), number, 10)
}

// AppendKey starts a field; the value or the elements of a list must follow.
func AppendKey(dst []byte, key string) []byte {
	dst = append(dst, '&')
	dst = append(dst, key...)
	return append(dst, '=')
}

// AppendElement appends an element of a list, escaped, and the comma that ends each element.
func AppendElement(dst []byte, form LineBreakForm, value string) []byte {
	return append(appendEscaped(dst, form, value), ',')
}

// AppendNumberElement appends a number as an element of a list, and its comma.
func AppendNumberElement(dst []byte, number uint64) []byte {
	return append(strconv.AppendUint(dst, number, 10), ',')
}

// ElementSize returns the number of bytes that AppendElement appends.
func ElementSize(form LineBreakForm, value string) int {
	return escapedSize(form, value) + len(",")
}

// SplitList returns the elements of a list in an answer, still escaped, as slices of raw. Text
// after the last comma is an element unless it is empty.
func SplitList(raw []byte) [][]byte {
	if len(raw) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(raw, []byte(",")), []byte(","))
}

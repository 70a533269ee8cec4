package probetest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// A charset is what a value was written in.
type charset int

const (
	undeclared charset = iota
	utf8Charset
	gbCharset
)

// declared reads the charset of a Content-Type. Only the Chinese ones decide.
func declared(contentType string) charset {
	_, name, ok := strings.Cut(strings.ToLower(contentType), "charset=")
	if !ok {
		return undeclared
	}
	name, _, _ = strings.Cut(name, ";")
	switch strings.Trim(name, ` "'`) {
	case "gbk", "gb2312", "gb18030":
		return gbCharset
	}
	return undeclared
}

// decode makes text of bytes, as PROTOCOL.md's "Encoding" has it. prefers is
// what the session's values said so far, undeclared if none did; says is what
// this one says. ok is false for what fits no charset, and for a NUL.
func (r *rules) decode(b []byte, declared, prefers charset) (text string, says charset, ok bool) {
	if bytes.IndexByte(b, 0) >= 0 {
		return "", undeclared, false
	}
	if isASCII(b) {
		return string(b), undeclared, true
	}
	if declared == gbCharset && r.text.ignoreCharset {
		return string(b), undeclared, utf8.Valid(b)
	}
	if declared == gbCharset {
		text, ok = fromGB(b)
		return text, undeclared, ok
	}
	if utf8.Valid(b) {
		return r.decodeValid(b, prefers)
	}
	if cut := cutRune(b); utf8.Valid(cut) && hasHigh(cut) {
		return string(cut), utf8Charset, true
	}
	if r.text.onlyUTF8 {
		return "", undeclared, false
	}
	if text, ok = fromGB(b); ok {
		return text, gbCharset, true
	}
	text, ok = fromGB(b[:len(b)-1])
	return text, gbCharset, ok
}

// decodeValid reads bytes that are UTF-8, and may be meant as something else.
func (r *rules) decodeValid(b []byte, prefers charset) (string, charset, bool) {
	if hasHigh(b) {
		return string(b), utf8Charset, true
	}
	if prefers == gbCharset {
		if text, ok := fromGB(b); ok {
			return text, undeclared, true
		}
	}
	return string(b), undeclared, true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// hasHigh reports whether a character is above U+07FF, which bytes of another
// charset hardly ever look like.
func hasHigh(b []byte) bool {
	for _, c := range b {
		if c >= 0xe0 {
			return true
		}
	}
	return false
}

// cutRune drops an incomplete character at the end.
func cutRune(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-3; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

func fromGB(b []byte) (string, bool) {
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", false
	}
	return string(out), true
}

package probetest

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// charset is the encoding of a value.
type charset int

const (
	undeclared charset = iota // none declared, or none known yet
	utf8Charset
	gbCharset // GB18030, which includes GBK and GB2312
)

// declaredCharset returns the charset of a Content-Type. It returns undeclared for all but the Chinese
// charsets, because others do not change how a value is decoded.
func declaredCharset(contentType string) charset {
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

// decodeText decodes a value as docs/protocol.md says. preferred is the charset that earlier values of
// the session revealed, or undeclared. newPreference is the charset that this value reveals, or
// undeclared if the value fits several. ok is false if no charset fits, or if the value contains a
// NUL.
func (r *serverRules) decodeText(
	raw []byte, declared, preferred charset,
) (text string, newPreference charset, ok bool) {
	if bytes.IndexByte(raw, 0) >= 0 {
		return "", undeclared, false
	}
	if isASCII(raw) {
		return string(raw), undeclared, true
	}
	if declared == gbCharset && r.text.ignoresCharset {
		return string(raw), undeclared, utf8.Valid(raw)
	}
	if declared == gbCharset {
		text, ok = decodeGB(raw)
		return text, undeclared, ok
	}
	if utf8.Valid(raw) {
		return r.decodeValidUTF8(raw, preferred)
	}
	if cut := trimPartialRune(raw); utf8.Valid(cut) && hasHighRune(cut) {
		return string(cut), utf8Charset, true
	}
	if r.text.onlyUTF8 {
		return "", undeclared, false
	}
	if text, ok = decodeGB(raw); ok {
		return text, gbCharset, true
	}
	text, ok = decodeGB(raw[:len(raw)-1])
	return text, gbCharset, ok
}

// decodeValidUTF8 decodes bytes that are valid UTF-8 but may be meant as GB18030. The results are those
// of decodeText.
func (r *serverRules) decodeValidUTF8(raw []byte, preferred charset) (string, charset, bool) {
	if hasHighRune(raw) {
		return string(raw), utf8Charset, true
	}
	if preferred == gbCharset {
		if text, ok := decodeGB(raw); ok {
			return text, undeclared, true
		}
	}
	return string(raw), undeclared, true
}

func isASCII(raw []byte) bool {
	for _, char := range raw {
		if char >= 0x80 {
			return false
		}
	}
	return true
}

// hasHighRune reports whether UTF-8 text has a character above U+07FF, which takes three bytes or
// more. GB18030 text hardly ever happens to be valid UTF-8 with such a character.
func hasHighRune(raw []byte) bool {
	for _, char := range raw {
		if char >= 0xe0 {
			return true
		}
	}
	return false
}

// trimPartialRune drops an incomplete UTF-8 character at the end.
func trimPartialRune(raw []byte) []byte {
	for i := len(raw) - 1; i >= 0 && i >= len(raw)-3; i-- {
		if utf8.RuneStart(raw[i]) {
			if !utf8.FullRune(raw[i:]) {
				return raw[:i]
			}
			break
		}
	}
	return raw
}

// decodeGB decodes GB18030. It returns false if raw is not valid.
func decodeGB(raw []byte) (string, bool) {
	result, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(result, utf8.RuneError) {
		return "", false
	}
	return string(result), true
}

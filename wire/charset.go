package wire

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is the encoding of a request's text. Answers are always UTF-8.
type Charset uint8

// Charsets. GB18030 includes its subsets GBK and GB2312.
const (
	CharsetUnknown Charset = iota
	UTF8
	GB18030
)

// gb18030Names are the names of GB18030 and its subsets.
var gb18030Names = [...]string{"gbk", "gb2312", "gb18030"}

// ParseContentType returns the charset in a Content-Type header: GB18030 for gbk, gb2312 and
// gb18030, in any letter case, quoted or not. Any other charset is CharsetUnknown. So is utf-8:
// declaring it does not decide the encoding.
func ParseContentType(value []byte) Charset {
	for parameter := range bytes.SplitSeq(value, []byte(";")) {
		name, charset, _ := bytes.Cut(parameter, []byte("="))
		if !EqualFold(bytes.TrimSpace(name), "charset") {
			continue
		}
		charset = bytes.Trim(bytes.TrimSpace(charset), `"`)
		for _, declared := range gb18030Names {
			if EqualFold(charset, declared) {
				return GB18030
			}
		}
		return CharsetUnknown
	}
	return CharsetUnknown
}

// Decode decodes a percent-decoded value (docs/protocol.md, 1.1, "Encoding").
//
// If declared is GB18030, so is the value. Otherwise it is the first of these that is valid: UTF-8;
// UTF-8 whose incomplete last character is dropped, if the rest contains a character above U+07FF;
// GB18030; GB18030 with one surplus byte, which is dropped. (Clients that count characters instead
// of bytes send lengths that are too small.)
//
// Some 930 common Chinese characters in GB18030 are also valid UTF-8, for characters U+0080 to
// U+07FF. A value that is valid in both and has no character above U+07FF is ambiguous. It is
// decoded as preferred, the charset last detected in the session, or as UTF-8 if preferred is
// CharsetUnknown.
//
// detected is the charset that the value reveals, or CharsetUnknown if the value is ASCII or
// ambiguous. ok is false if the value is not valid in any charset or contains a NUL.
func Decode(value []byte, declared, preferred Charset) (text string, detected Charset, ok bool) {
	switch {
	case bytes.IndexByte(value, 0) >= 0:
		return "", CharsetUnknown, false
	case isASCII(value):
		return string(value), CharsetUnknown, true
	case declared == GB18030:
		return decodeGB18030(value)
	case utf8.Valid(value):
		return decodeUTF8(value, preferred)
	}
	if complete := trimIncompleteRune(value); utf8.Valid(complete) && hasAbove7FF(complete) {
		return string(complete), UTF8, true
	}
	return decodeGB18030(value)
}

// decodeUTF8 decodes a value that is valid UTF-8 and not ASCII.
func decodeUTF8(value []byte, preferred Charset) (text string, detected Charset, ok bool) {
	if hasAbove7FF(value) {
		return string(value), UTF8, true
	}
	if preferred == GB18030 {
		if text, ok := convertGB18030(value); ok {
			return text, CharsetUnknown, true
		}
	}
	return string(value), CharsetUnknown, true
}

// decodeGB18030 decodes a non-empty value that can only be GB18030, possibly with one surplus byte.
// If the rest is ASCII, nothing is detected: a UTF-8 client may have sent it.
func decodeGB18030(value []byte) (text string, detected Charset, ok bool) {
	if text, ok := convertGB18030(value); ok {
		return text, GB18030, true
	}
	value = value[:len(value)-1]
	if isASCII(value) {
		return string(value), CharsetUnknown, true
	}
	if text, ok := convertGB18030(value); ok {
		return text, GB18030, true
	}
	return "", CharsetUnknown, false
}

// convertGB18030 converts GB18030 to UTF-8, and reports false if any part is invalid. The decoder
// replaces invalid parts by U+FFFD, which may also occur in the input, so both are counted.
func convertGB18030(data []byte) (string, bool) {
	replacements := 0
	for remaining := data; len(remaining) > 0; {
		n := gb18030CharLength(remaining)
		if n == 0 {
			return "", false
		}
		if string(remaining[:n]) == "\x84\x31\xA4\x37" {
			replacements++
		}
		remaining = remaining[n:]
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.Count(text, []byte("\uFFFD")) != replacements {
		return "", false
	}
	return string(text), true
}

// gb18030CharLength returns the length in bytes of the first character of text, which is not empty,
// or 0 if it is malformed. The single byte 80 is the euro sign of Windows code page 936.
func gb18030CharLength(data []byte) int {
	isLead := func(char byte) bool { return 0x81 <= char && char <= 0xFE }
	isDigit := func(char byte) bool { return '0' <= char && char <= '9' }
	switch {
	case data[0] <= 0x80:
		return 1
	case len(data) < 2 || !isLead(data[0]):
		return 0
	case 0x40 <= data[1] && data[1] <= 0xFE && data[1] != 0x7F:
		return 2
	case len(data) < 4 || !isDigit(data[1]) || !isLead(data[2]) || !isDigit(data[3]):
		return 0
	}
	// Four-byte codes are numbered consecutively. Those without a shorter code from U+0080 to
	// U+FFFF start at 0, U+10000 to U+10FFFF at 189000.
	n := ((int(data[0]-0x81)*10+int(data[1]-'0'))*126+int(data[2]-0x81))*10 + int(data[3]-'0')
	if n < 39420 || 189000 <= n && n < 189000+0x100000 {
		return 4
	}
	return 0
}

// trimIncompleteRune drops an incomplete UTF-8 character at the end.
func trimIncompleteRune(data []byte) []byte {
	for i := len(data) - 1; i >= 0 && len(data)-i < utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				return data[:i]
			}
			break
		}
	}
	return data
}

// hasAbove7FF reports whether valid UTF-8 contains a character above U+07FF, which has three bytes
// or more.
func hasAbove7FF(data []byte) bool {
	for _, char := range data {
		if char >= 0xE0 {
			return true
		}
	}
	return false
}

func isASCII(data []byte) bool {
	for _, char := range data {
		if char >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

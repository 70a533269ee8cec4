package wire

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is how a request's text is encoded. Answers are always UTF-8.
type Charset uint8

// The charsets. GB18030 stands for its subsets GBK and GB2312 too.
const (
	CharsetUnknown Charset = iota
	UTF8
	GB18030
)

// gb18030Names are the names of GB18030 and its subsets.
var gb18030Names = [...]string{"gbk", "gb2312", "gb18030"}

// ParseContentType reads what a Content-Type header says of the charset:
// GB18030 for gbk, gb2312 and gb18030, in any case and quoted or not, else
// CharsetUnknown. It is that for utf-8 as well, which does not decide.
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

// Decode reads a value, percent-decoded already, in the charset that it is in
// (section 1.1 of the protocol, "Encoding").
//
// GB18030 as declared decides, no other declaration does. Without it the value
// is UTF-8; or UTF-8 with an incomplete last character, which is dropped, if
// what remains holds a character above U+07FF; or GB18030; or GB18030 with one
// byte too many, which is dropped. (Clients that count characters instead of
// bytes send too small a length.)
//
// Some 930 common Chinese characters of GB18030 are valid UTF-8 as well, of
// characters U+0080 to U+07FF. A value that is valid in both and has none
// above U+07FF is doubtful; it is read as preferred, the charset that the
// session's latest value that said one said, or as UTF-8 if that is
// CharsetUnknown.
//
// said is the charset that this value says to be the session's, or
// CharsetUnknown if it is ASCII or doubtful. ok is false if the value fits no
// charset or holds a NUL.
func Decode(value []byte, declared, preferred Charset) (text string, said Charset, ok bool) {
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
	if whole := trimIncompleteRune(value); utf8.Valid(whole) && hasAbove7FF(whole) {
		return string(whole), UTF8, true
	}
	return decodeGB18030(value)
}

// decodeUTF8 reads a value that is valid UTF-8 and not ASCII.
func decodeUTF8(value []byte, preferred Charset) (text string, said Charset, ok bool) {
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

// decodeGB18030 reads a value, not empty, that can be nothing but GB18030,
// perhaps with one byte too many. If only ASCII remains without that byte, the
// value says nothing: a UTF-8 client may have sent it as well.
func decodeGB18030(value []byte) (text string, said Charset, ok bool) {
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

// convertGB18030 reports false if any part of b is not GB18030. Package
// simplifiedchinese would turn that part into U+FFFD, which has a code of its
// own as well: it is an error only where it was not sent.
func convertGB18030(b []byte) (string, bool) {
	replacements := 0
	for rest := b; len(rest) > 0; {
		n := gb18030CharLength(rest)
		if n == 0 {
			return "", false
		}
		if string(rest[:n]) == "\x84\x31\xA4\x37" {
			replacements++
		}
		rest = rest[n:]
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil || bytes.Count(text, []byte("\uFFFD")) != replacements {
		return "", false
	}
	return string(text), true
}

// gb18030CharLength is the number of bytes of the character that b, not empty,
// begins with; 0 if its form is none of GB18030's. 80 is the euro sign of
// Windows' GBK.
func gb18030CharLength(b []byte) int {
	isLead := func(c byte) bool { return 0x81 <= c && c <= 0xFE }
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch {
	case b[0] <= 0x80:
		return 1
	case len(b) < 2 || !isLead(b[0]):
		return 0
	case 0x40 <= b[1] && b[1] <= 0xFE && b[1] != 0x7F:
		return 2
	case len(b) < 4 || !isDigit(b[1]) || !isLead(b[2]) || !isDigit(b[3]):
		return 0
	}
	// Codes of four bytes are numbered through. U+0080 to U+FFFF begin at 0 as
	// far as they have no shorter code, U+10000 to U+10FFFF at 189000.
	n := ((int(b[0]-0x81)*10+int(b[1]-'0'))*126+int(b[2]-0x81))*10 + int(b[3]-'0')
	if n < 39420 || 189000 <= n && n < 189000+0x100000 {
		return 4
	}
	return 0
}

// trimIncompleteRune drops the bytes at the end of b that begin a character of
// UTF-8 without completing it.
func trimIncompleteRune(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && len(b)-i < utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// hasAbove7FF reports whether valid UTF-8 holds a character above U+07FF: one
// of three bytes or more.
func hasAbove7FF(b []byte) bool {
	for _, c := range b {
		if c >= 0xE0 {
			return true
		}
	}
	return false
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

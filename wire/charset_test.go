package wire_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/wire"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func TestParseContentType(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     wire.Charset
	}{
		{"gbk", "text/plain; charset=gbk", wire.GB18030},
		{"gb2312", "text/plain; charset=gb2312", wire.GB18030},
		{"gb18030", "text/plain; charset=gb18030", wire.GB18030},
		{"case does not matter", "Text/Plain; CharSet=GB2312", wire.GB18030},
		{"quotes do not", `text/plain; charset="GBK"`, wire.GB18030},
		{"space does not", "text/plain ;\tcharset = gbk ", wire.GB18030},
		{"nor does lack of it", "text/plain;charset=gbk", wire.GB18030},
		{"other parameters are passed over", "text/plain; format=flowed; charset=gbk; x=y", wire.GB18030},
		{"the first charset counts", "text/plain; charset=utf-8; charset=gbk", wire.CharsetUnknown},
		{"utf-8 does not decide", "text/plain; charset=UTF-8", wire.CharsetUnknown},
		{"nor does another charset", "text/plain; charset=big5", wire.CharsetUnknown},
		{"a longer name is another charset", "text/plain; charset=gbk2", wire.CharsetUnknown},
		{"a longer key is another parameter", "text/plain; xcharset=gbk", wire.CharsetUnknown},
		{"no charset", "application/x-www-form-urlencoded", wire.CharsetUnknown},
		{"no value", "text/plain; charset", wire.CharsetUnknown},
		{"nothing", "", wire.CharsetUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wire.ParseContentType([]byte(c.in)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	const (
		unknown = wire.CharsetUnknown
		utf     = wire.UTF8
		gb      = wire.GB18030
	)
	for _, c := range []struct {
		name, in            string
		declared, preferred wire.Charset
		want                string
		said                wire.Charset
		ok                  bool
	}{
		{"ASCII says nothing", "fish & chips", unknown, unknown, "fish & chips", unknown, true},
		{"ASCII is ASCII in GB18030", "fish", gb, gb, "fish", unknown, true},
		{"nothing says nothing", "", gb, unknown, "", unknown, true},

		{"UTF-8 above U+07FF says UTF-8", "a你好", unknown, unknown, "a你好", utf, true},
		{"also against the preference", "你好", unknown, gb, "你好", utf, true},
		{"an emoji says UTF-8", "🐧", unknown, gb, "🐧", utf, true},
		{"U+0800 is above U+07FF", "\u0800", unknown, gb, "\u0800", utf, true},
		{"U+FFFD that was sent in UTF-8 stays", "\ufffd", unknown, unknown, "\ufffd", utf, true},
		{"what is only GB18030 says GB18030", "a\xc4\xe3\xba\xc3", unknown, unknown, "a你好", gb, true},
		{"also against the preference, again", "\xc4\xe3\xba\xc3", unknown, utf, "你好", gb, true},
		{"four bytes of GB18030", "\x90\x30\x81\x30\x94\x39\xd9\x36", unknown, unknown, "\U00010000💢", gb, true},
		{"the euro sign of Windows' GBK", "\x80\xc4\xe3", unknown, unknown, "€你", gb, true},
		{"U+FFFD that was sent in GB18030 stays", "\x84\x31\xa4\x37\xc4\xe3", unknown, unknown, "\ufffd你", gb, true},

		{"a doubtful value is UTF-8", "\xc4\x8f\xc2\xa5", unknown, unknown, "ď¥", unknown, true},
		{"also if UTF-8 is preferred", "\xc4\x8f", unknown, utf, "ď", unknown, true},
		{"but GB18030 if that is preferred", "x\xc4\xa3\xca\xbdy", unknown, gb, "x模式y", unknown, true},
		{"U+07FF is doubtful", "\u07ff", unknown, gb, "呖", unknown, true},
		{"a preference says nothing of ASCII", "x", unknown, gb, "x", unknown, true},

		{"UTF-8 declared decides nothing", "\xc4\xe3\xba\xc3", utf, unknown, "你好", gb, true},
		{"GB18030 declared decides", "\xc4\xa3\xca\xbd", gb, utf, "模式", gb, true},
		{"also of what is UTF-8 above U+07FF", "你好", gb, utf, "浣犲ソ", gb, true},
		{"and allows no UTF-8", "\xe4\xbd\xa0\x0a", gb, utf, "", unknown, false},
		{"its truncation is tolerated", "\xc4\xe3\xba", gb, utf, "你", gb, true},
		{"by one byte, not two", "\xc4\xe3\x90\x30\x81", gb, utf, "", unknown, false},

		{"UTF-8 less two bytes", "你好"[:4], unknown, unknown, "你", utf, true},
		{"UTF-8 less one byte", "你好"[:5], unknown, unknown, "你", utf, true},
		{"UTF-8 less a byte of four", "你🐧"[:6], unknown, gb, "你", utf, true},
		{"that is GB18030 if nothing above U+07FF remains", "ď¥你"[:6], unknown, unknown, "膹楼浣", gb, true},
		{"GB18030 less a byte", "\xc4\xe3\xba", unknown, utf, "你", gb, true},
		{"ASCII less a byte says nothing", "fish\xba", unknown, unknown, "fish", unknown, true},
		{"a byte alone is nothing", "\xff", unknown, unknown, "", unknown, true},

		{"NUL fits nothing", "a\x00b", unknown, unknown, "", unknown, false},
		{"nor at the end of UTF-8", "你\x00", unknown, unknown, "", unknown, false},
		{"nor at the end of GB18030", "\xc4\xe3\x00", gb, unknown, "", unknown, false},
		{"FF is in no charset", "a\xffbc", unknown, unknown, "", unknown, false},
		{"nor are two of them at the end", "a\xff\xff", unknown, unknown, "", unknown, false},
		{"a code without a character", "\xa1\x40\xc4\xe3", unknown, unknown, "", unknown, false},
		{"nor does a U+FFFD that was sent hide it", "\xa1\x40\x84\x31\xa4\x37\xc4\xe3", unknown, unknown, "", unknown,
			false},
		{"four bytes with a digit out of range", "\x81\x3a\x81\x30\xc4\xe3", unknown, unknown, "", unknown, false},
		{"four bytes beyond the characters of two bytes' planes", "\x84\x31\xa5\x30\xc4\xe3", unknown, unknown, "",
			unknown, false},
		{"four bytes beyond Unicode", "\xe3\x32\x9a\x36\xc4\xe3", unknown, unknown, "", unknown, false},
		{"7F is no second byte", "\xc4\x7f\xc4\xe3", unknown, unknown, "", unknown, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, detected, ok := wire.Decode([]byte(c.in), c.declared, c.preferred)
			if text != c.want || detected != c.said || ok != c.ok {
				t.Errorf("got %q, %d, %v, want %q, %d, %v", text, detected, ok, c.want, c.said, c.ok)
			}
		})
	}
}

// GB2312 has 6763 Chinese characters in rows B0 to F7; the last five places of row D7 are empty.
// 930 of their codes are valid UTF-8: the first byte leads a two-byte character, the second
// continues it.
func TestEveryGB2312CharacterDecodesAlone(t *testing.T) {
	characters, doubtful := 0, 0
	for lead := 0xB0; lead <= 0xF7; lead++ {
		for trail := 0xA1; trail <= 0xFE; trail++ {
			if lead == 0xD7 && trail > 0xF9 {
				continue
			}
			characters++
			code := []byte{byte(lead), byte(trail)}
			inUTF8, isDoubtful := string(code), utf8.Valid(code)
			inGB18030, err := simplifiedchinese.HZGB2312.NewDecoder().String("~{" +
				string([]byte{code[0] & 0x7F, code[1] & 0x7F}) + "~}")
			if err != nil {
				t.Fatal(err)
			}
			if isDoubtful {
				doubtful++
			}
			for _, preferred := range []wire.Charset{wire.CharsetUnknown, wire.UTF8, wire.GB18030} {
				want, wantSaid := inGB18030, wire.GB18030
				if isDoubtful {
					wantSaid = wire.CharsetUnknown
				}
				if isDoubtful && preferred != wire.GB18030 {
					want = inUTF8
				}
				if text, detected, ok := wire.Decode(code, wire.CharsetUnknown, preferred); text != want ||
					detected != wantSaid || !ok {
					t.Errorf("%x, preferred %d: got %q, %d, %v, want %q, %d", code, preferred, text, detected, ok, want,
						wantSaid)
				}
			}
			if text, detected, ok := wire.Decode(code, wire.GB18030, wire.UTF8); text != inGB18030 ||
				detected != wire.GB18030 || !ok {
				t.Errorf("%x, declared: got %q, %d, %v, want %q", code, text, detected, ok, inGB18030)
			}
		}
	}
	if characters != 6763 || doubtful != 930 {
		t.Errorf("%d characters, %d of them valid UTF-8; the protocol's text says 6763 and some 930", characters,
			doubtful)
	}
}

// Every such character has two bytes, which are also a code of GBK.
func TestCharactersUpTo7FFAreAmbiguous(t *testing.T) {
	for char := rune(0x80); char <= 0x7FF; char++ {
		value := []byte(string(char))
		inUTF8, _, _ := wire.Decode(value, wire.CharsetUnknown, wire.UTF8)
		inGB18030, detected, ok := wire.Decode(value, wire.CharsetUnknown, wire.GB18030)
		if inUTF8 != string(char) || inGB18030 == string(char) || detected != wire.CharsetUnknown || !ok {
			t.Errorf("%U: %q in UTF-8, %q in GB18030, said %d", char, inUTF8, inGB18030, detected)
		}
	}
}

// Private-use characters are left out: package simplifiedchinese has no codes for many of them.
func TestGB18030RoundTrip(t *testing.T) {
	encoder := simplifiedchinese.GB18030.NewEncoder()
	for char := rune(0x80); char <= utf8.MaxRune; char++ {
		thinned := char > 0x2FFFF && char%0x101 != 0 // these are computed without a table
		if !utf8.ValidRune(char) || unicode.Is(unicode.Co, char) || thinned {
			continue
		}
		code, err := encoder.Bytes([]byte(string(char)))
		if err != nil {
			t.Fatalf("%U: %v", char, err)
		}
		if text, _, ok := wire.Decode(code, wire.GB18030, wire.CharsetUnknown); text != string(char) || !ok {
			t.Errorf("%U is %x, which is read as %q, %v", char, code, text, ok)
		}
	}
}

package wire_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rookery-im/rookery/wire"
)

// examples are the records in docs/protocol.md, section 7, and other forms that clients send.
var examples = []string{
	"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235",
	"VER=1.1&CMD=Login&SEQ=4711&UIN=10001&RES=0&RS=0&HI=60&LI=300",
	"VER=1.1&CMD=List&SEQ=4712&UIN=10001&TN=160&UN=0",
	"VER=1.1&CMD=List&SEQ=4712&UIN=10001&RES=0&FN=1&SN=2&UN=10002,10003,",
	"VER=1.1&CMD=Query_Stat&SEQ=4713&UIN=10001&TN=50&UN=0",
	"VER=1.1&CMD=Query_Stat&SEQ=4713&UIN=10001&RES=0&FC=0,270,&FN=1&SN=2&ST=10,30,&UN=10002,10003,&NK=Pingu%2c " +
		"Jr,Tom %26 Jerry,",
	"VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&UN=10002&MG=fish & chips, 100%?",
	"VER=1.1&CMD=CLTMSG&SEQ=4714&UIN=10001&RES=0",
	"VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002",
	"VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=1&MT=9,&UN=10001,&MG=fish %26 chips%2c 100%25?,",
	"VER=1.1&CMD=List&SEQ=4716&UIN=10009&RES=20",
	"VER=9.9&CMD=List&SEQ=4717&UIN=10001",
	wire.Null,
	"VER=1.4&CON=1&CMD=Query_Stat2&SEQ=812&UIN=10001&SID=&XP=C4CA4238A0B92382&CM=2&UN=0",
	"VER=1.4&CMD=QUERY_STAT2&SEQ=812&UIN=10001&RES=0&FN=1&SN=2&ST=10,30,&UN=10002,10003,\r\n",
	"VER=1.4&CMD=Server_Msg&SEQ=7&UIN=10001&RES=0&MN=1&MT=9&UN=10002&MG=a%0Db",
	"VER=1.2&CMD=Ack_AddToList&SEQ=7&UIN=10001&UN=10002&RS=it's me & you&CD=2",
	"MG=http://x/?a=1&id=5, Tom & Jerry&VER=1.1&cmd=cltmsg&SEQ=1&UIN=1&UN=2",
	"VER=1.1&CMD=Login&PS=e10adc3949ba59abbe56e057f20f883e &M5=1\r\n",
	"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=\xc4\xe3\xba\xc3\xa3",
	"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=%C4%A3%CA%BD 你好🐧",
	"VER=1.2&CMD=CLTMSG&SEQ=1000&UIN=10001&UN=10002&MG=%C4%E3%20&%201& \r\n",
	"&&&=&=&%&%4&a=%00&\x84\x31\xa4\x37\xff",
}

func FuzzParseStaysInsideItsInput(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte(e))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for name, parse := range map[string]func(*wire.Record, []byte){
			"Parse": (*wire.Record).Parse, "ParseAnswer": (*wire.Record).ParseAnswer,
		} {
			before := bytes.Clone(in)
			var record wire.Record
			parse(&record, in)
			end := 0 // of the previous pair
			for _, p := range record.Pairs() {
				key, value := offsetIn(t, in, p.Key), offsetIn(t, in, p.Value)
				if key < end || in[key+len(p.Key)] != '=' || value <= key+len(p.Key) {
					t.Fatalf("%s: the pair %q=%q is at %d and %d, after one that ends at %d", name, p.Key, p.Value, key,
						value, end)
				}
				end = value + len(p.Value)
				if got, ok := record.Raw(string(p.Key)); !ok || got == nil {
					t.Fatalf("%s: Raw does not find %q", name, p.Key)
				}
			}
			if !bytes.Equal(in, before) {
				t.Fatalf("%s changed its input", name)
			}
		}
	})
}

// offsetIn returns the offset of part, a slice of in. It is computed from their capacities.
func offsetIn(t *testing.T, in, part []byte) int {
	t.Helper()
	n := cap(in) - cap(part)
	if n < 0 || n+len(part) > len(in) || len(part) > 0 && &in[n] != &part[0] {
		t.Fatalf("%q is no part of the input", part)
	}
	return n
}

func FuzzTextAddsNoKey(f *testing.F) {
	for _, e := range examples {
		f.Add(e)
	}
	heads := []string{
		"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=",
		"UN=10002&cd=2&UIN=10001&SEQ=&cmd=ack_addtolist&VER=1.4&RS=",
		"VER=1.3&CMD=CLTMSG&SEQ=1&UIN=10001&SID=rk_&UN=10002&MG=",
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, head := range heads {
			var honest, record wire.Record
			honest.Parse([]byte(head))
			record.Parse([]byte(head + text))
			last := len(honest.Pairs()) - 1
			want := formatPairs(honest.Pairs())
			text := strings.TrimRight(text, " \r\n")
			if i == 0 { // only the final '&' of this one is the program's
				text = strings.TrimRight(strings.TrimSuffix(text, "&"), " \r\n")
			}
			want[last] += text
			if got := formatPairs(record.Pairs()); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func FuzzAnswerRoundTrip(f *testing.F) {
	for _, e := range examples {
		f.Add(e, "a\r\n,b\t\x7f\u0085", "\xff%41", uint8(2))
	}
	f.Fuzz(func(t *testing.T, seq, text, element string, v uint8) {
		version := wire.V10 + wire.Version(v)%5
		for _, form := range []wire.LineBreakForm{wire.FormHTTP, wire.FormLine} {
			data := wire.AppendHead(nil, form, version, "GetInfo", seq, text, 20)
			data = wire.AppendNumber(data, "MN", uint64(len(text)))
			data = wire.AppendKey(data, "NK")
			for _, e := range []string{element, text, seq} {
				before := len(data)
				data = wire.AppendElement(data, form, e)
				if got := len(data) - before; got != wire.ElementSize(form, e) {
					t.Fatalf("ElementSize(%q) = %d, %d bytes were appended", e, wire.ElementSize(form, e), got)
				}
			}
			data = wire.AppendText(data, form, "RA", text)
			if bytes.IndexByte(data, '\n') >= 0 || form == wire.FormLine && bytes.IndexByte(data, '\r') >= 0 ||
				!utf8.Valid(data) {
				t.Fatalf("form %d: %q cannot be sent", form, data)
			}
			var record wire.Record
			record.ParseAnswer(append(data, version.LineEnd()...))
			checkAnswer(t, &record, []keyValueText{
				{"VER", version.String()}, {"CMD", version.CommandName("GetInfo")}, {"SEQ", cleanText(seq)}, {"UIN",
					cleanText(text)},
				{"RES", "20"}, {"MN", utoa(len(text))}, {"NK", ""}, {"RA", cleanText(text)},
			}, []string{cleanText(element), cleanText(text), cleanText(seq)})
		}
	})
}

type keyValueText struct{ key, value string }

// checkAnswer compares a parsed answer with want, and its NK with list.
func checkAnswer(t *testing.T, record *wire.Record, want []keyValueText, list []string) {
	t.Helper()
	if len(record.Pairs()) != len(want) {
		t.Fatalf("%d pairs, want %d: %q", len(record.Pairs()), len(want), formatPairs(record.Pairs()))
	}
	for i, p := range record.Pairs() {
		if string(p.Key) != want[i].key {
			t.Fatalf("key %d is %q, want %q", i, p.Key, want[i].key)
		}
		if want[i].key == "NK" {
			var got []string
			for _, e := range wire.SplitList(p.Value) {
				got = append(got, string(wire.Unescape(nil, e)))
			}
			if !slices.Equal(got, list) {
				t.Fatalf("the list is %q, want %q", got, list)
			}
			continue
		}
		if got := string(wire.Unescape(nil, p.Value)); got != want[i].value {
			t.Fatalf("%s is %q, want %q", p.Key, got, want[i].value)
		}
	}
}

func FuzzDecodeReturnsUTF8OrNothing(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte(e), uint8(0))
	}
	for i, e := range []string{"\xc4\xa3\xca\xbd", "你好"[:5], "\x84\x31\xa4\x37", "\x80\xff", "ď¥", "a\x00",
		"\x81\x30\x81"} {
		f.Add([]byte(e), uint8(i))
	}
	f.Fuzz(func(t *testing.T, value []byte, hints uint8) {
		declared, preferred := wire.Charset(hints%3), wire.Charset(hints/3%3)
		text, detected, ok := wire.Decode(value, declared, preferred)
		switch {
		case !ok && (text != "" || detected != wire.CharsetUnknown):
			t.Errorf("%q, %d for what fits nothing", text, detected)
		case !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0:
			t.Errorf("%q is no text", text)
		case detected == wire.UTF8 && !bytes.HasPrefix(value, []byte(text)):
			t.Errorf("%q said to be UTF-8 became %q", value, text)
		case detected == wire.GB18030 && declared != wire.GB18030 && utf8.Valid(value):
			t.Errorf("%q is UTF-8 and said to be GB18030 alone", value)
		case declared != wire.GB18030 && utf8.Valid(value) && bytes.IndexByte(value, 0) < 0 && !ok:
			t.Errorf("%q is UTF-8 and was refused", value)
		}
	})
}

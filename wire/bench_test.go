package wire_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

func utoa(n int) string { return strconv.Itoa(n) }

const (
	poll    = "VER=1.1&CMD=GetMsgEx&SEQ=1167609600&UIN=10002"
	message = "VER=1.1&CMD=CLTMSG&SEQ=1167609600&UIN=10001&UN=10002&MG=fish & chips, 100%? 你好"
)

// appendBatch writes an answer with every kind of field.
func appendBatch(data []byte) []byte {
	data = wire.AppendHead(data, wire.FormHTTP, wire.V14, "GetInfo", "1167609600", "10002", 0)
	data = wire.AppendNumber(data, "MN", 2)
	data = wire.AppendKey(data, "UN")
	data = wire.AppendNumberElement(data, 10001)
	data = wire.AppendNumberElement(data, 4294967295)
	data = wire.AppendKey(data, "MG")
	data = wire.AppendElement(data, wire.FormHTTP, "fish & chips,\r\n100%? \x07\xff")
	data = wire.AppendElement(data, wire.FormLine, "你好，🐧\n")
	return wire.AppendText(data, wire.FormHTTP, "RA", "UN: no such account")
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	var record wire.Record
	buffer := make([]byte, 0, 4096)
	parse := func(data []byte) { record.Parse(data) }
	decode := func(data []byte) { text, _, _ = wire.Decode(data, wire.CharsetUnknown, wire.CharsetUnknown) }
	for _, c := range []struct {
		name string
		most float64
		in   string
		run  func(in []byte)
	}{
		{"reading a poll", 0, poll, parse},
		{"reading a message", 0, message, parse},
		{"reading a message whose needed keys follow it", 0, "MG=a&b=c&" + message, parse},
		{"reading an answer", 0, "VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=0&MT=&UN=&MG=", record.ParseAnswer},
		{"looking up a key", 0, message, func(in []byte) { record.Raw("UIN"); record.Raw("none") }},
		{"unescaping", 0, "fish %26 chips", func(in []byte) { wire.Unescape(buffer[:0], in) }},
		{"unescaping what has no escapes", 0, "10001", func(in []byte) { wire.Unescape(nil, in) }},
		{"writing an answer", 0, "", func([]byte) { appendBatch(buffer[:0]) }},
		{"measuring an element", 0, "", func([]byte) { wire.ElementSize(wire.FormHTTP, "fish & chips, 你好") }},
		{"reading a version", 0, "1.4", func(in []byte) { wire.ParseVersion(in) }},
		{"reading a Content-Type", 0, `text/plain; charset="gbk"`, func(in []byte) { wire.ParseContentType(in) }},
		{"decoding ASCII, but for the string", 1, strings.Repeat("fish & chips ", 8), decode},
		{"decoding UTF-8, but for the string", 1, strings.Repeat("你好", 16), decode},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := []byte(c.in)
			c.run(in) // the first run allocates storage
			if got := testing.AllocsPerRun(100, func() { c.run(in) }); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}

// text keeps the compiler from optimizing away its computation.
var text string

func BenchmarkParse(b *testing.B) {
	records := map[string]string{"poll": poll, "message": message, "64 KiB of '&'": strings.Repeat("&", wire.MaxRecord)}
	for name, in := range hostileRecords {
		records[name] = in
	}
	for name, in := range records {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			in := []byte(in)
			var record wire.Record
			for b.Loop() {
				record.Parse(in)
			}
		})
	}
}

func BenchmarkRaw(b *testing.B) {
	b.ReportAllocs()
	var record wire.Record
	record.Parse([]byte(message))
	for b.Loop() {
		for _, key := range [...]string{"VER", "UIN", "CMD", "SID", "SEQ", "UN", "MG"} {
			record.Raw(key)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	buffer := make([]byte, 0, 4096)
	for b.Loop() {
		buffer = appendBatch(buffer[:0])
	}
}

func BenchmarkAppendElement(b *testing.B) {
	for name, value := range map[string]string{
		"ASCII":   strings.Repeat("fish and chips ", 64),
		"Chinese": strings.Repeat("你好", 160),
		"commas":  strings.Repeat(",", 960),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			buffer := make([]byte, 0, 4096)
			for b.Loop() {
				buffer = wire.AppendElement(buffer[:0], wire.FormHTTP, value)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, value := range map[string]string{
		"number":  "10001",
		"ASCII":   strings.Repeat("fish and chips ", 64),
		"UTF-8":   strings.Repeat("你好", 160),
		"GB18030": strings.Repeat("\xc4\xe3\xba\xc3", 240),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			in := []byte(value)
			for b.Loop() {
				text, _, _ = wire.Decode(in, wire.CharsetUnknown, wire.CharsetUnknown)
			}
		})
	}
}

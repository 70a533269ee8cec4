package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

// formatPairs formats pairs as "KEY=value".
func formatPairs(pairs []wire.KeyValue) []string {
	var all []string
	for _, p := range pairs {
		all = append(all, string(p.Key)+"="+string(p.Value))
	}
	return all
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"pairs come in the order sent, values as sent", "VER=1.1&CMD=List&TN=%31",
			[]string{"VER=1.1", "CMD=List", "TN=%31"}},
		{"keys keep their case", "ver=1.1&Cmd=List", []string{"ver=1.1", "Cmd=List"}},
		{"space and line ends around the record are dropped", " \r\n VER=1.1&UN=1 \r\n\n ",
			[]string{"VER=1.1", "UN=1"}},
		{"space and line ends around a value are dropped", "PS=e10adc &M5=\r\n1\n &LC= ",
			[]string{"PS=e10adc", "M5=1", "LC="}},
		{"space inside a value stays", "NK=a b&X=1", []string{"NK=a b", "X=1"}},
		{"an escaped space stays", "NK=%20a%20&X=1", []string{"NK=%20a%20", "X=1"}},
		{"TAB is no space", "NK=\ta\t", []string{"NK=\ta\t"}},
		{"space around a key is part of it", " VER=1& UN=2", []string{"VER=1", " UN=2"}},
		{"a value runs from the first '=' on", "A==b=c&D=", []string{"A==b=c", "D="}},
		{"a key given twice is there twice", "UN=1&un=2", []string{"UN=1", "un=2"}},
		{"empty pairs are nothing", "&&VER=1.1&&&CMD=List&&", []string{"VER=1.1", "CMD=List"}},
		{"a word without '=' is nothing", "NULL&VER=1.1&word&CMD=List&end", []string{"VER=1.1", "CMD=List"}},
		{"a value without a key has the empty key", "=x&VER=1.1", []string{"=x", "VER=1.1"}},
		{"the empty record has no pairs", "", nil},
		{"a record of space has no pairs", " \r\n ", nil},
		{"a record of 64 KiB of '&' has no pairs", strings.Repeat("&", wire.MaxRecord), nil},
		{"bytes that are no text are bytes", "NK=\xff\x00\x80", []string{"NK=\xff\x00\x80"}},
		{"MG is a text for CLTMSG alone", "VER=1.1&CMD=List&SEQ=1&UIN=1&UN=2&MG=a&B=c",
			[]string{"VER=1.1", "CMD=List", "SEQ=1", "UIN=1", "UN=2", "MG=a", "B=c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var record wire.Record
			record.Parse([]byte(c.in))
			if got := formatPairs(record.Pairs()); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseAnswer(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"a line end behind the record is dropped", "VER=1.4&NK=a\r\n", []string{"VER=1.4", "NK=a"}},
		{"so is LF alone", "VER=1.4&NK=a\n", []string{"VER=1.4", "NK=a"}},
		{"a line break of the last value stays", "VER=1.1&NK=a\r", []string{"VER=1.1", "NK=a\r"}},
		{"also before a line end", "VER=1.4&NK=a\r\r\n", []string{"VER=1.4", "NK=a\r"}},
		{"space belongs to its value", "VER=1.1&NK= a &MG= b ", []string{"VER=1.1", "NK= a ", "MG= b "}},
		{"there are no texts", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&B=c",
			[]string{"VER=1.1", "CMD=CLTMSG", "SEQ=1", "UIN=1", "UN=2", "MG=a", "B=c"}},
		{"NULL has no pairs", wire.Null, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var record wire.Record
			record.ParseAnswer([]byte(c.in))
			if got := formatPairs(record.Pairs()); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	var record wire.Record
	record.Parse([]byte("ver=1.1&UN=1&un=2&TN=&\u212AEY=kelvin&NAME=x"))
	for _, c := range []struct {
		name, key, want string
		ok              bool
	}{
		{"keys are compared without case", "VER", "1.1", true},
		{"of a key given twice the first counts", "UN", "1", true},
		{"an empty value is there", "TN", "", true},
		{"a key that is not there is not found", "CMD", "", false},
		{"a part of a key is not the key", "NAM", "", false},
		{"the Kelvin sign is no K", "KEY", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := record.Raw(c.key); string(got) != c.want || ok != c.ok {
				t.Errorf("Raw(%q) = %q, %v", c.key, got, ok)
			}
		})
	}
}

func TestParseReplacesEarlierPairs(t *testing.T) {
	var record wire.Record
	record.Parse([]byte("VER=1.1&CMD=List&UN=1"))
	record.Parse([]byte("VER=1.4"))
	if got := formatPairs(record.Pairs()); !slices.Equal(got, []string{"VER=1.4"}) {
		t.Errorf("after the second Parse: %q", got)
	}
	record.ParseAnswer([]byte("CMD=List"))
	if got := formatPairs(record.Pairs()); !slices.Equal(got, []string{"CMD=List"}) {
		t.Errorf("after ParseAnswer: %q", got)
	}
}

func TestHugeRecordDoesNotKeepItsMemory(t *testing.T) {
	var record wire.Record
	record.Parse([]byte(strings.Repeat("a=&", wire.MaxRecord/3)))
	if n := len(record.Pairs()); n != wire.MaxRecord/3 {
		t.Fatalf("%d pairs", n)
	}
	record.Parse([]byte("VER=1.1"))
	if n := cap(record.Pairs()); n > 1000 {
		t.Errorf("keeps room for %d pairs", n)
	}
}

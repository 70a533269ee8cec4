package wire_test

import (
	"slices"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

// The exact answers of docs/protocol.md, section 7.
func TestAnswersMatchProtocolExamples(t *testing.T) {
	head := func(version wire.Version, name, seq, uin string, resultCode int) []byte {
		return wire.AppendHead(nil, wire.FormHTTP, version, name, seq, uin, resultCode)
	}
	list := func(data []byte, key string, elements ...string) []byte {
		data = wire.AppendKey(data, key)
		for _, e := range elements {
			data = wire.AppendElement(data, wire.FormHTTP, e)
		}
		return data
	}
	numbers := func(data []byte, key string, elements ...uint64) []byte {
		data = wire.AppendKey(data, key)
		for _, e := range elements {
			data = wire.AppendNumberElement(data, e)
		}
		return data
	}
	login := head(wire.V11, "Login", "4711", "10001", 0)
	login = wire.AppendNumber(login, "RS", 0)
	login = wire.AppendNumber(login, "HI", 60)
	login = wire.AppendNumber(login, "LI", 300)

	stats := head(wire.V11, "Query_Stat", "4713", "10001", 0)
	stats = numbers(stats, "FC", 0, 270)
	stats = wire.AppendNumber(stats, "FN", 1)
	stats = wire.AppendNumber(stats, "SN", 2)
	stats = numbers(stats, "ST", 10, 30)
	stats = numbers(stats, "UN", 10002, 10003)
	stats = list(stats, "NK", "Pingu, Jr", "Tom & Jerry")

	batch := head(wire.V11, "GetMsgEx", "4715", "10002", 0)
	batch = wire.AppendNumber(batch, "MN", 1)
	batch = numbers(batch, "MT", 9)
	batch = numbers(batch, "UN", 10001)
	batch = list(batch, "MG", "fish & chips, 100%?")

	empty := list(list(list(wire.AppendNumber(nil, "MN", 0), "MT"), "UN"), "MG")

	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"Login", login, "VER=1.1&CMD=Login&SEQ=4711&UIN=10001&RES=0&RS=0&HI=60&LI=300"},
		{"Query_Stat", stats, "VER=1.1&CMD=Query_Stat&SEQ=4713&UIN=10001&RES=0&FC=0,270,&FN=1&SN=2&ST=10,30,&" +
			"UN=10002,10003,&NK=Pingu%2c Jr,Tom %26 Jerry,"},
		{"GetMsgEx", batch, "VER=1.1&CMD=GetMsgEx&SEQ=4715&UIN=10002&RES=0&MN=1&MT=9,&UN=10001,&MG=fish %26 chips%2c " +
			"100%25?,"},
		{"an empty list is empty", empty, "&MN=0&MT=&UN=&MG="},
		{"not logged in", head(wire.V11, "List", "4716", "10009", 20), "VER=1.1&CMD=List&SEQ=4716&UIN=10009&RES=20"},
		{"1.4 spells in capitals", head(wire.V14, "Query_Stat2", "812", "10001", 0),
			"VER=1.4&CMD=QUERY_STAT2&SEQ=812&UIN=10001&RES=0"},
		{"what is echoed is escaped", head(wire.V10, "a&RES=0", "1,2", "%\n", 2),
			"VER=1.0&CMD=a%26RES=0&SEQ=1%2c2&UIN=%25\r&RES=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if string(c.got) != c.want {
				t.Errorf("got  %q\nwant %q", c.got, c.want)
			}
		})
	}
}

func TestLineHeaderHasNoRawLineBreak(t *testing.T) {
	got := wire.AppendHead(nil, wire.FormLine, wire.V14, "a\r\nb", "1\n", "2\r", 2)
	if want := "VER=1.4&CMD=a%0Db&SEQ=1%0D&UIN=2%0D&RES=2"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplitList(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"each element has its comma", "10002,10003,", []string{"10002", "10003"}},
		{"the last comma may lack", "10002,10003", []string{"10002", "10003"}},
		{"elements stay escaped", "a%2cb,%25,", []string{"a%2cb", "%25"}},
		{"elements may be empty", ",a,,", []string{"", "a", ""}},
		{"one empty element is one", ",", []string{""}},
		{"the empty list has none", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range wire.SplitList([]byte(c.in)) {
				got = append(got, string(e))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/wire"
)

func TestTextFields(t *testing.T) {
	const (
		send = "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&"
		ack  = "VER=1.1&CMD=Ack_AddToList&SEQ=1&UIN=10001&UN=10002&CD=2&"
	)
	for _, c := range []struct {
		name, in, key, want string
	}{
		{"a text runs to the record's end", send + "MG=http://x/?a=1&id=5, Tom & Jerry", "MG",
			"http://x/?a=1&id=5, Tom & Jerry"},
		{"keys that have come are not looked for again", send + "MG=a&UN=10003&CMD=Logout", "MG",
			"a&UN=10003&CMD=Logout"},
		{"a key in it that was not sent is part of it", send + "MG=a&SID=rk_", "MG", "a&SID=rk_"},
		{"a second text is part of the first", send + "MG=a&MG=b", "MG", "a&MG=b"},
		{"space and line ends behind a text are dropped", send + "MG=a & b \r\n\n", "MG", "a & b"},
		{"space and line ends before a text stay", send + "MG= \r\na", "MG", " \r\na"},
		{"escaped ones stay at both ends", send + "MG=%20a%0D%0A", "MG", "%20a%0D%0A"},
		{"a text can be empty", send + "MG=", "MG", ""},
		{"one '&' at the record's end is the program's", send + "MG=hello&", "MG", "hello"},
		{"only one", send + "MG=&&&", "MG", "&&"},
		{"also with space and line ends behind it", send + "MG=hello& \r\n\n ", "MG", "hello"},
		{"and before it", send + "MG=fish \r\n& \r\n", "MG", "fish"},
		{"one before space is not at the end", send + "MG=fish & &", "MG", "fish &"},
		{"a text can be that alone", send + "MG=&", "MG", ""},
		{"an escaped one is the user's", send + "MG=hello%26", "MG", "hello%26"},
		{"an escaped one before it too", send + "MG=hello%26&", "MG", "hello%26"},
		{"so behind the words of a friend request", ack + "RS=hello&", "RS", "hello"},
		{"in version 1.0", "VER=1.0&CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&", "MG", "a"},
		{"in version 1.2", "VER=1.2&CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&", "MG", "a"},
		{"in version 1.3, escaped", "VER= %31.3 &CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&", "MG", "a"},
		{"without a SEQ as well", "VER=1.1&CMD=CLTMSG&UIN=1&UN=2&MG=a&", "MG", "a"},
		{"not in version 1.4", "VER=1.4&CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&", "MG", "a&"},
		{"not in a version that is not spoken", "VER=1.5&CMD=CLTMSG&SEQ=1&UIN=1&UN=2&MG=a&", "MG", "a&"},
		{"not in a record with a SID", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&sid=rk_&UN=2&MG=a&", "MG", "a&"},
		{"a SID in the text is none", send + "MG=a&SID=rk_&", "MG", "a&SID=rk_"},
		{"not where a pair follows the text", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=a&&UN=2&", "MG", "a&"},
		{"keys are known without case", "ver=1.1&cmd=CLTMSG&seq=1&uin=1&un=2&mg=a&b=c", "MG", "a&b=c"},
		{"commands too", "VER=1.1&CMD=cltmsg&SEQ=1&UIN=1&UN=2&MG=a&b=c", "MG", "a&b=c"},
		{"and escaped ones", "VER=1.1&CMD= %43LT%4dSG &SEQ=1&UIN=1&UN=2&MG=a&b=c", "MG", "a&b=c"},
		{"a command of which every character is escaped",
			"VER=1.1&CMD=%41%63%6b%5f%41%64%64%54%6f%4c%69%73%74&SEQ=1&UIN=1&UN=2&CD=2&RS=a&b=c", "RS", "a&b=c"},
		{"the words of a friend request are a text", ack + "RS=I am Tom & this is Jerry=cat", "RS",
			"I am Tom & this is Jerry=cat"},
		{"they end before CD if that has not come", "VER=1.1&CMD=Ack_AddToList&SEQ=1&UIN=1&UN=2&RS=a&b=c&CD=2", "RS",
			"a&b=c"},
		{"a message needs no CD", send + "MG=a&CD=2", "MG", "a&CD=2"},
		{"a text ends before a key that is still needed", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=a&b=c&UN=2", "MG",
			"a&b=c"},
		{"in any case of it", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=a&b=c&un=2", "MG", "a&b=c"},
		{"before the first of them", "VER=1.1&CMD=CLTMSG&MG=a&b=c&UN=2&SEQ=1&UIN=1", "MG", "a&b=c"},
		{"and space before it is dropped", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG= a \r\n&UN=2", "MG", " a"},
		{"a key without '=' does not end a text", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=a&UN&b&UN=2", "MG", "a&UN&b"},
		{"nor does a longer key", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=a&UNO=1&XUN=1&UN=2", "MG", "a&UNO=1&XUN=1"},
		{"nor does a key at the text's beginning", "VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&MG=UN=3&UN=2", "MG", "UN=3"},
		{"a missing key that never comes ends nothing", "VER=1.1&CMD=CLTMSG&UIN=1&UN=2&MG=a&b=c", "MG", "a&b=c"},
		{"the command may follow the text", "VER=1.1&SEQ=1&UIN=1&UN=2&MG=a&b=c&CMD=CLTMSG", "MG", "a&b=c"},
		{"the first CMD is the command", send + "MG=a&CMD=List&b=c", "MG", "a&CMD=List&b=c"},
		{"a text may come first of all", "MG=a&b=c&VER=1.1&CMD=CLTMSG&SEQ=1&UIN=1&UN=2", "MG", "a&b=c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var record wire.Record
			record.Parse([]byte(c.in))
			if got, ok := record.Raw(c.key); string(got) != c.want || !ok {
				t.Errorf("got %q, %v, want %q", got, ok, c.want)
			}
		})
	}
}

func TestPairsFollowTextField(t *testing.T) {
	var record wire.Record
	record.Parse([]byte("MG=a&b=c&VER=1.1 &CMD=CLTMSG&MG=d&e=f&SEQ=1&UIN=1&UN=2"))
	want := []string{"MG=a&b=c", "VER=1.1", "CMD=CLTMSG", "MG=d", "e=f", "SEQ=1", "UIN=1", "UN=2"}
	if got := formatPairs(record.Pairs()); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// BenchmarkParse measures the time for these.
func TestTextsThatLookLikePairsStayWhole(t *testing.T) {
	for name, in := range hostileRecords {
		t.Run(name, func(t *testing.T) {
			var record wire.Record
			record.Parse([]byte(in))
			text, ok := record.Raw("MG")
			if _, want, _ := strings.Cut(in, "MG="); string(text) != want || !ok {
				t.Errorf("a text of %d bytes, want %d", len(text), len(want))
			}
		})
	}
}

// hostileRecords would be slow in a parser that searches again from each '&' of a text.
var hostileRecords = map[string]string{
	"a text of '&'": "CMD=CLTMSG&MG=" + strings.Repeat("&", wire.MaxRecord),
	"a text of keys that have come": strings.Repeat("a=&", wire.MaxRecord/6) + "CMD=CLTMSG&VER=1.1&MG=" +
		strings.Repeat("&VER=", wire.MaxRecord/10),
}

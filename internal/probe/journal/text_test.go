package journal_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// sent are bytes of all kinds, and how a line of a transcript has them.
var sent = map[string]string{
	"POST / HTTP/1.1\r\n\r\nVER=1.1&CMD=Login": `"POST / HTTP/1.1\r\n\r\nVER=1.1&CMD=Login"`,
	"<&>\x00\t\"\\":              `"<&>\u0000\t\"\\"`,
	"\u2028\u2029\ufeff\ufffd中😀": `"\u2028\u2029` + "\ufeff\ufffd中😀" + `"`,
	"CMD=Login&MG=\xff\xfe&UN=1": `["CMD=Login&MG=",{"base64":"//4="},"&UN=1"]`,
	"\xff":                       `[{"base64":"/w=="}]`,
	"\xe4\xb8":                   `[{"base64":"5Lg="}]`, // a character that is cut off
	"\xed\xa0\x80[":              `[{"base64":"7aCA"},"["]`,
	`["x",{"base64":"/w=="}]`:    `"[\"x\",{\"base64\":\"/w==\"}]"`,
}

func TestRawBytesAreReadableInJSON(t *testing.T) {
	for text, want := range sent {
		var encoded bytes.Buffer
		w, err := journal.NewWriter(&encoded, head())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(journal.Entry{Server: "a", Request: journal.RawBytes(text),
			Response: journal.RawBytes(text)}); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"request", "response"} {
			if !strings.Contains(encoded.String(), `"`+key+`":`+want+`,`) {
				t.Errorf("%q is %s, want %s", text, encoded.String(), want)
			}
		}
		got, err := journal.Read(&encoded)
		if err != nil {
			t.Fatal(err)
		}
		if entry := got.Entries[0]; string(entry.Request) != text || string(entry.Response) != text {
			t.Errorf("%q comes back as %q and %q", text, entry.Request, entry.Response)
		}
	}
}

func FuzzRawBytesSurviveJSON(f *testing.F) {
	for text := range sent {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line, err := json.Marshal(journal.RawBytes(text))
		if err != nil {
			t.Fatal(err)
		}
		var got journal.RawBytes
		if err := json.Unmarshal(line, &got); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q is %s, and comes back as %q: %v", text, line, got, err)
		}
	})
}

func TestRawBytesRefuseOtherJSON(t *testing.T) {
	for _, value := range []string{`1`, `{}`, `[1]`, `[{"base64":"!"}]`, `[{"other":"x"}]`, `[["x"]]`, `true`} {
		var got journal.RawBytes
		if err := json.Unmarshal([]byte(value), &got); err == nil {
			t.Errorf("%s is taken for %q", value, got)
		}
	}
}

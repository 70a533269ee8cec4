package report_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/report"
)

func TestReadReturnsWhatJSONWrote(t *testing.T) {
	study := sample(2)
	got, err := report.Read(strings.NewReader(written(t, report.JSON, study)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Facts) != len(study.Facts) || !reflect.DeepEqual(got.Facts[0], study.Facts[0]) ||
		!reflect.DeepEqual(got.Timers[2], study.Timers[2]) {
		t.Error("Read returned another study")
	}
	if string(got.Differences[2].Witness[0].RequestBase64) != string(study.Differences[2].Witness[0].RequestBase64) {
		t.Error("Read changed a request that is not UTF-8")
	}
}

func TestReadIgnoresUnknownKeys(t *testing.T) {
	if _, err := report.Read(
		strings.NewReader(
			`{"schema": "rookery-probe-protocol-1", "later": [1], "facts": [{"id": "x", "more": true}]}`)); err != nil {
		t.Error(err)
	}
}

func TestReadErrorsNameTheCause(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", "the file is empty"},
		{"no JSON", "{\n\n  oops", "line 3: this is no JSON"},
		{"cut off", `{"schema": "rookery-probe-protocol-1"`, "line 1: this is no JSON: unexpected end of JSON input"},
		{"a list", "[]", "line 1: this is a list where a protocol.json has an object"},
		{"another file", `{"name": "x"}`, `its schema is "", not "rookery-probe-protocol-1"`},
		{"another version", `{"schema": "rookery-probe-protocol-9"}`, `its schema is "rookery-probe-protocol-9"`},
		{"a wrong kind", "{\"schema\": \"rookery-probe-protocol-1\",\n\"facts\": [{\"statement\": 7}]}",
			"line 2: facts.statement holds a number where it should hold a text"},
		{"a text for a number", `{"schema": "rookery-probe-protocol-1", "budget": "many"}`,
			"budget holds a text where it should hold a whole number"},
		{"an object for a list", `{"schema": "rookery-probe-protocol-1", "facts": {}}`,
			"facts holds an object where it should hold a list"},
	} {
		_, err := report.Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want %q", c.name, err, c.want)
		}
	}
}

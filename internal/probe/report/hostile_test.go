package report_test

import (
	"encoding/xml"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/report"
)

// payload tries all that it can: markup, attributes, scripts, styles, comments,
// template actions, tables, fences, control bytes, bytes that are no UTF-8, and a
// turn of the direction of writing.
const payload = `<hostile onload=alert(1)>"hostile="1'hostile='1</script></style></svg><!--]]>{{.}}javascript:alert(1)` +
	"\n```\n| a | b |\n# hostile\n1. x\n</details>" + `\` + "`*_[x](javascript:alert(1))" +
	"\x00\x07\x1b[31m\x7f\xc0\xff\u0085\u202e\u2028\U000e0001 --> :::;"

// hostile is a study with the payload in all its texts, but for those that say
// what is what.
func hostile(study *finding.Study) *finding.Study {
	poison(reflect.ValueOf(study).Elem())
	return study
}

func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() && v.Type() == reflect.TypeFor[string]() {
			v.SetString(v.String() + payload)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Schema" {
				poison(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	}
}

// clean fails for bytes that a report must show in another form.
func clean(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Error("the output is not UTF-8")
	}
	for _, character := range text {
		if character != '\n' && !unicode.IsPrint(character) {
			t.Errorf("the output contains %U", character)
			break
		}
	}
	for _, want := range []string{`\x00`, `\x07`, `\x1b`, `\x7f`, `\xc0`, `\xff`, `\u0085`, `\u202e`, `\u2028`,
		`\U000e0001`} {
		if !strings.Contains(text, want) && !strings.Contains(text, `\`+want) {
			t.Errorf("the output lacks %s", want)
		}
	}
}

func TestHTMLEscapesServerOutput(t *testing.T) {
	text := written(t, report.HTML, hostile(sample(2)))
	clean(t, text)
	plain := written(t, report.HTML, sample(2))
	tags := regexp.MustCompile(`<(/?[A-Za-z][A-Za-z0-9]*|!--)`)
	known := map[string]bool{}
	for _, m := range tags.FindAllString(plain, -1) {
		known[m] = true
	}
	for _, m := range tags.FindAllString(text, -1) {
		if !known[m] {
			t.Errorf("the page has the injected tag %s", m)
		}
	}
	for _, bad := range []string{`"hostile`, `'hostile`, `<hostile`} {
		if strings.Contains(text, bad) {
			t.Errorf("not escaped: %s", bad)
		}
	}
	for _, tag := range []string{"<script", "</script", "<style", "</style", "<body", "</html"} {
		if strings.Count(text, tag) != strings.Count(plain, tag) {
			t.Errorf("got %d times %s, want %d", strings.Count(text, tag), tag, strings.Count(plain, tag))
		}
	}
}

func TestMarkdownEscapesServerOutput(t *testing.T) {
	text := written(t, report.Markdown, hostile(sample(2)))
	clean(t, text)
	titles := regexp.MustCompile("<summary>.*</summary>|(?s)````.*````") // HTML; the experiment file
	for _, bad := range []string{"<hostile", "</script", "<!--", "[x](", "javascript:alert(1)<"} {
		if strings.Contains(titles.ReplaceAllString(text, ""), bad) {
			t.Errorf("not escaped: %s", bad)
		}
	}
	fences, columns, verbatim := 0, 0, false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "````") { // the experiment file, as it is
			verbatim = !verbatim
		}
		if verbatim {
			continue
		}
		if strings.HasPrefix(line, "```") && !strings.HasPrefix(line, "````") {
			fences++
		}
		if !strings.HasPrefix(line, "|") {
			columns = 0
			if strings.HasPrefix(line, "# hostile") || strings.HasPrefix(line, "</details>x") {
				t.Errorf("the payload begins line %d: %s", i+1, line)
			}
			continue
		}
		count := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns != 0 && count != columns {
			t.Errorf("line %d has %d bars, want %d: %s", i+1, count, columns, line)
		}
		columns = count
	}
	if want := 2 * len(sample(2).Machines); fences != want {
		t.Errorf("got %d fences, want %d", fences, want)
	}
}

func TestJUnitEscapesServerOutput(t *testing.T) {
	study := hostile(sample(1))
	var results []report.CheckResult
	for _, fact := range study.Facts {
		results = append(results, report.CheckResult{Fact: fact, Message: payload})
	}
	var result strings.Builder
	if err := report.JUnit(&result, results); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Suites []struct {
			Cases []struct{} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(result.String()), &back); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, suite := range back.Suites {
		count += len(suite.Cases)
	}
	if count != len(results) {
		t.Errorf("got %d test cases, want %d", count, len(results))
	}
	if strings.ContainsRune(result.String(), utf8.RuneError) {
		t.Error("a character was replaced")
	}
}

func TestJSONKeepsBytesThatAreNotUTF8(t *testing.T) {
	study := sample(1)
	study.Name = "caf\xe9 \u0001 \xff\xfe ok"
	text := written(t, report.JSON, study)
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		t.Error("the output is not UTF-8, or a character was replaced")
	}
	back, err := report.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := `caf\xe9 ` + "\u0001" + ` \xff\xfe ok`; back.Name != want {
		t.Errorf("got %q, want %q", back.Name, want)
	}
}

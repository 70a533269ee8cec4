package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/report"
)

var (
	keep   = flag.String("keep", "", "write the samples' reports to this folder, to look at them")
	update = flag.Bool("update", false, "write the golden files anew")
)

type writer = func(io.Writer, *finding.Study) error

func written(t *testing.T, write writer, s *finding.Study) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it differs from %s (go test -update writes it anew):\n%s", path, got)
	}
}

func TestWriteMakesAWholeFolder(t *testing.T) {
	dir := *keep
	if dir == "" {
		dir = t.TempDir()
	}
	common := []string{"model.dot", "protocol.json", "report.html", "report.md"}
	for _, c := range []struct {
		name  string
		study *finding.Study
		want  []string
	}{
		{"one", sample(1), common},
		{"two", sample(2), append([]string{"differences.json"}, common...)},
		{"empty", &finding.Study{}, common},
		{"hostile", hostile(sample(2)), append([]string{"differences.json"}, common...)},
	} {
		at := filepath.Join(dir, "made", c.name)
		for range 2 { // the second time over what is there
			if err := report.Write(at, c.study); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: files %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWriteThatCannotLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "report.html")
	if err := os.MkdirAll(filepath.Join(blocked, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(dir, sample(1)); err == nil {
		t.Error("a folder was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestTheSameStudyGivesTheSameBytes(t *testing.T) {
	for name, write := range map[string]writer{
		"HTML": report.HTML, "Markdown": report.Markdown, "JSON": report.JSON, "DOT": report.DOT, "Differences": report.Differences,
	} {
		first := written(t, write, sample(2))
		for range 5 {
			if written(t, write, sample(2)) != first {
				t.Errorf("%s differs from time to time", name)
			}
		}
	}
}

func TestAReportOfWhatWasReadIsTheSame(t *testing.T) {
	s := sample(2)
	s.Differences[2].Witness[0].RequestBase64 = nil
	text := written(t, report.JSON, s)
	back, err := report.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]writer{"HTML": report.HTML, "Markdown": report.Markdown, "JSON": report.JSON} {
		if written(t, write, back) != written(t, write, s) {
			t.Errorf("%s is another after reading", name)
		}
	}
}

func TestWritingAReportLeavesTheStudyAsItIs(t *testing.T) {
	s := hostile(sample(2))
	before, _ := json.Marshal(s)
	for _, write := range []writer{report.HTML, report.Markdown, report.JSON, report.DOT} {
		written(t, write, s)
	}
	if after, _ := json.Marshal(s); !bytes.Equal(before, after) {
		t.Error("it was changed")
	}
}

func TestAStudyOfOneServerHasNoDifferencesSection(t *testing.T) {
	for _, write := range []writer{report.HTML, report.Markdown} {
		if text := written(t, write, sample(1)); regexp.MustCompile(`(?i)differences</|id="differences"|\d\. Differences`).MatchString(text) {
			t.Error("there is one")
		}
		if text := written(t, write, sample(2)); !strings.Contains(text, "B begins a page with the account that UN names") {
			t.Error("a study of two has none")
		}
	}
}

func TestDifferencesAreAnArrayEvenIfThereAreNone(t *testing.T) {
	s := sample(2)
	s.Differences = nil
	if got := written(t, report.Differences, s); got != "[]\n" {
		t.Errorf("got %q", got)
	}
	golden(t, "differences.json", written(t, report.Differences, sample(2)))
}

func TestAnEmptyStudySaysWhatIsNotThere(t *testing.T) {
	for _, write := range []writer{report.HTML, report.Markdown} {
		text := written(t, write, &finding.Study{})
		for _, want := range []string{
			"Unnamed server", "No phase was begun", "No fact was observed or confirmed", "Nothing was tested", "No command was studied",
			"No parameter was varied", "fields were studied", "No relation between fields was found", "No codes were counted",
			"No state machine was learned", "No list was read page by page", "No timer was found", "No equal requests were made", "No fact was found",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q", want)
			}
		}
	}
	s := &finding.Study{Servers: []string{"http://a/", "http://b/"}}
	for _, write := range []writer{report.HTML, report.Markdown} {
		if !strings.Contains(written(t, write, s), "No difference was found") {
			t.Error("it does not say that no difference was found")
		}
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	text := written(t, report.HTML, sample(2))
	for _, bad := range []string{" src=", "<link", "@import", "<iframe", "<img", `href="http`, "fetch(", "XMLHttpRequest"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if m := regexp.MustCompile(`url\([^#]`).FindString(text); m != "" {
		t.Errorf("the page has %s", m)
	}
}

func TestLinksOfThePageLeadSomewhere(t *testing.T) {
	text := written(t, report.HTML, sample(2))
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]]++; ids[m[1]] == 2 {
			t.Errorf("two elements have the id %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:href="|url\()#([^")]*)`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] == 0 {
			t.Errorf("a link leads to %s, which is not there", m[1])
		}
	}
}

func TestFactsAreAllInTheReport(t *testing.T) {
	page, md := written(t, report.HTML, sample(1)), written(t, report.Markdown, sample(1))
	if n := strings.Count(page, `<tr class="fact"`); n != len(sample(1).Facts) {
		t.Errorf("the page has %d facts of %d", n, len(sample(1).Facts))
	}
	for _, f := range sample(1).Facts {
		if f.Replay != "" && (!strings.Contains(page, f.Replay) || !strings.Contains(md, strings.TrimPrefix(f.Replay, "rookery probe replay transcript.jsonl http://"))) {
			t.Errorf("%s is shown without its replay line", f.ID)
		}
	}
}

func TestMachinesComeAsOneDigraphEach(t *testing.T) {
	text := written(t, report.DOT, sample(1))
	if n := strings.Count(text, "digraph "); n != 2 {
		t.Errorf("%d digraphs, want 2", n)
	}
	if want := dotOf(sample(1).Machines[0]) + "\n" + dotOf(sample(1).Machines[1]); text != want {
		t.Errorf("got\n%s", text)
	}
	if got := written(t, report.DOT, &finding.Study{}); got != "// No machine was learned.\n" {
		t.Errorf("without machines: %q", got)
	}
}

// A small study, so that the whole report can be read over in the golden file.
func TestMarkdownOfASmallStudy(t *testing.T) {
	s := sample(2)
	s.Commands, s.Fields, s.Codes = s.Commands[:2], s.Fields[:9], s.Codes[:6]
	s.Matrix, s.Walks, s.Machines = s.Matrix[:2], s.Walks[:1], s.Machines[1:]
	s.Timers, s.Differences, s.Noise = s.Timers[:1], s.Differences[1:], s.Noise[:1]
	s.Facts = slices.DeleteFunc(s.Facts, func(f finding.Fact) bool {
		return f.Command != "Login" && f.Grade != finding.Contested && f.Grade != finding.Untested && f.Claim != "length of"
	})
	golden(t, "small.md", written(t, report.Markdown, s))
}

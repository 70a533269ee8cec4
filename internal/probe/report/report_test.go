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

func written(t *testing.T, write writer, study *finding.Study) string {
	t.Helper()
	var page bytes.Buffer
	if err := write(&page, study); err != nil {
		t.Fatal(err)
	}
	return page.String()
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
		t.Errorf("the output differs from %s; if that is right, run go test -update. got:\n%s", path, got)
	}
}

func TestWriteMakesAllFiles(t *testing.T) {
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
			t.Errorf("%s: got the files %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFailedWriteLeavesNoFiles(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "report.html")
	if err := os.MkdirAll(filepath.Join(blocked, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(dir, sample(1)); err == nil {
		t.Error("Write replaced a folder by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("Write left %v", entries)
	}
}

func TestEqualStudiesGiveEqualReports(t *testing.T) {
	for name, write := range map[string]writer{
		"HTML": report.HTML, "Markdown": report.Markdown, "JSON": report.JSON, "DOT": report.DOT,
		"Differences": report.Differences,
	} {
		first := written(t, write, sample(2))
		for range 5 {
			if written(t, write, sample(2)) != first {
				t.Errorf("%s differs between two runs", name)
			}
		}
	}
}

func TestStudyReadFromJSONGivesTheSameReport(t *testing.T) {
	study := sample(2)
	study.Differences[2].Witness[0].RequestBase64 = nil
	text := written(t, report.JSON, study)
	back, err := report.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]writer{"HTML": report.HTML, "Markdown": report.Markdown, "JSON": report.JSON} {
		if written(t, write, back) != written(t, write, study) {
			t.Errorf("%s differs after reading", name)
		}
	}
}

func TestWriteDoesNotChangeTheStudy(t *testing.T) {
	study := hostile(sample(2))
	before, _ := json.Marshal(study)
	for _, write := range []writer{report.HTML, report.Markdown, report.JSON, report.DOT} {
		written(t, write, study)
	}
	if after, _ := json.Marshal(study); !bytes.Equal(before, after) {
		t.Error("Write changed the study")
	}
}

func TestReportOfOneServerHasNoDifferencesSection(t *testing.T) {
	for _, write := range []writer{report.HTML, report.Markdown} {
		if text := written(t, write, sample(1)); regexp.MustCompile(
			`(?i)differences</|id="differences"|\d\. Differences`).MatchString(text) {
			t.Error("a report of one server has the section")
		}
		if text := written(t, write, sample(2)); !strings.Contains(text,
			"B begins a page with the account that UN names") {
			t.Error("a report of two servers lacks the section")
		}
	}
}

func TestNoDifferencesAreAnEmptyJSONArray(t *testing.T) {
	study := sample(2)
	study.Differences = nil
	if got := written(t, report.Differences, study); got != "[]\n" {
		t.Errorf("got %q", got)
	}
	golden(t, "differences.json", written(t, report.Differences, sample(2)))
}

func TestReportOfAnEmptyStudyNamesWhatIsMissing(t *testing.T) {
	for _, write := range []writer{report.HTML, report.Markdown} {
		text := written(t, write, &finding.Study{})
		for _, want := range []string{
			"Unnamed server", "No phase was begun", "No fact was observed or confirmed", "Nothing was tested",
			"No command was studied",
			"No parameter was varied", "fields were studied", "No relation between fields was found",
			"No codes were counted",
			"No state machine was learned", "No list was read page by page", "No timer was found",
			"No equal requests were made", "No fact was found",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the report does not say %q", want)
			}
		}
	}
	study := &finding.Study{Servers: []string{"http://a/", "http://b/"}}
	for _, write := range []writer{report.HTML, report.Markdown} {
		if !strings.Contains(written(t, write, study), "No difference was found") {
			t.Error("the report does not say that no difference was found")
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	text := written(t, report.HTML, sample(2))
	for _, bad := range []string{" src=", "<link", "@import", "<iframe", "<img", `href="http`, "fetch(",
		"XMLHttpRequest"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if m := regexp.MustCompile(`url\([^#]`).FindString(text); m != "" {
		t.Errorf("the page has %s", m)
	}
}

func TestPageLinksHaveTargets(t *testing.T) {
	text := written(t, report.HTML, sample(2))
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]]++; ids[m[1]] == 2 {
			t.Errorf("two elements have the id %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:href="|url\()#([^")]*)`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] == 0 {
			t.Errorf("a link leads to the missing id %s", m[1])
		}
	}
}

func TestReportHasAllFacts(t *testing.T) {
	facts := sample(1).Facts
	page := written(t, report.HTML, sample(1))
	if count := strings.Count(page, `<td data-label="Support">`); count != len(facts) {
		t.Errorf("the page has %d facts of %d", count, len(facts))
	}
	_, list, _ := strings.Cut(written(t, report.Markdown, sample(1)), "## All facts")
	list, _, _ = strings.Cut(list, "\n## ")
	if count := strings.Count(list, "\n| ") - 2*strings.Count(list, "| Grade |"); count != len(facts) {
		t.Errorf("the Markdown has %d facts of %d", count, len(facts))
	}
}

func TestSectionsAreInReadingOrder(t *testing.T) {
	text := written(t, report.HTML, sample(2))
	index := 0
	for _, id := range []string{"differences", "sightings", "summary", "untested", "scenarios", "parameters", "fields",
		"codes", "machines", "facts", "method"} {
		next := strings.Index(text, `<section id="`+id+`"`)
		if next <= index {
			t.Errorf("%s is at byte %d, want it after byte %d", id, next, index)
		}
		index = next
	}
}

func TestPageBeginsWithTheProtocolSummary(t *testing.T) {
	text := written(t, report.Markdown, sample(1))
	_, first, _ := strings.Cut(text, "## What the protocol does")
	first, _, _ = strings.Cut(first, "\n## ")
	index := 0
	for _, title := range []string{"### login by other means", "### Commands", "### Sessions", "### Timers",
		"### Messages", "### Findings, weightiest first", "### Contested"} {
		next := strings.Index(first, title+"\n")
		if next < index {
			t.Errorf("%s is at byte %d, want it after byte %d", title, next, index)
		}
		index = next
	}
	_, timers, _ := strings.Cut(first, "### Timers\n\n")
	timers, _, _ = strings.Cut(timers, "\n\n")
	if count := strings.Count(timers, "\n") + 1; count != len(sample(1).Timers) {
		t.Errorf("got %d lines for %d timers:\n%s", count, len(sample(1).Timers), timers)
	}
	if strings.Count(first, "ends between 4 min 59 s") != 1 {
		t.Error("a timer is not stated exactly once")
	}
}

func TestSummaryStatesATimerOnce(t *testing.T) {
	study := &finding.Study{
		Timers: []finding.Timer{{Name: "session", Low: 60, High: 62}},
		Facts: []finding.Fact{
			{ID: "1", Aspect: finding.AspectTimer, Name: "session", Claim: "after 60 s", Statement: "alive after 60 s",
				Grade: finding.Observed},
			{ID: "2", Aspect: finding.AspectTimer, Name: "lock", Claim: "kind", Statement: "a lock is absolute",
				Grade: finding.Observed},
		},
	}
	text := written(t, report.Markdown, study)
	if count := strings.Count(text, "alive after 60 s"); count != 1 {
		t.Errorf("got the fact of a timer %d times, want it only among all facts", count)
	}
	if count := strings.Count(text, "a lock is absolute"); count != 2 {
		t.Errorf("got the fact without a timer %d times, want it as a finding and among all facts", count)
	}
}

func TestDifferenceShowsRequestsAndAnswers(t *testing.T) {
	study := sample(2)
	for name, text := range map[string]string{"HTML": written(t, report.HTML, study),
		"Markdown": written(t, report.Markdown, study)} {
		_, text, _ = strings.Cut(text, "The servers differ in")
		text, _, _ = strings.Cut(text, "What the protocol does")
		text = strings.ReplaceAll(text, "&amp;", "&")
		for _, exchange := range study.Differences[0].Witness {
			if exchange.Wait == 0 && (!strings.Contains(text, exchange.Request) ||
				!strings.Contains(text, exchange.Step)) {
				t.Errorf("%s lacks %s", name, exchange.Step)
			}
		}
	}
}

func TestUntestedItemsNameTheRequiredRequests(t *testing.T) {
	text := written(t, report.Markdown, sample(1))
	for _, want := range []string{"**PS, M5, LC of Login**: the budget was used up. Some 60 requests more would.",
		"**DelFromList**: it is destructive"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %s", want)
		}
	}
}

func TestScenariosShowRequestsAndAnswers(t *testing.T) {
	study := sample(1)
	for name, text := range map[string]string{"HTML": written(t, report.HTML, study),
		"Markdown": strings.ReplaceAll(written(t, report.Markdown, study), "&amp;", "&")} {
		text = strings.ReplaceAll(text, "&amp;", "&")
		for _, step := range study.Scenarios[0].Steps {
			if step.Wait == 0 && (!strings.Contains(text, "M5=3") || !strings.Contains(text, step.Exchange.Response)) {
				t.Errorf("%s lacks %s", name, step.Step)
			}
		}
		if !strings.Contains(text, "30 s go by") {
			t.Errorf("%s lacks the wait", name)
		}
	}
}

func TestSightingsAreNotCountedAsDifferences(t *testing.T) {
	study := sample(2)
	study.Differences = nil
	text := written(t, report.Markdown, study)
	if !strings.Contains(text, "1 sighting did not show again") ||
		!strings.Contains(text, "## Seen once, and not again") {
		t.Error("the report lacks the sighting")
	}
}

func TestPageHasNoScript(t *testing.T) {
	text := written(t, report.HTML, hostile(sample(2)))
	for _, bad := range []string{"<script", "script-src", "<a href=\"javascript"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(text, "default-src &#39;none&#39;") {
		t.Error("the page's policy allows more than it needs")
	}
}

func TestPageShortensLongMessages(t *testing.T) {
	study := sample(1)
	long := strings.Repeat("x", 100_000)
	study.Commands[0].Example.Response, study.Facts[0].Statement, study.Matrix[0].Cells[0].Variant,
		study.Fields[0].Values = long, long, long, []string{long}
	for _, write := range []writer{report.HTML, report.Markdown} {
		if strings.Contains(written(t, write, study), strings.Repeat("x", 1000)) {
			t.Error("the page has a long value in full")
		}
	}
	if count := strings.Count(written(t, report.JSON, study), long); count != 4 {
		t.Errorf("protocol.json has %d of 4 values in full", count)
	}
}

func TestDOTHasOneDigraphForEachMachine(t *testing.T) {
	text := written(t, report.DOT, sample(1))
	if count := strings.Count(text, "digraph "); count != 2 {
		t.Errorf("got %d digraphs, want 2", count)
	}
	if want := dotOf(sample(1).Machines[0]) + "\n" + dotOf(sample(1).Machines[1]); text != want {
		t.Errorf("got\n%s", text)
	}
	if got := written(t, report.DOT, &finding.Study{}); got != "// No machine was learned.\n" {
		t.Errorf("without machines: got %q", got)
	}
}

// The study is small, so that a reviewer can read the whole golden file.
func TestMarkdownOfASmallStudy(t *testing.T) {
	study := sample(2)
	study.Commands, study.Fields, study.Codes = study.Commands[:2], study.Fields[:9], study.Codes[:6]
	study.Matrix, study.Walks, study.Machines = study.Matrix[:2], study.Walks[:1], study.Machines[1:]
	study.Timers, study.Differences, study.Noise = study.Timers[:1], study.Differences[1:], study.Noise[:1]
	study.Facts = slices.DeleteFunc(study.Facts, func(fact finding.Fact) bool {
		return fact.Command != "Login" && fact.Grade != finding.Contested && fact.Grade != finding.Untested &&
			fact.Claim != "length of"
	})
	golden(t, "small.md", written(t, report.Markdown, study))
}

package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

func TestReportsAreRewrittenFromTheTranscriptAlone(t *testing.T) {
	for name, mutants := range map[string][]string{"one server": {""}, "two servers": {"", "list-descending"}} {
		t.Run(name, func(t *testing.T) {
			var urls []string
			for _, m := range mutants {
				urls = append(urls, serve(t, probetest.Config{Mutant: m}))
			}
			o := options(t, urls...)
			result := run(t, o)
			if len(result.Facts) < 50 || result.Requests[0] < 500 || result.Seconds == 0 {
				t.Errorf("%d facts of %v requests in %v s", len(result.Facts), result.Requests, result.Seconds)
			}
			again := copyTranscript(t, o.Folder)
			if _, err := probe.Report(context.Background(), again); err != nil {
				t.Fatal(err)
			}
			equalFolders(t, again, o.Folder)
		})
	}
}

// The page must be small enough to send by mail or to open on a phone.
func TestThePageOfADefaultRunIsSmall(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.RequestBudget = 3000
	result := run(t, o)
	if result.Requests[0] < 2000 || len(result.Facts) < 300 {
		t.Fatalf("%d facts of %d requests are no default run", len(result.Facts), result.Requests[0])
	}
	made := files(t, o.Folder)
	if count := len(made["report.html"]); count > 500<<10 {
		t.Errorf("report.html has %d bytes", count)
	}
	if made["protocol.json"] == "" || len(made["protocol.json"]) < len(made["report.html"]) {
		t.Error("protocol.json holds less than the page")
	}
}

func TestAReportFromATranscriptSendsNothing(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, url)
	o.RequestBudget = 600
	run(t, o)
	stopClosing()
	c := count(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if _, err := probe.Report(context.Background(), o.Folder); err != nil {
		t.Fatal(err)
	}
	if n := c.n.Load(); n > 0 {
		t.Errorf("it has connected %d times", n)
	}
}

func TestTheSameSeedSendsTheSameRequests(t *testing.T) {
	var requests []string
	for range 2 {
		o := options(t, serve(t, probetest.Config{}))
		o.RequestBudget = 600
		run(t, o)
		requests = append(requests, asked(t, o.Folder))
	}
	if requests[0] != requests[1] {
		t.Error("two studies with one seed ask otherwise")
	}
}

func TestTwoRunsShareNoLongMarks(t *testing.T) {
	url := serve(t, probetest.Config{})
	marks := make(map[string]bool)
	for run := range 2 {
		o := options(t, url)
		o.RequestBudget = 2000
		if _, err := probe.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		past, err := probe.ReadTranscript(o.Folder)
		if err != nil {
			t.Fatal(err)
		}
		seq := regexp.MustCompile(`SEQ=([^&]{6,})`) // the protocol protects shorter ones for moments only
		ours := make(map[string]bool)
		for _, entry := range past.Entries {
			for _, m := range seq.FindAllSubmatch(entry.Request, -1) {
				ours[string(m[1])] = true
			}
		}
		if len(ours) < 10 {
			t.Fatalf("run %d used only %d marks", run+1, len(ours))
		}
		for mark := range ours {
			if run == 1 && marks[mark] {
				t.Errorf("both runs used %s", mark)
			}
			marks[mark] = true
		}
	}
}

// asked are the keys of the tries of a transcript.
func asked(t testing.TB, folder string) string {
	t.Helper()
	past, err := probe.ReadTranscript(folder)
	if err != nil {
		t.Fatal(err)
	}
	var keys strings.Builder
	for _, entry := range past.Entries {
		if entry.ExperimentKey != "" {
			keys.WriteString(entry.ExperimentKey + "\n")
		}
	}
	return keys.String()
}

func TestDifferencesOfTwoServersAreWrittenForPrograms(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}), serve(t, probetest.Config{Mutant: "list-descending"}))
	result := run(t, o)
	var list []finding.ServerDifference
	if err := json.Unmarshal([]byte(files(t, o.Folder)["differences.json"]), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || len(list) != len(result.Differences) || list[0].Aspect != finding.AspectPaging {
		t.Errorf("%+v", list)
	}
	if len(result.Servers) != 2 || len(result.Study.Requests) != 2 {
		t.Errorf("servers %v, requests %v", result.Servers, result.Study.Requests)
	}
}

// interrupted makes a study and ends it after so many requests.
func interrupted(t testing.TB, options probe.Options, after int) *probe.StudyResult {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	options.OnProgress = func(p probe.StudyProgress) {
		if p.Sent >= after {
			cancel()
		}
	}
	study := probe.Run
	if len(options.ServerURLs) == 2 {
		study = probe.Diff
	}
	result, err := study(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Interrupted || result.Stopped != "interrupted" {
		t.Errorf("interrupted %v, stopped %q", result.Interrupted, result.Stopped)
	}
	return result
}

func TestAnInterruptedStudyLeavesACompleteReportAndResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	for _, mutants := range [][]string{{""}, {"", "list-descending"}} {
		var urls []string
		for _, m := range mutants {
			urls = append(urls, serve(t, probetest.Config{Mutant: m}))
		}
		o := options(t, urls...)
		before := 0 // experiments that were finished before the last interruption
		for _, after := range []int{300, 700} {
			interrupted(t, o, after)
			before = len(finished(t, o.Folder))
			again := copyTranscript(t, o.Folder)
			if _, err := probe.Report(context.Background(), again); err != nil {
				t.Fatal(err)
			}
			equalFolders(t, again, o.Folder)
		}
		resumed := run(t, o)
		if resumed.ResumedRequests < 700 || resumed.Interrupted {
			t.Errorf("%d requests came from the transcript, interrupted %v", resumed.ResumedRequests,
				resumed.Interrupted)
		}
		again := copyTranscript(t, o.Folder)
		if _, err := probe.Report(context.Background(), again); err != nil {
			t.Fatal(err)
		}
		equalFolders(t, again, o.Folder)

		straight := o
		straight.Folder += "-straight"
		run(t, straight)
		sameBeginning(t, o.Folder, straight.Folder, before)
	}
}

// sameBeginning sees to it that the first n experiments of two studies are the same.
// Later ones may differ: what was cut off is made twice, and the shares of the budget are
// used up earlier.
func sameBeginning(t testing.TB, got, want string, count int) {
	t.Helper()
	x, y := finished(t, got), finished(t, want)
	if count > len(y) {
		t.Fatalf("there are only %d experiments", len(y))
	}
	for i := range count {
		if i >= len(x) || x[i] != y[i] {
			t.Errorf("experiment %d of %d and %d is another", i+1, len(x), len(y))
			return
		}
	}
}

// finished are the keys of the tries of a transcript that were not cut off, by
// server.
func finished(t testing.TB, folder string) (keys []string) {
	t.Helper()
	past, err := probe.ReadTranscript(folder)
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[string]string)
	for _, entry := range past.Entries {
		if entry.ExperimentKey != "" {
			open[entry.Server] = entry.ExperimentKey
		}
		if entry.EndsAttempt {
			keys = append(keys, entry.Server+open[entry.Server])
		}
	}
	return keys
}

func statements(result *probe.StudyResult) string {
	var all strings.Builder
	for _, fact := range result.Facts {
		all.WriteString(string(fact.Grade) + " " + fact.Statement + "\n")
	}
	for _, d := range result.Differences {
		all.WriteString(d.Summary + "\n")
	}
	return all.String()
}

func TestAKilledStudyResumesAfterItsLastCompleteLine(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	o := options(t, serve(t, probetest.Config{}))
	o.RequestBudget = 600
	run(t, o)
	whole := o.Folder + "-whole"
	if err := os.CopyFS(whole, os.DirFS(o.Folder)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.Folder, probe.TranscriptFileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, cut := range []int{len(lines) / 2, len(lines)/2 + 1, len(lines)/2 + 2} {
		half := append(bytes.Join(lines[:cut], nil), lines[cut][:len(lines[cut])/2]...)
		if err := os.WriteFile(path, half, 0o644); err != nil {
			t.Fatal(err)
		}
		before := len(finished(t, o.Folder))
		run(t, o)
		sameBeginning(t, o.Folder, whole, before)
		again := copyTranscript(t, o.Folder)
		if _, err := probe.Report(context.Background(), again); err != nil {
			t.Fatal(err)
		}
		equalFolders(t, again, o.Folder)
	}
}

func TestACompleteStudySendsNothingMore(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, url)
	first := run(t, o)
	if first.Stopped != "" {
		t.Fatal(first.Stopped)
	}
	before := files(t, o.Folder)
	stopClosing()
	run(t, o)
	after := files(t, o.Folder)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s has changed", name)
		}
	}
}

// Secrets of the environment are in no file, whatever the server answers with.
func TestSecretsFromTheEnvironmentAreNeverWritten(t *testing.T) {
	const secret, md5 = "123456", "e10adc3949ba59abbe56e057f20f883e"
	source, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hidden.yaml")
	description := strings.ReplaceAll(string(source), `secret: "123456"`, `secret: $PROBE_SECRET`)
	if err := os.WriteFile(file, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	experiment, err := probe.LoadExperiment(file, journal.Overrides{},
		func(string) (string, bool) { return secret, true })
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, serve(t, probetest.Config{}), serve(t, probetest.Config{Mutant: "list-descending"}))
	o.Experiment = experiment
	run(t, o)
	again := copyTranscript(t, o.Folder)
	if _, err := probe.Report(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	equalFolders(t, again, o.Folder)
	past, err := probe.ReadTranscript(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range past.Entries {
		if s := string(entry.Request) + string(entry.Response); strings.Contains(s, secret) ||
			strings.Contains(s, md5) {
			t.Errorf("%s: %q", entry.ID(), s)
		}
	}
	for name, description := range files(t, o.Folder) {
		if strings.Contains(description, md5) {
			t.Errorf("%s holds the secret", name)
		}
	}
}

func TestAStudyWhoseServerIsGoneLeavesACompleteReportAndResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, url)
	o.AnswerTimeout = 100 * time.Millisecond
	o.OnProgress = func(p probe.StudyProgress) {
		if p.Sent > 300 {
			stopClosing()
		}
	}
	result := run(t, o)
	if !result.ServerBroken || result.Interrupted || result.Stopped == "" {
		t.Errorf("broken %v, interrupted %v, stopped %q", result.ServerBroken, result.Interrupted, result.Stopped)
	}
	again := copyTranscript(t, o.Folder)
	if _, err := probe.Report(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	equalFolders(t, again, o.Folder)

	if _, stopClosing, err = s.Listen(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")); err != nil {
		t.Fatal(err)
	}
	defer stopClosing()
	o.OnProgress = nil
	if result := run(t, o); result.ServerBroken || result.ResumedRequests < 300 {
		t.Errorf("broken %v, %d requests were in the transcript", result.ServerBroken, result.ResumedRequests)
	}
}

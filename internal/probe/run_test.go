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

func TestReportNeedsOnlyTheTranscript(t *testing.T) {
	for name, mutants := range map[string][]string{"one server": {""}, "two servers": {"", "list-descending"}} {
		t.Run(name, func(t *testing.T) {
			var urls []string
			for _, m := range mutants {
				urls = append(urls, startServer(t, probetest.Config{Mutant: m}))
			}
			o := newOptions(t, urls...)
			result := mustRun(t, o)
			if len(result.Facts) < 50 || result.Requests[0] < 500 || result.Seconds == 0 {
				t.Errorf("got %d facts from %v requests in %v s", len(result.Facts), result.Requests, result.Seconds)
			}
			again := copyTranscript(t, o.Folder)
			if _, err := probe.Report(context.Background(), again); err != nil {
				t.Fatal(err)
			}
			compareFolders(t, again, o.Folder)
		})
	}
}

// The page must be small enough to send by mail or to open on a phone.
func TestPageOfADefaultStudyIsSmall(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.RequestBudget = 3000
	result := mustRun(t, o)
	if result.Requests[0] < 2000 || len(result.Facts) < 300 {
		t.Fatalf("got %d facts from %d requests, want those of a default study", len(result.Facts), result.Requests[0])
	}
	made := readFiles(t, o.Folder)
	if count := len(made["report.html"]); count > 500<<10 {
		t.Errorf("report.html has %d bytes, want at most 500 KiB", count)
	}
	if made["protocol.json"] == "" || len(made["protocol.json"]) < len(made["report.html"]) {
		t.Error("protocol.json is smaller than the page")
	}
}

func TestReportSendsNothing(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOptions(t, url)
	o.RequestBudget = 600
	mustRun(t, o)
	stopClosing()
	c := listenAndCount(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if _, err := probe.Report(context.Background(), o.Folder); err != nil {
		t.Fatal(err)
	}
	if n := c.connections.Load(); n > 0 {
		t.Errorf("Report connected %d times, want 0", n)
	}
}

func TestEqualSeedsSendEqualRequests(t *testing.T) {
	var requests []string
	for range 2 {
		o := newOptions(t, startServer(t, probetest.Config{}))
		o.RequestBudget = 600
		mustRun(t, o)
		requests = append(requests, experimentKeys(t, o.Folder))
	}
	if requests[0] != requests[1] {
		t.Error("two studies with one seed have different experiments")
	}
}

func TestTwoStudiesShareNoLongMarks(t *testing.T) {
	url := startServer(t, probetest.Config{})
	marks := make(map[string]bool)
	for run := range 2 {
		o := newOptions(t, url)
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

// experimentKeys returns the keys of a transcript's experiments, one a line.
func experimentKeys(t testing.TB, folder string) string {
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

func TestDiffWritesDifferencesAsJSON(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}), startServer(t, probetest.Config{Mutant: "list-descending"}))
	result := mustRun(t, o)
	var list []finding.ServerDifference
	if err := json.Unmarshal([]byte(readFiles(t, o.Folder)["differences.json"]), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || len(list) != len(result.Differences) || list[0].Aspect != finding.AspectPaging {
		t.Errorf("%+v", list)
	}
	if len(result.Servers) != 2 || len(result.Study.Requests) != 2 {
		t.Errorf("servers %v, requests %v", result.Servers, result.Study.Requests)
	}
}

// runInterrupted runs a study and cancels it after a number of requests.
func runInterrupted(t testing.TB, options probe.Options, after int) *probe.StudyResult {
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

func TestInterruptedStudyReportsAndResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	for _, mutants := range [][]string{{""}, {"", "list-descending"}} {
		var urls []string
		for _, m := range mutants {
			urls = append(urls, startServer(t, probetest.Config{Mutant: m}))
		}
		o := newOptions(t, urls...)
		before := 0 // experiments that were finished before the last interruption
		for _, after := range []int{300, 700} {
			runInterrupted(t, o, after)
			before = len(completeKeys(t, o.Folder))
			again := copyTranscript(t, o.Folder)
			if _, err := probe.Report(context.Background(), again); err != nil {
				t.Fatal(err)
			}
			compareFolders(t, again, o.Folder)
		}
		resumed := mustRun(t, o)
		if resumed.ResumedRequests < 700 || resumed.Interrupted {
			t.Errorf("%d requests came from the transcript, want 700 or more; interrupted %v", resumed.ResumedRequests,
				resumed.Interrupted)
		}
		again := copyTranscript(t, o.Folder)
		if _, err := probe.Report(context.Background(), again); err != nil {
			t.Fatal(err)
		}
		compareFolders(t, again, o.Folder)

		straight := o
		straight.Folder += "-straight"
		mustRun(t, straight)
		compareBeginnings(t, o.Folder, straight.Folder, before)
	}
}

// compareBeginnings checks that the first count experiments of two studies are equal. Later ones
// may differ, because the interrupted experiment is repeated and uses up budget.
func compareBeginnings(t testing.TB, got, want string, count int) {
	t.Helper()
	x, y := completeKeys(t, got), completeKeys(t, want)
	if count > len(y) {
		t.Fatalf("got only %d experiments", len(y))
	}
	for i := range count {
		if i >= len(x) || x[i] != y[i] {
			t.Errorf("experiment %d of %d and %d differs", i+1, len(x), len(y))
			return
		}
	}
}

// completeKeys returns server and key of each complete attempt in a transcript.
func completeKeys(t testing.TB, folder string) (keys []string) {
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

func joinStatements(result *probe.StudyResult) string {
	var b strings.Builder
	for _, fact := range result.Facts {
		b.WriteString(string(fact.Grade) + " " + fact.Statement + "\n")
	}
	for _, d := range result.Differences {
		b.WriteString(d.Summary + "\n")
	}
	return b.String()
}

func TestKilledStudyResumesAfterItsLastCompleteLine(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.RequestBudget = 600
	mustRun(t, o)
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
		before := len(completeKeys(t, o.Folder))
		mustRun(t, o)
		compareBeginnings(t, o.Folder, whole, before)
		again := copyTranscript(t, o.Folder)
		if _, err := probe.Report(context.Background(), again); err != nil {
			t.Fatal(err)
		}
		compareFolders(t, again, o.Folder)
	}
}

func TestCompleteStudySendsNothing(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOptions(t, url)
	first := mustRun(t, o)
	if first.Stopped != "" {
		t.Fatal(first.Stopped)
	}
	before := readFiles(t, o.Folder)
	stopClosing()
	mustRun(t, o)
	after := readFiles(t, o.Folder)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("the second run changed %s", name)
		}
	}
}

// The reference server echoes parts of requests.
func TestFilesOmitSecretsFromTheEnvironment(t *testing.T) {
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
	o := newOptions(t, startServer(t, probetest.Config{}), startServer(t, probetest.Config{Mutant: "list-descending"}))
	o.Experiment = experiment
	mustRun(t, o)
	again := copyTranscript(t, o.Folder)
	if _, err := probe.Report(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, again, o.Folder)
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
	for name, description := range readFiles(t, o.Folder) {
		if strings.Contains(description, md5) {
			t.Errorf("%s contains the secret", name)
		}
	}
}

func TestStudyOfALostServerReportsAndResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOptions(t, url)
	o.AnswerTimeout = 100 * time.Millisecond
	o.OnProgress = func(p probe.StudyProgress) {
		if p.Sent > 300 {
			stopClosing()
		}
	}
	result := mustRun(t, o)
	if !result.ServerBroken || result.Interrupted || result.Stopped == "" {
		t.Errorf("broken %v, interrupted %v, stopped %q", result.ServerBroken, result.Interrupted, result.Stopped)
	}
	again := copyTranscript(t, o.Folder)
	if _, err := probe.Report(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	compareFolders(t, again, o.Folder)

	if _, stopClosing, err = s.Listen(strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")); err != nil {
		t.Fatal(err)
	}
	defer stopClosing()
	o.OnProgress = nil
	if result := mustRun(t, o); result.ServerBroken || result.ResumedRequests < 300 {
		t.Errorf("broken %v, %d requests were in the transcript", result.ServerBroken, result.ResumedRequests)
	}
}

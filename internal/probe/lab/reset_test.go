package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// listElements returns the elements of a list field.
func listElements(t *testing.T, answer *lab.Answer, key string) []string {
	t.Helper()
	field, ok := answer.Field(key)
	if !ok {
		t.Fatalf("%q has no %s", answer.Body, key)
	}
	return field.List
}

func TestCommandsUndoResidue(t *testing.T) {
	b := newTestLab(t, parseFile(t, "allow: {destructive: true}\nlimits: {rate: 0}"), serveReference(t))
	for name, lines := range map[string][]string{
		"a friendship was ended":   {"a Login", "b Login", "a DelFromList"},
		"a message waits":          {"a Login", "a CLTMSG"},
		"both are still logged in": {"a Login", "b Login"},
		"a status was changed":     {"a Login", "a Change_Stat ST=40"},
		"a request waits": {"a Login", "b Login", "a DelFromList", "b DelFromList",
			"a Ack_AddToList.request to b"},
	} {
		b.mustRun(lines...)
		trace := b.mustRun("b List", "b Login", "b GetMsgEx", "b List", "a Login", "a List")
		answers := trace.Answers
		if answers[0].Value("RES") != "20" {
			t.Errorf("%s: b is still logged in: %q", name, answers[0].Body)
		}
		if answers[2].Value("MN") != "0" {
			t.Errorf("%s: an entry waits for b: %q", name, answers[2].Body)
		}
		if !slices.Equal(listElements(t, &answers[3], "UN"), []string{"{a}"}) ||
			!slices.Equal(listElements(t, &answers[5], "UN"), []string{"{b}"}) {
			t.Errorf("%s: a and b are not friends: %q, %q", name, answers[3].Body, answers[5].Body)
		}
	}
}

func TestCommandsRejectPendingFriendRequests(t *testing.T) {
	file := parseFile(t, "limits: {rate: 0}")
	file.Accounts = append(file.Accounts, experiment.Account{Role: "c", Number: "10003", Secret: "123456"})
	b := newTestLab(t, file, serveReference(t))
	b.mustRun("c Login", "c Ack_AddToList.request to a")
	answers := b.mustRun("a Login", "a AddToList to c", "a List").Answers
	if got := listElements(t, &answers[2], "UN"); !slices.Equal(got, []string{"{b}"}) {
		t.Errorf("got the friends %q of a after %q, want only b", got, answers[1].Body)
	}
}

func TestCleanUpLogsOutAllAccounts(t *testing.T) {
	url := serveReference(t)
	b := newTestLab(t, parseFile(t, "limits: {rate: 0}"), url)
	b.mustRun("a Login", "b Login")
	if err := b.CleanUp(context.Background()); err != nil {
		t.Fatal(err)
	}
	next := newTestLab(t, b.file, url)
	trace, err := next.RunWithoutReset(context.Background(), next.parseSteps("a List", "b List"))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range trace.Answers {
		if answer.Value("RES") != "20" {
			t.Errorf("got %q, want RES=20", answer.Body)
		}
	}
	if sent := next.Sent(); sent != 2 {
		t.Errorf("RunWithoutReset sent %d requests, want 2", sent)
	}
}

func TestCleanUpStaysWithinTheBudget(t *testing.T) {
	b := newTestLab(t, parseFile(t, "limits: {rate: 0}"), serveReference(t),
		func(config *lab.Config) { config.MaxRequests = 60 })
	for {
		_, err := b.Run(context.Background(), b.parseSteps("a Login", "b Login"), 0)
		var stopped *lab.StoppedError
		if errors.As(err, &stopped) {
			if stopped.Reason != "the budget of 60 requests is used up" {
				t.Error(stopped)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.CleanUp(context.Background()); err != nil {
		t.Error(err)
	}
	if b.Sent() > 60 {
		t.Errorf("sent %d requests, want at most 60", b.Sent())
	}
}

func TestControlURLsResetTheServerAndAdvanceItsClock(t *testing.T) {
	more := "reset: {url: /control/reset}\nclock: {url: /control/clock}\nlimits: {rate: 0, wait: 1s}"
	b := newTestLab(t, parseFile(t, more), serveReference(t))
	b.mustRun("a Login", "a List")
	answers := b.mustRun("a List", "a Login", "wait 299", "a List", "wait 301", "a List").Answers
	for i, want := range map[int]string{0: "20", 1: "0", 3: "0", 5: "20"} {
		if got := answers[i].Value("RES"); got != want {
			t.Errorf("answer %d: RES=%s, want %s", i+1, got, want)
		}
	}
	// After a reset, equal experiments send equal bytes.
	if x, y := b.mustRun("a Login"), b.mustRun("a Login"); !bytes.Equal(x.Answers[0].Request, y.Answers[0].Request) {
		t.Errorf("got %q and %q, want equal requests", x.Answers[0].Request, y.Answers[0].Request)
	}
}

func TestPoolGivesEachExperimentFreshAccounts(t *testing.T) {
	more := "pool: {first: 10005, last: 10012, secret: 123456}\nreset: pool\nlimits: {rate: 0}"
	b := newTestLab(t, parseFile(t, more), serveReference(t))
	marks := make(map[string]bool)
	for count := range 4 {
		answers := b.mustRun("a List", "a Login", "a List").Answers
		if answers[0].Value("RES") != "20" || !slices.Equal(listElements(t, &answers[2], "UN"), []string{"{b}"}) {
			t.Errorf("got %q and %q, want RES=20 and the friend b", answers[0].Body, answers[2].Body)
		}
		if want := fmt.Sprintf("UIN=%d&", 10005+2*count); !strings.Contains(string(answers[1].Request), want) {
			t.Errorf("%q has no %s", answers[1].Request, want)
		}
		if b.Account("b").Number != fmt.Sprint(10006+2*count) {
			t.Errorf("b has the account %s, want %d", b.Account("b").Number, 10006+2*count)
		}
		marks[string(answers[0].Request)] = true
	}
	if len(marks) != 4 {
		t.Error("two experiments have the same mark")
	}
	_, err := b.Run(context.Background(), b.parseSteps("a Login"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) || stopped.Reason != "the pool of accounts is used up, after 8" {
		t.Error(err)
	}
}

func TestTranscriptHoldsAllStepsInOrder(t *testing.T) {
	b := newTestLab(t, parseFile(t, "reset: {url: /control/reset}\nclock: {url: /control/clock}\nlimits: {rate: 0}"),
		serveReference(t))
	b.mustRun("a Login", "wait 5", "a List via=lower")
	entries := b.entries()
	if len(entries) != 3 {
		t.Fatalf("got the entries %+v, want 3", entries)
	}
	for i, want := range []struct{ key, line, id string }{
		{"0: a Login; wait 5; a List via=lower", "a Login", "a1.1"}, {"", "wait 5", "a1.2"},
		{"", "a List via=lower", "a1.3"},
	} {
		if entries[i].ExperimentKey != want.key || entries[i].StepText != want.line || entries[i].ID() != want.id ||
			entries[i].EndsAttempt != (i == 2) {
			t.Errorf("got %+v, want %+v", entries[i], want)
		}
	}
	if entries[1].WaitSeconds != 5 || entries[1].Request != nil {
		t.Errorf("got %+v, want a wait of 5 s without a request", entries[1])
	}
	if !strings.HasPrefix(string(entries[0].Request), "POST / HTTP/1.1\r\n") ||
		!strings.HasPrefix(string(entries[0].Response), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("got %q and %q, want complete HTTP messages", entries[0].Request, entries[0].Response)
	}
	if !strings.Contains(string(entries[2].Request), "\r\nhost:") {
		t.Errorf("got %q, want header names in lower case", entries[2].Request)
	}
}

func TestTranscriptOmitsSecretsFromTheEnvironment(t *testing.T) {
	const secret = "correct horse"
	s := newRecordingServer(t,
		func(record string, count int) string { return "RES=0&RS=0&ECHO=" + record + "&PW=" + secret })
	file := parseFile(t, "reset: {url: /reset}\nlimits: {rate: 0}", "SECRET", secret)
	for i := range file.Accounts {
		file.Accounts[i].Secret, file.Accounts[i].SecretHidden = secret, true
	}
	b := newTestLab(t, file, s.URL)
	answers := b.mustRun(
		`a Login PS={md5(secret)}`,
		`a Login PS={secret}`,
		`a Login PS={MD5(secret)}`,
		`a Login PS={sha1(secret)}`,
	).Answers
	for i := range answers {
		proof, _ := experiment.ComputeProof([]string{"md5(secret)", "secret", "MD5(secret)", "sha1(secret)"}[i], secret)
		if !strings.Contains(s.records[i], proof) {
			t.Errorf("the server received %q, want the proof %s", s.records[i], proof)
		}
		entry := b.entries()[i]
		for _, text := range []string{string(entry.Request), string(entry.Response), string(answers[i].Request),
			string(answers[i].Body)} {
			if strings.Contains(text, proof) || strings.Contains(text, secret) {
				t.Errorf("%q contains the secret", text)
			}
		}
		if !strings.Contains(string(entry.Request), "secret") {
			t.Errorf("%q has no placeholder for the secret", entry.Request)
		}
	}
}

// newArchivedLab returns a lab that continues the transcript of another.
func newArchivedLab(t *testing.T, b *testLab, url string, options ...func(*lab.Config)) *testLab {
	t.Helper()
	past, err := journal.Read(bytes.NewReader(b.transcript.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return newTestLab(
		t,
		b.file,
		url,
		append(options, func(config *lab.Config) { config.Archive = lab.NewArchive(past, "a") })...)
}

func TestRunReplaysArchivedExperiments(t *testing.T) {
	for _, more := range []string{
		"limits: {rate: 0}",
		"reset: {url: /control/reset}\nlimits: {rate: 0}",
		"pool: {first: 10005, last: 10012, secret: 123456}\nreset: pool\nlimits: {rate: 0}",
	} {
		url := serveReference(t)
		b := newTestLab(t, parseFile(t, more), url)
		first := []*lab.Trace{b.mustRun("a Login", "a List"), b.mustRun("b Login"), b.mustRun("a Login", "a List")}

		again := newArchivedLab(t, b, url)
		second := []*lab.Trace{
			again.mustRun("a Login", "a List"),
			again.mustRun("b Login"),
			again.mustRun("a Login", "a List"),
		}
		if len(again.entries()) > 0 {
			t.Errorf("the replay sent requests: %+v", again.entries())
		}
		for i := range first {
			checkSameTrace(t, second[i], first[i])
		}
		if again.Sent() != b.Sent() || again.Attempts() != b.Attempts() {
			t.Errorf("got %d requests and %d attempts, want %d and %d", again.Sent(), again.Attempts(), b.Sent(),
				b.Attempts())
		}
		x, y := again.mustRun("a Login", "a List"), b.mustRun("a Login", "a List")
		if x.ID != "a4" {
			t.Errorf("the next trace has the ID %s, want a4", x.ID)
		}
		if b.file.Reset.Kind != experiment.ResetURL && bytes.Equal(x.Answers[0].Request, first[0].Answers[0].Request) {
			t.Error("two attempts have the same mark")
		}
		if b.file.Reset.Kind == experiment.ResetURL {
			checkSameTrace(t, x, y)
		}
	}
}

func checkSameTrace(t *testing.T, got, want *lab.Trace) {
	t.Helper()
	if got.ID != want.ID {
		t.Errorf("got ID %s, want %s", got.ID, want.ID)
	}
	for i := range want.Answers {
		x, y := got.Answers[i], want.Answers[i]
		if fmt.Sprintf("%+v", x) != fmt.Sprintf("%+v", y) {
			t.Errorf("got  %+v\nwant %+v", x, y)
		}
	}
}

func TestIncompleteAttemptIsRepeatedWithNewMarks(t *testing.T) {
	url := serveReference(t)
	b := newTestLab(t, parseFile(t, "limits: {rate: 0}"), url)
	b.mustRun("a Login", "a List")
	complete := bytes.Clone(b.transcript.Bytes())
	b.mustRun("a Login", "a List", "a Logout")
	lines := bytes.SplitAfter(b.transcript.Bytes()[len(complete):], []byte("\n"))
	cut := bytes.Join(lines[:len(lines)-2], nil) // without the Logout and the empty rest after the last line
	b.transcript.Reset()
	b.transcript.Write(append(complete, cut...))

	again := newArchivedLab(t, b, url)
	again.mustRun("a Login", "a List")
	before := again.Sent()
	trace := again.mustRun("a Login", "a List", "a Logout")
	if trace.ID != "a3" {
		t.Errorf("got ID %s, want a3", trace.ID)
	}
	past, err := journal.Read(bytes.NewReader(b.transcript.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range past.Entries {
		if bytes.Contains(entry.Request, trace.Answers[0].Request) {
			t.Errorf("the repeated attempt reuses a mark of %s", entry.ID())
		}
	}
	if sent := len(again.entries()) + bytes.Count(cut, []byte("\n")); again.Sent()-before != sent {
		t.Errorf("the budget counts %d requests, want %d", again.Sent()-before, sent)
	}
}

func TestOfflineLabSendsNothing(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	want := b.mustRun("a Login", "wait 5", "a List")
	if err := b.WriteEnd("because"); err != nil {
		t.Fatal(err)
	}
	received := len(s.records)
	again := newArchivedLab(t, b, s.URL, func(config *lab.Config) { config.Offline = true })
	checkSameTrace(t, again.mustRun("a Login", "wait 5", "a List"), want)
	_, err := again.Run(context.Background(), again.parseSteps("a Login", "wait 5", "a List"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) || stopped.Reason != "because" {
		t.Error(err)
	}
	if err := again.CheckReachable(context.Background()); err != nil {
		t.Error(err)
	}
	if len(s.records) != received || s.connections != 2 {
		t.Errorf("got %d requests and %d connections, want 0 and 2", len(s.records)-received, s.connections)
	}
}

func TestArchiveReplaysAllRequestForms(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	var lines []string
	var want []*lab.Trace
	for _, form := range lab.RequestForms() {
		line := "a List"
		if form != "" {
			line += " via=" + form
		}
		lines, want = append(lines, line), append(want, b.mustRun(line))
	}
	past, err := journal.Read(bytes.NewReader(b.transcript.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	again := newTestLab(t, b.file, s.URL,
		func(config *lab.Config) { config.Archive, config.Offline = lab.NewArchive(past, "a"), true })
	for i, line := range lines {
		checkSameTrace(t, again.mustRun(line), want[i])
	}
}

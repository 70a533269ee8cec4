package lab_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

// fileTemplate is an experiment file for the reference server, and for servers that answer
// RES=0&RS=0. MORE and PLACES are replaced.
const fileTemplate = `
accounts:
  a: {account: 10001, secret: "123456"}
  b: {account: 10002, secret: "123456"}
PLACES
friends: [[a, b]]
answer: {code: RES, done: [0], not_logged_in: [20]}
commands:
  Login: {request: "VER=1.1&CMD=Login&SEQ={seq}&UIN={me}&PS={md5(secret)}&M5=1&LC=9326B87B234E7235", does: login, done: RS=0}
  Logout: {request: "VER=1.1&CMD=Logout&SEQ={seq}&UIN={me}", does: logout}
  Change_Stat: {request: "VER=1.1&CMD=Change_Stat&SEQ={seq}&UIN={me}&ST=10", does: status}
  List: {request: "VER=1.1&CMD=List&SEQ={seq}&UIN={me}&TN=160&UN=0", does: friends}
  DelFromList: {request: "VER=1.1&CMD=DelFromList&SEQ={seq}&UIN={me}&UN={to}", does: delete, destructive: true}
  AddToList: {request: "VER=1.1&CMD=AddToList&SEQ={seq}&UIN={me}&UN={to}", does: add}
  Ack_AddToList: {request: "VER=1.1&CMD=Ack_AddToList&SEQ={seq}&UIN={me}&UN={to}&CD=2&RS={text}", does: {request: CD=2, accept: CD=0, reject: CD=1}}
  CLTMSG: {request: "VER=1.1&CMD=CLTMSG&SEQ={seq}&UIN={me}&UN={to}&MG={text}", does: send}
  GetMsgEx: {request: "VER=1.1&CMD=GetMsgEx&SEQ={seq}&UIN={me}", does: receive}
MORE
`

// controlURLs completes fileTemplate for test servers with control URLs.
const controlURLs = "limits: {rate: 0}\nreset: {url: /reset}\nclock: {url: /clock}"

// parseFile completes fileTemplate with more. env holds names and values of environment variables.
func parseFile(t testing.TB, more string, env ...string) *experiment.File {
	t.Helper()
	places := "places: [127.0.0.1, 127.0.0.2]"
	if strings.Contains(more, "places:") {
		places = ""
	}
	text := strings.NewReplacer("MORE", more, "PLACES", places).Replace(fileTemplate)
	file, err := experiment.Parse("test.yaml", []byte(text), func(name string) (string, bool) {
		start := slices.Index(env, name)
		if start < 0 {
			return "", false
		}
		return env[start+1], true
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// testLab is a lab with its transcript.
type testLab struct {
	*lab.Lab
	t          testing.TB
	file       *experiment.File
	transcript bytes.Buffer
}

func newTestLab(t testing.TB, file *experiment.File, url string, options ...func(*lab.Config)) *testLab {
	t.Helper()
	b := &testLab{t: t, file: file}
	w, err := journal.NewWriter(&b.transcript, journal.TranscriptHead{})
	if err != nil {
		t.Fatal(err)
	}
	config := lab.Config{File: file, URL: url, Name: "a", MaxRequests: 1000, Salt: 1, Journal: w}
	for _, apply := range options {
		apply(&config)
	}
	if b.Lab, err = lab.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (b *testLab) parseSteps(lines ...string) []experiment.Step {
	b.t.Helper()
	var steps []experiment.Step
	for _, line := range lines {
		step, err := b.file.ParseStep(line)
		if err != nil {
			b.t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return steps
}

func (b *testLab) mustRun(lines ...string) *lab.Trace {
	b.t.Helper()
	trace, err := b.Run(context.Background(), b.parseSteps(lines...), 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return trace
}

// runForbidden makes an experiment that must fail without sending a request.
func (b *testLab) runForbidden(lines ...string) error {
	b.t.Helper()
	sent := b.Sent()
	_, err := b.Run(context.Background(), b.parseSteps(lines...), 0)
	if err == nil || b.Sent() != sent {
		b.t.Errorf("%q: got the error %v and %d requests, want an error and none", lines, err, b.Sent()-sent)
	}
	return err
}

func (b *testLab) entries() []journal.Entry {
	b.t.Helper()
	past, err := journal.Read(bytes.NewReader(b.transcript.Bytes()))
	if err != nil {
		b.t.Fatal(err)
	}
	return past.Entries
}

func serveReference(t testing.TB) string {
	t.Helper()
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// recordingServer records the requests that it receives.
type recordingServer struct {
	*httptest.Server
	mu          sync.Mutex // guards the fields below
	records     []string
	clientAddrs []string // by record
	connections int
}

// newRecordingServer answers records with answer, which gets the number of earlier records. The
// answer "" closes the connection.
func newRecordingServer(t testing.TB, answer func(record string, count int) string) *recordingServer {
	s := &recordingServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/" {
			return // a control URL
		}
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		s.mu.Lock()
		count := len(s.records)
		s.records, s.clientAddrs = append(s.records, string(body)), append(s.clientAddrs, host)
		s.mu.Unlock()
		text := answer(string(body), count)
		if text == "" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, text)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.connections++
			s.mu.Unlock()
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func answerDone(string, int) string { return "RES=0&RS=0" }

func TestLostAnswerRestartsTheExperiment(t *testing.T) {
	s := newRecordingServer(t, func(record string, count int) string {
		if count == 1 {
			return ""
		}
		return answerDone(record, count)
	})
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	trace := b.mustRun("a Login", "a List")
	if trace.Answers[1].Lost || len(trace.Answers) != 2 || b.TransportFaults() != 1 || b.Attempts() != 2 {
		t.Errorf("got %+v, %d faults, %d attempts, want 2 answers, 1 fault, 2 attempts", trace,
			b.TransportFaults(), b.Attempts())
	}
	if len(s.records) != 4 || s.records[0] != s.records[2] {
		t.Errorf("the server received %q, want 4 requests, the third equal to the first", s.records)
	}
	if trace.ID != "a2" || trace.Answers[1].ID != "a2.2" {
		t.Errorf("got IDs %s and %s, want a2 and a2.2", trace.ID, trace.Answers[1].ID)
	}
}

func TestRunAcceptsSilenceAfterThreeAttempts(t *testing.T) {
	s := newRecordingServer(t, func(record string, count int) string {
		if strings.Contains(record, "CMD=List") {
			return ""
		}
		return answerDone(record, count)
	})
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	trace := b.mustRun("a Login", "a List", "a Logout")
	if b.Attempts() != 3 || b.TransportFaults() != 3 {
		t.Errorf("got %d attempts and %d faults, want 3 and 3", b.Attempts(), b.TransportFaults())
	}
	answers := trace.Answers
	if answers[0].Lost || !answers[1].Lost || answers[2].Lost || answers[1].Kind() != "nothing" ||
		answers[1].Fault != "the connection ended without an answer" {
		t.Errorf("got %+v, want only the second answer lost", answers)
	}
}

func TestRunRecoversFromOneLostAnswerInTen(t *testing.T) {
	s := newRecordingServer(t, func(record string, count int) string {
		if count%10 == 9 {
			return ""
		}
		return answerDone(record, count)
	})
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	for range 40 {
		for _, answer := range b.mustRun("a Login", "a List", "a Logout").Answers {
			if answer.Lost {
				t.Fatal("a trace has a lost answer")
			}
		}
	}
}

func TestRunStopsWhenTheServerIsGone(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL,
		func(config *lab.Config) { config.AnswerTimeout = 100 * time.Millisecond })
	b.mustRun("a Login")
	b.Close()
	s.Close()
	_, err := b.Run(context.Background(), b.parseSteps("a Login"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) {
		t.Errorf("%v", err)
	}
}

func TestTranscriptRecordsAnInterruptedRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newRecordingServer(t, func(record string, count int) string {
		if count == 1 {
			cancel()
			return ""
		}
		return answerDone(record, count)
	})
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	_, err := b.Run(ctx, b.parseSteps("a Login", "a List"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) || stopped.Reason != "interrupted" {
		t.Errorf("%v", err)
	}
	entries := b.entries()
	if len(entries) != 2 || entries[1].Fault != journal.Interrupted || entries[1].EndsAttempt || b.Sent() != 2 {
		t.Errorf("got %+v and %d requests, want an interrupted second entry", entries, b.Sent())
	}
}

func TestRunStopsAtTheRequestBudget(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL, func(config *lab.Config) { config.MaxRequests = 5 })
	b.mustRun("a Login", "a List", "a Logout")
	_, err := b.Run(context.Background(), b.parseSteps("a Login", "a List", "a Logout"), 0)
	var stopped *lab.StoppedError
	if !errors.As(err, &stopped) || stopped.Reason != "the budget of 5 requests is used up" {
		t.Error(err)
	}
	if b.mustRun("a Login", "a List"); len(s.records) != 5 {
		t.Errorf("the server received %d requests, want 5", len(s.records))
	}
}

func TestRunStopsAtTheTimeLimit(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	file := parseFile(t, "limits: {rate: 0, time: 10s, wait: 1m}\nreset: {url: /reset}")
	b := newTestLab(t, file, s.URL)
	if err := b.runForbidden("wait 20"); !strings.Contains(err.Error(), "would be before a wait of 20s") {
		t.Error(err)
	}
	b = newTestLab(t, file, s.URL, func(config *lab.Config) { config.StartedAt = time.Now().Add(-time.Minute) })
	if err := b.runForbidden("a Login"); err.Error() != "the time of 10s is over" {
		t.Error(err)
	}
}

func TestRunForbidsWhatTheFileDoesNotAllow(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, "limits: {rate: 0, wait: 10s, failed_logins: 2}"), s.URL)
	wrong := "a Login PS=wrong"
	for _, lines := range [][]string{
		{"a Login", "a DelFromList"},
		{"a Login", "wait 11"},
		{wrong, wrong, wrong},
	} {
		if err := b.runForbidden(lines...); !errors.Is(err, lab.ErrForbidden) {
			t.Errorf("%q: %v", lines, err)
		}
	}
	b.mustRun("a Login PS=right", "a Login PS=right", "a Login")
	if err := b.runForbidden("a Login PS=x", "a Login PS=x", "a Login PS=x"); !errors.Is(err, lab.ErrForbidden) {
		t.Error(err)
	}
}

// The reference server locks an account after five failed logins in a row.
func TestCorrectLoginResetsTheCountOfFailedLogins(t *testing.T) {
	b := newTestLab(t, parseFile(t, "limits: {rate: 0, failed_logins: 3}"), serveReference(t))
	for range 4 {
		b.mustRun("a Login PS=wrong", "a Login PS=wrong", "a Login PS=wrong")
	}
	if answer := b.mustRun("a Login").Answers[0]; answer.Value("RS") != "0" {
		t.Errorf("the correct login got %s, want RS=0", answer.Body)
	}
	if err := b.runForbidden("a Login PS=1", "a Login PS=2", "a Login PS=3", "a Login PS=4"); !errors.Is(
		err,
		lab.ErrForbidden,
	) {
		t.Error(err)
	}
	b.mustRun("a Login PS=1", "a Login PS=2", "a Login", "a Login PS=3", "a Login PS=4")
}

func TestPersistentLockForbidsFailedLogins(t *testing.T) {
	locked := false
	s := newRecordingServer(t, func(record string, _ int) string {
		locked = locked || strings.Contains(record, "PS=wrong")
		if locked && strings.Contains(record, "CMD=Login") {
			return "RES=0&RS=1"
		}
		return "RES=0&RS=0"
	})
	b := newTestLab(t, parseFile(t, "limits: {rate: 0, failed_logins: 3, wait: 1ms}"), s.URL)
	b.mustRun("a Login PS=wrong")
	b.mustRun("b List")
	if err := b.runForbidden("a Login PS=wrong"); !errors.Is(err, lab.ErrForbidden) ||
		!strings.Contains(err.Error(), "even against a correct login") {
		t.Error(err)
	}
}

func TestFailedLoginsWaitForTheNextPeriod(t *testing.T) {
	b := newTestLab(t, parseFile(t, "clock: {url: /control/clock}\nlimits: {rate: 0, failed_logins: 2 per 10m}"),
		serveReference(t))
	for range 5 {
		b.mustRun("a Login PS=wrong")
	}
	waited := 0.0
	for _, entry := range b.entries() {
		waited += entry.WaitSeconds
	}
	// The first two need no wait. Two more are sent every 10 minutes.
	if waited < 1199 || waited > 1300 {
		t.Errorf("waited %v s, want about 1200", waited)
	}
}

func TestNewAcceptsOnlyLoopbackAndAllowedHosts(t *testing.T) {
	allowed := "allow: {hosts: [chat.example]}"
	for _, test := range []struct {
		more, url string
		remote    bool
		ok        bool
	}{
		{"", "http://127.0.0.1:1/", false, true},
		{"", "http://127.9.9.9/", false, true},
		{"", "http://[::1]:1/", false, true},
		{"", "http://localhost:1/", false, true},
		{"", "http://192.0.2.1/", false, false},
		{"", "http://chat.example/", true, false},
		{allowed, "http://chat.example/", false, false},
		{allowed, "http://chat.example/", true, true},
		{allowed, "http://CHAT.example:8000/", true, true},
		{allowed, "http://other.example/", true, false},
		{"reset: {url: 'http://192.0.2.1/reset'}", "http://127.0.0.1:1/", false, false},
		{"clock: {url: 'http://192.0.2.1/clock'}", "http://127.0.0.1:1/", false, false},
		{"", "https://127.0.0.1/", false, false},
		{"", "127.0.0.1", false, false},
	} {
		_, err := lab.New(lab.Config{File: parseFile(t, test.more), URL: test.url, AllowRemote: test.remote})
		if (err == nil) != test.ok {
			t.Errorf("%s with %q, remote %v: got the error %v, want success: %v", test.url, test.more, test.remote,
				err, test.ok)
		}
	}
}

func TestControlURLRedirectIsNotFollowed(t *testing.T) {
	elsewhere := newRecordingServer(t, answerDone)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	if err := b.runForbidden("a Login"); !strings.Contains(err.Error(), "status 307") {
		t.Error(err)
	}
	if elsewhere.connections > 0 {
		t.Error("the request followed the redirect")
	}
}

func TestFileSelectsWhetherConnectionsAreReused(t *testing.T) {
	for more, want := range map[string]int{controlURLs: 1, controlURLs + "\nsyntax: {close: true}": 6} {
		s := newRecordingServer(t, answerDone)
		b := newTestLab(t, parseFile(t, more), s.URL)
		b.mustRun("a Login", "a List", "a Logout")
		b.mustRun("a Login", "a List", "a Logout")
		if s.connections != want+1 { // and one for the control URL
			t.Errorf("got %d connections, want %d", s.connections, want+1)
		}
	}
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	b.mustRun("a Login", "a List via=close", "a List")
	if s.connections != 4 {
		t.Errorf("got %d connections, want 4", s.connections)
	}
}

func TestEachPlaceHasItsOwnConnection(t *testing.T) {
	s := newRecordingServer(t, answerDone)
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	b.mustRun("a Login", "a@2 List", "a List", "a@2 List")
	if want := []string{"127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"}; !slices.Equal(s.clientAddrs, want) {
		t.Errorf("got requests from %q, want %q", s.clientAddrs, want)
	}
	if s.connections != 3 {
		t.Errorf("got %d connections, want 3", s.connections)
	}
}

func TestCheckReachableReportsAForeignPlace(t *testing.T) {
	b := newTestLab(t, parseFile(t, controlURLs+"\nplaces: [192.0.2.7]"), newRecordingServer(t, answerDone).URL)
	if err := b.CheckReachable(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "cannot ask from 192.0.2.7") {
		t.Error(err)
	}
}

// An experiment with more failed logins than the file allows per period can never be made.
func TestRunForbidsTooManyFailedLoginsPerPeriod(t *testing.T) {
	b := newTestLab(t, parseFile(t, "clock: {url: /control/clock}\nlimits: {rate: 0, failed_logins: 2 per 10m}"),
		serveReference(t))
	if err := b.runForbidden("a Login PS=1", "a Login PS=2", "a Login", "a Login PS=3"); !errors.Is(
		err,
		lab.ErrForbidden,
	) {
		t.Error(err)
	}
	b.mustRun("a Login PS=1", "a Login PS=2", "a Login")
}

func TestPersistentLockIsMeasured(t *testing.T) {
	b := newTestLab(t, parseFile(t, "clock: {url: /control/clock}\nlimits: {rate: 0, failed_logins: 5}"),
		serveReference(t))
	wrong := "a Login PS=wrong"
	b.mustRun(wrong, wrong, wrong, wrong, wrong)
	b.mustRun("b List")
	l := b.Lock()
	if l == nil || l.FailedLogins != 5 || l.MinDuration >= time.Minute || l.MaxDuration < time.Minute ||
		l.MaxDuration > 2*time.Minute {
		t.Fatalf("got the lock %+v, want 5 failed logins and about a minute", l)
	}
	if err := b.runForbidden(wrong); !errors.Is(err, lab.ErrForbidden) {
		t.Error(err)
	}
}

func TestLockEndsAnExperimentBeforeMoreWrongLogins(t *testing.T) {
	wrongCount := 0
	s := newRecordingServer(t, func(record string, _ int) string {
		if strings.Contains(record, "PS=wrong") {
			wrongCount++
		}
		if strings.Contains(record, "CMD=Login") && wrongCount >= 2 {
			return "RES=0&RS=1"
		}
		return "RES=0&RS=0"
	})
	b := newTestLab(t, parseFile(t, "limits: {rate: 0, failed_logins: 3, wait: 1ms}"), s.URL)
	wrongLogin := "a Login PS=wrong"
	lines := []string{wrongLogin, wrongLogin, "a Login", "a List", wrongLogin, wrongLogin}
	checkEndsAtLock := func(b *testLab) {
		t.Helper()
		_, err := b.Run(context.Background(), b.parseSteps(lines...), 0)
		locked := new(lab.LockedError)
		if !errors.As(err, &locked) || !errors.Is(err, lab.ErrForbidden) {
			t.Fatalf("got the error %v, want a LockedError", err)
		}
		if count := len(locked.Partial.Steps); count != 3 || len(locked.Partial.Answers) != count {
			t.Errorf("the partial trace has %d steps and %d answers, want 3 and 3", count, len(locked.Partial.Answers))
		}
		if got := b.Key(locked.Unsent, 0); got != "0: a List; a Login PS=wrong; a Login PS=wrong" {
			t.Errorf("got the unsent steps %s", got)
		}
	}
	checkEndsAtLock(b)
	if wrongCount != 2 {
		t.Errorf("Run sent %d wrong logins, want 2", wrongCount)
	}
	received := len(s.records)
	checkEndsAtLock(newArchivedLab(t, b, s.URL, func(config *lab.Config) { config.Offline = true }))
	if len(s.records) != received {
		t.Error("the replay sent requests")
	}

	// Without further wrong logins the rest is sent, to show what a lock does.
	wrongCount = 0
	b = newTestLab(t, b.file, s.URL)
	if trace := b.mustRun(wrongLogin, wrongLogin, "a Login", "a List"); len(trace.Answers) != 4 {
		t.Errorf("got %d answers, want 4", len(trace.Answers))
	}
}

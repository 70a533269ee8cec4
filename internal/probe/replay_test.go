package probe_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

// recordStudy studies servers and returns the transcript.
func recordStudy(t testing.TB, requests int, servers ...string) *journal.Transcript {
	t.Helper()
	o := newOptions(t, servers...)
	o.RequestBudget = requests
	mustRun(t, o)
	past, err := probe.ReadTranscript(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	return past
}

func mustReplay(t testing.TB, past *journal.Transcript, serverName, url string) *probe.ReplayResult {
	t.Helper()
	experiment, err := probe.ExperimentOfTranscript(past, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	r, err := probe.Replay(context.Background(), probe.ReplayOptions{Transcript: past, Experiment: experiment,
		ServerName: serverName, ServerURL: url})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReplayOnTheSameServerShowsNoChange(t *testing.T) {
	r := mustReplay(t, recordStudy(t, budget, startServer(t, probetest.Config{})), "a", startServer(t,
		probetest.Config{}))
	if r.StopReason != "" || r.Answers < 500 || r.Experiments < 50 {
		t.Errorf("%+v", r)
	}
	for _, changed := range r.ChangedAnswers {
		t.Errorf("%+v", changed)
	}
}

func TestReplayReportsChangedAnswers(t *testing.T) {
	past := recordStudy(t, budget, startServer(t, probetest.Config{}), startServer(t,
		probetest.Config{Mutant: "list-descending"}))
	other := startServer(t, probetest.Config{Mutant: "list-descending"})
	r := mustReplay(t, past, "a", other)
	if len(r.ChangedAnswers) == 0 {
		t.Error("Replay found no changed answer")
	}
	for _, changed := range r.ChangedAnswers {
		if changed.Before == changed.After || len(changed.Steps) == 0 || !strings.HasPrefix(changed.EntryID, "a") {
			t.Errorf("%+v", changed)
		}
	}
	if r := mustReplay(t, past, "b", other); len(r.ChangedAnswers) > 0 {
		t.Errorf("%+v", r.ChangedAnswers[0])
	}
}

func TestReplayIgnoresLostAnswersOfTheTranscript(t *testing.T) {
	past := recordStudy(t, 800, startServer(t, probetest.Config{Mutant: "lost-requests"}))
	if r := mustReplay(t, past, "a", startServer(t, probetest.Config{})); len(r.ChangedAnswers) > 0 {
		t.Errorf("%+v", r.ChangedAnswers[0])
	}
}

// servePlayback serves a transcript and returns its URL.
func servePlayback(t testing.TB, past *journal.Transcript) string {
	t.Helper()
	s, err := probe.NewPlayback(past, "a")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String() + "/"
}

func TestPlaybackAnswersLikeTheRecordedServer(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	for _, mutant := range []string{"", "lost-requests", "list-descending", "with commands"} {
		o := newOptions(t)
		if mutant == "with commands" {
			mutant = ""
			o.Experiment = loadChanged(t, "reset: {url: /control/reset}", "reset: commands")
		}
		o.ServerURLs = []string{startServer(t, probetest.Config{Mutant: mutant})}
		want := mustRun(t, o)
		past, err := probe.ReadTranscript(o.Folder)
		if err != nil {
			t.Fatal(err)
		}
		again := o
		again.ServerURLs, again.Folder = []string{servePlayback(t, past)}, o.Folder+"-playback"
		got := mustRun(t, again)
		if joinStatements(got) != joinStatements(want) {
			t.Errorf("%s: a study of the playback has other facts: %s", mutant,
				firstDifference(joinStatements(got), joinStatements(want)))
		}
		if x, y := experimentKeys(t, again.Folder), experimentKeys(t, o.Folder); x != y {
			t.Errorf("%s: a study of the playback has other experiments: %s", mutant, firstDifference(x, y))
		}
	}
}

func TestPlaybackEchoesTheMarkOfTheRequest(t *testing.T) {
	url := servePlayback(t, recordStudy(t, 600, startServer(t, probetest.Config{})))
	post := func(path, body string) (int, string) {
		t.Helper()
		resp, err := http.Post(url+path, "text/plain; charset=UTF-8", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, _ := post("control/reset", ""); status != http.StatusNoContent {
		t.Errorf("reset: got status %d, want 204", status)
	}
	if status, _ := post("control/clock", "soon"); status != http.StatusBadRequest {
		t.Errorf("clock without a number: got status %d, want 400", status)
	}
	list := "VER=1.1&CMD=List&SEQ=1987654321&UIN=10001&TN=160&UN=0"
	if _, description := post("", list); !strings.Contains(description, "RES=20") ||
		!strings.Contains(description, "SEQ=1987654321") {
		t.Errorf("List after a reset: got %q, want RES=20 and its own SEQ", description)
	}
	post("", "VER=1.1&CMD=Login&SEQ=1987654322&UIN=10001&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235")
	if _, description := post("", list); !strings.Contains(description, "RES=0") {
		t.Errorf("List after a Login: got %q, want RES=0", description)
	}
	if status, description := post("", "VER=1.1&CMD=Nothing"); status != http.StatusNotImplemented {
		t.Errorf("unrecorded request: got status %d, %q, want 501", status, description)
	}
}

// A listener takes the place of the recorded server and counts connections.
func TestPlaybackSendsNothing(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	past := recordStudy(t, 600, url)
	stopClosing()
	c := listenAndCount(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	o := newOptions(t, servePlayback(t, past))
	o.RequestBudget = 600
	mustRun(t, o)
	if n := c.connections.Load(); n > 0 {
		t.Errorf("the playback connected %d times, want 0", n)
	}
}

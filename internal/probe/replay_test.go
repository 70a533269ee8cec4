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

// recording is the transcript of a study of servers.
func recording(t testing.TB, requests int, servers ...string) *journal.Transcript {
	t.Helper()
	o := options(t, servers...)
	o.RequestBudget = requests
	run(t, o)
	past, err := probe.ReadTranscript(o.Folder)
	if err != nil {
		t.Fatal(err)
	}
	return past
}

func replay(t testing.TB, past *journal.Transcript, serverName, url string) *probe.ReplayResult {
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

func TestAReplayOnTheSameServerShowsNoChange(t *testing.T) {
	r := replay(t, recording(t, budget, serve(t, probetest.Config{})), "a", serve(t, probetest.Config{}))
	if r.StopReason != "" || r.Answers < 500 || r.Experiments < 50 {
		t.Errorf("%+v", r)
	}
	for _, changed := range r.ChangedAnswers {
		t.Errorf("%+v", changed)
	}
}

func TestAReplayShowsWhatHasChanged(t *testing.T) {
	past := recording(t, budget, serve(t, probetest.Config{}), serve(t, probetest.Config{Mutant: "list-descending"}))
	other := serve(t, probetest.Config{Mutant: "list-descending"})
	r := replay(t, past, "a", other)
	if len(r.ChangedAnswers) == 0 {
		t.Error("nothing has changed")
	}
	for _, changed := range r.ChangedAnswers {
		if changed.Before == changed.After || len(changed.Steps) == 0 || !strings.HasPrefix(changed.EntryID, "a") {
			t.Errorf("%+v", changed)
		}
	}
	if r := replay(t, past, "b", other); len(r.ChangedAnswers) > 0 {
		t.Errorf("%+v", r.ChangedAnswers[0])
	}
}

func TestLostAnswersInATranscriptAreNotChanges(t *testing.T) {
	past := recording(t, 800, serve(t, probetest.Config{Mutant: "lost-requests"}))
	if r := replay(t, past, "a", serve(t, probetest.Config{})); len(r.ChangedAnswers) > 0 {
		t.Errorf("%+v", r.ChangedAnswers[0])
	}
}

// playback serves a transcript.
func playback(t testing.TB, past *journal.Transcript) string {
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

func TestAPlaybackAnswersAsTheServerDid(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	for _, mutant := range []string{"", "lost-requests", "list-descending", "with commands"} {
		o := options(t)
		if mutant == "with commands" {
			mutant = ""
			o.Experiment = changed(t, "reset: {url: /control/reset}", "reset: commands")
		}
		o.ServerURLs = []string{serve(t, probetest.Config{Mutant: mutant})}
		want := run(t, o)
		past, err := probe.ReadTranscript(o.Folder)
		if err != nil {
			t.Fatal(err)
		}
		again := o
		again.ServerURLs, again.Folder = []string{playback(t, past)}, o.Folder+"-playback"
		got := run(t, again)
		if statements(got) != statements(want) {
			t.Errorf("%s: a study of the playback finds otherwise: %s", mutant,
				firstDifference(statements(got), statements(want)))
		}
		if x, y := asked(t, again.Folder), asked(t, o.Folder); x != y {
			t.Errorf("%s: a study of the playback asks otherwise: %s", mutant, firstDifference(x, y))
		}
	}
}

func TestAPlaybackWritesTheMarkOfTheRequest(t *testing.T) {
	url := playback(t, recording(t, 600, serve(t, probetest.Config{})))
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
		t.Errorf("a reset is answered with status %d", status)
	}
	if status, _ := post("control/clock", "soon"); status != http.StatusBadRequest {
		t.Errorf("a clock that is moved by no number is answered with status %d", status)
	}
	list := "VER=1.1&CMD=List&SEQ=1987654321&UIN=10001&TN=160&UN=0"
	if _, description := post("", list); !strings.Contains(description, "RES=20") ||
		!strings.Contains(description, "SEQ=1987654321") {
		t.Errorf("List behind a reset is answered %q", description)
	}
	post("", "VER=1.1&CMD=Login&SEQ=1987654322&UIN=10001&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235")
	if _, description := post("", list); !strings.Contains(description, "RES=0") {
		t.Errorf("List behind a Login is answered %q", description)
	}
	if status, description := post("", "VER=1.1&CMD=Nothing"); status != http.StatusNotImplemented {
		t.Errorf("what was never asked is answered with status %d, %q", status, description)
	}
}

// The transcript's server is there, and nobody asks it.
func TestAPlaybackSendsNothing(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	past := recording(t, 600, url)
	stopClosing()
	c := count(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	o := options(t, playback(t, past))
	o.RequestBudget = 600
	run(t, o)
	if n := c.n.Load(); n > 0 {
		t.Errorf("it has connected %d times", n)
	}
}

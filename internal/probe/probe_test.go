package probe_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

// budget is enough for a study that has something of everything.
const budget = 1500

func serve(t testing.TB, c probetest.Config) string {
	t.Helper()
	s, err := probetest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopClosing)
	return url
}

func load(t testing.TB, name string) *probe.LoadedExperiment {
	t.Helper()
	experiment, err := probe.LoadExperiment(name, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return experiment
}

// referenceFile describes the reference server.
const referenceFile = "compare/testdata/reference.yaml"

// files are the contents of a folder's files, by name.
func files(t testing.TB, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

// options are those of a study of servers, in a folder that there is not yet.
func options(t testing.TB, servers ...string) probe.Options {
	t.Helper()
	return probe.Options{
		Experiment: load(t, referenceFile), ServerURLs: servers, RequestBudget: budget, Seed: 1,
		Folder: filepath.Join(t.TempDir(), "study"),
	}
}

func run(t testing.TB, options probe.Options) *probe.StudyResult {
	t.Helper()
	study := probe.Run
	if len(options.ServerURLs) == 2 {
		study = probe.Diff
	}
	result, err := study(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// counter listens on a port, which may be that of a server that has ended, and
// counts who connects.
type counter struct {
	net.Listener
	n atomic.Int32
}

func count(t testing.TB, address string) *counter {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &counter{Listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.n.Add(1)
			conn.Close()
		}
	}()
	return c
}

// copyTranscript makes a folder that holds the transcript of another, and nothing
// else.
func copyTranscript(t testing.TB, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, probe.TranscriptFileName))
	if err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	if err := os.WriteFile(filepath.Join(target, probe.TranscriptFileName), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return target
}

// firstDifference is where two texts part.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return fmt.Sprintf("line %d of %d and %d: %q and %q", i+1, len(x), len(y), x[i],
				append(y, "")[min(i, len(y))])
		}
	}
	return fmt.Sprintf("line %d: %q is missing", len(x)+1, append(y, "")[min(len(x), len(y))])
}

// equalFolders compares all files.
func equalFolders(t testing.TB, got, want string) {
	t.Helper()
	a, b := files(t, got), files(t, want)
	for name := range b {
		if a[name] != b[name] {
			i := 0
			for i < len(a[name]) && i < len(b[name]) && a[name][i] == b[name][i] {
				i++
			}
			t.Errorf("%s differs at byte %d:\n%.300q\n%.300q", name, i, a[name][max(0, i-100):],
				b[name][max(0, i-100):])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d files, want %d", len(a), len(b))
	}
}

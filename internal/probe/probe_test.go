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

// budget suffices for some experiments of each phase.
const budget = 1500

func startServer(t testing.TB, c probetest.Config) string {
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

func loadExperiment(t testing.TB, name string) *probe.LoadedExperiment {
	t.Helper()
	experiment, err := probe.LoadExperiment(name, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return experiment
}

// referenceFile describes the reference server.
const referenceFile = "compare/testdata/reference.yaml"

// readFiles returns the contents of a folder's files, by name.
func readFiles(t testing.TB, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	contents := make(map[string]string)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		contents[e.Name()] = string(text)
	}
	return contents
}

// newOptions returns the options of a study of servers, in a folder that does not exist yet.
func newOptions(t testing.TB, servers ...string) probe.Options {
	t.Helper()
	return probe.Options{
		Experiment: loadExperiment(t, referenceFile), ServerURLs: servers, RequestBudget: budget, Seed: 1,
		Folder: filepath.Join(t.TempDir(), "study"),
	}
}

func mustRun(t testing.TB, options probe.Options) *probe.StudyResult {
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

// connectionCounter accepts and counts connections.
type connectionCounter struct {
	net.Listener
	connections atomic.Int32
}

func listenAndCount(t testing.TB, address string) *connectionCounter {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c := &connectionCounter{Listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.connections.Add(1)
			conn.Close()
		}
	}()
	return c
}

// copyTranscript copies only the transcript of a folder into a new one.
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

// firstDifference describes the first line that differs.
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

// compareFolders reports files that differ.
func compareFolders(t testing.TB, got, want string) {
	t.Helper()
	a, b := readFiles(t, got), readFiles(t, want)
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
		t.Errorf("got %d files, want %d", len(a), len(b))
	}
}

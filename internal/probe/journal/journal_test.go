package journal_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

func head() journal.TranscriptHead {
	return journal.TranscriptHead{
		Format: journal.Format, Command: "run", ServerURLs: map[string]string{"a": "http://127.0.0.1:1/"},
		ExperimentText: "name: x\n",
		ExperimentName: "x.yaml", Seed: 7, RequestBudget: 10, BeganAt: "2026-01-02T03:04:05Z",
		Variables: []string{"PROBE_A"},
		Overrides: journal.Overrides{ResetURL: "/reset", Places: []string{"127.0.0.1"}},
	}
}

func entries() []journal.Entry {
	return []journal.Entry{
		{Server: "a", AttemptNumber: 1, StepNumber: 0, ExperimentKey: "0: a Login", StepText: "a Logout", Role: "a",
			Elapsed: 0.5,
			Request: []byte("\x00\xff<&>"), Response: []byte("x"), Milliseconds: 1.5},
		{Server: "a", AttemptNumber: 1, StepNumber: 1, StepText: "wait 3", Elapsed: 3.5, WaitSeconds: 3},
		{Server: "a", AttemptNumber: 1, StepNumber: 2, StepText: "a Login", Role: "a", Elapsed: 4, Request: []byte("y"),
			Fault: "no answer in time", EndsAttempt: true},
		{Server: "a", Elapsed: 5, EndReason: "the study is whole"},
	}
}

// written is a transcript as it stands in a file.
func written(t *testing.T) []byte {
	t.Helper()
	var encoded bytes.Buffer
	w, err := journal.NewWriter(&encoded, head())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries() {
		if err := w.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	return encoded.Bytes()
}

func TestReadReturnsWhatWasWritten(t *testing.T) {
	text := written(t)
	got, err := journal.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Head, head()) {
		t.Errorf("%+v", got.Head)
	}
	for i, want := range entries() {
		want.PreviousHash = got.Entries[i].PreviousHash
		if !reflect.DeepEqual(got.Entries[i], want) {
			t.Errorf("got %+v, want %+v", got.Entries[i], want)
		}
	}
	if got.WholeSize != int64(len(text)) || !bytes.HasSuffix(text, append(got.LastLine, '\n')) {
		t.Errorf("got size %d, want %d; last line %q", got.WholeSize, len(text), got.LastLine)
	}
}

func TestReadDetectsChangedAndMissingLines(t *testing.T) {
	lines := bytes.SplitAfter(written(t), []byte("\n"))
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	change := func(line []byte) []byte { return bytes.Replace(line, []byte(`"t":`), []byte(`"t":1`), 1) }
	for name, text := range map[string][]byte{
		"a line was changed": join(lines[0], change(lines[1]), lines[2], lines[3], lines[4]),
		"the first line was changed": join(bytes.Replace(lines[0], []byte(`"seed":7`), []byte(`"seed":8`), 1), lines[1],
			lines[2]),
		"a line is missing":       join(lines[0], lines[1], lines[3], lines[4]),
		"two lines are exchanged": join(lines[0], lines[2], lines[1], lines[3]),
	} {
		_, err := journal.Read(bytes.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), "line ") ||
			!strings.Contains(err.Error(), "the hash does not fit") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadIgnoresAnIncompleteLastLine(t *testing.T) {
	text := written(t)
	lines := bytes.SplitAfter(text, []byte("\n"))
	completeSize := len(text) - len(lines[4])
	for cut := completeSize; cut < len(text); cut++ {
		got, err := journal.Read(bytes.NewReader(text[:cut]))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if len(got.Entries) != 3 || got.WholeSize != int64(completeSize) {
			t.Errorf("cut at %d: %d entries, size %d, want 3 and %d", cut, len(got.Entries), got.WholeSize,
				completeSize)
		}
	}
}

func TestContinueWriterAppendsToATranscript(t *testing.T) {
	text := written(t)
	lines := bytes.SplitAfter(text, []byte("\n"))
	first := bytes.Join(lines[:3], nil)
	past, err := journal.Read(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	encoded := bytes.NewBuffer(first)
	w := journal.ContinueWriter(encoded, past.LastLine)
	for _, entry := range entries()[2:] {
		if err := w.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(encoded.Bytes(), text) {
		t.Errorf("got %s, want %s", encoded.Bytes(), text)
	}
}

func TestReadRefusesFilesThatAreNoTranscript(t *testing.T) {
	for text, want := range map[string]string{
		"":            "the transcript is empty",
		"half a line": "the transcript is empty",
		"{}\n":        "line 1: this is no transcript of rookery probe",
		"hello\n":     "line 1: this is no transcript of rookery probe",
		`{"format":"rookery-probe-transcript-2"}` + "\n": "line 1: it is a transcript of another version of rookery: " +
			"its form is rookery-probe-transcript-2, and this version reads " + journal.Format,
		string(written(t)) + "no\n": "line 6: ",
	} {
		if _, err := journal.Read(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: got the error %v, want %s", text, err, want)
		}
	}
}

// broken is a writer that always fails, like a full disk.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestWriterStopsAfterAnError(t *testing.T) {
	full := bytes.ErrTooLarge
	w, err := journal.NewWriter(broken{full}, head())
	if err != full {
		t.Error(err)
	}
	if err := w.Append(journal.Entry{}); err != full {
		t.Error(err)
	}
}

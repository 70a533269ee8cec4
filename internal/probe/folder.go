package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// Transcript is the name of the file in a study's folder from which all others
// follow.
const Transcript = "transcript.jsonl"

const lockName = "lock"

// reports are the other files of a folder.
var reports = []string{"report.html", "report.md", "protocol.json", "model.dot", "differences.json"}

// A folder is where a study is kept. A new one is made when the study has
// begun well; until then what is to be written waits in memory.
type studyFolder struct {
	dir   string
	past  *journal.Transcript // nil for a new study
	early bytes.Buffer
	file  *os.File
	lock  *flock.Flock
}

// openFolder looks at a folder, and changes nothing. It refuses one that holds
// another study, or other files of such names.
func openFolder(dir string, head journal.TranscriptHead) (*studyFolder, error) {
	f := &studyFolder{dir: dir}
	past, err := readTranscript(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, name := range reports {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return nil, refuse("%s holds a %s that is not of this study; choose another folder with --output, or delete it", dir, name)
			}
		}
		return f, nil
	case err != nil:
		return nil, refuse("%s: %w; choose another folder with --output, or delete it", filepath.Join(dir, Transcript), err)
	case !same(past.Head, head):
		return nil, refuse("%s holds another study, %s; choose another folder with --output, or delete it",
			dir, differs(past.Head, head))
	}
	f.past = past
	return f, nil
}

// differs says in what two studies differ.
func differs(past, head journal.TranscriptHead) string {
	switch {
	case past.Command != head.Command:
		return "made with rookery probe " + past.Command
	case strings.Join(serversOf(past), " ") != strings.Join(serversOf(head), " "):
		return "of " + strings.Join(serversOf(past), " and ")
	case past.ExperimentText != head.ExperimentText:
		return "with another experiment file (or the file was changed)"
	case past.Seed != head.Seed:
		return fmt.Sprintf("with seed %d", past.Seed)
	case past.RequestBudget != head.RequestBudget:
		return fmt.Sprintf("with a budget of %d requests", past.RequestBudget)
	}
	return "with other accounts, places or control URLs on the command line"
}

// readTranscript reads the transcript of a folder.
func readTranscript(dir string) (*journal.Transcript, error) {
	return readTranscriptFile(filepath.Join(dir, Transcript))
}

func readTranscriptFile(path string) (*journal.Transcript, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return journal.Read(in)
}

// writer goes on with the transcript, or begins one.
func (f *studyFolder) writer(head journal.TranscriptHead) (*journal.TranscriptWriter, error) {
	if f.past != nil {
		return journal.ContinueWriter(f, f.past.LastLine), nil
	}
	return journal.NewWriter(f, head)
}

func (f *studyFolder) Write(line []byte) (int, error) {
	if f.file == nil {
		return f.early.Write(line)
	}
	return f.file.Write(line)
}

// begin makes the folder, if there is none, and writes down what has waited. A last
// line that a crash has cut off is cut off as a whole.
func (f *studyFolder) begin() error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	f.lock = flock.New(filepath.Join(f.dir, lockName))
	if locked, err := f.lock.TryLock(); err != nil {
		return fmt.Errorf("cannot lock the folder %s: %w", f.dir, err)
	} else if !locked {
		f.lock = nil
		return refuse("another rookery probe works on %s; wait until it is done, or choose another folder with --output", f.dir)
	}
	path := filepath.Join(f.dir, Transcript)
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.past != nil {
		flags = os.O_WRONLY
	}
	var err error
	if f.file, err = os.OpenFile(path, flags, 0o644); err != nil {
		return err
	}
	if f.past != nil {
		if err := f.file.Truncate(f.past.WholeSize); err != nil {
			return err
		}
		if _, err := f.file.Seek(f.past.WholeSize, io.SeekStart); err != nil {
			return err
		}
	}
	_, err = f.file.Write(f.early.Bytes())
	f.early.Reset()
	return err
}

// close ends the work on the folder.
func (f *studyFolder) close() error {
	var err error
	if f.file != nil {
		err = errors.Join(f.file.Sync(), f.file.Close())
	}
	if f.lock != nil {
		_ = os.Remove(f.lock.Path()) // an empty file would do no harm
		err = errors.Join(err, f.lock.Unlock())
	}
	return err
}

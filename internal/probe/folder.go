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

// TranscriptFileName is the name of the transcript in a study's folder.
const TranscriptFileName = "transcript.jsonl"

const lockFileName = "lock"

// reportFileNames are the reports in a study's folder.
var reportFileNames = []string{"report.html", "report.md", "protocol.json", "model.dot", "differences.json"}

// studyFolder is the folder of a study, and the writer of its transcript. createAndLock creates it
// on disk after the setup checks. Until then, transcript lines stay in memory.
type studyFolder struct {
	dir            string
	pastTranscript *journal.Transcript // nil for a new study
	pendingLines   bytes.Buffer
	transcriptFile *os.File
	folderLock     *flock.Flock
}

// inspectFolder reads the transcript in a folder, if any, and changes nothing. It refuses
// a folder that holds another study or reports without a transcript.
func inspectFolder(dir string, head journal.TranscriptHead) (*studyFolder, error) {
	f := &studyFolder{dir: dir}
	past, err := readTranscript(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, name := range reportFileNames {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return nil, setupErrorf(
					"%s holds a %s that is not of this study; choose another folder with --output, or delete it", dir,
					name)
			}
		}
		return f, nil
	case err != nil:
		return nil, setupErrorf("%s: %w; choose another folder with --output, or delete it",
			filepath.Join(dir, TranscriptFileName), err)
	case !isSameStudy(past.Head, head):
		return nil, setupErrorf("%s holds another study, %s; choose another folder with --output, or delete it",
			dir, describeDifference(past.Head, head))
	}
	f.pastTranscript = past
	return f, nil
}

// describeDifference says how the study in a folder differs from the requested one.
func describeDifference(past, head journal.TranscriptHead) string {
	switch {
	case past.Command != head.Command:
		return "made with rookery probe " + past.Command
	case strings.Join(serverURLs(past), " ") != strings.Join(serverURLs(head), " "):
		return "of " + strings.Join(serverURLs(past), " and ")
	case past.ExperimentText != head.ExperimentText:
		return "with another experiment file (or the file was changed)"
	case past.Seed != head.Seed:
		return fmt.Sprintf("with seed %d", past.Seed)
	case past.RequestBudget != head.RequestBudget:
		return fmt.Sprintf("with a budget of %d requests", past.RequestBudget)
	}
	return "with other accounts, places or control URLs on the command line"
}

func readTranscript(folder string) (*journal.Transcript, error) {
	return readTranscriptFile(filepath.Join(folder, TranscriptFileName))
}

func readTranscriptFile(path string) (*journal.Transcript, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return journal.Read(in)
}

// transcriptWriter continues the transcript or begins a new one.
func (f *studyFolder) transcriptWriter(head journal.TranscriptHead) (*journal.TranscriptWriter, error) {
	if f.pastTranscript != nil {
		return journal.ContinueWriter(f, f.pastTranscript.LastLine), nil
	}
	return journal.NewWriter(f, head)
}

func (f *studyFolder) Write(line []byte) (int, error) {
	if f.transcriptFile == nil {
		return f.pendingLines.Write(line)
	}
	return f.transcriptFile.Write(line)
}

// createAndLock creates the folder if necessary, locks it, and writes the pending lines.
// It removes an incomplete last line that a crash left behind.
func (f *studyFolder) createAndLock() error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	f.folderLock = flock.New(filepath.Join(f.dir, lockFileName))
	if locked, err := f.folderLock.TryLock(); err != nil {
		return fmt.Errorf("cannot lock the folder %s: %w", f.dir, err)
	} else if !locked {
		f.folderLock = nil
		return setupErrorf(
			"another rookery probe works on %s; wait until it is done, or choose another folder with --output", f.dir)
	}
	path := filepath.Join(f.dir, TranscriptFileName)
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.pastTranscript != nil {
		flags = os.O_WRONLY
	}
	var err error
	if f.transcriptFile, err = os.OpenFile(path, flags, 0o644); err != nil {
		return err
	}
	if f.pastTranscript != nil {
		if err := f.transcriptFile.Truncate(f.pastTranscript.WholeSize); err != nil {
			return err
		}
		if _, err := f.transcriptFile.Seek(f.pastTranscript.WholeSize, io.SeekStart); err != nil {
			return err
		}
	}
	_, err = f.transcriptFile.Write(f.pendingLines.Bytes())
	f.pendingLines.Reset()
	return err
}

// close syncs the transcript and unlocks the folder.
func (f *studyFolder) close() error {
	var err error
	if f.transcriptFile != nil {
		err = errors.Join(f.transcriptFile.Sync(), f.transcriptFile.Close())
	}
	if f.folderLock != nil {
		_ = os.Remove(f.folderLock.Path()) // a leftover lock file is harmless
		err = errors.Join(err, f.folderLock.Unlock())
	}
	return err
}

package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A file is one of those that a report is made of.
type outputFile struct {
	name  string
	write func(io.Writer, *finding.Study) error
}

func filesOf(study *finding.Study) []outputFile {
	files := []outputFile{
		{"report.html", HTML},
		{"report.md", Markdown},
		{"protocol.json", JSON},
		{"model.dot", DOT},
	}
	if compared(study) {
		files = append(files, outputFile{"differences.json", Differences})
	}
	return files
}

// compared tells whether the study is one of two servers.
func compared(study *finding.Study) bool { return len(study.Servers) == 2 }

// Write writes a study's report to a folder, which is made if there is none:
// report.html, report.md, protocol.json, model.dot, and, if two servers were
// compared, differences.json. Nothing is written before all of it is made, and
// each file replaces its predecessor as a whole.
func Write(dir string, study *finding.Study) error {
	files := filesOf(study)
	texts := make([]bytes.Buffer, len(files))
	for i, outputFile := range files {
		if err := outputFile.write(&texts[i], study); err != nil {
			return fmt.Errorf("%s: %w", outputFile.name, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, outputFile := range files {
		if err := replace(filepath.Join(dir, outputFile.name), texts[i].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a whole file in place of another, through a crash too.
func replace(path string, text []byte) error {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		os.Remove(path + ".new") // the first error is the one to tell
	}
	return err
}

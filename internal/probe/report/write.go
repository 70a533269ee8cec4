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

func outputFiles(study *finding.Study) []outputFile {
	files := []outputFile{
		{"report.html", HTML},
		{"report.md", Markdown},
		{"protocol.json", JSON},
		{"model.dot", DOT},
	}
	if isComparison(study) {
		files = append(files, outputFile{"differences.json", Differences})
	}
	return files
}

// isComparison tells whether the study is one of two servers.
func isComparison(study *finding.Study) bool { return len(study.Servers) == 2 }

// Write writes a study's report to a folder, which is made if there is none:
// report.html, report.md, protocol.json, model.dot, and, if two servers were
// compared, differences.json. Nothing is written before all of it is made, and
// each file replaces its predecessor as a whole.
func Write(dir string, study *finding.Study) error {
	files := outputFiles(study)
	texts := make([]bytes.Buffer, len(files))
	for i, file := range files {
		if err := file.write(&texts[i], study); err != nil {
			return fmt.Errorf("%s: %w", file.name, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, file := range files {
		if err := replaceFile(filepath.Join(dir, file.name), texts[i].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile puts a whole file in place of another, through a crash too.
func replaceFile(path string, text []byte) error {
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		os.Remove(path + ".new") // the first error is the one to tell
	}
	return err
}

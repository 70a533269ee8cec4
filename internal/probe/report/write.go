package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// outputFile is one file of a report.
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

// isComparison reports whether the study compares two servers.
func isComparison(study *finding.Study) bool { return len(study.Servers) == 2 }

// Write writes a study's reports to a folder, which it creates if necessary: report.html,
// report.md, protocol.json, model.dot, and, for a comparison, differences.json. It renders
// all files before it writes the first, and replaces each file atomically.
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

// replaceFile replaces a file atomically, so that a crash leaves either the old or the new
// content.
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
		os.Remove(path + ".new") // report the first error, not that of the removal
	}
	return err
}

package probe

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/report"
)

// Report writes the reports of a folder anew, from its transcript alone: it sends
// nothing. They are the same to the byte as those that the study itself wrote.
func Report(ctx context.Context, dir string) (*finding.Study, error) {
	transcript, err := readTranscript(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse("there is no %s in %s: that is not the folder of a study", Transcript, dir)
	case err != nil:
		return nil, refuse("%s: %w", filepath.Join(dir, Transcript), err)
	}
	out, err := fromTranscript(ctx, transcript)
	if err != nil {
		return nil, err
	}
	return out, report.Write(dir, out)
}

// fromTranscript makes a study of what a transcript holds.
func fromTranscript(ctx context.Context, transcript *journal.Transcript) (*finding.Study, error) {
	experiment, err := recorded(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	probeSession, err := newSession(transcript.Head, experiment, labConfig{remote: true, transcript: transcript, offline: true}, nil)
	if err != nil {
		return nil, err
	}
	defer probeSession.close()
	if err := probeSession.introduce(ctx); err != nil {
		return nil, err
	}
	out, err := probeSession.study(ctx)
	if err != nil {
		return nil, err
	}
	complete(out, transcript)
	return out, nil
}

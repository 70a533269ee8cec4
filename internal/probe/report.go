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
	t, err := readTranscript(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse("there is no %s in %s: that is not the folder of a study", Transcript, dir)
	case err != nil:
		return nil, refuse("%s: %w", filepath.Join(dir, Transcript), err)
	}
	out, err := fromTranscript(ctx, t)
	if err != nil {
		return nil, err
	}
	return out, report.Write(dir, out)
}

// fromTranscript makes a study of what a transcript holds.
func fromTranscript(ctx context.Context, t *journal.Transcript) (*finding.Study, error) {
	e, err := recorded(t.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	s, err := newSession(t.Head, e, labConfig{remote: true, transcript: t, offline: true}, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.introduce(ctx); err != nil {
		return nil, err
	}
	out, err := s.study(ctx)
	if err != nil {
		return nil, err
	}
	complete(out, t)
	return out, nil
}

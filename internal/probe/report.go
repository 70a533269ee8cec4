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
func Report(ctx context.Context, folder string) (*finding.Study, error) {
	transcript, err := readTranscript(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, setupErrorf("there is no %s in %s: that is not the folder of a study", TranscriptFileName, folder)
	case err != nil:
		return nil, setupErrorf("%s: %w", filepath.Join(folder, TranscriptFileName), err)
	}
	result, err := studyTranscript(ctx, transcript)
	if err != nil {
		return nil, err
	}
	return result, report.Write(folder, result)
}

// studyTranscript makes a study of what a transcript holds.
func studyTranscript(ctx context.Context, transcript *journal.Transcript) (*finding.Study, error) {
	experiment, err := recordedExperiment(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	session, err := newSession(transcript.Head, experiment, labConfig{allowRemote: true, transcript: transcript, offline: true}, nil)
	if err != nil {
		return nil, err
	}
	defer session.close()
	if err := session.checkServers(ctx); err != nil {
		return nil, err
	}
	result, err := session.runStudy(ctx)
	if err != nil {
		return nil, err
	}
	addTranscriptFigures(result, transcript)
	return result, nil
}

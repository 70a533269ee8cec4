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

// Report rewrites the reports in a folder from its transcript and sends nothing. They are
// identical, byte for byte, to those of the study.
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

// studyTranscript computes the results of a study from its transcript.
func studyTranscript(ctx context.Context, transcript *journal.Transcript) (*finding.Study, error) {
	experiment, err := recordedExperiment(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	session, err := newSession(transcript.Head, experiment,
		labConfig{allowRemote: true, transcript: transcript, offline: true}, nil)
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

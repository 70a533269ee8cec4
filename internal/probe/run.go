package probe

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/report"
)

// Options configure a study.
type Options struct {
	Experiment *LoadedExperiment
	// ServerURLs are one URL for Run and two for Diff.
	ServerURLs []string
	// Folder is where the transcript and the reports are written.
	Folder string
	// RequestBudget is the maximum number of requests to each server.
	RequestBudget int
	Seed          uint64
	// AllowRemote permits remote hosts that the experiment file lists.
	AllowRemote bool
	// AnswerTimeout is how long to wait for an answer. 0 means 10 s.
	AnswerTimeout time.Duration
	// PlannedWaits is the total duration of real waits according to a [Plan]. The estimate
	// of the time left uses it.
	PlannedWaits time.Duration
	// OnProgress, if set, is called when the progress changes.
	OnProgress func(StudyProgress)
}

// StudyResult is the outcome of Run or Diff.
type StudyResult struct {
	*finding.Study
	// ResumedRequests is how many requests came from the transcript of an interrupted
	// study.
	ResumedRequests int
	// Interrupted means that ctx ended the study. ServerBroken means that the server made
	// further experiments impossible. The same call resumes the study in both cases.
	Interrupted, ServerBroken bool
}

// completeReason is the end reason of a complete study.
const completeReason = "the study is whole"

// cleanupTimeout bounds the cleanup after an interruption.
const cleanupTimeout = 10 * time.Second

// Run studies a server and writes the results to a folder. When ctx ends, it reports the
// results until then. A later call with the same folder resumes the study. A
// [*SetupError] says why the study did not begin; no folder is created then.
func Run(ctx context.Context, options Options) (*StudyResult, error) {
	return options.runStudy(ctx, "run")
}

// Diff compares two servers. Otherwise it works like [Run].
func Diff(ctx context.Context, options Options) (*StudyResult, error) {
	return options.runStudy(ctx, "diff")
}

func (o *Options) transcriptHead(command string) journal.TranscriptHead {
	experiment := o.Experiment
	head := journal.TranscriptHead{
		Command: command, ServerURLs: make(map[string]string), ExperimentText: string(experiment.sourceText),
		ExperimentName: experiment.name,
		Seed:           o.Seed, Salt: rand.Uint64(), RequestBudget: o.RequestBudget,
		BeganAt:   time.Now().UTC().Format(time.RFC3339),
		Overrides: experiment.overrides, Variables: experiment.secretVariables,
	}
	for i, url := range o.ServerURLs {
		head.ServerURLs[serverNames[i]] = url
	}
	return head
}

func (o *Options) runStudy(ctx context.Context, command string) (*StudyResult, error) {
	head := o.transcriptHead(command)
	if _, err := checkBudget(ctx, o.Experiment, head); err != nil {
		return nil, err
	}
	folder, err := inspectFolder(o.Folder, head)
	if err != nil {
		return nil, err
	}
	session, resumed, err := o.openSession(folder, head)
	if err != nil {
		return nil, err
	}
	defer session.close()
	out, err := o.studyAndReport(ctx, session, folder)
	if err = errors.Join(err, folder.close()); err != nil {
		return nil, err
	}
	result := &StudyResult{Study: out, ResumedRequests: resumed, Interrupted: ctx.Err() != nil && out.Stopped != ""}
	for _, serverLab := range session.labs {
		result.ServerBroken = result.ServerBroken || serverLab.Broken()
	}
	return result, nil
}

// openSession prepares a new study or resumes one.
func (o *Options) openSession(folder *studyFolder, head journal.TranscriptHead) (session *probeSession, resumed int,
	err error) {
	config := labConfig{allowRemote: o.AllowRemote, answerTimeout: o.AnswerTimeout, transcript: folder.pastTranscript,
		beganAt: time.Now()}
	var waited time.Duration
	if folder.pastTranscript != nil {
		head = folder.pastTranscript.Head
		for i := range folder.pastTranscript.Entries {
			entry := &folder.pastTranscript.Entries[i]
			config.beganAt = time.Now().Add(-time.Duration(entry.Elapsed * float64(time.Second)))
			config.offline = entry.EndReason == completeReason
			if entry.Request != nil {
				resumed++
			}
			if o.Experiment.File.Clock.URL == "" {
				waited += time.Duration(entry.WaitSeconds * float64(time.Second))
			}
		}
	}
	if config.journal, err = folder.transcriptWriter(head); err != nil {
		return nil, 0, err
	}
	if session, err = newSession(head, o.Experiment, config, o.OnProgress); err != nil {
		return nil, 0, err
	}
	session.meter.plannedWaits = max(o.PlannedWaits-waited, 0)
	return session, resumed, nil
}

// studyAndReport runs the study, of which a resumed one replays the recorded part, and writes the
// reports.
func (o *Options) studyAndReport(ctx context.Context, session *probeSession, folder *studyFolder) (*finding.Study,
	error) {
	if err := session.checkServers(ctx); err != nil {
		return nil, err
	}
	if err := folder.createAndLock(); err != nil {
		return nil, err
	}
	result, err := session.runStudy(ctx)
	if err != nil {
		return nil, err
	}
	if !session.labs[0].Offline {
		if err := session.finish(ctx, result.Stopped); err != nil {
			return nil, err
		}
	}
	transcript, err := readTranscript(folder.dir)
	if err != nil {
		return nil, err
	}
	addTranscriptFigures(result, transcript)
	return result, report.Write(folder.dir, result)
}

// finish cleans up and writes the last line of the transcript.
func (s *probeSession) finish(ctx context.Context, reason string) error {
	if err := s.cleanUp(ctx); err != nil {
		return err
	}
	if reason == "" {
		reason = completeReason
	}
	return s.labs[0].WriteEnd(reason)
}

// cleanUp undoes what the latest experiments left behind, even if ctx has ended.
func (s *probeSession) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for _, serverLab := range s.labs {
		var stopped *lab.StoppedError
		if err := serverLab.CleanUp(ctx); err != nil && !errors.As(err, &stopped) {
			return err
		}
	}
	return nil
}

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

// Options say what is studied, and where the study is kept.
type Options struct {
	Experiment *LoadedExperiment
	// ServerURLs are the URLs: one for Run, two for Diff.
	ServerURLs []string
	// Folder is the study's folder.
	Folder string
	// RequestBudget is the budget for each server.
	RequestBudget int
	Seed          uint64
	// AllowRemote allows hosts beyond this machine that the experiment file lists.
	AllowRemote bool
	// AnswerTimeout is how long an answer is waited for; 0 is 10 s.
	AnswerTimeout time.Duration
	// PlannedWaits is how long the real waits are, as a [Plan] has it, for the time that is left.
	PlannedWaits time.Duration
	// OnProgress is told how far it has got, if it is not nil.
	OnProgress func(StudyProgress)
}

// A Result is what a study has come to.
type StudyResult struct {
	*finding.Study
	// ResumedRequests is how many requests came from the transcript, of a study that was
	// gone on with.
	ResumedRequests int
	// Interrupted says that ctx has ended it, Broken that a server does not let itself
	// be asked any more: the same call goes on.
	Interrupted, ServerBroken bool
}

// whole is why a study ends that has done all it wanted.
const completeReason = "the study is whole"

// farewell bounds what is done after an interruption.
const cleanupTimeout = 10 * time.Second

// Run studies a server and writes what it finds into a folder. When ctx ends it
// reports what was found until then; with the same folder it goes on. A [*SetupError]
// says why nothing was done; then there is no folder that was not there before.
func Run(ctx context.Context, options Options) (*StudyResult, error) {
	return options.runStudy(ctx, "run")
}

// Diff compares two servers and writes what it finds into a folder. Otherwise it
// is as [Run].
func Diff(ctx context.Context, options Options) (*StudyResult, error) {
	return options.runStudy(ctx, "diff")
}

// transcriptHead is the first line of the transcript.
func (o *Options) transcriptHead(command string) journal.TranscriptHead {
	experiment := o.Experiment
	head := journal.TranscriptHead{
		Command: command, ServerURLs: make(map[string]string), ExperimentText: string(experiment.sourceText), ExperimentName: experiment.name,
		Seed: o.Seed, Salt: rand.Uint64(), RequestBudget: o.RequestBudget, BeganAt: time.Now().UTC().Format(time.RFC3339),
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

// probeSession prepares a study that begins, or goes on.
func (o *Options) openSession(folder *studyFolder, head journal.TranscriptHead) (session *probeSession, resumed int, err error) {
	config := labConfig{allowRemote: o.AllowRemote, answerTimeout: o.AnswerTimeout, transcript: folder.pastTranscript, beganAt: time.Now()}
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

// studyAndReport makes the study, or what is left of it.
func (o *Options) studyAndReport(ctx context.Context, session *probeSession, folder *studyFolder) (*finding.Study, error) {
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

// finish tidies up, and writes the transcript's last line.
func (s *probeSession) finish(ctx context.Context, reason string) error {
	if err := s.cleanUp(ctx); err != nil {
		return err
	}
	if reason == "" {
		reason = completeReason
	}
	return s.labs[0].WriteEnd(reason)
}

// cleanUp undoes what the latest experiments have left behind, even if ctx has
// ended.
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

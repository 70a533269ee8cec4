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
	Experiment *Experiment
	// Servers are the URLs: one for Run, two for Diff.
	Servers []string
	// Dir is the study's folder.
	Dir string
	// Requests is the budget for each server.
	Requests int
	Seed     uint64
	// Remote allows hosts beyond this machine that the experiment file lists.
	Remote bool
	// Patience is how long an answer is waited for; 0 is 10 s.
	Patience time.Duration
	// Waits is how long the real waits are, as a [Plan] has it, for the time that is left.
	Waits time.Duration
	// Progress is told how far it has got, if it is not nil.
	Progress func(Progress)
}

// A Result is what a study has come to.
type Result struct {
	*finding.Study
	// Resumed is how many requests came from the transcript, of a study that was
	// gone on with.
	Resumed int
	// Interrupted says that ctx has ended it, Broken that a server does not let itself
	// be asked any more: the same call goes on.
	Interrupted, Broken bool
}

// whole is why a study ends that has done all it wanted.
const whole = "the study is whole"

// farewell bounds what is done after an interruption.
const farewell = 10 * time.Second

// Run studies a server and writes what it finds into a folder. When ctx ends it
// reports what was found until then; with the same folder it goes on. A [*SetupError]
// says why nothing was done; then there is no folder that was not there before.
func Run(ctx context.Context, options Options) (*Result, error) { return options.run(ctx, "run") }

// Diff compares two servers and writes what it finds into a folder. Otherwise it
// is as [Run].
func Diff(ctx context.Context, options Options) (*Result, error) { return options.run(ctx, "diff") }

// head is the first line of the transcript.
func (o *Options) head(command string) journal.TranscriptHead {
	experiment := o.Experiment
	head := journal.TranscriptHead{
		Command: command, ServerURLs: make(map[string]string), ExperimentText: string(experiment.source), ExperimentName: experiment.name,
		Seed: o.Seed, Salt: rand.Uint64(), RequestBudget: o.Requests, BeganAt: time.Now().UTC().Format(time.RFC3339),
		Overrides: experiment.changes, Variables: experiment.variables,
	}
	for i, url := range o.Servers {
		head.ServerURLs[runs[i]] = url
	}
	return head
}

func (o *Options) run(ctx context.Context, command string) (*Result, error) {
	head := o.head(command)
	if _, err := suffices(ctx, o.Experiment, head); err != nil {
		return nil, err
	}
	studyFolder, err := openFolder(o.Dir, head)
	if err != nil {
		return nil, err
	}
	probeSession, resumed, err := o.session(studyFolder, head)
	if err != nil {
		return nil, err
	}
	defer probeSession.close()
	out, err := o.do(ctx, probeSession, studyFolder)
	if err = errors.Join(err, studyFolder.close()); err != nil {
		return nil, err
	}
	result := &Result{Study: out, Resumed: resumed, Interrupted: ctx.Err() != nil && out.Stopped != ""}
	for _, lab := range probeSession.labs {
		result.Broken = result.Broken || lab.Broken()
	}
	return result, nil
}

// probeSession prepares a study that begins, or goes on.
func (o *Options) session(f *studyFolder, head journal.TranscriptHead) (s *probeSession, resumed int, err error) {
	c := labConfig{remote: o.Remote, patience: o.Patience, transcript: f.past, began: time.Now()}
	var waited time.Duration
	if f.past != nil {
		head = f.past.Head
		for i := range f.past.Entries {
			entry := &f.past.Entries[i]
			c.began = time.Now().Add(-time.Duration(entry.Elapsed * float64(time.Second)))
			c.offline = entry.EndReason == whole
			if entry.Request != nil {
				resumed++
			}
			if o.Experiment.File.Clock.URL == "" {
				waited += time.Duration(entry.WaitSeconds * float64(time.Second))
			}
		}
	}
	if c.journal, err = f.writer(head); err != nil {
		return nil, 0, err
	}
	if s, err = newSession(head, o.Experiment, c, o.Progress); err != nil {
		return nil, 0, err
	}
	s.progress.waits = max(o.Waits-waited, 0)
	return s, resumed, nil
}

// do makes the study, or what is left of it.
func (o *Options) do(ctx context.Context, s *probeSession, f *studyFolder) (*finding.Study, error) {
	if err := s.introduce(ctx); err != nil {
		return nil, err
	}
	if err := f.begin(); err != nil {
		return nil, err
	}
	out, err := s.study(ctx)
	if err != nil {
		return nil, err
	}
	if !s.labs[0].Offline {
		if err := s.leave(ctx, out.Stopped); err != nil {
			return nil, err
		}
	}
	transcript, err := readTranscript(f.dir)
	if err != nil {
		return nil, err
	}
	complete(out, transcript)
	return out, report.Write(f.dir, out)
}

// leave tidies up, and writes the transcript's last line.
func (s *probeSession) leave(ctx context.Context, reason string) error {
	if err := s.goodbye(ctx); err != nil {
		return err
	}
	if reason == "" {
		reason = whole
	}
	return s.labs[0].End(reason)
}

// goodbye undoes what the latest experiments have left behind, even if ctx has
// ended.
func (s *probeSession) goodbye(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	for _, l := range s.labs {
		var stopped *lab.Stopped
		if err := l.Leave(ctx); err != nil && !errors.As(err, &stopped) {
			return err
		}
	}
	return nil
}

package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rookery-im/rookery/internal/probe/compare"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// runs are the names of servers in transcripts.
var runs = []string{"a", "b"}

// Progress is how far a study has got.
type Progress struct {
	Phase        string
	Sent, Budget int // requests to the server that got more of them
	Facts        int
	Faults       int
	Rate         float64       // the limit in force, requests a second; 0 for none
	Left         time.Duration // how long it may still take; 0 if that is not known
	Waiting      time.Duration // a wait that has begun
}

// A session is a study under way: on servers, or from a transcript alone. Both do
// the same, so that both find the same.
type probeSession struct {
	head     journal.TranscriptHead
	ex       *Experiment
	labs     []*lab.Lab
	progress *progressMeter
	begins   func(phase string) // is told what begins, if it is not nil
}

// A labConfig is what labs have beyond the head of the transcript.
type labConfig struct {
	remote     bool
	patience   time.Duration
	journal    *journal.TranscriptWriter
	transcript *journal.Transcript // what there is already
	offline    bool
	began      time.Time
	instead    func() lab.Server // what answers in place of servers, nil if they do
}

func newSession(head journal.TranscriptHead, experiment *Experiment, c labConfig, tell func(Progress)) (*probeSession, error) {
	s := &probeSession{head: head, ex: experiment, progress: newMeter(tell)}
	for _, name := range runs[:len(head.ServerURLs)] {
		config := lab.Config{
			File: experiment.File, URL: head.ServerURLs[name], Name: name, Remote: c.remote,
			Requests: head.RequestBudget, Salt: head.Salt, Patience: c.patience,
			Journal: c.journal, Offline: c.offline, Began: c.began, Progress: s.progress.lab,
		}
		if c.transcript != nil {
			config.Archive = lab.NewArchive(c.transcript, name)
		}
		if c.instead != nil {
			config.Instead = c.instead()
		}
		l, err := lab.New(config)
		if err != nil {
			s.close()
			return nil, &SetupError{err}
		}
		s.labs = append(s.labs, l)
	}
	return s, nil
}

func (s *probeSession) close() {
	for _, lab := range s.labs {
		lab.Close()
	}
}

// study studies the server, or compares the two. When ctx ends the labs say so, and
// nothing else: what is found is the same as from a transcript that ends there.
func (s *probeSession) study(ctx context.Context) (*finding.Study, error) {
	for _, lab := range s.labs {
		lab.Until = ctx
	}
	ctx = context.WithoutCancel(ctx)
	config := study.Config{
		File: s.ex.File, Seed: s.head.Seed, MaxRequests: s.labs[0].Requests, Server: s.head.ServerURLs["a"],
		OnFacts: s.progress.facts,
		OnPhase: func(name string) {
			s.progress.phase(name)
			if s.begins != nil {
				s.begins(name)
			}
		},
	}
	if !s.labs[0].Offline && s.labs[0].Instead == nil {
		config.Pause = func(d time.Duration) { pause(s.labs[0].Until, d) }
	}
	if len(s.labs) == 2 {
		return compare.Run(ctx, compare.Config{File: s.ex.File, A: s.labs[0], B: s.labs[1], Seed: s.head.Seed, Study: config})
	}
	config.Subject, config.ConfirmFacts = s.labs[0], true
	return study.Run(ctx, config)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// complete adds to a study what the transcript knows about it.
func complete(out *finding.Study, transcript *journal.Transcript) {
	head := transcript.Head
	out.Experiment, out.Began, out.Seed, out.Budget = head.ExperimentText, head.BeganAt, head.Seed, head.RequestBudget
	out.Servers, out.Requests = nil, nil
	tries := make(map[string]bool)
	out.Faults, out.Seconds = 0, 0
	for _, name := range runs[:len(head.ServerURLs)] {
		out.Servers = append(out.Servers, head.ServerURLs[name])
		requests := 0
		for i := range transcript.Entries {
			entry := &transcript.Entries[i]
			out.Seconds = entry.Elapsed
			if entry.Server != name || entry.TryNumber == 0 {
				continue
			}
			tries[fmt.Sprint(name, entry.TryNumber)] = true
			if entry.Request != nil {
				requests++
			}
			if entry.IsTransportFault() {
				out.Faults++
			}
		}
		out.Requests = append(out.Requests, requests)
	}
	out.Tries = len(tries)
}

// same reports whether a study is another's continuation.
func same(a, b journal.TranscriptHead) bool {
	return a.Command == b.Command && a.ExperimentText == b.ExperimentText && a.Seed == b.Seed && a.RequestBudget == b.RequestBudget &&
		slices.Equal(serversOf(a), serversOf(b)) && fmt.Sprint(a.Overrides) == fmt.Sprint(b.Overrides)
}

func serversOf(head journal.TranscriptHead) []string {
	var all []string
	for _, name := range runs {
		if url, ok := head.ServerURLs[name]; ok {
			all = append(all, url)
		}
	}
	return all
}

// stopReason is why a lab makes no more experiments; ok is false for other errors.
func stopReason(err error) (reason string, ok bool) {
	var stopped *lab.Stopped
	if errors.As(err, &stopped) {
		return stopped.Reason, true
	}
	return "", false
}

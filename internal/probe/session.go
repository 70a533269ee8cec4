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

// serverNames are the names of servers in transcripts.
var serverNames = []string{"a", "b"}

// StudyProgress says how far a study has got.
type StudyProgress struct {
	Phase           string
	Sent, Budget    int // requests to the server that received more of them
	FactCount       int
	TransportFaults int
	RequestRate     float64       // the current limit in requests per second; 0 for none
	TimeLeft        time.Duration // estimate; 0 if unknown
	CurrentWait     time.Duration // duration of a wait that has begun
}

// probeSession is a running study, on servers or from a transcript alone. Both run the
// same code, so that they find the same facts.
type probeSession struct {
	head       journal.TranscriptHead
	experiment *LoadedExperiment
	labs       []*lab.Lab
	meter      *progressMeter
	onPhase    func(phase string) // called when a phase begins, if set
}

// labConfig holds the settings of labs that are not in the head of the transcript.
type labConfig struct {
	allowRemote   bool
	answerTimeout time.Duration
	journal       *journal.TranscriptWriter
	transcript    *journal.Transcript // to replay before asking the server; nil for none
	offline       bool
	beganAt       time.Time
	newSimulator  func() lab.Simulator // creates a simulated server; nil to ask the real ones
}

func newSession(head journal.TranscriptHead, experiment *LoadedExperiment, c labConfig,
	onProgress func(StudyProgress)) (*probeSession, error) {
	session := &probeSession{head: head, experiment: experiment, meter: newProgressMeter(onProgress)}
	for _, name := range serverNames[:len(head.ServerURLs)] {
		config := lab.Config{
			File: experiment.File, URL: head.ServerURLs[name], Name: name, AllowRemote: c.allowRemote,
			MaxRequests: head.RequestBudget, Salt: head.Salt, AnswerTimeout: c.answerTimeout,
			Journal: c.journal, Offline: c.offline, StartedAt: c.beganAt, OnProgress: session.meter.updateFromLab,
		}
		if c.transcript != nil {
			config.Archive = lab.NewArchive(c.transcript, name)
		}
		if c.newSimulator != nil {
			config.Simulator = c.newSimulator()
		}
		serverLab, err := lab.New(config)
		if err != nil {
			session.close()
			return nil, &SetupError{err}
		}
		session.labs = append(session.labs, serverLab)
	}
	return session, nil
}

func (s *probeSession) close() {
	for _, serverLab := range s.labs {
		serverLab.Close()
	}
}

// runStudy studies the server, or compares two. The end of ctx stops only the labs: the study
// then sees the same error as at the end of a transcript, so that both give the same result.
func (s *probeSession) runStudy(ctx context.Context) (*finding.Study, error) {
	for _, serverLab := range s.labs {
		serverLab.StopContext = ctx
	}
	ctx = context.WithoutCancel(ctx)
	config := study.Config{
		File: s.experiment.File, Seed: s.head.Seed, MaxRequests: s.labs[0].MaxRequests, Server: s.head.ServerURLs["a"],
		OnFacts: s.meter.setFactCount,
		OnPhase: func(name string) {
			s.meter.setPhase(name)
			if s.onPhase != nil {
				s.onPhase(name)
			}
		},
	}
	if !s.labs[0].Offline && s.labs[0].Simulator == nil {
		config.Pause = func(duration time.Duration) { sleep(s.labs[0].StopContext, duration) }
	}
	if len(s.labs) == 2 {
		return compare.Run(ctx, compare.Config{File: s.experiment.File, A: s.labs[0], B: s.labs[1], Seed: s.head.Seed,
			StudyConfig: config})
	}
	config.Subject, config.ConfirmFacts = s.labs[0], true
	return study.Run(ctx, config)
}

func sleep(ctx context.Context, duration time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
}

// addTranscriptFigures fills in the figures of a study that come from the transcript.
func addTranscriptFigures(result *finding.Study, transcript *journal.Transcript) {
	head := transcript.Head
	result.Experiment, result.Began, result.Seed, result.Budget = head.ExperimentText, head.BeganAt, head.Seed,
		head.RequestBudget
	result.Servers, result.Requests = nil, nil
	tries := make(map[string]bool)
	result.Faults, result.Seconds = 0, 0
	for _, name := range serverNames[:len(head.ServerURLs)] {
		result.Servers = append(result.Servers, head.ServerURLs[name])
		requests := 0
		for i := range transcript.Entries {
			entry := &transcript.Entries[i]
			result.Seconds = entry.Elapsed
			if entry.Server != name || entry.AttemptNumber == 0 {
				continue
			}
			tries[fmt.Sprint(name, entry.AttemptNumber)] = true
			if entry.Request != nil {
				requests++
			}
			if entry.IsTransportFault() {
				result.Faults++
			}
		}
		result.Requests = append(result.Requests, requests)
	}
	result.Tries = len(tries)
}

// isSameStudy reports whether two transcript heads belong to the same study, so that one can
// resume the other.
func isSameStudy(left, right journal.TranscriptHead) bool {
	return left.Command == right.Command && left.ExperimentText == right.ExperimentText && left.Seed == right.Seed &&
		left.RequestBudget == right.RequestBudget &&
		slices.Equal(serverURLs(left), serverURLs(right)) && fmt.Sprint(left.Overrides) == fmt.Sprint(right.Overrides)
}

func serverURLs(head journal.TranscriptHead) []string {
	var urls []string
	for _, name := range serverNames {
		if url, ok := head.ServerURLs[name]; ok {
			urls = append(urls, url)
		}
	}
	return urls
}

// stopReason returns the reason of a [lab.StoppedError]. ok is false for other errors and nil.
func stopReason(err error) (reason string, ok bool) {
	var stopped *lab.StoppedError
	if errors.As(err, &stopped) {
		return stopped.Reason, true
	}
	return "", false
}

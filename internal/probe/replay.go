package probe

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// ReplayOptions configure Replay.
type ReplayOptions struct {
	Transcript *journal.Transcript
	Experiment *LoadedExperiment // see ExperimentOfTranscript
	// ServerName is the server whose experiments are made again, of two: a or b.
	ServerName    string
	ServerURL     string
	RequestBudget int // 0 means twice as many as in the transcript, plus 1000
	AllowRemote   bool
	AnswerTimeout time.Duration
	OnProgress    func(StudyProgress)
}

// ReplayResult is the outcome of Replay.
type ReplayResult struct {
	Experiments    int             `json:"experiments"`
	Answers        int             `json:"answers"` // answers compared
	Requests       int             `json:"requests"`
	StopReason     string          `json:"stopped,omitempty"` // why the replay ended early, or ""
	ChangedAnswers []ChangedAnswer `json:"-"`
}

// ChangedAnswer is an answer that differs from the recorded one.
type ChangedAnswer struct {
	EntryID string `json:"id"` // ID of the transcript's entry
	// Steps are the steps up to the changed answer, in step notation.
	Steps  []string `json:"steps"`
	Before string   `json:"was"` // answers in normal form
	After  string   `json:"is"`
}

// ReadTranscript reads a transcript from a file, or from the folder of a study.
func ReadTranscript(path string) (*journal.Transcript, error) {
	read := readTranscriptFile
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		read = readTranscript
	}
	transcript, err := read(path)
	if err != nil {
		return nil, setupErrorf("cannot read the transcript %s: %w", path, err)
	}
	return transcript, nil
}

// ExperimentOfTranscript returns the experiment file that is stored in a transcript.
// Non-empty overrides replace those of the transcript.
func ExperimentOfTranscript(transcript *journal.Transcript, overrides journal.Overrides,
	getenv func(string) (string, bool)) (*LoadedExperiment, error) {
	merged := transcript.Head.Overrides
	if overrides.ResetURL != "" {
		merged.ResetURL = overrides.ResetURL
	}
	if overrides.ClockURL != "" {
		merged.ClockURL = overrides.ClockURL
	}
	if len(overrides.Places) > 0 {
		merged.Places = overrides.Places
	}
	if len(overrides.Accounts) > 0 {
		merged.Accounts = overrides.Accounts
	}
	return parseExperiment(transcript.Head.ExperimentName, []byte(transcript.Head.ExperimentText), merged, getenv)
}

// Replay repeats the experiments of a transcript, with the same steps and fresh marks, and
// returns the answers that have changed. When ctx ends, it returns the results until then. A
// [*SetupError] says why the replay did not begin.
func Replay(ctx context.Context, options ReplayOptions) (*ReplayResult, error) {
	if err := checkServerName(options.Transcript, options.ServerName); err != nil {
		return nil, err
	}
	past, err := recallExperiments(ctx, options.Transcript, options.ServerName)
	if err != nil {
		return nil, err
	}
	requests := options.RequestBudget
	if requests == 0 {
		requests = 2*past.requestsSent + 1000
	}
	session, err := openUnrecordedSession(ctx, options.Experiment, options.ServerURL, options.Transcript.Head.Seed,
		requests, labConfig{allowRemote: options.AllowRemote, answerTimeout: options.AnswerTimeout}, options.OnProgress)
	if err != nil {
		return nil, err
	}
	defer session.close()
	result := &ReplayResult{}
	for _, recordedExperiment := range past.experiments {
		replayedTrace, err := session.labs[0].Run(ctx, recordedExperiment.trace.Steps, recordedExperiment.nonce)
		if reason, ok := stopReason(err); ok {
			result.StopReason = reason
			break
		}
		if errors.Is(err, lab.ErrForbidden) {
			continue // the current file forbids a step
		}
		if err != nil {
			return nil, err
		}
		result.Experiments++
		past.compareAnswers(result, recordedExperiment.trace, replayedTrace)
	}
	err = session.cleanUp(ctx)
	result.Requests = session.labs[0].Sent()
	return result, err
}

func checkServerName(transcript *journal.Transcript, serverName string) error {
	if _, ok := transcript.Head.ServerURLs[serverName]; !ok {
		return setupErrorf("the transcript has no server %s; it has %s", serverName,
			strings.Join(slices.Sorted(maps.Keys(transcript.Head.ServerURLs)), " and "))
	}
	return nil
}

// recordedRun holds the recorded experiments on one server.
type recordedRun struct {
	file         *experiment.File
	experiments  []replayedExperiment
	requestsSent int
	// volatileFields are the fields that differ between equal experiments, by command and
	// key.
	volatileFields map[[2]string]bool
}

// replayedExperiment is a recorded experiment with the nonce of its marks.
type replayedExperiment struct {
	trace *lab.Trace
	nonce uint64
}

// recallExperiments extracts the experiments from a transcript, in order.
func recallExperiments(ctx context.Context, transcript *journal.Transcript, serverName string) (*recordedRun, error) {
	experiment, err := recordedExperiment(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	serverLab, err := lab.New(lab.Config{
		File: experiment.File, URL: transcript.Head.ServerURLs[serverName], Name: serverName, AllowRemote: true,
		MaxRequests: ampleRequests, Salt: transcript.Head.Salt,
		Archive: lab.NewArchive(transcript, serverName), Offline: true,
	})
	if err != nil {
		return nil, &SetupError{err}
	}
	recorded := &recordedRun{file: experiment.File, volatileFields: make(map[[2]string]bool)}
	usedAttempts := make(map[string]int) // by key: attempts that belong to an experiment already extracted
	for _, key := range attemptKeys(transcript, serverName) {
		if usedAttempts[key] > 0 {
			usedAttempts[key]--
			continue
		}
		steps, nonce, err := parseAttemptKey(experiment.File, key)
		if err != nil {
			continue // a setup check or cleanup, not an experiment
		}
		before := serverLab.Attempts()
		trace, err := serverLab.Run(ctx, steps, nonce)
		if _, isCut := stopReason(err); isCut || errors.Is(err, lab.ErrForbidden) {
			continue
		}
		if err != nil {
			return nil, &SetupError{err}
		}
		usedAttempts[key] = serverLab.Attempts() - before - 1
		recorded.experiments = append(recorded.experiments, replayedExperiment{trace, nonce})
	}
	recorded.requestsSent = serverLab.Sent()
	recorded.findVolatileFields()
	return recorded, nil
}

// attemptKeys returns the keys of all attempts at experiments on a server, in order.
func attemptKeys(transcript *journal.Transcript, serverName string) (keys []string) {
	for i := range transcript.Entries {
		if entry := &transcript.Entries[i]; entry.Server == serverName && entry.ExperimentKey != "" {
			keys = append(keys, entry.ExperimentKey)
		}
	}
	return keys
}

// parseAttemptKey parses the key of an attempt (see [lab.Lab.Key]). It fails for setup checks and cleanups.
func parseAttemptKey(file *experiment.File, key string) (steps []experiment.Step, nonce uint64, err error) {
	number, description, _ := strings.Cut(key, ": ")
	if nonce, err = strconv.ParseUint(number, 10, 64); err != nil {
		return nil, 0, err
	}
	for _, line := range splitSteps(description) {
		step, err := file.ParseStep(line)
		if err != nil {
			return nil, 0, err
		}
		steps = append(steps, step)
	}
	return steps, nonce, nil
}

// splitSteps splits steps that are joined by "; ". Separators inside quotes do not count.
func splitSteps(description string) (steps []string) {
	quoted, from := false, 0
	for i := 0; i < len(description); i++ {
		switch {
		case description[i] == '"':
			quoted = !quoted
		case quoted && description[i] == '\\':
			i++
		case !quoted && strings.HasPrefix(description[i:], "; "):
			steps = append(steps, description[from:i])
			from = i + 2
		}
	}
	return append(steps, description[from:])
}

// findVolatileFields fills volatileFields: fields in which answers after the same steps differ.
func (m *recordedRun) findVolatileFields() {
	firstAnswers := make(map[string]*lab.Answer)
	for _, replayed := range m.experiments {
		for i, step := range replayed.trace.Steps {
			key := formatSteps(m.file, replayed.trace.Steps[:i+1])
			earlier, later := firstAnswers[key], &replayed.trace.Answers[i]
			if earlier == nil {
				firstAnswers[key] = later
				continue
			}
			for _, earlierField := range earlier.Fields {
				if field, ok := later.Field(earlierField.Key); ok && field.Value != earlierField.Value &&
					earlierField.Key != m.file.Answer.CodeKey {
					m.volatileFields[[2]string{step.Command, earlierField.Key}] = true
				}
			}
		}
	}
}

// compareAnswers adds the answers that differ to result.
func (m *recordedRun) compareAnswers(result *ReplayResult, recordedTrace, trace *lab.Trace) {
	for i, step := range recordedTrace.Steps {
		if step.Wait > 0 {
			continue
		}
		result.Answers++
		masked := func(key string) bool { return m.volatileFields[[2]string{step.Command, key}] }
		before := study.NormalForm(m.file, &recordedTrace.Answers[i], masked)
		now := study.NormalForm(m.file, &trace.Answers[i], masked)
		if before == now || equalUnmasked(masked, m.file.Syntax, before, now) {
			continue
		}
		changed := ChangedAnswer{EntryID: recordedTrace.Answers[i].ID, Before: before, After: now}
		for _, step := range recordedTrace.Steps[:i+1] {
			changed.Steps = append(changed.Steps, m.file.FormatStep(step))
		}
		result.ChangedAnswers = append(result.ChangedAnswers, changed)
	}
}

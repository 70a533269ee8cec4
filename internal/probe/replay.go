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

// ReplayOptions say what is sent again, and where.
type ReplayOptions struct {
	Transcript *journal.Transcript
	Experiment *Experiment // see TranscriptExperiment
	// Run is the server whose experiments are made again, of two: a or b.
	Run      string
	Server   string
	Requests int // the budget, 0 for as much as the transcript needed, and some more
	Remote   bool
	Patience time.Duration
	Progress func(Progress)
}

// Replayed is what has become of a transcript's experiments.
type Replayed struct {
	Experiments int       `json:"experiments"`
	Answers     int       `json:"answers"` // that were compared
	Requests    int       `json:"requests"`
	Stopped     string    `json:"stopped,omitempty"` // why not all were made, "" if they were
	Changed     []Changed `json:"-"`
}

// A Changed is an answer that is another now.
type Changed struct {
	ID string `json:"id"` // the transcript's entry
	// Steps are those that lead to it, in the notation of experiment files; the last
	// is answered otherwise.
	Steps []string `json:"steps"`
	Was   string   `json:"was"` // the answers in their normal form
	Is    string   `json:"is"`
}

// ReadTranscript reads a transcript: a file, or that of a study's folder.
func ReadTranscript(path string) (*journal.Transcript, error) {
	read := readTranscriptFile
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		read = readTranscript
	}
	transcript, err := read(path)
	if err != nil {
		return nil, refuse("cannot read the transcript %s: %w", path, err)
	}
	return transcript, nil
}

// TranscriptExperiment is the experiment file that a transcript was made by, as the
// transcript has it.
func TranscriptExperiment(transcript *journal.Transcript, changes journal.Overrides, getenv func(string) (string, bool)) (*Experiment, error) {
	merged := transcript.Head.Overrides
	if changes.ResetURL != "" {
		merged.ResetURL = changes.ResetURL
	}
	if changes.ClockURL != "" {
		merged.ClockURL = changes.ClockURL
	}
	if len(changes.Places) > 0 {
		merged.Places = changes.Places
	}
	if len(changes.Accounts) > 0 {
		merged.Accounts = changes.Accounts
	}
	return parse(transcript.Head.ExperimentName, []byte(transcript.Head.ExperimentText), merged, getenv)
}

// Replay makes the experiments of a transcript again, with the same steps and
// fresh marks, and says which answers are others now. When ctx ends it returns what
// it has. A [*SetupError] says why nothing was sent.
func Replay(ctx context.Context, replayOptions ReplayOptions) (*Replayed, error) {
	if err := knowsRun(replayOptions.Transcript, replayOptions.Run); err != nil {
		return nil, err
	}
	past, err := remember(ctx, replayOptions.Transcript, replayOptions.Run)
	if err != nil {
		return nil, err
	}
	requests := replayOptions.Requests
	if requests == 0 {
		requests = 2*past.sent + 1000
	}
	probeSession, err := visit(ctx, replayOptions.Experiment, replayOptions.Server, replayOptions.Transcript.Head.Seed, requests, labConfig{remote: replayOptions.Remote, patience: replayOptions.Patience}, replayOptions.Progress)
	if err != nil {
		return nil, err
	}
	defer probeSession.close()
	out := &Replayed{}
	for _, m := range past.made {
		now, err := probeSession.labs[0].Run(ctx, m.trace.Steps, m.nonce)
		if reason, ok := stopReason(err); ok {
			out.Stopped = reason
			break
		}
		if errors.Is(err, lab.ErrForbidden) {
			continue // the file of today allows less
		}
		if err != nil {
			return nil, err
		}
		out.Experiments++
		past.compare(out, m.trace, now)
	}
	err = probeSession.goodbye(ctx)
	out.Requests = probeSession.labs[0].Sent()
	return out, err
}

func knowsRun(transcript *journal.Transcript, run string) error {
	if _, ok := transcript.Head.ServerURLs[run]; !ok {
		return refuse("the transcript has no server %s; it has %s", run, strings.Join(slices.Sorted(maps.Keys(transcript.Head.ServerURLs)), " and "))
	}
	return nil
}

// replayMemory is what a transcript has of the experiments on one server.
type replayMemory struct {
	file *experiment.File
	made []replayedExperiment
	sent int
	// noise are the fields that differ between equal experiments, by command and key.
	noise map[[2]string]bool
}

// A made is an experiment that was made.
type replayedExperiment struct {
	trace *lab.Trace
	nonce uint64
}

// remember takes the experiments out of a transcript, in their order.
func remember(ctx context.Context, transcript *journal.Transcript, run string) (*replayMemory, error) {
	experiment, err := recorded(transcript.Head)
	if err != nil {
		return nil, &SetupError{err}
	}
	l, err := lab.New(lab.Config{
		File: experiment.File, URL: transcript.Head.ServerURLs[run], Name: run, Remote: true, Requests: plenty, Salt: transcript.Head.Salt,
		Archive: lab.NewArchive(transcript, run), Offline: true,
	})
	if err != nil {
		return nil, &SetupError{err}
	}
	m := &replayMemory{file: experiment.File, noise: make(map[[2]string]bool)}
	skip := make(map[string]int) // tries that an experiment has used up already
	for _, key := range keysOf(transcript, run) {
		if skip[key] > 0 {
			skip[key]--
			continue
		}
		steps, nonce, err := parseKey(experiment.File, key)
		if err != nil {
			continue // a look around, or a farewell
		}
		before := l.Tries()
		trace, err := l.Run(ctx, steps, nonce)
		if _, cut := stopReason(err); cut || errors.Is(err, lab.ErrForbidden) {
			continue
		}
		if err != nil {
			return nil, &SetupError{err}
		}
		skip[key] = l.Tries() - before - 1
		m.made = append(m.made, replayedExperiment{trace, nonce})
	}
	m.sent = l.Sent()
	m.findNoise()
	return m, nil
}

// keysOf are the keys of all tries on a server, in their order.
func keysOf(transcript *journal.Transcript, run string) (keys []string) {
	for i := range transcript.Entries {
		if entry := &transcript.Entries[i]; entry.Server == run && entry.TryKey != "" {
			keys = append(keys, entry.TryKey)
		}
	}
	return keys
}

// parseKey takes the key of a try apart. It fails for one that is no experiment.
func parseKey(file *experiment.File, key string) (steps []experiment.Step, nonce uint64, err error) {
	number, text, _ := strings.Cut(key, ": ")
	if nonce, err = strconv.ParseUint(number, 10, 64); err != nil {
		return nil, 0, err
	}
	for _, line := range splitSteps(text) {
		step, err := file.ParseStep(line)
		if err != nil {
			return nil, 0, err
		}
		steps = append(steps, step)
	}
	return steps, nonce, nil
}

// splitSteps cuts steps apart that "; " joins. What holds a space stands in quotes.
func splitSteps(text string) (steps []string) {
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case quoted && text[i] == '\\':
			i++
		case !quoted && strings.HasPrefix(text[i:], "; "):
			steps = append(steps, text[from:i])
			from = i + 2
		}
	}
	return append(steps, text[from:])
}

// findNoise finds the fields that differ between equal experiments.
func (m *replayMemory) findNoise() {
	first := make(map[string]*lab.Answer)
	for _, x := range m.made {
		for i, step := range x.trace.Steps {
			key := lines(m.file, x.trace.Steps[:i+1])
			a, b := first[key], &x.trace.Answers[i]
			if a == nil {
				first[key] = b
				continue
			}
			for _, f := range a.Fields {
				if field, ok := b.Field(f.Key); ok && field.Value != f.Value && f.Key != m.file.Answer.CodeKey {
					m.noise[[2]string{step.Command, f.Key}] = true
				}
			}
		}
	}
}

// compare adds the answers that differ.
func (m *replayMemory) compare(out *Replayed, was, trace *lab.Trace) {
	for i, step := range was.Steps {
		if step.Wait > 0 {
			continue
		}
		out.Answers++
		masked := func(key string) bool { return m.noise[[2]string{step.Command, key}] }
		before := study.NormalForm(m.file, &was.Answers[i], masked)
		now := study.NormalForm(m.file, &trace.Answers[i], masked)
		if before == now || sameButFor(masked, m.file.Syntax, before, now) {
			continue
		}
		changed := Changed{ID: was.Answers[i].ID, Was: before, Is: now}
		for _, step := range was.Steps[:i+1] {
			changed.Steps = append(changed.Steps, m.file.FormatStep(step))
		}
		out.Changed = append(out.Changed, changed)
	}
}

package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/report"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// CheckOptions configure Check.
type CheckOptions struct {
	Experiment    *LoadedExperiment
	ServerURL     string
	RecordedStudy *finding.Study
	// FactIDs selects the facts to check; an empty list selects all. A final * matches any
	// suffix.
	FactIDs []string
	// RequestBudget is the maximum number of requests. 0 means the larger of the file's
	// and the study's.
	RequestBudget int
	AllowRemote   bool
	AnswerTimeout time.Duration
	OnProgress    func(StudyProgress)
}

// CheckSummary is the outcome of Check.
type CheckSummary struct {
	// Results are in the order of the facts.
	Results []report.CheckResult
	// StopReason says why the check ended early, or is empty.
	StopReason string
}

// CountFailed returns how many facts do not hold.
func (c *CheckSummary) CountFailed() int {
	return c.countResults(func(result report.CheckResult) bool { return !result.Passed && !result.Skipped })
}

// CountSkipped returns how many facts were not checked.
func (c *CheckSummary) CountSkipped() int {
	return c.countResults(func(result report.CheckResult) bool { return result.Skipped })
}

func (c *CheckSummary) countResults(is func(report.CheckResult) bool) int {
	count := 0
	for _, result := range c.Results {
		if is(result) {
			count++
		}
	}
	return count
}

// ExperimentOfStudy returns the experiment file that is stored in a study.
func ExperimentOfStudy(study *finding.Study, overrides journal.Overrides,
	getenv func(string) (string, bool)) (*LoadedExperiment, error) {
	if study.Experiment == "" {
		return nil, setupErrorf("the experiment file is not in the protocol.json; name it with --file")
	}
	return parseExperiment("the experiment file of the study", []byte(study.Experiment), overrides, getenv)
}

// Check repeats the experiments from which facts were derived and reports which facts still
// hold. When ctx ends, it returns the results until then. A [*SetupError] says why nothing
// was checked.
func Check(ctx context.Context, options CheckOptions) (*CheckSummary, error) {
	check := &factCheck{options: options, file: options.Experiment.File,
		results: make([]report.CheckResult, 0, len(options.RecordedStudy.Facts))}
	if err := check.chooseFacts(); err != nil {
		return nil, err
	}
	requests := cmp.Or(options.RequestBudget, max(check.file.Limits.Requests, options.RecordedStudy.Budget))
	session, err := openUnrecordedSession(ctx, options.Experiment, options.ServerURL, options.RecordedStudy.Seed,
		requests, labConfig{allowRemote: options.AllowRemote, answerTimeout: options.AnswerTimeout}, options.OnProgress)
	if err != nil {
		return nil, err
	}
	defer session.close()
	stopped := ""
	for _, group := range check.groupByWitness() {
		err := check.tryGroup(ctx, session.labs[0], group)
		if reason, ok := stopReason(err); ok {
			stopped = reason
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return &CheckSummary{Results: check.results, StopReason: stopped}, session.cleanUp(ctx)
}

// openUnrecordedSession begins a session that writes no transcript.
func openUnrecordedSession(ctx context.Context, experiment *LoadedExperiment, server string, seed uint64, requests int,
	config labConfig, onProgress func(StudyProgress)) (*probeSession, error) {
	head := journal.TranscriptHead{ServerURLs: map[string]string{"a": server}, Seed: seed, Salt: rand.Uint64(),
		RequestBudget: requests}
	session, err := newSession(head, experiment, config, onProgress)
	if err != nil {
		return nil, err
	}
	if err := session.checkServers(ctx); err != nil {
		session.close()
		return nil, err
	}
	return session, nil
}

// factCheck is a running check.
type factCheck struct {
	options CheckOptions
	file    *experiment.File
	results []report.CheckResult
}

// chooseFacts adds a result for each selected fact. Results begin as skipped.
func (k *factCheck) chooseFacts() error {
	for _, fact := range k.options.RecordedStudy.Facts {
		if len(k.options.FactIDs) == 0 || slices.ContainsFunc(k.options.FactIDs,
			func(factID string) bool { return matchesFactID(fact.ID, factID) }) {
			k.results = append(k.results, report.CheckResult{Fact: fact, Skipped: true,
				Message: "not tried: the check ended before"})
		}
	}
	for _, factID := range k.options.FactIDs {
		if !slices.ContainsFunc(k.results,
			func(result report.CheckResult) bool { return matchesFactID(result.Fact.ID, factID) }) {
			return setupErrorf("the protocol.json has no fact %s", factID)
		}
	}
	return nil
}

// matchesFactID reports whether a fact's ID matches a pattern as in CheckOptions.FactIDs.
func matchesFactID(id, pattern string) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	return id == pattern || isPrefix && strings.HasPrefix(id, prefix)
}

// witnessGroup is an experiment with the facts that it can check. They include facts whose
// witness is a prefix of the experiment.
type witnessGroup struct {
	steps   []experiment.Step
	results []*report.CheckResult
}

// groupByWitness returns the experiments to make, each once. Facts that cannot be checked are in
// no group and get the reason as their message.
func (k *factCheck) groupByWitness() []*witnessGroup {
	var ordered []*report.CheckResult
	for i := range k.results {
		ordered = append(ordered, &k.results[i])
	}
	slices.SortStableFunc(ordered,
		func(left, right *report.CheckResult) int { return len(right.Fact.Witness) - len(left.Fact.Witness) })
	groupOfSteps := make(map[string]*witnessGroup)
	var groups []*witnessGroup
	for _, result := range ordered {
		steps, reason := k.witnessSteps(&result.Fact)
		if reason != "" {
			result.Message = reason
			continue
		}
		key := formatSteps(k.file, steps)
		if group := groupOfSteps[key]; group != nil {
			group.results = append(group.results, result)
			continue
		}
		group := &witnessGroup{steps, []*report.CheckResult{result}}
		groups = append(groups, group)
		for count := range steps {
			if prefix := formatSteps(k.file, steps[:count+1]); groupOfSteps[prefix] == nil {
				groupOfSteps[prefix] = group
			}
		}
	}
	return groups
}

// formatSteps returns steps in step notation, one a line. Equal steps have equal forms.
func formatSteps(file *experiment.File, steps []experiment.Step) string {
	var all strings.Builder
	for _, step := range steps {
		all.WriteString(file.FormatStep(step) + "\n")
	}
	return all.String()
}

// witnessSteps returns the steps of a fact's witness, or the reason why the fact cannot be
// checked.
func (k *factCheck) witnessSteps(fact *finding.Fact) (steps []experiment.Step, reason string) {
	switch {
	case fact.Grade == finding.Contested, fact.Grade == finding.Refuted, fact.Grade == finding.Untested:
		return nil, "it is " + string(fact.Grade)
	case len(fact.Witness) == 0:
		return nil, "it has no witness"
	}
	for _, witnessStep := range fact.Witness {
		step, err := k.file.ParseStep(witnessStep.Step)
		if err != nil {
			return nil, fmt.Sprintf("the experiment file does not fit: %s: %v", witnessStep.Step, err)
		}
		steps = append(steps, step)
	}
	return steps, ""
}

// decidingTrials is how often a fact must hold, or fail, to settle its check once it has failed.
// A fact that holds at the first trial is settled by that.
const decidingTrials = 2

// trialCounts counts the trials of one fact.
type trialCounts struct {
	heldCount, failedCount int
	message                string
}

func (t *trialCounts) isSettled() bool {
	return t.failedCount == 0 || t.heldCount == decidingTrials || t.failedCount == decidingTrials
}

// tryGroup makes the experiment of a group, and repeats it until each of its facts is settled.
func (k *factCheck) tryGroup(ctx context.Context, serverLab *lab.Lab, group *witnessGroup) error {
	began := time.Now()
	facts := make([]trialCounts, len(group.results))
	for n := uint64(0); n == 0 || !allSettled(facts); n++ {
		trace, err := serverLab.Run(ctx, group.steps, n)
		if errors.Is(err, lab.ErrForbidden) {
			for _, result := range group.results {
				result.Message = "not tried: " + err.Error()
			}
			return nil
		}
		if err != nil {
			return err
		}
		for i, result := range group.results {
			if message := k.describeMismatch(&result.Fact, trace); message != "" {
				facts[i].failedCount++
				facts[i].message = message
			} else {
				facts[i].heldCount++
			}
		}
	}
	for i, result := range group.results {
		result.Skipped, result.Passed, result.Message = false, facts[i].heldCount > facts[i].failedCount, ""
		result.Seconds = time.Since(began).Seconds() / float64(len(facts))
		if !result.Passed {
			result.Message = facts[i].message
		}
	}
	return nil
}

func allSettled(facts []trialCounts) bool {
	for i := range facts {
		if !facts[i].isSettled() {
			return false
		}
	}
	return true
}

// describeMismatch says how the last answer of the witness differs from the expected one.
// It returns "" if they match.
func (k *factCheck) describeMismatch(fact *finding.Fact, trace *lab.Trace) string {
	index := len(fact.Witness) - 1
	step := trace.Steps[index]
	masked := func(key string) bool {
		return slices.ContainsFunc(k.options.RecordedStudy.Noise,
			func(noise finding.VolatileField) bool { return noise.Command == step.Command && noise.Key == key })
	}
	want := fact.Witness[index].Answer
	got := study.NormalForm(k.file, &trace.Answers[index], masked)
	if got == want || equalUnmasked(masked, k.file.Syntax, got, want) {
		return ""
	}
	return fmt.Sprintf("%s is answered %s, not %s", fact.Witness[index].Step, cmp.Or(got, "with nothing"),
		cmp.Or(want, "with nothing"))
}

// equalUnmasked reports whether two answers in normal form (see study.NormalForm) are equal
// except for the values of masked fields. A recorded form may still contain such values if the
// fields were not yet known to be volatile.
func equalUnmasked(masked func(string) bool, syntax experiment.RecordSyntax, a, b string) bool {
	syntax.PairSeparator, syntax.KeySeparator = "&", "=" // as in normal form
	leftPairs, ok := syntax.Decode([]byte(a))
	rightPairs, rightOK := syntax.Decode([]byte(b))
	return ok && rightOK && slices.EqualFunc(leftPairs, rightPairs, func(left, right experiment.Pair) bool {
		return left == right || left.Key == right.Key && masked(left.Key)
	})
}

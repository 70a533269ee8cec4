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

// CheckOptions say which facts are tried, and on which server.
type CheckOptions struct {
	Experiment *Experiment
	Server     string
	Against    *finding.Study
	// Only are the IDs of the facts to try; none: all. A star at the end stands for
	// whatever follows.
	Only []string
	// Requests is the budget, 0 for as much as the file, or the study, had.
	Requests int
	Remote   bool
	Patience time.Duration
	Progress func(Progress)
}

// Checked is what has become of facts when they were tried again.
type Checked struct {
	// Results are in the order of the facts.
	Results []report.CheckResult
	// Stopped is why not all were tried, "" if they were.
	Stopped string
}

// Failed counts the facts that do not hold, Skipped those that were not tried.
func (c *Checked) Failed() int {
	return c.count(func(checkResult report.CheckResult) bool { return !checkResult.Passed && !checkResult.Skipped })
}
func (c *Checked) Skipped() int {
	return c.count(func(checkResult report.CheckResult) bool { return checkResult.Skipped })
}

func (c *Checked) count(is func(report.CheckResult) bool) int {
	n := 0
	for _, checkResult := range c.Results {
		if is(checkResult) {
			n++
		}
	}
	return n
}

// StudyExperiment is the experiment file that a study was made by, as the study
// has it.
func StudyExperiment(study *finding.Study, changes journal.Overrides, getenv func(string) (string, bool)) (*Experiment, error) {
	if study.Experiment == "" {
		return nil, refuse("the experiment file is not in the protocol.json; name it with --file")
	}
	return parse("the experiment file of the study", []byte(study.Experiment), changes, getenv)
}

// Check makes the experiments that facts rest on again, and says which hold. When
// ctx ends it returns what it has. A [*SetupError] says why nothing was tried.
func Check(ctx context.Context, checkOptions CheckOptions) (*Checked, error) {
	k := &factCheck{o: checkOptions, file: checkOptions.Experiment.File, results: make([]report.CheckResult, 0, len(checkOptions.Against.Facts))}
	if err := k.choose(); err != nil {
		return nil, err
	}
	requests := cmp.Or(checkOptions.Requests, max(k.file.Limits.Requests, checkOptions.Against.Budget))
	probeSession, err := visit(ctx, checkOptions.Experiment, checkOptions.Server, checkOptions.Against.Seed, requests, labConfig{remote: checkOptions.Remote, patience: checkOptions.Patience}, checkOptions.Progress)
	if err != nil {
		return nil, err
	}
	defer probeSession.close()
	stopped := ""
	for _, witnessGroup := range k.groups() {
		err := k.try(ctx, probeSession.labs[0], witnessGroup)
		if reason, ok := stopReason(err); ok {
			stopped = reason
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return &Checked{Results: k.results, Stopped: stopped}, probeSession.goodbye(ctx)
}

// visit makes a session that keeps no transcript, and begins it.
func visit(ctx context.Context, experiment *Experiment, server string, seed uint64, requests int, c labConfig, tell func(Progress)) (*probeSession, error) {
	head := journal.TranscriptHead{ServerURLs: map[string]string{"a": server}, Seed: seed, Salt: rand.Uint64(), RequestBudget: requests}
	s, err := newSession(head, experiment, c, tell)
	if err != nil {
		return nil, err
	}
	if err := s.introduce(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// A check is one under way.
type factCheck struct {
	o       CheckOptions
	file    *experiment.File
	results []report.CheckResult
}

// choose makes a result for each fact that is wanted. What does not change it
// stays untried.
func (k *factCheck) choose() error {
	for _, fact := range k.o.Against.Facts {
		if len(k.o.Only) == 0 || slices.ContainsFunc(k.o.Only, func(only string) bool { return fits(fact.ID, only) }) {
			k.results = append(k.results, report.CheckResult{Fact: fact, Skipped: true, Message: "not tried: the check ended before"})
		}
	}
	for _, only := range k.o.Only {
		if !slices.ContainsFunc(k.results, func(checkResult report.CheckResult) bool { return fits(checkResult.Fact.ID, only) }) {
			return refuse("the protocol.json has no fact %s", only)
		}
	}
	return nil
}

func fits(id, only string) bool {
	start, all := strings.CutSuffix(only, "*")
	return id == only || all && strings.HasPrefix(id, start)
}

// A witnessed is an experiment, with the facts that rest on it: an experiment with
// which another begins is a part of that.
type witnessGroup struct {
	steps   []experiment.Step
	results []*report.CheckResult
}

// groups are the experiments to make, each once.
func (k *factCheck) groups() []*witnessGroup {
	var order []*report.CheckResult
	for i := range k.results {
		order = append(order, &k.results[i])
	}
	slices.SortStableFunc(order, func(x, y *report.CheckResult) int { return len(y.Fact.Witness) - len(x.Fact.Witness) })
	known := make(map[string]*witnessGroup)
	var all []*witnessGroup
	for _, checkResult := range order {
		steps, why := k.stepsOf(&checkResult.Fact)
		if why != "" {
			checkResult.Message = why
			continue
		}
		key := lines(k.file, steps)
		if witnessGroup := known[key]; witnessGroup != nil {
			witnessGroup.results = append(witnessGroup.results, checkResult)
			continue
		}
		g := &witnessGroup{steps, []*report.CheckResult{checkResult}}
		all = append(all, g)
		for n := range steps {
			if part := lines(k.file, steps[:n+1]); known[part] == nil {
				known[part] = g
			}
		}
	}
	return all
}

func lines(file *experiment.File, steps []experiment.Step) string {
	var all strings.Builder
	for _, step := range steps {
		all.WriteString(file.FormatStep(step) + "\n")
	}
	return all.String()
}

// stepsOf are the steps of a fact's witness, or why the fact cannot be tried.
func (k *factCheck) stepsOf(fact *finding.Fact) (steps []experiment.Step, why string) {
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

// decided is how often a fact must be seen to hold, or not to hold, if it does not
// hold at first.
const decided = 2

// A tried is what has become of one fact of an experiment.
type checkOutcome struct {
	held, missed int
	message      string
}

func (t *checkOutcome) settled() bool {
	return t.missed == 0 || t.held == decided || t.missed == decided
}

// try makes an experiment, and again if a fact does not hold.
func (k *factCheck) try(ctx context.Context, l *lab.Lab, g *witnessGroup) error {
	began := time.Now()
	facts := make([]checkOutcome, len(g.results))
	for n := uint64(0); n == 0 || !settled(facts); n++ {
		trace, err := l.Run(ctx, g.steps, n)
		if errors.Is(err, lab.ErrForbidden) {
			for _, checkResult := range g.results {
				checkResult.Message = "not tried: " + err.Error()
			}
			return nil
		}
		if err != nil {
			return err
		}
		for i, checkResult := range g.results {
			if message := k.miss(&checkResult.Fact, trace); message != "" {
				facts[i].missed++
				facts[i].message = message
			} else {
				facts[i].held++
			}
		}
	}
	for i, checkResult := range g.results {
		checkResult.Skipped, checkResult.Passed, checkResult.Message = false, facts[i].held > facts[i].missed, ""
		checkResult.Seconds = time.Since(began).Seconds() / float64(len(facts))
		if !checkResult.Passed {
			checkResult.Message = facts[i].message
		}
	}
	return nil
}

func settled(facts []checkOutcome) bool {
	for i := range facts {
		if !facts[i].settled() {
			return false
		}
	}
	return true
}

// miss says how the answer that a fact is about differs from what it was; "" if it
// does not.
func (k *factCheck) miss(fact *finding.Fact, trace *lab.Trace) string {
	at := len(fact.Witness) - 1
	step := trace.Steps[at]
	masked := func(key string) bool {
		return slices.ContainsFunc(k.o.Against.Noise, func(noise finding.VolatileField) bool { return noise.Command == step.Command && noise.Key == key })
	}
	want := fact.Witness[at].Answer
	got := study.NormalForm(k.file, &trace.Answers[at], masked)
	if got == want || sameButFor(masked, k.file.Syntax, got, want) {
		return ""
	}
	return fmt.Sprintf("%s is answered %s, not %s", fact.Witness[at].Step, cmp.Or(got, "with nothing"), cmp.Or(want, "with nothing"))
}

// sameButFor compares two forms of records but for the values of some fields: they
// may not have been known for noise when a form was written.
func sameButFor(masked func(string) bool, syntax experiment.RecordSyntax, a, b string) bool {
	syntax.PairSeparator, syntax.KeySeparator = "&", "=" // as forms have them
	x, ok := syntax.Decode([]byte(a))
	y, ok2 := syntax.Decode([]byte(b))
	return ok && ok2 && slices.EqualFunc(x, y, func(p, q experiment.Pair) bool {
		return p == q || p.Key == q.Key && masked(p.Key)
	})
}

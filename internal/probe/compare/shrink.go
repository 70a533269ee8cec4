package compare

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// reference is a placeholder that names a step.
var stepReference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// removeSteps is an experiment without some of its steps. It is not ok if another
// step refers to one of them.
func removeSteps(steps []experiment.Step, from, to int) (rest []experiment.Step, ok bool) {
	ok = true
	for i, step := range steps {
		if i >= from && i < to {
			continue
		}
		step.Changes = slices.Clone(step.Changes)
		for j := range step.Changes {
			step.Changes[j].Value = stepReference.ReplaceAllStringFunc(step.Changes[j].Value, func(ref string) string {
				m := stepReference.FindStringSubmatch(ref)
				n, err := strconv.Atoi(m[2])
				switch {
				case err != nil || n > from && n <= to:
					ok = false
				case n > to:
					n -= to - from
				}
				return fmt.Sprintf("{%s:%d}", m[1], n)
			})
		}
		rest = append(rest, step)
	}
	return rest, ok
}

// errSpent ends the work on differences when its share of the budget is used up.
var errBudgetSpent = errors.New("the budget is used up")

// reproduce reports in what the last answers of an experiment differ, if that is like
// what is looked for; nil if it is not.
func (p *serverPair) reproduce(ctx context.Context, steps []experiment.Step, nonce uint64, wanted []differencePoint) ([]differencePoint, *lab.Trace, *lab.Trace, error) {
	needed := len(steps)
	if p.reservesReplays {
		needed += requiredReplays(steps) * len(steps)
	}
	if p.Sent()+needed > p.maxRequests() {
		return nil, nil, nil, errBudgetSpent
	}
	traceA, traceB, err := p.runBoth(ctx, steps, nonce)
	if errors.Is(err, lab.ErrForbidden) {
		return nil, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	at := len(steps) - 1
	points := p.compareAnswers(steps[at], &traceA.Answers[at], &traceB.Answers[at])
	if wanted != nil && !haveCommonPoint(points, wanted) {
		return nil, traceA, traceB, nil
	}
	return points, traceA, traceB, nil
}

func (p *serverPair) maxRequests() int { return min(p.labA.MaxRequests, p.labB.MaxRequests) }

// haveCommonPoint reports whether two sets of points have one in common.
func haveCommonPoint(points, wanted []differencePoint) bool {
	return slices.ContainsFunc(points, func(point differencePoint) bool {
		return slices.ContainsFunc(wanted, func(other differencePoint) bool {
			return point.kind == other.kind && point.key == other.key && point.isLongerOnB == other.isLongerOnB && (point.kind != "code" || point.valueA == other.valueA && point.valueB == other.valueB)
		})
	})
}

// A witness is a small experiment that shows a difference in its last answers.
type witness struct {
	steps          []experiment.Step
	nonce          uint64
	points         []differencePoint
	traceA, traceB *lab.Trace
}

// shrinkSighting makes a sighting's experiment as small as it gets. It is nil if the
// difference does not show again, however often the whole of it is replayed.
func (p *serverPair) shrinkSighting(ctx context.Context, s *sighting) (*witness, error) {
	candidate := &witness{steps: s.steps, nonce: s.nonce}
	for _, short := range p.shortcutExperiments(s.steps) {
		if ok, err := p.tryWitness(ctx, candidate, short, s.points); ok || err != nil {
			if err != nil {
				return nil, err
			}
			break
		}
	}
	for ; candidate.traceA == nil && s.replays < requiredReplays(s.steps); s.replays++ {
		if _, err := p.tryWitness(ctx, candidate, s.steps, s.points); err != nil {
			return nil, err
		}
	}
	if candidate.traceA == nil {
		return nil, nil
	}
	if err := p.dropSteps(ctx, candidate, s.points); err != nil {
		return candidate, err
	}
	return candidate, p.revertChanges(ctx, candidate, s.points)
}

// tryWitness takes other steps for a witness, if they show the difference too.
func (p *serverPair) tryWitness(ctx context.Context, candidate *witness, steps []experiment.Step, wanted []differencePoint) (bool, error) {
	points, traceA, traceB, err := p.reproduce(ctx, steps, candidate.nonce, wanted)
	if err != nil || len(points) == 0 {
		return false, err
	}
	candidate.steps, candidate.points, candidate.traceA, candidate.traceB = steps, points, traceA, traceB
	return true, nil
}

// shortcutExperiments are guesses at what is enough: the last step alone, behind a login,
// behind all logins.
func (p *serverPair) shortcutExperiments(steps []experiment.Step) [][]experiment.Step {
	end := len(steps) - 1
	if len(steps) < 4 || slices.ContainsFunc(steps[end].Changes, func(change experiment.PairChange) bool {
		return stepReference.MatchString(change.Value)
	}) {
		return nil
	}
	var own, all []experiment.Step
	for _, step := range steps[:end] {
		if p.file.VerbOf(step) != experiment.VerbLogin || len(step.Changes) > 0 {
			continue
		}
		if step.Role == steps[end].Role && len(own) == 0 {
			own = append(own, step)
		}
		all = append(all, step)
	}
	out := [][]experiment.Step{append(own, steps[end])}
	if len(all) > len(own) && len(all) < end {
		out = append(out, append(all, steps[end]))
	}
	return out
}

// dropSteps leaves out steps, many at once at first, until half of what is left of
// the budget is spent: the rest is for showing it again.
func (p *serverPair) dropSteps(ctx context.Context, candidate *witness, wanted []differencePoint) error {
	enough := p.Sent() + (p.maxRequests()-p.Sent())/2
	for size := max(1, (len(candidate.steps)-1)/2); size >= 1; size /= 2 {
		for from := 0; from < len(candidate.steps)-1; {
			if p.Sent()+len(candidate.steps) > enough {
				return nil
			}
			to := min(from+size, len(candidate.steps)-1)
			rest, ok := removeSteps(candidate.steps, from, to)
			if ok {
				done, err := p.tryWitness(ctx, candidate, rest, wanted)
				if err != nil {
					return err
				}
				if done {
					continue
				}
			}
			from = to
		}
	}
	return nil
}

// revertChanges takes changes back, step by step: what is left is what matters.
func (p *serverPair) revertChanges(ctx context.Context, candidate *witness, wanted []differencePoint) error {
	for i := 0; i < len(candidate.steps); i++ {
		for j := len(candidate.steps[i].Changes) - 1; j >= 0; j-- {
			steps := slices.Clone(candidate.steps)
			steps[i].Changes = slices.Delete(slices.Clone(steps[i].Changes), j, j+1)
			if _, err := p.tryWitness(ctx, candidate, steps, wanted); err != nil {
				return err
			}
		}
		if err := p.replaceDuplicateKeys(ctx, candidate, i, wanted); err != nil {
			return err
		}
		if step := candidate.steps[i]; step.HTTPForm != "" || step.Place != 0 {
			steps := slices.Clone(candidate.steps)
			steps[i].HTTPForm, steps[i].Place = "", 0
			if _, err := p.tryWitness(ctx, candidate, steps, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceDuplicateKeys gives a key its value once where it was given twice, if that shows the
// difference too: then it is the value that matters.
func (p *serverPair) replaceDuplicateKeys(ctx context.Context, candidate *witness, i int, wanted []differencePoint) error {
	for j, change := range candidate.steps[i].Changes {
		if change.Kind != experiment.AppendPair && change.Kind != experiment.PrependPair {
			continue
		}
		steps := slices.Clone(candidate.steps)
		steps[i].Changes = slices.Clone(steps[i].Changes)
		steps[i].Changes[j].Kind = experiment.SetValue
		if _, err := p.tryWitness(ctx, candidate, steps, wanted); err != nil {
			return err
		}
	}
	return nil
}

// findAffectedCommands lists the commands whose answers differ alike in the place of the
// shortWitness's last step, its own among them. It looks for no more than three.
func (p *serverPair) findAffectedCommands(ctx context.Context, candidate *witness) ([]string, error) {
	end := len(candidate.steps) - 1
	own := candidate.steps[end]
	found := []string{own.Command}
	tried := []string{own.Command}
	for _, command := range p.file.Commands {
		if len(found) >= 3 {
			break
		}
		if slices.Contains(tried, command.Name) {
			continue
		}
		tried = append(tried, command.Name)
		for _, step := range p.translateStep(own, command) {
			steps := append(slices.Clone(candidate.steps[:end]), step)
			points, _, _, err := p.reproduce(ctx, steps, candidate.nonce, nil)
			if err != nil {
				return found, err
			}
			if p.areComparable(own, step) && haveRelatedPoint(points, candidate.points, step) || haveCommonPoint(points, candidate.points) && isCodeDifference(candidate.points) {
				found = append(found, command.Name)
				break
			}
		}
	}
	return found, nil
}

// areComparable reports whether two commands can be said to change alike: what is
// collected and what is listed are two things.
func (p *serverPair) areComparable(own, other experiment.Step) bool {
	return (p.file.VerbOf(own) == experiment.VerbReceive) == (p.file.VerbOf(other) == experiment.VerbReceive) || len(own.Changes) > 0
}

// isCodeDifference reports whether it is the code of the answers that differs.
func isCodeDifference(points []differencePoint) bool {
	return len(points) == 1 && points[0].kind == "code"
}

// translateStep are steps with another command, and the same changes of the parameters
// that correspond; none if the command has none such. Where it matters only how a
// serverPair is written, whichever it is, several are worth a try.
func (p *serverPair) translateStep(own experiment.Step, command *experiment.Command) []experiment.Step {
	out := own
	out.Command, out.Verb, out.Changes = command.Name, "", nil
	if len(own.Changes) == 1 && isStructural(own.Changes[0]) {
		return p.structuralVariants(out, own.Changes[0], command)
	}
	from, _ := p.file.Command(own.Command)
	for _, change := range own.Changes {
		if change.Key = p.correspondingKey(from, change.Key, command); change.Key == "" {
			return nil
		}
		out.Changes = append(out.Changes, change)
	}
	return []experiment.Step{out}
}

// isStructural reports whether a change is one of how a pair is written.
func isStructural(change experiment.PairChange) bool {
	switch change.Kind {
	case experiment.AppendPair, experiment.PrependPair, experiment.RenameKey:
		return true
	}
	return false
}

// structuralVariants makes the same change to each pair of a command in turn.
func (p *serverPair) structuralVariants(out experiment.Step, change experiment.PairChange, command *experiment.Command) []experiment.Step {
	var all []experiment.Step
	for _, pair := range command.Request {
		for _, v := range study.StructuralChange(p.file, command, p.file.TypeOf(command, pair.Key), change.Kind) {
			step := out
			step.Changes = []experiment.PairChange{v}
			all = append(all, step)
		}
	}
	return all
}

// correspondingKey is the key of a command that stands for another command's key, "" if
// there is none.
func (p *serverPair) correspondingKey(from *experiment.Command, key string, command *experiment.Command) string {
	if !slices.ContainsFunc(from.Request, func(pair experiment.Pair) bool { return pair.Key == key }) {
		return key // a key that no command has
	}
	kind := p.file.TypeOf(from, key).Type
	found := ""
	for _, pair := range command.Request {
		if p.file.TypeOf(command, pair.Key).Type != kind {
			continue
		}
		if pair.Key == key {
			return key
		}
		switch kind {
		case experiment.TypeVersion, experiment.TypeCommandName, experiment.TypeMark, experiment.TypeSelf, experiment.TypeCount, experiment.TypeCursor:
			found = pair.Key
		}
	}
	return found
}

func isEscapePoint(point differencePoint) bool { return point.kind == "escape" }

// haveRelatedPoint compares differences of other commands: the same codes, or the
// same field. Where it is about how pairs are written, or about escapes, any such
// difference is alike.
func haveRelatedPoint(points, wanted []differencePoint, step experiment.Step) bool {
	if len(points) == 0 {
		return false
	}
	return haveCommonPoint(points, wanted) || hasPoint(points, isEscapePoint) && hasPoint(wanted, isEscapePoint) ||
		len(step.Changes) == 1 && isStructural(step.Changes[0])
}

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

// stepReference matches a placeholder that refers to a step by number.
var stepReference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// removeSteps returns an experiment without steps[from:to], and adjusts the step numbers in
// placeholders. ok is false if a remaining step refers to a removed one.
func removeSteps(steps []experiment.Step, from, to int) (remaining []experiment.Step, ok bool) {
	ok = true
	for i, step := range steps {
		if i >= from && i < to {
			continue
		}
		step.Changes = slices.Clone(step.Changes)
		for j := range step.Changes {
			step.Changes[j].Value = stepReference.ReplaceAllStringFunc(
				step.Changes[j].Value,
				func(placeholder string) string {
					match := stepReference.FindStringSubmatch(placeholder)
					n, err := strconv.Atoi(match[2])
					switch {
					case err != nil || n > from && n <= to:
						ok = false
					case n > to:
						n -= to - from
					}
					return fmt.Sprintf("{%s:%d}", match[1], n)
				},
			)
		}
		remaining = append(remaining, step)
	}
	return remaining, ok
}

// errBudgetSpent reports that the remaining budget does not suffice for another experiment. It ends
// the search for causes, but is not an error of Run.
var errBudgetSpent = errors.New("the budget is used up")

// reproduce makes an experiment and returns the differences between its last answers, and the
// traces. If wanted is set and shares no point with the differences, it returns no points. For an
// experiment that the file does not allow, it returns neither points nor traces and no error.
func (p *serverPair) reproduce(
	ctx context.Context,
	steps []experiment.Step,
	nonce uint64,
	wanted []differencePoint,
) ([]differencePoint, *lab.Trace, *lab.Trace, error) {
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

// haveCommonPoint reports whether two sets share a point: one of the same kind, key and direction,
// and for codes also with the same values.
func haveCommonPoint(points, wanted []differencePoint) bool {
	return slices.ContainsFunc(points, func(point differencePoint) bool {
		return slices.ContainsFunc(wanted, func(other differencePoint) bool {
			return point.kind == other.kind && point.key == other.key && point.isLongerOnB == other.isLongerOnB &&
				(point.kind != "code" || point.valueA == other.valueA && point.valueB == other.valueB)
		})
	})
}

// witness is an experiment that shows a difference in its last answers. Until it has been
// reproduced, points and traces are not set.
type witness struct {
	steps          []experiment.Step
	nonce          uint64
	points         []differencePoint
	traceA, traceB *lab.Trace
}

// shrinkSighting reduces the experiment of a sighting to a witness. It returns (nil, nil) if the
// difference does not show again in any replay of the whole experiment. If an error interrupts the
// reduction, it returns the smallest witness until then and the error.
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

// tryWitness replaces the steps of a witness by others if these show a wanted difference too, and
// reports whether it did.
func (p *serverPair) tryWitness(
	ctx context.Context,
	candidate *witness,
	steps []experiment.Step,
	wanted []differencePoint,
) (bool, error) {
	points, traceA, traceB, err := p.reproduce(ctx, steps, candidate.nonce, wanted)
	if err != nil || len(points) == 0 {
		return false, err
	}
	candidate.steps, candidate.points, candidate.traceA, candidate.traceB = steps, points, traceA, traceB
	return true, nil
}

// shortcutExperiments returns short experiments that often suffice as a witness: the last step after
// its role's first login, if there is one, and after all plain logins. It returns none if they save
// little or the last step refers to earlier ones.
func (p *serverPair) shortcutExperiments(steps []experiment.Step) [][]experiment.Step {
	last := len(steps) - 1
	if len(steps) < 4 || slices.ContainsFunc(steps[last].Changes, func(change experiment.PairChange) bool {
		return stepReference.MatchString(change.Value)
	}) {
		return nil
	}
	var own, all []experiment.Step
	for _, step := range steps[:last] {
		if p.file.VerbOf(step) != experiment.VerbLogin || len(step.Changes) > 0 {
			continue
		}
		if step.Role == steps[last].Role && len(own) == 0 {
			own = append(own, step)
		}
		all = append(all, step)
	}
	out := [][]experiment.Step{append(own, steps[last])}
	if len(all) > len(own) && len(all) < last {
		out = append(out, append(all, steps[last]))
	}
	return out
}

// dropSteps removes steps that the difference does not need, in ever smaller groups, until half of
// the remaining budget is spent. The other half is for replays.
func (p *serverPair) dropSteps(ctx context.Context, candidate *witness, wanted []differencePoint) error {
	enough := p.Sent() + (p.maxRequests()-p.Sent())/2
	for size := max(1, (len(candidate.steps)-1)/2); size >= 1; size /= 2 {
		for from := 0; from < len(candidate.steps)-1; {
			if p.Sent()+len(candidate.steps) > enough {
				return nil
			}
			to := min(from+size, len(candidate.steps)-1)
			remaining, ok := removeSteps(candidate.steps, from, to)
			if ok {
				done, err := p.tryWitness(ctx, candidate, remaining, wanted)
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

// revertChanges takes back each change of each step that the difference does not need.
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

// replaceDuplicateKeys replaces a pair that was added beside another with the same key by a changed
// value, if that shows the difference too. Then the value matters and not the repetition.
func (p *serverPair) replaceDuplicateKeys(
	ctx context.Context,
	candidate *witness,
	index int,
	wanted []differencePoint,
) error {
	for j, change := range candidate.steps[index].Changes {
		if change.Kind != experiment.AppendPair && change.Kind != experiment.PrependPair {
			continue
		}
		steps := slices.Clone(candidate.steps)
		steps[index].Changes = slices.Clone(steps[index].Changes)
		steps[index].Changes[j].Kind = experiment.SetValue
		if _, err := p.tryWitness(ctx, candidate, steps, wanted); err != nil {
			return err
		}
	}
	return nil
}

// findAffectedCommands sends other commands in place of the witness's last step. It returns up to
// three commands with the same difference, the witness's own first. Three stand for all commands.
func (p *serverPair) findAffectedCommands(ctx context.Context, candidate *witness) ([]string, error) {
	last := len(candidate.steps) - 1
	original := candidate.steps[last]
	found := []string{original.Command}
	tried := []string{original.Command}
	for _, command := range p.file.Commands {
		if len(found) >= 3 {
			break
		}
		if slices.Contains(tried, command.Name) {
			continue
		}
		tried = append(tried, command.Name)
		for _, step := range p.translateStep(original, command) {
			steps := append(slices.Clone(candidate.steps[:last]), step)
			points, _, _, err := p.reproduce(ctx, steps, candidate.nonce, nil)
			if err != nil {
				return found, err
			}
			if p.areComparable(original, step) && haveRelatedPoint(points, candidate.points, step) ||
				haveCommonPoint(points, candidate.points) && isCodeDifference(candidate.points) {
				found = append(found, command.Name)
				break
			}
		}
	}
	return found, nil
}

// areComparable reports whether equal differences in two steps may have one cause. Collecting
// messages and reading lists have different causes, unless a changed parameter is common to both.
func (p *serverPair) areComparable(original, other experiment.Step) bool {
	return (p.file.VerbOf(original) == experiment.VerbReceive) == (p.file.VerbOf(other) == experiment.VerbReceive) ||
		len(original.Changes) > 0
}

// isCodeDifference reports whether answers differ in their codes alone.
func isCodeDifference(points []differencePoint) bool {
	return len(points) == 1 && points[0].kind == "code"
}

// translateStep returns steps of another command with the corresponding changes. It returns none if
// a changed key has no counterpart. A single structural change yields one step for each pair of the
// command.
func (p *serverPair) translateStep(original experiment.Step, command *experiment.Command) []experiment.Step {
	out := original
	out.Command, out.Verb, out.Changes = command.Name, "", nil
	if len(original.Changes) == 1 && isStructural(original.Changes[0]) {
		return p.structuralVariants(out, original.Changes[0], command)
	}
	from, _ := p.file.Command(original.Command)
	for _, change := range original.Changes {
		if change.Key = p.correspondingKey(from, change.Key, command); change.Key == "" {
			return nil
		}
		out.Changes = append(out.Changes, change)
	}
	return []experiment.Step{out}
}

// isStructural reports whether a change concerns how a pair is written, not its value.
func isStructural(change experiment.PairChange) bool {
	switch change.Kind {
	case experiment.AppendPair, experiment.PrependPair, experiment.RenameKey:
		return true
	}
	return false
}

// structuralVariants applies the same structural change to each pair of a command in turn.
func (p *serverPair) structuralVariants(
	out experiment.Step,
	change experiment.PairChange,
	command *experiment.Command,
) []experiment.Step {
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

// correspondingKey returns the key of a command with the same meaning as another command's key, or
// "".
func (p *serverPair) correspondingKey(from *experiment.Command, key string, command *experiment.Command) string {
	if !slices.ContainsFunc(from.Request, func(pair experiment.Pair) bool { return pair.Key == key }) {
		return key // an unknown key, which is added as it is
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
		case experiment.TypeVersion,
			experiment.TypeCommandName,
			experiment.TypeMark,
			experiment.TypeSelf,
			experiment.TypeCount,
			experiment.TypeCursor:
			found = pair.Key
		}
	}
	return found
}

func isEscapePoint(point differencePoint) bool { return point.kind == "escape" }

// haveRelatedPoint reports whether points, the difference of another command, has the same cause as
// wanted. Any difference does if the step has a structural change, and any escape if wanted has one.
func haveRelatedPoint(points, wanted []differencePoint, step experiment.Step) bool {
	if len(points) == 0 {
		return false
	}
	return haveCommonPoint(points, wanted) || hasPoint(points, isEscapePoint) && hasPoint(wanted, isEscapePoint) ||
		len(step.Changes) == 1 && isStructural(step.Changes[0])
}

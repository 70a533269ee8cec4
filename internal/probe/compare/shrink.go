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
var reference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// without is an experiment without some of its steps. It is not ok if another
// step refers to one of them.
func without(steps []experiment.Step, from, to int) (rest []experiment.Step, ok bool) {
	ok = true
	for i, step := range steps {
		if i >= from && i < to {
			continue
		}
		step.Changes = slices.Clone(step.Changes)
		for j := range step.Changes {
			step.Changes[j].Value = reference.ReplaceAllStringFunc(step.Changes[j].Value, func(ref string) string {
				m := reference.FindStringSubmatch(ref)
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
var errSpent = errors.New("the budget is used up")

// shows reports in what the last answers of an experiment differ, if that is like
// what is looked for; nil if it is not.
func (p *serverPair) shows(ctx context.Context, steps []experiment.Step, nonce uint64, like []differencePoint) ([]differencePoint, *lab.Trace, *lab.Trace, error) {
	needed := len(steps)
	if p.reserving {
		needed += replays(steps) * len(steps)
	}
	if p.Sent()+needed > p.most() {
		return nil, nil, nil, errSpent
	}
	a, b, err := p.ask(ctx, steps, nonce)
	if errors.Is(err, lab.ErrForbidden) {
		return nil, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	at := len(steps) - 1
	points := p.differ(steps[at], &a.Answers[at], &b.Answers[at])
	if like != nil && !alike(points, like) {
		return nil, a, b, nil
	}
	return points, a, b, nil
}

func (p *serverPair) most() int { return min(p.a.Requests, p.b.Requests) }

// alike reports whether two sets of points have one in common.
func alike(points, like []differencePoint) bool {
	return slices.ContainsFunc(points, func(x differencePoint) bool {
		return slices.ContainsFunc(like, func(y differencePoint) bool {
			return x.kind == y.kind && x.key == y.key && x.longer == y.longer && (x.kind != "code" || x.a == y.a && x.b == y.b)
		})
	})
}

// A witness is a small experiment that shows a difference in its last answers.
type shortWitness struct {
	steps  []experiment.Step
	nonce  uint64
	points []differencePoint
	a, b   *lab.Trace
}

// shrink makes a sighting's experiment as small as it gets. It is nil if the
// difference does not show again, however often the whole of it is replayed.
func (p *serverPair) shrink(ctx context.Context, s *sighting) (*shortWitness, error) {
	w := &shortWitness{steps: s.steps, nonce: s.nonce}
	for _, short := range p.shortcuts(s.steps) {
		if ok, err := p.try(ctx, w, short, s.points); ok || err != nil {
			if err != nil {
				return nil, err
			}
			break
		}
	}
	for ; w.a == nil && s.of < replays(s.steps); s.of++ {
		if _, err := p.try(ctx, w, s.steps, s.points); err != nil {
			return nil, err
		}
	}
	if w.a == nil {
		return nil, nil
	}
	if err := p.dropSteps(ctx, w, s.points); err != nil {
		return w, err
	}
	return w, p.revertChanges(ctx, w, s.points)
}

// try takes other steps for a witness, if they show the difference too.
func (p *serverPair) try(ctx context.Context, w *shortWitness, steps []experiment.Step, like []differencePoint) (bool, error) {
	points, a, b, err := p.shows(ctx, steps, w.nonce, like)
	if err != nil || len(points) == 0 {
		return false, err
	}
	w.steps, w.points, w.a, w.b = steps, points, a, b
	return true, nil
}

// shortcuts are guesses at what is enough: the last step alone, behind a login,
// behind all logins.
func (p *serverPair) shortcuts(steps []experiment.Step) [][]experiment.Step {
	end := len(steps) - 1
	if len(steps) < 4 || slices.ContainsFunc(steps[end].Changes, func(change experiment.PairChange) bool {
		return reference.MatchString(change.Value)
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
func (p *serverPair) dropSteps(ctx context.Context, w *shortWitness, like []differencePoint) error {
	enough := p.Sent() + (p.most()-p.Sent())/2
	for size := max(1, (len(w.steps)-1)/2); size >= 1; size /= 2 {
		for from := 0; from < len(w.steps)-1; {
			if p.Sent()+len(w.steps) > enough {
				return nil
			}
			to := min(from+size, len(w.steps)-1)
			rest, ok := without(w.steps, from, to)
			if ok {
				done, err := p.try(ctx, w, rest, like)
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
func (p *serverPair) revertChanges(ctx context.Context, w *shortWitness, like []differencePoint) error {
	for i := 0; i < len(w.steps); i++ {
		for j := len(w.steps[i].Changes) - 1; j >= 0; j-- {
			steps := slices.Clone(w.steps)
			steps[i].Changes = slices.Delete(slices.Clone(steps[i].Changes), j, j+1)
			if _, err := p.try(ctx, w, steps, like); err != nil {
				return err
			}
		}
		if err := p.plainly(ctx, w, i, like); err != nil {
			return err
		}
		if step := w.steps[i]; step.HTTPForm != "" || step.Place != 0 {
			steps := slices.Clone(w.steps)
			steps[i].HTTPForm, steps[i].Place = "", 0
			if _, err := p.try(ctx, w, steps, like); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainly gives a key its value once where it was given twice, if that shows the
// difference too: then it is the value that matters.
func (p *serverPair) plainly(ctx context.Context, w *shortWitness, i int, like []differencePoint) error {
	for j, change := range w.steps[i].Changes {
		if change.Kind != experiment.AppendPair && change.Kind != experiment.PrependPair {
			continue
		}
		steps := slices.Clone(w.steps)
		steps[i].Changes = slices.Clone(steps[i].Changes)
		steps[i].Changes[j].Kind = experiment.SetValue
		if _, err := p.try(ctx, w, steps, like); err != nil {
			return err
		}
	}
	return nil
}

// spread lists the commands whose answers differ alike in the place of the
// shortWitness's last step, its own among them. It looks for no more than three.
func (p *serverPair) spread(ctx context.Context, w *shortWitness) ([]string, error) {
	end := len(w.steps) - 1
	own := w.steps[end]
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
		for _, step := range p.translate(own, command) {
			steps := append(slices.Clone(w.steps[:end]), step)
			points, _, _, err := p.shows(ctx, steps, w.nonce, nil)
			if err != nil {
				return found, err
			}
			if p.sameKind(own, step) && alikeElsewhere(points, w.points, step) || alike(points, w.points) && codeOnly(w.points) {
				found = append(found, command.Name)
				break
			}
		}
	}
	return found, nil
}

// sameKind reports whether two commands can be said to change alike: what is
// collected and what is listed are two things.
func (p *serverPair) sameKind(own, other experiment.Step) bool {
	return (p.file.VerbOf(own) == experiment.VerbReceive) == (p.file.VerbOf(other) == experiment.VerbReceive) || len(own.Changes) > 0
}

// codeOnly reports whether it is the code of the answers that differs.
func codeOnly(points []differencePoint) bool { return len(points) == 1 && points[0].kind == "code" }

// translate are steps with another command, and the same changes of the parameters
// that correspond; none if the command has none such. Where it matters only how a
// serverPair is written, whichever it is, several are worth a try.
func (p *serverPair) translate(own experiment.Step, command *experiment.Command) []experiment.Step {
	out := own
	out.Command, out.Verb, out.Changes = command.Name, "", nil
	if len(own.Changes) == 1 && structural(own.Changes[0]) {
		return p.writtenOtherwise(out, own.Changes[0], command)
	}
	from, _ := p.file.Command(own.Command)
	for _, change := range own.Changes {
		if change.Key = p.correspond(from, change.Key, command); change.Key == "" {
			return nil
		}
		out.Changes = append(out.Changes, change)
	}
	return []experiment.Step{out}
}

// structural reports whether a change is one of how a pair is written.
func structural(change experiment.PairChange) bool {
	switch change.Kind {
	case experiment.AppendPair, experiment.PrependPair, experiment.RenameKey:
		return true
	}
	return false
}

// writtenOtherwise makes the same change to each pair of a command in turn.
func (p *serverPair) writtenOtherwise(out experiment.Step, change experiment.PairChange, command *experiment.Command) []experiment.Step {
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

// correspond is the key of a command that stands for another command's key, "" if
// there is none.
func (p *serverPair) correspond(from *experiment.Command, key string, command *experiment.Command) string {
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

func isEscape(x differencePoint) bool { return x.kind == "escape" }

// alikeElsewhere compares differences of other commands: the same codes, or the
// same field. Where it is about how pairs are written, or about escapes, any such
// difference is alike.
func alikeElsewhere(points, like []differencePoint, step experiment.Step) bool {
	if len(points) == 0 {
		return false
	}
	return alike(points, like) || isAny(points, isEscape) && isAny(like, isEscape) ||
		len(step.Changes) == 1 && structural(step.Changes[0])
}

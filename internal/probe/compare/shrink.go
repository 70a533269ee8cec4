package compare

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// reference is a placeholder that names a step.
var reference = regexp.MustCompile(`\{(seq|text):(\d+)\}`)

// without is an experiment without some of its steps. It is not ok if another
// step refers to one of them.
func without(steps []experiment.Step, from, to int) (rest []experiment.Step, ok bool) {
	ok = true
	for i, s := range steps {
		if i >= from && i < to {
			continue
		}
		s.Changes = slices.Clone(s.Changes)
		for j := range s.Changes {
			s.Changes[j].Value = reference.ReplaceAllStringFunc(s.Changes[j].Value, func(ref string) string {
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
		rest = append(rest, s)
	}
	return rest, ok
}

// errSpent ends the work on differences when its share of the budget is used up.
var errSpent = errors.New("the budget is used up")

// shows reports in what the last answers of an experiment differ, if that is like
// what is looked for; nil if it is not.
func (p *pair) shows(ctx context.Context, steps []experiment.Step, nonce uint64, like []point) ([]point, *lab.Trace, *lab.Trace, error) {
	if p.Sent()+len(steps) > p.most() {
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

func (p *pair) most() int { return min(p.a.Requests, p.b.Requests) }

// alike reports whether two sets of points have one in common.
func alike(points, like []point) bool {
	return slices.ContainsFunc(points, func(x point) bool {
		return slices.ContainsFunc(like, func(y point) bool {
			return x.kind == y.kind && x.key == y.key && (x.kind != "code" || x.a == y.a && x.b == y.b)
		})
	})
}

// A witness is a small experiment that shows a difference in its last answers.
type witness struct {
	steps  []experiment.Step
	nonce  uint64
	points []point
	a, b   *lab.Trace
}

// shrink makes a sighting's experiment as small as it gets. It is nil if the
// difference does not show again.
func (p *pair) shrink(ctx context.Context, s *sighting) (*witness, error) {
	w := &witness{steps: s.steps, nonce: s.nonce}
	for _, short := range p.shortcuts(s.steps) {
		if ok, err := p.try(ctx, w, short, s.points); ok || err != nil {
			if err != nil {
				return nil, err
			}
			break
		}
	}
	if w.a == nil {
		if ok, err := p.try(ctx, w, s.steps, s.points); !ok || err != nil {
			return nil, err
		}
	}
	if err := p.dropSteps(ctx, w, s.points); err != nil {
		return w, err
	}
	return w, p.revertChanges(ctx, w, s.points)
}

// try takes other steps for a witness, if they show the difference too.
func (p *pair) try(ctx context.Context, w *witness, steps []experiment.Step, like []point) (bool, error) {
	points, a, b, err := p.shows(ctx, steps, w.nonce, like)
	if err != nil || len(points) == 0 {
		return false, err
	}
	w.steps, w.points, w.a, w.b = steps, points, a, b
	return true, nil
}

// shortcuts are guesses at what is enough: the last step alone, behind a login,
// behind all logins.
func (p *pair) shortcuts(steps []experiment.Step) [][]experiment.Step {
	end := len(steps) - 1
	if len(steps) < 4 || slices.ContainsFunc(steps[end].Changes, func(c experiment.Change) bool {
		return reference.MatchString(c.Value)
	}) {
		return nil
	}
	var own, all []experiment.Step
	for _, s := range steps[:end] {
		if p.file.VerbOf(s) != experiment.Login || len(s.Changes) > 0 {
			continue
		}
		if s.Role == steps[end].Role && len(own) == 0 {
			own = append(own, s)
		}
		all = append(all, s)
	}
	out := [][]experiment.Step{append(own, steps[end])}
	if len(all) > len(own) && len(all) < end {
		out = append(out, append(all, steps[end]))
	}
	return out
}

// dropSteps leaves out steps, many at once at first.
func (p *pair) dropSteps(ctx context.Context, w *witness, like []point) error {
	for size := max(1, (len(w.steps)-1)/2); size >= 1; size /= 2 {
		for from := 0; from < len(w.steps)-1; {
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
func (p *pair) revertChanges(ctx context.Context, w *witness, like []point) error {
	for i := 0; i < len(w.steps); i++ {
		for j := len(w.steps[i].Changes) - 1; j >= 0; j-- {
			steps := slices.Clone(w.steps)
			steps[i].Changes = slices.Delete(slices.Clone(steps[i].Changes), j, j+1)
			if _, err := p.try(ctx, w, steps, like); err != nil {
				return err
			}
		}
		if s := w.steps[i]; s.Way != "" || s.Place != 0 {
			steps := slices.Clone(w.steps)
			steps[i].Way, steps[i].Place = "", 0
			if _, err := p.try(ctx, w, steps, like); err != nil {
				return err
			}
		}
	}
	return nil
}

// spread lists the commands whose answers differ alike in the place of the
// witness's last step, its own among them. It looks for no more than three.
func (p *pair) spread(ctx context.Context, w *witness) ([]string, error) {
	end := len(w.steps) - 1
	own := w.steps[end]
	found := []string{own.Command}
	tried := []string{own.Command}
	for _, c := range p.file.Commands {
		if len(found) >= 3 {
			break
		}
		if slices.Contains(tried, c.Name) {
			continue
		}
		tried = append(tried, c.Name)
		steps := slices.Clone(w.steps)
		var ok bool
		if steps[end], ok = p.translate(own, c); !ok {
			continue
		}
		points, _, _, err := p.shows(ctx, steps, w.nonce, nil)
		if err != nil {
			return found, err
		}
		if alikeElsewhere(points, w.points) {
			found = append(found, c.Name)
		}
	}
	return found, nil
}

// translate is a step with another command, and the same changes of the
// parameters that correspond. It is not ok if the command has none such.
func (p *pair) translate(own experiment.Step, c *experiment.Command) (experiment.Step, bool) {
	from, _ := p.file.Command(own.Command)
	out := own
	out.Command, out.Verb, out.Changes = c.Name, "", nil
	for _, change := range own.Changes {
		kind := p.file.TypeOf(from, change.Key).Type
		key := ""
		for _, pair := range c.Request {
			if pair.Key == change.Key && p.file.TypeOf(c, pair.Key).Type == kind {
				key = pair.Key
				break
			}
			if key == "" && p.file.TypeOf(c, pair.Key).Type == kind && kind != experiment.Constant && kind != experiment.Opaque && kind != experiment.Enum {
				key = pair.Key
			}
		}
		inOwn := slices.ContainsFunc(from.Request, func(q experiment.Pair) bool { return q.Key == change.Key })
		if !inOwn {
			key = change.Key // a key that no command has
		}
		if key == "" {
			return out, false
		}
		if change.Kind == experiment.Rename && strings.ToLower(change.Value) == change.Value {
			change.Value = strings.ToLower(key)
		}
		change.Key = key
		out.Changes = append(out.Changes, change)
	}
	return out, true
}

// alikeElsewhere compares differences of other commands: the same codes, the same
// field, or what has no field.
func alikeElsewhere(points, like []point) bool {
	if len(points) == 0 {
		return false
	}
	return alike(points, like) || slices.ContainsFunc(points, func(x point) bool {
		return slices.ContainsFunc(like, func(y point) bool {
			return x.kind == "field" && y.kind == "field" && x.prefix == y.prefix && x.order == y.order && isList(x) && isList(y)
		})
	})
}

func isList(p point) bool {
	return strings.HasSuffix(p.a, ",") || strings.HasSuffix(p.b, ",") || p.order || p.prefix
}

package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A pair is two servers that are asked the same. It is a study's subject: the
// study sees the answers of the first.
type serverPair struct {
	file *experiment.File
	a, b *lab.Lab
	// found are the differences that were seen, each kind once, in the simplest
	// experiment that showed it.
	found []*sighting
	seen  map[string]*sighting
	noise map[string]bool // command and key
	// reserving keeps requests of the budget for showing again what is found: a
	// difference that was not shown again is not told.
	reserving bool
}

// A sighting is a difference as it was first seen, in the last answers of its
// steps.
type sighting struct {
	shortWitness
	// shown is how often it showed when it was replayed, of how many times.
	shown, of int
	isNoise   bool // one server answers itself otherwise each time
}

// A point is one thing in which two answers differ.
type differencePoint struct {
	// kind is status, form, code, field, escape, missing, extra, end, type, framing or
	// closed.
	kind string
	key  string // of a field
	a, b string
	// list says that the field is one; sizes that the two are not of one length.
	list, sizes bool
	// longer says that B's is the longer one.
	longer bool
	// shape says that one writes it as a list, and the other does not.
	shape bool
	// accounts says that the lists hold accounts.
	accounts bool
	// members says that both list accounts, and not the same ones.
	members bool
	// order says that the same elements come in another order.
	order bool
	// prefix says that one list begins as the other, and is longer.
	prefix bool
}

func newPair(file *experiment.File, a, b *lab.Lab) *serverPair {
	return &serverPair{file: file, a: a, b: b, seen: make(map[string]*sighting), noise: make(map[string]bool)}
}

// Sent is how many requests the busier of the two has got.
func (p *serverPair) Sent() int { return max(p.a.Sent(), p.b.Sent()) }

// Run asks both.
func (p *serverPair) Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*lab.Trace, error) {
	a, b, err := p.ask(ctx, steps, nonce)
	if locked := new(lab.LockedError); errors.As(err, &locked) {
		p.lookAt(upTo(a, b), upTo(b, a), nonce)
	}
	if err != nil {
		return nil, err
	}
	p.look(a, b, nonce)
	return a, nil
}

// ask makes an experiment on both. If a lock ends it on either, the error says so, and the
// traces go as far as they were made.
func (p *serverPair) ask(ctx context.Context, steps []experiment.Step, nonce uint64) (a, b *lab.Trace, err error) {
	lockedA, lockedB := new(lab.LockedError), new(lab.LockedError)
	a, errA := p.a.Run(ctx, steps, nonce)
	if errors.As(errA, &lockedA) {
		a = lockedA.Part
	} else if errA != nil {
		return nil, nil, errA
	}
	b, errB := p.b.Run(ctx, steps, nonce)
	if errors.As(errB, &lockedB) {
		b = lockedB.Part
	} else if errB != nil {
		return nil, nil, errB
	}
	if err := cmp.Or(errA, errB); err != nil {
		return a, b, err
	}
	if unmade := cmp.Or(a.Unmade, b.Unmade); unmade != "" {
		a.Unmade, b.Unmade = unmade, unmade // it proves nothing of either
	}
	return a, b, nil
}

// look keeps what differs.
func (p *serverPair) look(a, b *lab.Trace, nonce uint64) {
	if a.Unmade != "" {
		return
	}
	// Where one server alone has given an answer that did not come again, that is seen too.
	switch {
	case a.Refused != nil && b.Refused == nil:
		p.lookAt(a.Refused, upTo(b, a.Refused), nonce)
	case b.Refused != nil && a.Refused == nil:
		p.lookAt(upTo(a, b.Refused), b.Refused, nonce)
	}
	p.lookAt(a, b, nonce)
}

// upTo is a trace as far as another goes.
func upTo(trace, other *lab.Trace) *lab.Trace {
	n := min(len(trace.Steps), len(other.Steps))
	return &lab.Trace{ID: trace.ID, Steps: trace.Steps[:n], Answers: trace.Answers[:n]}
}

func (p *serverPair) lookAt(a, b *lab.Trace, nonce uint64) {
	for i, step := range a.Steps {
		points := p.differ(step, &a.Answers[i], &b.Answers[i])
		if len(points) == 0 {
			continue
		}
		s := &sighting{shortWitness: shortWitness{steps: a.Steps[:i+1], nonce: nonce, points: points, a: a, b: b}}
		key := s.signature(p.file)
		known := p.seen[key]
		if known == nil {
			p.seen[key] = s
			p.found = append(p.found, s)
			continue
		}
		if weight(s.steps) < weight(known.steps) {
			known.shortWitness = s.shortWitness
		}
	}
}

// weight is how much there is in an experiment that could be left out.
func weight(steps []experiment.Step) int {
	n := 0
	for _, step := range steps {
		n += 2 + 3*len(step.Changes)
		if step.Wait > 0 {
			n += 3
		}
		if step.HTTPForm != "" || step.Place > 0 {
			n += 2
		}
	}
	return n
}

// signature is the kind of difference: the command, what of its answer differs,
// and what was changed in the request.
func (s *sighting) signature(file *experiment.File) string {
	step := s.steps[len(s.steps)-1]
	parts := []string{step.Command, string(step.Verb), step.HTTPForm}
	for _, p := range s.points {
		parts = append(parts, p.kind, p.key)
		if p.kind == "code" || p.kind == "status" || p.kind == "lost" {
			parts = append(parts, p.a, p.b)
		}
	}
	for _, change := range step.Changes {
		parts = append(parts, string(change.Kind)+change.Key)
	}
	for _, before := range s.steps[:len(s.steps)-1] {
		if before.Wait > 0 {
			parts = append(parts, "wait")
			break
		}
	}
	return strings.Join(parts, "|")
}

// differ lists in what two answers differ. The order of fields does not count.
func (p *serverPair) differ(step experiment.Step, a, b *lab.Answer) []differencePoint {
	ka, kb := a.Kind(), b.Kind()
	switch {
	case ka == "wait":
		return nil
	case ka != kb:
		return []differencePoint{{kind: "form", a: p.short(a), b: p.short(b)}}
	case ka == "nothing":
		return nil
	case ka == "status":
		if a.Status != b.Status {
			return []differencePoint{{kind: "status", a: p.short(a), b: p.short(b)}}
		}
		return nil
	case ka == "text":
		if a.Text() != b.Text() {
			return []differencePoint{{kind: "form", a: a.Text(), b: b.Text()}}
		}
	}
	points := p.fields(step, a, b)
	if a.End != b.End {
		points = append(points, differencePoint{kind: "end", a: a.End, b: b.End})
	}
	if plainType(a.Type) != plainType(b.Type) {
		points = append(points, differencePoint{kind: "type", a: a.Type, b: b.Type})
	}
	if a.Framing != b.Framing {
		points = append(points, differencePoint{kind: "framing", a: a.Framing, b: b.Framing})
	}
	if a.Second != b.Second {
		points = append(points, differencePoint{kind: "second", a: a.Second, b: b.Second})
	}
	if a.Closed != b.Closed {
		points = append(points, differencePoint{kind: "closed", a: yes(a.Closed), b: yes(b.Closed)})
	}
	return points
}

// plainType is a media type without the differences that mean nothing.
func plainType(t string) string { return strings.ToLower(strings.ReplaceAll(t, " ", "")) }

func yes(b bool) string {
	if b {
		return "the connection is closed"
	}
	return "the connection stays"
}

const noAnswer = "no answer"

func (p *serverPair) short(answer *lab.Answer) string {
	switch answer.Kind() {
	case "nothing":
		return noAnswer
	case "status":
		return fmt.Sprintf("status %d: %s", answer.Status, answer.Text())
	case "text":
		return answer.Text()
	}
	return "a record"
}

// fields compares records by key.
func (p *serverPair) fields(step experiment.Step, a, b *lab.Answer) []differencePoint {
	code := p.file.Answer.CodeKey
	if code != "" && a.Value(code) != b.Value(code) {
		return []differencePoint{{kind: "code", key: code, a: a.Value(code), b: b.Value(code)}}
	}
	var points []differencePoint
	refused := !lab.Done(p.file, step.Command, a)
	for _, key := range keys(a, b) {
		if p.noise[step.Command+"|"+key] {
			continue
		}
		x, y := valuesOf(a, key), valuesOf(b, key)
		switch {
		case len(x) > len(y):
			points = append(points, differencePoint{kind: "missing", key: key, a: x[0].Value})
		case len(y) > len(x):
			points = append(points, differencePoint{kind: "extra", key: key, b: y[0].Value})
		case slices.Contains(p.file.Answer.ProseKeys, key), refused && prose(x[0].Value) && prose(y[0].Value):
		default:
			for i := range x {
				if pt, differs := p.fieldPoint(&x[i], &y[i]); differs {
					points = append(points, pt)
				}
			}
		}
	}
	return points
}

// prose reports whether a value looks like a sentence for people: several words of
// letters. In the answer to a request that was refused its wording means nothing.
func prose(value string) bool {
	words := strings.Fields(value)
	letters := 0
	for _, w := range words {
		if strings.IndexFunc(w, unicode.IsLetter) >= 0 {
			letters++
		}
	}
	return letters > 1
}

// fieldPoint compares two fields of one key.
func (p *serverPair) fieldPoint(x, y *lab.Field) (out differencePoint, differs bool) {
	out = differencePoint{kind: "field", key: x.Key, a: x.Value, b: y.Value, list: x.IsList || y.IsList}
	syntax := p.file.Syntax
	if x.Raw != y.Raw && syntax.Unescape(x.Raw) == syntax.Unescape(y.Raw) {
		out.kind, out.a, out.b = "escape", x.Raw, y.Raw
		return out, true // clients undo the few escapes that they know, letter by letter
	}
	if out.list {
		s, t := slices.Sorted(slices.Values(x.List)), slices.Sorted(slices.Values(y.List))
		out.order = slices.Equal(s, t) && !slices.Equal(x.List, y.List)
		out.sizes, out.longer = len(x.List) != len(y.List), len(y.List) > len(x.List)
		out.accounts = accounts(s) && accounts(t)
		out.members = !slices.Equal(s, t) && out.accounts
		out.shape = x.IsList != y.IsList && x.Raw != "" && y.Raw != ""
		n := min(len(x.List), len(y.List))
		out.prefix = out.sizes && n > 1 && (slices.Equal(x.List[:n], y.List[:n]) ||
			slices.Equal(x.List[len(x.List)-n:], y.List[len(y.List)-n:]))
	}
	return out, x.Value != y.Value
}

// accounts reports whether all elements can be account numbers, or names of roles.
func accounts(elements []string) bool {
	return !slices.ContainsFunc(elements, func(e string) bool {
		return !strings.HasPrefix(e, "{") && (len(e) < 4 || strings.Trim(e, "0123456789") != "")
	})
}

func keys(a, b *lab.Answer) []string {
	var all []string
	for _, answer := range []*lab.Answer{a, b} {
		for _, field := range answer.Fields {
			if !slices.Contains(all, field.Key) {
				all = append(all, field.Key)
			}
		}
	}
	return all
}

func valuesOf(answer *lab.Answer, key string) []lab.Field {
	var all []lab.Field
	for _, field := range answer.Fields {
		if field.Key == key {
			all = append(all, field)
		}
	}
	return all
}

// byWeight sorts sightings: those that say most clearly what differs come first.
func byWeight(all []*sighting) {
	sort.SliceStable(all, func(i, j int) bool { return weight(all[i].steps) < weight(all[j].steps) })
}

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
	file       *experiment.File
	labA, labB *lab.Lab
	// sightings are the differences that were seen, each kind once, in the simplest
	// experiment that showed it.
	sightings      []*sighting
	sightingsByKey map[string]*sighting
	volatileFields map[string]bool // command and key
	// reservesReplays keeps requests of the budget for showing again what is found: a
	// difference that was not shown again is not told.
	reservesReplays bool
}

// A sighting is a difference as it was first seen, in the last answers of its
// steps.
type sighting struct {
	witness
	// timesShown is how often it showed when it was replayed, of how many times.
	timesShown, replays int
	isVolatile          bool // one server answers itself otherwise each time
}

// A point is one thing in which two answers differ.
type differencePoint struct {
	// kind is status, form, code, field, escape, missing, extra, end, type, framing or
	// closed.
	kind           string
	key            string // of a field
	valueA, valueB string
	// isList says that the field is one; sizes that the two are not of one length.
	isList, lengthsDiffer bool
	// isLongerOnB says that B's is the longer one.
	isLongerOnB bool
	// accountsDiffer says that both list accounts, and not the same ones.
	accountsDiffer bool
	// orderDiffers says that the same elements come in another order.
	orderDiffers bool
}

func newServerPair(file *experiment.File, a, b *lab.Lab) *serverPair {
	return &serverPair{file: file, labA: a, labB: b, sightingsByKey: make(map[string]*sighting), volatileFields: make(map[string]bool)}
}

// Sent is how many requests the busier of the two has got.
func (p *serverPair) Sent() int { return max(p.labA.Sent(), p.labB.Sent()) }

// Run asks both.
func (p *serverPair) Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*lab.Trace, error) {
	traceA, traceB, err := p.runBoth(ctx, steps, nonce)
	if locked := new(lab.LockedError); errors.As(err, &locked) {
		p.recordSightings(truncateTrace(traceA, traceB), truncateTrace(traceB, traceA), nonce)
	}
	if err != nil {
		return nil, err
	}
	p.recordDifferences(traceA, traceB, nonce)
	return traceA, nil
}

// runBoth makes an experiment on both. If a lock ends it on either, the error says so, and the
// traces go as far as they were made.
func (p *serverPair) runBoth(ctx context.Context, steps []experiment.Step, nonce uint64) (traceA, traceB *lab.Trace, err error) {
	lockedA, lockedB := new(lab.LockedError), new(lab.LockedError)
	traceA, errA := p.labA.Run(ctx, steps, nonce)
	if errors.As(errA, &lockedA) {
		traceA = lockedA.Partial
	} else if errA != nil {
		return nil, nil, errA
	}
	traceB, errB := p.labB.Run(ctx, steps, nonce)
	if errors.As(errB, &lockedB) {
		traceB = lockedB.Partial
	} else if errB != nil {
		return nil, nil, errB
	}
	if err := cmp.Or(errA, errB); err != nil {
		return traceA, traceB, err
	}
	if unmade := cmp.Or(traceA.InvalidReason, traceB.InvalidReason); unmade != "" {
		traceA.InvalidReason, traceB.InvalidReason = unmade, unmade // it proves nothing of either
	}
	return traceA, traceB, nil
}

// recordDifferences keeps what differs.
func (p *serverPair) recordDifferences(traceA, traceB *lab.Trace, nonce uint64) {
	if traceA.InvalidReason != "" {
		return
	}
	// Where one server alone has given an answer that did not come again, that is seen too.
	switch {
	case traceA.DiscardedAttempt != nil && traceB.DiscardedAttempt == nil:
		p.recordSightings(traceA.DiscardedAttempt, truncateTrace(traceB, traceA.DiscardedAttempt), nonce)
	case traceB.DiscardedAttempt != nil && traceA.DiscardedAttempt == nil:
		p.recordSightings(truncateTrace(traceA, traceB.DiscardedAttempt), traceB.DiscardedAttempt, nonce)
	}
	p.recordSightings(traceA, traceB, nonce)
}

// truncateTrace is a trace as far as another goes.
func truncateTrace(trace, other *lab.Trace) *lab.Trace {
	n := min(len(trace.Steps), len(other.Steps))
	return &lab.Trace{ID: trace.ID, Steps: trace.Steps[:n], Answers: trace.Answers[:n]}
}

func (p *serverPair) recordSightings(traceA, traceB *lab.Trace, nonce uint64) {
	for i, step := range traceA.Steps {
		points := p.compareAnswers(step, &traceA.Answers[i], &traceB.Answers[i])
		if len(points) == 0 {
			continue
		}
		s := &sighting{witness: witness{steps: traceA.Steps[:i+1], nonce: nonce, points: points, traceA: traceA, traceB: traceB}}
		key := s.signature(p.file)
		known := p.sightingsByKey[key]
		if known == nil {
			p.sightingsByKey[key] = s
			p.sightings = append(p.sightings, s)
			continue
		}
		if complexity(s.steps) < complexity(known.steps) {
			known.witness = s.witness
		}
	}
}

// complexity is how much there is in an experiment that could be left out.
func complexity(steps []experiment.Step) int {
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
	for _, point := range s.points {
		parts = append(parts, point.kind, point.key)
		if point.kind == "code" || point.kind == "status" {
			parts = append(parts, point.valueA, point.valueB)
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

// compareAnswers lists in what two answers differ. The order of fields does not count.
func (p *serverPair) compareAnswers(step experiment.Step, answerA, answerB *lab.Answer) []differencePoint {
	ka, kb := answerA.Kind(), answerB.Kind()
	switch {
	case ka == "wait":
		return nil
	case ka != kb:
		return []differencePoint{{kind: "form", valueA: p.summarizeAnswer(answerA), valueB: p.summarizeAnswer(answerB)}}
	case ka == "nothing":
		return nil
	case ka == "status":
		if answerA.Status != answerB.Status {
			return []differencePoint{{kind: "status", valueA: p.summarizeAnswer(answerA), valueB: p.summarizeAnswer(answerB)}}
		}
		return nil
	case ka == "text":
		if answerA.Text() != answerB.Text() {
			return []differencePoint{{kind: "form", valueA: answerA.Text(), valueB: answerB.Text()}}
		}
	}
	points := p.compareRecords(step, answerA, answerB)
	if answerA.LineEnding != answerB.LineEnding {
		points = append(points, differencePoint{kind: "end", valueA: answerA.LineEnding, valueB: answerB.LineEnding})
	}
	if normalizeMediaType(answerA.ContentType) != normalizeMediaType(answerB.ContentType) {
		points = append(points, differencePoint{kind: "type", valueA: answerA.ContentType, valueB: answerB.ContentType})
	}
	if answerA.Framing != answerB.Framing {
		points = append(points, differencePoint{kind: "framing", valueA: answerA.Framing, valueB: answerB.Framing})
	}
	if answerA.SecondAnswer != answerB.SecondAnswer {
		points = append(points, differencePoint{kind: "second", valueA: answerA.SecondAnswer, valueB: answerB.SecondAnswer})
	}
	if answerA.Closed != answerB.Closed {
		points = append(points, differencePoint{kind: "closed", valueA: describeConnection(answerA.Closed), valueB: describeConnection(answerB.Closed)})
	}
	return points
}

// normalizeMediaType is a media type without the differences that mean nothing.
func normalizeMediaType(t string) string { return strings.ToLower(strings.ReplaceAll(t, " ", "")) }

func describeConnection(b bool) string {
	if b {
		return "the connection is closed"
	}
	return "the connection stays"
}

const noAnswer = "no answer"

func (p *serverPair) summarizeAnswer(answer *lab.Answer) string {
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

// compareRecords compares records by key.
func (p *serverPair) compareRecords(step experiment.Step, answerA, answerB *lab.Answer) []differencePoint {
	code := p.file.Answer.CodeKey
	if code != "" && answerA.Value(code) != answerB.Value(code) {
		return []differencePoint{{kind: "code", key: code, valueA: answerA.Value(code), valueB: answerB.Value(code)}}
	}
	var points []differencePoint
	refused := !lab.IsDone(p.file, step.Command, answerA)
	for _, key := range fieldKeys(answerA, answerB) {
		if p.volatileFields[step.Command+"|"+key] {
			continue
		}
		x, y := fieldsWithKey(answerA, key), fieldsWithKey(answerB, key)
		switch {
		case len(x) > len(y):
			points = append(points, differencePoint{kind: "missing", key: key, valueA: x[0].Value})
		case len(y) > len(x):
			points = append(points, differencePoint{kind: "extra", key: key, valueB: y[0].Value})
		case slices.Contains(p.file.Answer.ProseKeys, key), refused && isProse(x[0].Value) && isProse(y[0].Value):
		default:
			for i := range x {
				if point, differs := p.compareFields(&x[i], &y[i]); differs {
					points = append(points, point)
				}
			}
		}
	}
	return points
}

// isProse reports whether a value looks like a sentence for people: several words of
// letters. In the answer to a request that was refused its wording means nothing.
func isProse(value string) bool {
	words := strings.Fields(value)
	letters := 0
	for _, w := range words {
		if strings.IndexFunc(w, unicode.IsLetter) >= 0 {
			letters++
		}
	}
	return letters > 1
}

// compareFields compares two fields of one key.
func (p *serverPair) compareFields(fieldA, fieldB *lab.Field) (out differencePoint, differs bool) {
	out = differencePoint{kind: "field", key: fieldA.Key, valueA: fieldA.Value, valueB: fieldB.Value, isList: fieldA.IsList || fieldB.IsList}
	syntax := p.file.Syntax
	if fieldA.Raw != fieldB.Raw && syntax.Unescape(fieldA.Raw) == syntax.Unescape(fieldB.Raw) {
		out.kind, out.valueA, out.valueB = "escape", fieldA.Raw, fieldB.Raw
		return out, true // clients undo the few escapes that they know, letter by letter
	}
	if out.isList {
		s, t := slices.Sorted(slices.Values(fieldA.List)), slices.Sorted(slices.Values(fieldB.List))
		out.orderDiffers = slices.Equal(s, t) && !slices.Equal(fieldA.List, fieldB.List)
		out.lengthsDiffer, out.isLongerOnB = len(fieldA.List) != len(fieldB.List), len(fieldB.List) > len(fieldA.List)
		out.accountsDiffer = !slices.Equal(s, t) && areAccounts(s) && areAccounts(t)
	}
	return out, fieldA.Value != fieldB.Value
}

// areAccounts reports whether all elements can be account numbers, or names of roles.
func areAccounts(elements []string) bool {
	return !slices.ContainsFunc(elements, func(e string) bool {
		return !strings.HasPrefix(e, "{") && (len(e) < 4 || strings.Trim(e, "0123456789") != "")
	})
}

func fieldKeys(answerA, answerB *lab.Answer) []string {
	var all []string
	for _, answer := range []*lab.Answer{answerA, answerB} {
		for _, field := range answer.Fields {
			if !slices.Contains(all, field.Key) {
				all = append(all, field.Key)
			}
		}
	}
	return all
}

func fieldsWithKey(answer *lab.Answer, key string) []lab.Field {
	var all []lab.Field
	for _, field := range answer.Fields {
		if field.Key == key {
			all = append(all, field)
		}
	}
	return all
}

// sortByComplexity sorts sightings: those that say most clearly what differs come first.
func sortByComplexity(all []*sighting) {
	sort.SliceStable(all, func(i, j int) bool { return complexity(all[i].steps) < complexity(all[j].steps) })
}

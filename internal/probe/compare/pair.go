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

// serverPair makes each experiment on two servers and records the differences. It acts as the
// subject of a study, to which it shows only the answers of server A.
type serverPair struct {
	file       *experiment.File
	labA, labB *lab.Lab
	// sightings holds one sighting of each kind, with the simplest experiment that showed it.
	sightings      []*sighting
	sightingsByKey map[string]*sighting // by signature
	volatileFields map[string]bool      // by command|key; these fields are not compared
	// reservesReplays makes reproduce keep enough of the budget to replay a witness. It is set
	// while a witness is reduced, because a difference counts only if its witness was replayed.
	reservesReplays bool
}

// sighting is an experiment during the study whose last answers differed.
type sighting struct {
	witness
	timesShown, replays int
	isVolatile          bool // one server alone answers differently each time
	hasCause            bool // it showed again, alone or as a part of another difference
}

// differencePoint is one difference between two answers.
type differencePoint struct {
	// kind says what differs:
	//   - status, form: the HTTP status, or whether the answer is a record, text, or missing
	//   - code: the answer code
	//   - field, escape: the value of a field, or only how it is escaped
	//   - missing, extra: a field that only A, or only B, has
	//   - end, type, framing: the line ending, the media type, the end of the body
	//   - second: what followed if two requests were sent at once
	//   - closed: whether the connection is closed
	kind           string
	key            string // of the field, for code, field, escape, missing and extra
	valueA, valueB string
	// The remaining fields are set for kind field.
	isList         bool // at least one value is a list
	lengthsDiffer  bool
	isLongerOnB    bool
	accountsDiffer bool // both lists hold accounts, but different ones
	orderDiffers   bool // both lists hold the same elements in another order
}

func newServerPair(file *experiment.File, labA, labB *lab.Lab) *serverPair {
	return &serverPair{
		file:           file,
		labA:           labA,
		labB:           labB,
		sightingsByKey: make(map[string]*sighting),
		volatileFields: make(map[string]bool),
	}
}

// Sent returns the number of requests to the server that received more of them.
func (p *serverPair) Sent() int { return max(p.labA.Sent(), p.labB.Sent()) }

// Run makes an experiment on both servers, records the differences, and returns the first server's
// trace.
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

// runBoth makes an experiment on both servers. If a login lock ends the experiment on either, it
// returns the LockedError along with both traces, of which at least one is incomplete. With any
// other error it returns no traces.
func (p *serverPair) runBoth(
	ctx context.Context,
	steps []experiment.Step,
	nonce uint64,
) (traceA, traceB *lab.Trace, err error) {
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
	if reason := cmp.Or(traceA.InvalidReason, traceB.InvalidReason); reason != "" {
		traceA.InvalidReason, traceB.InvalidReason = reason, reason // a comparison needs both
	}
	return traceA, traceB, nil
}

// recordDifferences records the differences between two traces, unless these are invalid.
func (p *serverPair) recordDifferences(traceA, traceB *lab.Trace, nonce uint64) {
	if traceA.InvalidReason != "" {
		return
	}
	// An answer that only one server gave, and did not repeat, is a sighting too.
	switch {
	case traceA.DiscardedAttempt != nil && traceB.DiscardedAttempt == nil:
		p.recordSightings(traceA.DiscardedAttempt, truncateTrace(traceB, traceA.DiscardedAttempt), nonce)
	case traceB.DiscardedAttempt != nil && traceA.DiscardedAttempt == nil:
		p.recordSightings(truncateTrace(traceA, traceB.DiscardedAttempt), traceB.DiscardedAttempt, nonce)
	}
	p.recordSightings(traceA, traceB, nonce)
}

// truncateTrace returns a trace with at most as many steps as another.
func truncateTrace(trace, other *lab.Trace) *lab.Trace {
	n := min(len(trace.Steps), len(other.Steps))
	return &lab.Trace{ID: trace.ID, Steps: trace.Steps[:n], Answers: trace.Answers[:n]}
}

// recordSightings records a sighting for each step whose answers differ. Of sightings with equal
// signatures, it keeps the one with the simplest experiment. Both traces have equal steps.
func (p *serverPair) recordSightings(traceA, traceB *lab.Trace, nonce uint64) {
	for i, step := range traceA.Steps {
		points := p.compareAnswers(step, &traceA.Answers[i], &traceB.Answers[i])
		if len(points) == 0 {
			continue
		}
		s := &sighting{
			witness: witness{
				steps:  traceA.Steps[:i+1],
				nonce:  nonce,
				points: points,
				traceA: traceA,
				traceB: traceB,
			},
		}
		key := s.signature(p.file)
		earlier := p.sightingsByKey[key]
		if earlier == nil {
			p.sightingsByKey[key] = s
			p.sightings = append(p.sightings, s)
			continue
		}
		if complexity(s.steps) < complexity(earlier.steps) {
			earlier.witness = s.witness
		}
	}
}

// complexity weighs the steps, changes, waits and forms of an experiment. Simpler experiments are
// investigated first.
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

// signature identifies a kind of sighting, of which one example suffices: the command, the
// differing parts of the answer, the changes of the request, and whether a wait came before it.
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

// compareAnswers returns the differences between two answers to a step, none for waits. The order
// of fields does not count.
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
			return []differencePoint{
				{kind: "status", valueA: p.summarizeAnswer(answerA), valueB: p.summarizeAnswer(answerB)},
			}
		}
		return nil
	case ka == "text":
		if answerA.Text() != answerB.Text() {
			return []differencePoint{{kind: "form", valueA: answerA.Text(), valueB: answerB.Text()}}
		}
	}
	points := p.compareRecords(step, answerA, answerB)
	for _, point := range []differencePoint{
		{kind: "end", valueA: answerA.LineEnding, valueB: answerB.LineEnding},
		{kind: "type", valueA: answerA.ContentType, valueB: answerB.ContentType},
		{kind: "framing", valueA: answerA.Framing, valueB: answerB.Framing},
		{kind: "second", valueA: answerA.SecondAnswer, valueB: answerB.SecondAnswer},
		{kind: "closed", valueA: describeConnection(answerA.Closed), valueB: describeConnection(answerB.Closed)},
	} {
		isEqual := point.valueA == point.valueB
		if point.kind == "type" {
			isEqual = normalizeMediaType(point.valueA) == normalizeMediaType(point.valueB)
		}
		if !isEqual {
			points = append(points, point)
		}
	}
	return points
}

// normalizeMediaType removes spaces and upper case, which have no meaning in media types.
func normalizeMediaType(t string) string { return strings.ToLower(strings.ReplaceAll(t, " ", "")) }

func describeConnection(isClosed bool) string {
	if isClosed {
		return "the connection is closed"
	}
	return "the connection stays"
}

// noAnswer is the value of a point for a lost answer.
const noAnswer = "no answer"

// summarizeAnswer returns the value of a point of kind form or status.
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

// compareRecords compares the fields of two records by key. If the codes differ, nothing else
// counts.
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

// isProse reports whether a value looks like a sentence: it has at least two words with letters.
// Prose in refusals is not compared, because its wording does not matter to clients.
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

// compareFields compares two fields with the same key. The point is meaningful only if differs.
func (p *serverPair) compareFields(fieldA, fieldB *lab.Field) (point differencePoint, differs bool) {
	point = differencePoint{
		kind:   "field",
		key:    fieldA.Key,
		valueA: fieldA.Value,
		valueB: fieldB.Value,
		isList: fieldA.IsList || fieldB.IsList,
	}
	syntax := p.file.Syntax
	if fieldA.Raw != fieldB.Raw && syntax.Unescape(fieldA.Raw) == syntax.Unescape(fieldB.Raw) {
		point.kind, point.valueA, point.valueB = "escape", fieldA.Raw, fieldB.Raw
		return point, true // clients know only some escapes, so the spelling matters
	}
	if point.isList {
		s, t := slices.Sorted(slices.Values(fieldA.List)), slices.Sorted(slices.Values(fieldB.List))
		point.orderDiffers = slices.Equal(s, t) && !slices.Equal(fieldA.List, fieldB.List)
		point.lengthsDiffer = len(fieldA.List) != len(fieldB.List)
		point.isLongerOnB = len(fieldB.List) > len(fieldA.List)
		point.accountsDiffer = !slices.Equal(s, t) && areAccounts(s) && areAccounts(t)
	}
	return point, fieldA.Value != fieldB.Value
}

// areAccounts reports whether all elements look like account numbers, of at least four digits, or
// like role placeholders.
func areAccounts(elements []string) bool {
	return !slices.ContainsFunc(elements, func(element string) bool {
		return !strings.HasPrefix(element, "{") && (len(element) < 4 || strings.Trim(element, "0123456789") != "")
	})
}

// fieldKeys returns the keys that at least one of two answers has, each once.
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

// sortByComplexity sorts sightings, the simplest experiment first.
func sortByComplexity(all []*sighting) {
	sort.SliceStable(all, func(i, j int) bool { return complexity(all[i].steps) < complexity(all[j].steps) })
}

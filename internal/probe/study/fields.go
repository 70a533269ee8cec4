package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// fieldSample is one successful answer with its request.
type fieldSample struct {
	trace      *lab.Trace
	index      int
	sentValues map[string][]string // by key in lower case, unescaped
	sentKeys   map[string]bool     // keys in their original spelling
}

func (p *fieldSample) answer() *lab.Answer { return &p.trace.Answers[p.index] }

// describeFields describes each field of each command's answer without sending anything. It tests each
// hypothesis about a field on all successful answers, including those to unusual requests.
func (s *study) describeFields() {
	for _, command := range s.findings.Commands {
		samples := s.collectSamples(command.Name)
		if len(samples) == 0 {
			continue
		}
		s.stateFieldOrder(command.Name, samples)
		for place, key := range answerKeys(samples) {
			s.describeField(command.Name, key, place+1, samples)
		}
		s.stateRelations(command.Name, samples)
	}
}

// collectSamples returns the successful answers to a command.
func (s *study) collectSamples(command string) []fieldSample {
	var samples []fieldSample
	for _, trace := range s.traces {
		for i, step := range trace.Steps {
			if step.Command != command || step.Wait > 0 || !s.isDone(step, &trace.Answers[i]) {
				continue
			}
			sample := fieldSample{trace: trace, index: i, sentValues: make(map[string][]string),
				sentKeys: make(map[string]bool)}
			pairs, _ := s.File.Syntax.Decode(trace.Answers[i].Request)
			for _, pair := range pairs {
				key := strings.ToLower(pair.Key)
				sample.sentKeys[pair.Key] = true
				sample.sentValues[key] = append(sample.sentValues[key],
					strings.TrimSpace(s.File.Syntax.Unescape(pair.Value)))
			}
			samples = append(samples, sample)
		}
	}
	return samples
}

// answerKeys returns the keys of the samples' answers, in the order of the answer with most fields.
func answerKeys(samples []fieldSample) []string {
	var keys []string
	for _, sample := range samples {
		if found := keysOf(sample.answer()); len(found) > len(keys) {
			keys = found
		}
	}
	return uniqueStrings(keys)
}

// stateFieldOrder states the order of the fields.
func (s *study) stateFieldOrder(command string, samples []fieldSample) {
	var orders []string
	var example *fieldSample
	for i := range samples {
		if order := strings.Join(keysOf(samples[i].answer()), " "); !slices.Contains(orders, order) {
			orders = append(orders, order)
			example = &samples[i]
		}
	}
	for _, order := range orders {
		if len(orders) > 4 {
			break
		}
		name := "fields"
		if len(orders) > 1 {
			name = fmt.Sprintf("fields, %d of them", len(strings.Fields(order)))
		}
		stated := s.stateFact(finding.Fact{
			Command: command, Aspect: finding.AspectField, Name: name, Claim: "order", Value: order,
			Statement: fmt.Sprintf("%s: an answer that is done has the fields %s, in this order", command, order),
		}, example.trace, example.index)
		s.countObservations(stated, samples, func(sample *fieldSample) bool {
			return strings.Join(keysOf(sample.answer()), " ") == order
		})
	}
}

// countObservations replaces the counts of a fact by those of all samples that show it, and
// confirms it if there are enough: each sample could have contradicted it.
func (s *study) countObservations(stated *statedFact, samples []fieldSample, showsFact func(*fieldSample) bool) {
	stated.Observations, stated.Sessions = 0, 0
	last := ""
	for i := range samples {
		if !showsFact(&samples[i]) {
			continue
		}
		stated.Observations++
		if id := samples[i].trace.ID; id != last {
			stated.Sessions++
			last = id
		}
		if id := samples[i].answer().ID; len(stated.Evidence) < 8 && !slices.Contains(stated.Evidence, id) {
			stated.Evidence = append(stated.Evidence, id)
		}
	}
	if stated.Observations >= minObservations && stated.Sessions >= 2 {
		stated.Grade = finding.Confirmed
	}
}

// minObservations is how many observations confirm a fact.
const minObservations = 4

// describeField states what one field holds.
func (s *study) describeField(command, key string, place int, samples []fieldSample) {
	out := finding.AnswerField{Command: command, Key: key, Place: place, Grade: finding.Observed}
	var values []string
	present, lists := 0, 0
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok {
			continue
		}
		present++
		if field.IsList || field.Raw == "" && lists > 0 {
			lists++
		}
		if !slices.Contains(values, field.Value) {
			values = append(values, field.Value)
		}
	}
	if present < len(samples) {
		out.When = fmt.Sprintf("in %d of %d answers", present, len(samples))
	}
	out.Kind, out.Of = s.classifyField(command, key, values, lists > 0, samples)
	out.Values = values[:min(len(values), 6)]
	showsFact := func(sample *fieldSample) bool { _, ok := sample.answer().Field(key); return ok }
	example := slices.IndexFunc(samples, func(sample fieldSample) bool { return showsFact(&sample) })
	value := strings.TrimSpace(out.Kind + " " + out.Of)
	stated := s.stateFact(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: key, Claim: "is", Value: value,
		Statement: fmt.Sprintf("%s: %s of an answer that is done is %s", command, key,
			describeKind(out.Kind, out.Of, values)),
	}, samples[example].trace, samples[example].index)
	s.countObservations(stated, samples, showsFact)
	if (out.Kind == "enum" || out.When != "") && stated.Grade == finding.Confirmed {
		stated.Grade = finding.Observed // the next answer may hold another value
	}
	out.Grade = stated.Grade
	s.findings.Fields = append(s.findings.Fields, out)
}

// describeKind returns a kind of classifyField in words.
func describeKind(kind, source string, values []string) string {
	switch kind {
	case "echo":
		return "what the request has as " + source
	case "count":
		return "the number of elements in " + source
	case "constant":
		return "always " + strconv.Quote(values[0])
	case "enum":
		return "one of few values; seen were " + strings.Join(values, ", ")
	case "list":
		return "a list, each element with a separator after it"
	case "prose":
		return "words for people"
	case "clock":
		return "a clock: it grows by itself"
	case "fresh":
		return "another each time"
	}
	return "a " + kind
}

// classifyField returns the most specific kind of a field that no sample contradicts. source is the key
// that a field of kind echo or count repeats or counts, "" for other kinds.
func (s *study) classifyField(
	command, key string, values []string, isList bool, samples []fieldSample,
) (kind, source string) {
	if slices.Contains(s.File.Answer.ProseKeys, key) {
		return "prose", ""
	}
	if s.volatile.masks(command, key) {
		if isIncreasing(s.volatile.values(command, key)) {
			return "clock", ""
		}
		return "fresh", ""
	}
	if isList {
		return "list", ""
	}
	if source := s.echoedKey(key, samples); source != "" {
		return "echo", source
	}
	if source := s.countedList(key, samples); source != "" {
		return "count", source
	}
	switch {
	case key != s.File.Answer.CodeKey && slices.Contains([]experiment.Verb{verbInfo, verbRead},
		s.File.VerbOf(experiment.Step{Command: command})):
		return "text", "" // a few profiles do not show what others may contain
	case len(values) == 1 && len(samples) > 2 && (key == s.File.Answer.CodeKey ||
		s.hasVariedAnswers(command, key, samples)):
		return "constant", ""
	case len(values) > 1 && (s.areListedValues(values) || len(values) <= 3 && len(samples) >= 10*len(values)):
		return "enum", ""
	case !slices.ContainsFunc(values, func(value string) bool {
		_,
			err := strconv.ParseInt(value, 10, 64)
		return err != nil && value != ""
	}):
		return "number", ""
	}
	return "text", ""
}

// hasVariedAnswers reports whether the answers differed in something that a field may depend on.
// Otherwise a constant field proves nothing. For a paged list, one page must not have been the
// last.
func (s *study) hasVariedAnswers(command, key string, samples []fieldSample) bool {
	var forms []string
	for i := range samples {
		answer := *samples[i].answer()
		answer.Fields = slices.DeleteFunc(slices.Clone(answer.Fields), func(field lab.Field) bool {
			return field.Key == key || slices.Contains(samples[i].sentValues[strings.ToLower(field.Key)],
				s.File.Syntax.Unescape(field.Raw))
		})
		if form := s.normalForm(samples[i].trace.Steps[samples[i].index], &answer); !slices.Contains(forms,
			form) {
			forms = append(forms, form)
		}
	}
	declared, ok := s.File.Command(command)
	paged := ok && slices.ContainsFunc(s.parametersOf(declared), func(parameter experiment.Parameter) bool {
		return parameter.Type == experiment.TypeCount || parameter.Type == experiment.TypeCursor
	})
	if paged && !s.wasPaged(command, samples) {
		return false
	}
	return len(forms) > 1
}

// wasPaged reports whether any answer held only a part of its list: another answer continues behind
// its last element.
func (s *study) wasPaged(command string, samples []fieldSample) bool {
	cursor := strings.ToLower(s.keyOfType(command, experiment.TypeCursor))
	ends, goesOn := make(map[[2]string]bool), make(map[[2]string]bool) // by list identity and account number
	for i := range samples {
		sample := &samples[i]
		_, elements := accountList(sample.answer())
		if len(elements) == 0 {
			continue
		}
		list := s.listIdentity(sample)
		for count, element := range elements {
			position := [2]string{list, strconv.FormatUint(s.accountNumber(element), 10)}
			if count == len(elements)-1 {
				ends[position] = true
			} else {
				goesOn[position] = true
			}
		}
		if from := sample.sentValues[cursor]; len(from) == 1 { // with two cursors, which one counts is unknown
			goesOn[[2]string{list, from[0]}] = true
		}
	}
	for position := range ends {
		if goesOn[position] {
			return true
		}
	}
	return false
}

// listIdentity identifies the list that a sample is a page of: by role, request and earlier
// changes.
func (s *study) listIdentity(sample *fieldSample) string {
	step := sample.trace.Steps[sample.index]
	var request []string
	for key, values := range sample.sentValues {
		switch command, _ := s.File.Command(step.Command); s.File.TypeOf(command,
			s.fileSpelling(step.Command, key)).Type {
		case experiment.TypeCount, experiment.TypeCursor, experiment.TypeMark:
		default:
			request = append(request, key+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(request)
	before := slices.DeleteFunc(slices.Clone(sample.trace.Steps[:sample.index]), s.isReadOnly)
	return step.Role + ": " + strings.Join(request, "&") + " after " + s.formatSteps(before)
}

// areListedValues reports whether the file lists all values for one parameter.
func (s *study) areListedValues(values []string) bool {
	return slices.ContainsFunc(s.File.Commands, func(command *experiment.Command) bool {
		return slices.ContainsFunc(s.parametersOf(command), func(parameter experiment.Parameter) bool {
			return len(parameter.Values) > 0 && !slices.ContainsFunc(values,
				func(value string) bool { return !slices.Contains(parameter.Values, value) })
		})
	})
}

// isIncreasing reports whether several values are numbers that never decrease.
func isIncreasing(values []string) bool {
	before := int64(-1)
	for _, value := range values {
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || number < before {
			return false
		}
		before = number
	}
	return len(values) > 1
}

// echoedKey returns the key of the request whose value a field always repeats. It prefers the key
// with the same name.
func (s *study) echoedKey(key string, samples []fieldSample) string {
	var candidates []string
	for sentKey := range samples[0].sentValues {
		candidates = append(candidates, sentKey)
	}
	own := strings.ToLower(key)
	slices.SortFunc(candidates, func(first, second string) int {
		if (first == own) != (second == own) {
			return map[bool]int{true: -1, false: 1}[first == own]
		}
		return strings.Compare(first, second)
	})
	for _, sentKey := range candidates {
		if count := s.countEchoes(key, sentKey, samples); count > 1 || count == 1 && sentKey == own {
			return s.fileSpelling(samples[0].trace.Steps[samples[0].index].Command, sentKey)
		}
	}
	return ""
}

// countEchoes counts the different values of a request key that a field repeated. It returns 0 if
// the field ever differed.
func (s *study) countEchoes(key, sentKey string, samples []fieldSample) int {
	different := make(map[string]bool)
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok {
			continue
		}
		value := s.File.Syntax.Unescape(field.Raw)
		sent := samples[i].sentValues[sentKey]
		if value == "" &&
			(len(sent) == 0 ||
				!samples[i].sentKeys[s.fileSpelling(samples[i].trace.Steps[samples[i].index].Command,
					sentKey)]) {
			continue // the server may not know the key in another case
		}
		if !slices.ContainsFunc(sent, func(v string) bool { return areEqualValues(v, value) }) {
			return 0
		}
		different[strings.ToLower(value)] = true
	}
	return len(different)
}

// areEqualValues reports whether two values are the same text in any case, or the same number.
func areEqualValues(first, second string) bool {
	n, m := strings.TrimLeft(first, "0"), strings.TrimLeft(second, "0")
	return strings.EqualFold(first, second) || n == m && digits.FindString(n) == n && n != ""
}

// fileSpelling returns a key in the spelling of the file.
func (s *study) fileSpelling(command, key string) string {
	if declared, ok := s.File.Command(command); ok {
		for _, pair := range declared.Request {
			if strings.EqualFold(pair.Key, key) {
				return pair.Key
			}
		}
	}
	return key
}

// countedList returns the list of the same answer whose elements a field counts, "" if there is
// none.
func (s *study) countedList(key string, samples []fieldSample) string {
	for _, list := range answerKeys(samples) {
		fits, most := 0, 0
		for i := range samples {
			answer := samples[i].answer()
			field, ok := answer.Field(key)
			listField, isThere := answer.Field(list)
			if !ok || !isThere {
				continue
			}
			if field.Value != strconv.Itoa(len(listField.List)) || !listField.IsList && listField.Raw != "" {
				fits = -1
				break
			}
			fits++
			most = max(most, len(listField.List))
		}
		if fits > 1 && most > 0 {
			return list
		}
	}
	return ""
}

// stateRelations states which lists are parallel and which are sorted.
func (s *study) stateRelations(command string, samples []fieldSample) {
	keys := answerKeys(samples)
	for i, first := range keys {
		for _, second := range keys[i+1:] {
			s.stateParallelLists(command, first, second, samples)
		}
		s.stateAscending(command, first, samples)
	}
}

func (s *study) stateParallelLists(command, first, second string, samples []fieldSample) {
	var example *fieldSample
	showsFact := func(sample *fieldSample) bool {
		field, hasFirst := sample.answer().Field(first)
		otherField, hasSecond := sample.answer().Field(second)
		return hasFirst && hasSecond && field.IsList && otherField.IsList && len(field.List) == len(otherField.List)
	}
	for i := range samples {
		field, hasFirst := samples[i].answer().Field(first)
		otherField, hasSecond := samples[i].answer().Field(second)
		if !hasFirst || !hasSecond || !field.IsList && !otherField.IsList {
			continue
		}
		if !showsFact(&samples[i]) {
			return
		}
		if example == nil || len(field.List) > 1 {
			example = &samples[i]
		}
	}
	s.stateRelation(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: first + " and " + second, Claim: "are",
		Value:     "parallel lists",
		Statement: fmt.Sprintf("%s: %s and %s are parallel lists of equal length", command, first, second),
	}, example, samples, showsFact)
}

// stateAscending states that a list of account numbers ascends, if at least one answer could have
// contradicted it.
func (s *study) stateAscending(command, key string, samples []fieldSample) {
	var example *fieldSample
	showsFact := func(sample *fieldSample) bool {
		field, ok := sample.answer().Field(key)
		return ok && field.IsList && len(field.List) > 1 && areAccounts(field.List) &&
			describeOrder(field.List, s.accountNumber) == "ascending"
	}
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok || !field.IsList || len(field.List) < 2 {
			continue
		}
		if !showsFact(&samples[i]) {
			return
		}
		example = &samples[i]
	}
	s.stateRelation(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: key, Claim: "order of elements", Value: "ascending",
		Statement: fmt.Sprintf("%s: the elements of %s ascend", command, key),
	}, example, samples, showsFact)
}

// stateRelation states a fact that an example shows, and counts the other samples that show it.
func (s *study) stateRelation(
	fact finding.Fact, example *fieldSample, samples []fieldSample, showsFact func(*fieldSample) bool,
) {
	if example != nil {
		s.countObservations(s.stateFact(fact, example.trace, example.index), samples, showsFact)
	}
}

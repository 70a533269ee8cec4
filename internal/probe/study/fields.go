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

// A sample is one answer that was done, with what was sent for it.
type fieldSample struct {
	trace *lab.Trace
	at    int
	sent  map[string][]string // the values of the request by key in small letters, unescaped
	exact map[string]bool     // the keys of the request as they were written
}

func (p *fieldSample) answer() *lab.Answer { return &p.trace.Answers[p.at] }

// fields says of each field of each command's answer what it holds. It asks
// nothing: all answers of the study, those to odd requests too, are tried on each
// thought.
func (s *study) fields() {
	for _, command := range s.out.Commands {
		samples := s.samples(command.Name)
		if len(samples) == 0 {
			continue
		}
		s.order(command.Name, samples)
		for place, key := range keysIn(samples) {
			s.field(command.Name, key, place+1, samples)
		}
		s.relations(command.Name, samples)
	}
}

// samples are the answers to a command that were done.
func (s *study) samples(command string) []fieldSample {
	var all []fieldSample
	for _, trace := range s.traces {
		for i, step := range trace.Steps {
			if step.Command != command || step.Wait > 0 || !s.done(step, &trace.Answers[i]) {
				continue
			}
			p := fieldSample{trace: trace, at: i, sent: make(map[string][]string), exact: make(map[string]bool)}
			pairs, _ := s.File.Syntax.Decode(trace.Answers[i].Sent)
			for _, pair := range pairs {
				key := strings.ToLower(pair.Key)
				p.exact[pair.Key] = true
				p.sent[key] = append(p.sent[key], strings.TrimSpace(s.File.Syntax.Unescape(pair.Value)))
			}
			all = append(all, p)
		}
	}
	return all
}

// keysIn are the keys of the samples' answers, in the order in which the fullest
// answer has them.
func keysIn(samples []fieldSample) []string {
	var keys []string
	for _, fieldSample := range samples {
		if fields := fieldSample.answer().Fields; len(fields) > len(keys) {
			keys = keys[:0]
			for _, field := range fields {
				keys = append(keys, field.Key)
			}
		}
	}
	return unique(keys)
}

// order states in which order the fields come.
func (s *study) order(command string, samples []fieldSample) {
	var orders []string
	var example *fieldSample
	for i := range samples {
		var keys []string
		for _, field := range samples[i].answer().Fields {
			keys = append(keys, field.Key)
		}
		if o := strings.Join(keys, " "); !slices.Contains(orders, o) {
			orders = append(orders, o)
			example = &samples[i]
		}
	}
	for _, o := range orders {
		if len(orders) > 4 {
			break
		}
		name := "fields"
		if len(orders) > 1 {
			name = fmt.Sprintf("fields, %d of them", len(strings.Fields(o)))
		}
		factEvidence := s.claim(finding.Fact{
			Command: command, Aspect: finding.AspectField, Name: name, Claim: "order", Value: o,
			Statement: fmt.Sprintf("%s: an answer that is done has the fields %s, in this order", command, o),
		}, example.trace, example.at)
		s.counted(factEvidence, samples, func(p *fieldSample) bool {
			var keys []string
			for _, field := range p.answer().Fields {
				keys = append(keys, field.Key)
			}
			return strings.Join(keys, " ") == o
		})
	}
}

// counted gives a fact the observations of all samples that show it, and the
// grade that they earn: each was a chance to see it fail.
func (s *study) counted(f *factEvidence, samples []fieldSample, shows func(*fieldSample) bool) {
	f.Observations, f.Sessions = 0, 0
	last := ""
	for i := range samples {
		if !shows(&samples[i]) {
			continue
		}
		f.Observations++
		if id := samples[i].trace.ID; id != last {
			f.Sessions++
			last = id
		}
		if id := samples[i].answer().ID; len(f.Evidence) < 8 && !slices.Contains(f.Evidence, id) {
			f.Evidence = append(f.Evidence, id)
		}
	}
	if f.Observations >= confirmedBy && f.Sessions >= 2 {
		f.Grade = finding.Confirmed
	}
}

// confirmedBy is how many observations a fact needs to be confirmed.
const confirmedBy = 4

// field says what one field holds.
func (s *study) field(command, key string, place int, samples []fieldSample) {
	out := finding.AnswerField{Command: command, Key: key, Place: place, Grade: finding.Observed}
	var values []string
	there, lists := 0, 0
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok {
			continue
		}
		there++
		if field.IsList || field.Raw == "" && lists > 0 {
			lists++
		}
		if !slices.Contains(values, field.Value) {
			values = append(values, field.Value)
		}
	}
	if there < len(samples) {
		out.When = fmt.Sprintf("in %d of %d answers", there, len(samples))
	}
	out.Kind, out.Of = s.kindOf(command, key, values, lists > 0, samples)
	out.Values = values[:min(len(values), 6)]
	shows := func(p *fieldSample) bool { _, ok := p.answer().Field(key); return ok }
	example := slices.IndexFunc(samples, func(p fieldSample) bool { return shows(&p) })
	value := strings.TrimSpace(out.Kind + " " + out.Of)
	factEvidence := s.claim(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: key, Claim: "is", Value: value,
		Statement: fmt.Sprintf("%s: %s of an answer that is done is %s", command, key, told(out.Kind, out.Of, values)),
	}, samples[example].trace, samples[example].at)
	s.counted(factEvidence, samples, shows)
	if (out.Kind == "enum" || out.When != "") && factEvidence.Grade == finding.Confirmed {
		factEvidence.Grade = finding.Observed // the next answer may hold something else
	}
	out.Grade = factEvidence.Grade
	s.out.Fields = append(s.out.Fields, out)
}

func told(kind, of string, values []string) string {
	switch kind {
	case "echo":
		return "what the request has as " + of
	case "count":
		return "the number of elements in " + of
	case "constant":
		return "always " + strconv.Quote(values[0])
	case "enum":
		return "one of few values; seen were " + strings.Join(values, ", ")
	case "list":
		return "a list, each element with a separator behind it"
	case "prose":
		return "words for people"
	case "clock":
		return "a clock: it grows by itself"
	case "fresh":
		return "another each time"
	}
	return "a " + kind
}

// kindOf tries one thought after the other: the most telling that no sample
// contradicts.
func (s *study) kindOf(command, key string, values []string, isList bool, samples []fieldSample) (kind, of string) {
	if slices.Contains(s.File.Answer.ProseKeys, key) {
		return "prose", ""
	}
	if s.noise.masks(command, key) {
		if grows(s.noise.values(command, key)) {
			return "clock", ""
		}
		return "fresh", ""
	}
	if isList {
		return "list", ""
	}
	if of := s.echoOf(key, samples); of != "" {
		return "echo", of
	}
	if of := s.countOf(key, samples); of != "" {
		return "count", of
	}
	switch {
	case key != s.File.Answer.CodeKey && slices.Contains([]experiment.Verb{vInfo, experiment.VerbRead}, s.File.VerbOf(experiment.Step{Command: command})):
		return "text", "" // what few accounts say of themselves tells nothing of what others may
	case len(values) == 1 && len(samples) > 2 && (key == s.File.Answer.CodeKey || s.varied(command, key, samples)):
		return "constant", ""
	case len(values) > 1 && (s.listed(values) || len(values) <= 3 && len(samples) >= 10*len(values)):
		return "enum", ""
	case !slices.ContainsFunc(values, func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err != nil && v != "" }):
		return "number", ""
	}
	return "text", ""
}

// varied reports whether the answers differed in what a field may depend on: only then
// does it say anything that the field never did. Of a list that is given page by page
// there must have been a page that is not the last.
func (s *study) varied(command, key string, samples []fieldSample) bool {
	var forms []string
	for i := range samples {
		answer := *samples[i].answer()
		answer.Fields = slices.DeleteFunc(slices.Clone(answer.Fields), func(field lab.Field) bool {
			return field.Key == key || slices.Contains(samples[i].sent[strings.ToLower(field.Key)], s.File.Syntax.Unescape(field.Raw))
		})
		if form := s.form(samples[i].trace.Steps[samples[i].at], &answer); !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	c, ok := s.File.Command(command)
	paged := ok && slices.ContainsFunc(s.parametersOf(c), func(parameter experiment.Parameter) bool {
		return parameter.Type == experiment.TypeCount || parameter.Type == experiment.TypeCursor
	})
	if paged && !s.cut(command, samples) {
		return false
	}
	return len(forms) > 1
}

// cut reports whether a list was ever given in part: something of the same list came
// behind the element that ends an answer.
func (s *study) cut(command string, samples []fieldSample) bool {
	cursor := strings.ToLower(s.keyOf(command, experiment.TypeCursor))
	ends, goesOn := make(map[[2]string]bool), make(map[[2]string]bool) // by list and number of an element
	for i := range samples {
		fieldSample := &samples[i]
		_, elements := numbersIn(fieldSample.answer())
		if len(elements) == 0 {
			continue
		}
		list := s.listOf(fieldSample)
		for n, e := range elements {
			at := [2]string{list, strconv.FormatUint(s.numberOf(e), 10)}
			if n == len(elements)-1 {
				ends[at] = true
			} else {
				goesOn[at] = true
			}
		}
		if from := fieldSample.sent[cursor]; len(from) == 1 { // of two it is not known which counts
			goesOn[[2]string{list, from[0]}] = true
		}
	}
	for at := range ends {
		if goesOn[at] {
			return true
		}
	}
	return false
}

// listOf names the list that a sample is a page of, by who asked for what of it, and by what
// was changed before.
func (s *study) listOf(p *fieldSample) string {
	step := p.trace.Steps[p.at]
	var request []string
	for key, values := range p.sent {
		switch command, _ := s.File.Command(step.Command); s.File.TypeOf(command, s.spelling(step.Command, key)).Type {
		case experiment.TypeCount, experiment.TypeCursor, experiment.TypeMark:
		default:
			request = append(request, key+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(request)
	before := slices.DeleteFunc(slices.Clone(p.trace.Steps[:p.at]), s.isRead)
	return step.Role + ": " + strings.Join(request, "&") + " behind " + s.line(before)
}

// listed reports whether values are among those that the file lists for a parameter.
func (s *study) listed(values []string) bool {
	return slices.ContainsFunc(s.File.Commands, func(command *experiment.Command) bool {
		return slices.ContainsFunc(s.parametersOf(command), func(parameter experiment.Parameter) bool {
			return len(parameter.Values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(parameter.Values, v) })
		})
	})
}

func grows(values []string) bool {
	before := int64(-1)
	for _, v := range values {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < before {
			return false
		}
		before = n
	}
	return len(values) > 1
}

// echoOf is the key of the request whose value a field always repeats; the key of
// the same name is preferred.
func (s *study) echoOf(key string, samples []fieldSample) string {
	var candidates []string
	for k := range samples[0].sent {
		candidates = append(candidates, k)
	}
	own := strings.ToLower(key)
	slices.SortFunc(candidates, func(x, y string) int {
		if (x == own) != (y == own) {
			return map[bool]int{true: -1, false: 1}[x == own]
		}
		return strings.Compare(x, y)
	})
	for _, k := range candidates {
		if n := s.echoes(key, k, samples); n > 1 || n == 1 && k == own {
			return s.spelling(samples[0].trace.Steps[samples[0].at].Command, k)
		}
	}
	return ""
}

// echoes counts the different values of a key of the request that a field
// repeated; 0 if it once did not.
func (s *study) echoes(key, k string, samples []fieldSample) int {
	different := make(map[string]bool)
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok {
			continue
		}
		value := s.File.Syntax.Unescape(field.Raw)
		sent := samples[i].sent[k]
		if value == "" && (len(sent) == 0 || !samples[i].exact[s.spelling(samples[i].trace.Steps[samples[i].at].Command, k)]) {
			continue // a key in other letters may be no key to the server
		}
		if !slices.ContainsFunc(sent, func(v string) bool { return alike(v, value) }) {
			return 0
		}
		different[strings.ToLower(value)] = true
	}
	return len(different)
}

// alike reports whether texts are the same, or the same number.
func alike(x, y string) bool {
	n, m := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	return strings.EqualFold(x, y) || n == m && numberIn.FindString(n) == n && n != ""
}

// spelling is a key as the file spells it.
func (s *study) spelling(command, key string) string {
	if c, ok := s.File.Command(command); ok {
		for _, pair := range c.Request {
			if strings.EqualFold(pair.Key, key) {
				return pair.Key
			}
		}
	}
	return key
}

// countOf is the list of the same answer whose elements a field counts.
func (s *study) countOf(key string, samples []fieldSample) string {
	for _, list := range keysIn(samples) {
		fits, most := 0, 0
		for i := range samples {
			answer := samples[i].answer()
			f, ok := answer.Field(key)
			l, isThere := answer.Field(list)
			if !ok || !isThere {
				continue
			}
			if f.Value != strconv.Itoa(len(l.List)) || !l.IsList && l.Raw != "" {
				fits = -1
				break
			}
			fits++
			most = max(most, len(l.List))
		}
		if fits > 1 && most > 0 {
			return list
		}
	}
	return ""
}

// relations states what fields have to do with each other: parallel lists, and
// lists that are sorted.
func (s *study) relations(command string, samples []fieldSample) {
	keys := keysIn(samples)
	for i, x := range keys {
		for _, y := range keys[i+1:] {
			s.parallel(command, x, y, samples)
		}
		s.sorted(command, x, samples)
	}
}

func (s *study) parallel(command, x, y string, samples []fieldSample) {
	var example *fieldSample
	shows := func(p *fieldSample) bool {
		f, ok1 := p.answer().Field(x)
		g, ok2 := p.answer().Field(y)
		return ok1 && ok2 && f.IsList && g.IsList && len(f.List) == len(g.List)
	}
	for i := range samples {
		f, ok1 := samples[i].answer().Field(x)
		g, ok2 := samples[i].answer().Field(y)
		if !ok1 || !ok2 || !f.IsList && !g.IsList {
			continue
		}
		if !shows(&samples[i]) {
			return
		}
		if example == nil || len(f.List) > 1 {
			example = &samples[i]
		}
	}
	if example == nil {
		return
	}
	s.counted(s.claim(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: x + " and " + y, Claim: "are", Value: "parallel lists",
		Statement: fmt.Sprintf("%s: %s and %s are parallel lists of equal length", command, x, y),
	}, example.trace, example.at), samples, shows)
}

// sorted states that a list of accounts ascends, if that was ever put to the test.
func (s *study) sorted(command, key string, samples []fieldSample) {
	var example *fieldSample
	shows := func(p *fieldSample) bool {
		field, ok := p.answer().Field(key)
		return ok && field.IsList && len(field.List) > 1 && accounts(field.List) && orderOf(field.List, s.numberOf) == "ascending"
	}
	for i := range samples {
		field, ok := samples[i].answer().Field(key)
		if !ok || !field.IsList || len(field.List) < 2 {
			continue
		}
		if !shows(&samples[i]) {
			return
		}
		example = &samples[i]
	}
	if example == nil {
		return
	}
	s.counted(s.claim(finding.Fact{
		Command: command, Aspect: finding.AspectField, Name: key, Claim: "order of elements", Value: "ascending",
		Statement: fmt.Sprintf("%s: the elements of %s ascend", command, key),
	}, example.trace, example.at), samples, shows)
}

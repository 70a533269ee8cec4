package study

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// textCase is a text as it is sent and as it should arrive.
type textCase struct {
	name     string
	sent     string // the raw value in the request
	expected string // "" if servers may treat the text differently
	httpForm string // the form of HTTP to send the request in, as Step.HTTPForm; "" for the usual one
}

// textCases returns texts that distinguish how servers read and write text.
func (s *study) textCases() []textCase {
	syntax := s.File.Syntax
	gbk := func(text string) string {
		out, err := simplifiedchinese.GBK.NewEncoder().String(text)
		if err != nil {
			return text
		}
		return out
	}
	element := syntax.EscapeSign
	textCases := []textCase{
		{"plain", "abc", "abc", ""},
		{"an escaped separator", "a" + syntax.EscapeValue(syntax.PairSeparator) + "b", "a" + syntax.PairSeparator + "b",
			""},
		{"an escaped escape", "a" + syntax.EscapeValue(element) + "26b", "a" + element + "26b", ""},
		{"an escape escaped twice", "a" + syntax.EscapeValue(element) + "2526b", "a" + element + "2526b", ""},
		{"a list separator", "a" + syntax.ListSeparator + "b" + syntax.ListSeparator, "a" + syntax.ListSeparator + "b" +
			syntax.ListSeparator, ""},
		{"an escaped list separator", fmt.Sprintf("a%s%02xb", element, syntax.ListSeparator[0]), "a" +
			syntax.ListSeparator + "b", ""},
		{"a raw separator", "a" + syntax.PairSeparator + "b", "", ""},
		{"a raw separator with a key", "a" + syntax.PairSeparator + "ZZ" + syntax.KeySeparator + "1", "", ""},
		{"an equals sign", "a" + syntax.KeySeparator + "b", "a" + syntax.KeySeparator + "b", ""},
		{"an escape that is none", "100" + element + " " + element + "zz " + element, "", ""},
		{"a plus sign", "a+b", "a+b", ""},
		{"an escaped plus sign", "a" + element + "2Bb", "a+b", ""},
		{"escapes in small letters", "a" + element + "2fb", "a/b", ""},
		{"spaces at both ends", " a b ", "", ""},
		{"escaped spaces at both ends", element + "20a" + element + "20", " a ", ""},
		{"two spaces", "a  b", "a  b", ""},
		{"an escaped line end", "a" + element + "0Ab", "a\nb", ""},
		{"an escaped CR LF", "a" + element + "0D" + element + "0Ab", "a\r\nb", ""},
		{"a raw line end", "a\nb", "", ""},
		{"a tabulator", "a" + element + "09b", "a\tb", ""},
		{"a control character", "a" + element + "01b", "", ""},
		{"a zero byte", "a" + element + "00b", "", ""},
		{"UTF-8 of two bytes", "ä", "ä", ""},
		{"UTF-8 of three bytes", "中文", "中文", ""},
		{"UTF-8 of four bytes", "🐧", "🐧", ""},
		{"escaped UTF-8", element + "E4" + element + "B8" + element + "AD", "中", ""},
		{"bytes that are no UTF-8", element + "ff" + element + "fe", "", ""},
		{"half a character", "中\xe6\x96", "", ""},
		{"undeclared GBK", gbk("你好中文"), "你好中文", ""},
		{"one character of GBK", gbk("你"), "", ""},
		{"HTML", "<b>\"'x</b>", "<b>\"'x</b>", ""},
		{"a quotation mark and a backslash", `a"b\c`, `a"b\c`, ""},
	}
	for _, charset := range syntax.Charsets {
		textCases = append(textCases,
			textCase{"declared " + charset, gbk("你好中文"), "你好中文", "charset=" + charset},
			textCase{"one character of declared " + charset, gbk("你"), "你", "charset=" + charset},
			textCase{"plain in declared " + charset, "abc", "abc", "charset=" + charset})
	}
	if element == "" {
		textCases = slices.DeleteFunc(textCases, func(w textCase) bool { return strings.Contains(w.name, "escape") })
	}
	return textCases
}

// studyEncoding sends texts and compares what arrives.
func (s *study) studyEncoding() error {
	sendStep, ok := s.stepFor(s.actor, verbSend, s.friend)
	key := ""
	if ok {
		key = s.keyOfType(sendStep.Command, experiment.TypeText)
	}
	if key != "" {
		if err := s.sendTexts(sendStep, key); err != nil {
			return err
		}
	}
	requestStep, ok := s.stepFor(s.actor, verbRequest, s.stranger)
	if !ok || s.keyOfType(requestStep.Command, experiment.TypeText) == "" {
		return nil
	}
	key = s.keyOfType(requestStep.Command, experiment.TypeText)
	for _, textCase := range s.textCases() {
		switch textCase.name {
		case "an escaped separator", "a list separator", "UTF-8 of three bytes", "an escape escaped twice",
			"a plus sign":
			step := requestStep
			step.Changes, step.HTTPForm = []experiment.PairChange{
				setKey(key, experiment.EscapeTemplate(textCase.sent))}, textCase.httpForm
			if err := runAll(s.newSteps().login(s.actor, s.stranger).append(step).observe(s.stranger,
				verbReceive)); err != nil {
				return err
			}
		}
	}
	return s.requestDeclaredCharsets()
}

// textsPerExperiment is how many texts one experiment sends.
const textsPerExperiment = 6

func (s *study) sendTexts(sendStep experiment.Step, key string) error {
	field := ""
	for group := range slices.Chunk(s.textCases(), textsPerExperiment) {
		builder := s.newSteps().login(s.actor, s.friend).observe(s.friend, verbReceive)
		firstIndex := len(builder.steps)
		for _, textCase := range group {
			step := sendStep
			step.Changes, step.HTTPForm = []experiment.PairChange{
				setKey(key, experiment.EscapeTemplate(textCase.sent))}, textCase.httpForm
			builder.append(step).observe(s.friend, verbReceive)
		}
		trace, err := builder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		for i, textCase := range group {
			index := firstIndex + 2*i
			if field == "" {
				field = fieldEndingWith(&trace.Answers[index+1], textCase.expected)
			}
			if field != "" { // otherwise no field shows the text
				s.stateText(sendStep, textCase, trace, index, field)
			}
		}
	}
	return nil
}

// fieldEndingWith returns the key of the list whose last element is text, "" if there is none.
func fieldEndingWith(answer *lab.Answer, text string) string {
	for _, field := range answer.Fields {
		if field.IsList && len(field.List) > 0 && field.List[len(field.List)-1] == text {
			return field.Key
		}
	}
	return ""
}

// stateText states how a text arrives in a field.
func (s *study) stateText(sendStep experiment.Step, w textCase, trace *lab.Trace, index int, field string) {
	value := "refused"
	if s.isDone(trace.Steps[index], &trace.Answers[index]) {
		value = "not at all"
		if f, ok := trace.Answers[index+1].Field(field); ok && len(f.List) > 0 {
			value = fmt.Sprintf("%q", f.List[len(f.List)-1])
		}
	}
	if w.expected != "" && value == fmt.Sprintf("%q", w.expected) {
		value = "as it is meant"
	}
	s.stateFact(finding.Fact{
		Command: sendStep.Command, Aspect: finding.AspectEncoding, Name: w.name, Claim: "arrives", Value: value,
		Statement: fmt.Sprintf("%s in a text, sent as %q, arrives %s", w.name, w.sent, value),
	}, trace, index+1)
}

// requestDeclaredCharsets requests nicknames and profiles under each declared charset.
func (s *study) requestDeclaredCharsets() error {
	builder := s.newSteps().login(s.actor, s.friend)
	for _, charset := range s.File.Syntax.Charsets {
		for _, verb := range []experiment.Verb{verbOnline, verbInfo} {
			if step, ok := s.stepFor(s.actor, verb, s.friend); ok {
				step.HTTPForm = "charset=" + charset
				builder.append(step)
			}
		}
	}
	return runAll(builder)
}

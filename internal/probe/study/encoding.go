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

// A words is a text as it is sent, and as it is meant.
type textCase struct {
	name, sent, meant string
	way               string
}

// texts are those that tell apart how servers read and write them.
func (s *study) texts() []textCase {
	syntax := s.File.Syntax
	gbk := func(text string) string {
		out, err := simplifiedchinese.GBK.NewEncoder().String(text)
		if err != nil {
			return text
		}
		return out
	}
	e := syntax.EscapeSign
	all := []textCase{
		{"plain", "abc", "abc", ""},
		{"an escaped separator", "a" + syntax.EscapeValue(syntax.PairSeparator) + "b", "a" + syntax.PairSeparator + "b", ""},
		{"an escaped escape", "a" + syntax.EscapeValue(e) + "26b", "a" + e + "26b", ""},
		{"an escape escaped twice", "a" + syntax.EscapeValue(e) + "2526b", "a" + e + "2526b", ""},
		{"a list separator", "a" + syntax.ListSeparator + "b" + syntax.ListSeparator, "a" + syntax.ListSeparator + "b" + syntax.ListSeparator, ""},
		{"an escaped list separator", fmt.Sprintf("a%s%02xb", e, syntax.ListSeparator[0]), "a" + syntax.ListSeparator + "b", ""},
		{"a raw separator", "a" + syntax.PairSeparator + "b", "", ""},
		{"a raw separator with a key", "a" + syntax.PairSeparator + "ZZ" + syntax.KeySeparator + "1", "", ""},
		{"an equals sign", "a" + syntax.KeySeparator + "b", "a" + syntax.KeySeparator + "b", ""},
		{"an escape that is none", "100" + e + " " + e + "zz " + e, "", ""},
		{"a plus sign", "a+b", "a+b", ""},
		{"an escaped plus sign", "a" + e + "2Bb", "a+b", ""},
		{"escapes in small letters", "a" + e + "2fb", "a/b", ""},
		{"spaces at both ends", " a b ", "", ""},
		{"escaped spaces at both ends", e + "20a" + e + "20", " a ", ""},
		{"two spaces", "a  b", "a  b", ""},
		{"an escaped line end", "a" + e + "0Ab", "a\nb", ""},
		{"an escaped CR LF", "a" + e + "0D" + e + "0Ab", "a\r\nb", ""},
		{"a raw line end", "a\nb", "", ""},
		{"a tabulator", "a" + e + "09b", "a\tb", ""},
		{"a control character", "a" + e + "01b", "", ""},
		{"a zero byte", "a" + e + "00b", "", ""},
		{"UTF-8 of two bytes", "ä", "ä", ""},
		{"UTF-8 of three bytes", "中文", "中文", ""},
		{"UTF-8 of four bytes", "🐧", "🐧", ""},
		{"escaped UTF-8", e + "E4" + e + "B8" + e + "AD", "中", ""},
		{"bytes that are no UTF-8", e + "ff" + e + "fe", "", ""},
		{"half a character", "中\xe6\x96", "", ""},
		{"undeclared GBK", gbk("你好中文"), "你好中文", ""},
		{"one character of GBK", gbk("你"), "", ""},
		{"HTML", "<b>\"'x</b>", "<b>\"'x</b>", ""},
		{"a quotation mark and a backslash", `a"b\c`, `a"b\c`, ""},
	}
	for _, charset := range syntax.Charsets {
		all = append(all,
			textCase{"declared " + charset, gbk("你好中文"), "你好中文", "charset=" + charset},
			textCase{"one character of declared " + charset, gbk("你"), "你", "charset=" + charset},
			textCase{"plain in declared " + charset, "abc", "abc", "charset=" + charset})
	}
	if e == "" {
		all = slices.DeleteFunc(all, func(w textCase) bool { return strings.Contains(w.name, "escape") })
	}
	return all
}

// encoding sends texts and looks at how they arrive.
func (s *study) encoding() error {
	send, ok := s.verb(s.a, vSend, s.b)
	key := ""
	if ok {
		key = s.keyOf(send.Command, experiment.TypeText)
	}
	if key != "" {
		if err := s.sendTexts(send, key); err != nil {
			return err
		}
	}
	request, ok := s.verb(s.a, vRequest, s.c)
	if !ok || s.keyOf(request.Command, experiment.TypeText) == "" {
		return nil
	}
	key = s.keyOf(request.Command, experiment.TypeText)
	for _, textCase := range s.texts() {
		switch textCase.name {
		case "an escaped separator", "a list separator", "UTF-8 of three bytes", "an escape escaped twice", "a plus sign":
			step := request
			step.Changes, step.HTTPForm = []experiment.PairChange{set(key, braced(textCase.sent))}, textCase.way
			if err := all(s.row().login(s.a, s.c).add(step).look(s.c, vReceive)); err != nil {
				return err
			}
		}
	}
	return s.declared()
}

// textsAtOnce is how many texts are sent in one experiment.
const textsAtOnce = 6

func (s *study) sendTexts(send experiment.Step, key string) error {
	field := ""
	for group := range slices.Chunk(s.texts(), textsAtOnce) {
		stepBuilder := s.row().login(s.a, s.b).look(s.b, vReceive)
		head := len(stepBuilder.steps)
		for _, textCase := range group {
			step := send
			step.Changes, step.HTTPForm = []experiment.PairChange{set(key, braced(textCase.sent))}, textCase.way
			stepBuilder.add(step).look(s.b, vReceive)
		}
		trace, err := stepBuilder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		for i, textCase := range group {
			at := head + 2*i
			if field == "" {
				field = textField(&trace.Answers[at+1], textCase.meant)
			}
			if field != "" { // else nothing shows what arrived
				s.claimText(send, textCase, trace, at, field)
			}
		}
	}
	return nil
}

// braced writes a text so that nothing in it is a placeholder.
func braced(text string) string { return experiment.EscapeTemplate(text) }

// textField is the field of an answer in whose list a text has arrived, "" if in none.
func textField(answer *lab.Answer, text string) string {
	for _, field := range answer.Fields {
		if field.IsList && len(field.List) > 0 && field.List[len(field.List)-1] == text {
			return field.Key
		}
	}
	return ""
}

// claimText states how a text arrives in a field.
func (s *study) claimText(send experiment.Step, w textCase, trace *lab.Trace, at int, field string) {
	value := "refused"
	if s.done(trace.Steps[at], &trace.Answers[at]) {
		value = "not at all"
		if f, ok := trace.Answers[at+1].Field(field); ok && len(f.List) > 0 {
			value = fmt.Sprintf("%q", f.List[len(f.List)-1])
		}
	}
	if w.meant != "" && value == fmt.Sprintf("%q", w.meant) {
		value = "as it is meant"
	}
	s.claim(finding.Fact{
		Command: send.Command, Aspect: finding.AspectEncoding, Name: w.name, Claim: "arrives", Value: value,
		Statement: fmt.Sprintf("%s in a text, sent as %q, arrives %s", w.name, w.sent, value),
	}, trace, at+1)
}

// declared asks with declared charsets for what has names in it.
func (s *study) declared() error {
	stepBuilder := s.row().login(s.a, s.b)
	for _, charset := range s.File.Syntax.Charsets {
		for _, verb := range []experiment.Verb{vOnline, vInfo} {
			if step, ok := s.verb(s.a, verb, s.b); ok {
				step.HTTPForm = "charset=" + charset
				stepBuilder.add(step)
			}
		}
	}
	return all(stepBuilder)
}

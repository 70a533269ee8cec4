package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Form is the normal form of an answer: what is compared, and what a fact
// expects. Fields that mask says, or whose wording means nothing, are there
// without their values.
func Form(file *experiment.File, answer *lab.Answer, mask func(key string) bool) string {
	switch answer.Kind() {
	case "wait":
		return ""
	case "nothing":
		return "no answer"
	case "status":
		return fmt.Sprintf("status %d", answer.Status)
	case "text":
		return "text " + answer.Text()
	}
	parts := make([]string, len(answer.Fields))
	for i, field := range answer.Fields {
		parts[i] = field.Key + "=" + field.Value
		switch {
		case slices.Contains(file.Answer.ProseKeys, field.Key):
			parts[i] = field.Key + "=..."
		case mask != nil && mask(field.Key):
			parts[i] = field.Key + "=*"
		}
	}
	return strings.Join(parts, "&")
}

// form is the normal form of an answer to a step.
func (s *study) form(step experiment.Step, answer *lab.Answer) string {
	return Form(s.File, answer, func(key string) bool { return s.noise.masks(step.Command, key) })
}

// outcome says in a word what became of a request.
func (s *study) outcome(step experiment.Step, answer *lab.Answer) string {
	switch kind := answer.Kind(); {
	case kind == "nothing" || kind == "status" || kind == "text":
		return kind
	case s.isNotLoggedIn(answer):
		return "no session"
	case lab.Done(s.File, step.Command, answer):
		return "done"
	}
	return "refused"
}

func (s *study) done(step experiment.Step, answer *lab.Answer) bool {
	return s.outcome(step, answer) == "done"
}

func (s *study) isNotLoggedIn(answer *lab.Answer) bool {
	if s.File.Answer.CodeKey == "" {
		return false
	}
	code := answer.Value(s.File.Answer.CodeKey)
	return code != "" && (slices.Contains(s.File.Answer.NotLoggedInCodes, code) || code == s.notLoggedIn)
}

// code is how an answer says how it went: its code, with the other fields that
// count for the command, or what came in place of a record.
func (s *study) code(command string, answer *lab.Answer) string {
	switch answer.Kind() {
	case "status":
		return fmt.Sprintf("status %d", answer.Status)
	case "nothing":
		return "no answer"
	case "text":
		return answer.Text()
	}
	if s.File.Answer.CodeKey == "" {
		return "record"
	}
	if _, is := answer.Field(s.File.Answer.CodeKey); !is {
		return "no " + s.File.Answer.CodeKey
	}
	out := s.File.Answer.CodeKey + "=" + answer.Value(s.File.Answer.CodeKey)
	if c, ok := s.File.Command(command); ok {
		for _, pair := range c.SuccessFields {
			if field, is := answer.Field(pair.Key); is {
				out += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return out
}

// last is the index of a trace's last answer.
func last(trace *lab.Trace) int { return len(trace.Answers) - 1 }

package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// NormalForm returns the part of an answer that comparisons and facts use: two answers count as equal
// if their normal forms are. It replaces the values of fields that hold prose, and of fields for which
// isMasked returns true. isMasked may be nil.
func NormalForm(file *experiment.File, answer *lab.Answer, isMasked func(key string) bool) string {
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
		case isMasked != nil && isMasked(field.Key):
			parts[i] = field.Key + "=*"
		}
	}
	return strings.Join(parts, "&")
}

// normalForm returns the normal form of an answer to a step, with volatile fields masked.
func (s *study) normalForm(step experiment.Step, answer *lab.Answer) string {
	return NormalForm(s.File, answer, func(key string) bool { return s.volatile.masks(step.Command, key) })
}

// outcomeOf classifies an answer as "done", "refused" or "no session". For an answer that is not a
// record it returns the kind: "nothing", "status" or "text".
func (s *study) outcomeOf(step experiment.Step, answer *lab.Answer) string {
	switch kind := answer.Kind(); {
	case kind == "nothing" || kind == "status" || kind == "text":
		return kind
	case s.isNotLoggedIn(answer):
		return "no session"
	case lab.IsDone(s.File, step.Command, answer):
		return "done"
	}
	return "refused"
}

func (s *study) isDone(step experiment.Step, answer *lab.Answer) bool {
	return s.outcomeOf(step, answer) == "done"
}

// isNotLoggedIn reports whether an answer has a code that means that the account is not logged in.
func (s *study) isNotLoggedIn(answer *lab.Answer) bool {
	if s.File.Answer.CodeKey == "" {
		return false
	}
	code := answer.Value(s.File.Answer.CodeKey)
	return code != "" && (slices.Contains(s.File.Answer.NotLoggedInCodes, code) || code == s.notLoggedInCode)
}

// codeOf returns the code of an answer together with the fields that the file requires for success.
// For an answer that is not a record it returns the HTTP status, the text, or "no answer".
func (s *study) codeOf(command string, answer *lab.Answer) string {
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
	if _, exists := answer.Field(s.File.Answer.CodeKey); !exists {
		return "no " + s.File.Answer.CodeKey
	}
	text := s.File.Answer.CodeKey + "=" + answer.Value(s.File.Answer.CodeKey)
	if declared, ok := s.File.Command(command); ok {
		for _, pair := range declared.SuccessFields {
			if field, exists := answer.Field(pair.Key); exists {
				text += " " + pair.Key + "=" + field.Value
			}
		}
	}
	return text
}

// lastIndex returns the index of a trace's last answer.
func lastIndex(trace *lab.Trace) int { return len(trace.Answers) - 1 }

// keysOf returns the keys of an answer's fields in order.
func keysOf(answer *lab.Answer) (keys []string) {
	for _, field := range answer.Fields {
		keys = append(keys, field.Key)
	}
	return keys
}

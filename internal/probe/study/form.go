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
func Form(f *experiment.File, a *lab.Answer, mask func(key string) bool) string {
	switch a.Kind() {
	case "wait":
		return ""
	case "nothing":
		return "no answer"
	case "status":
		return fmt.Sprintf("status %d", a.Status)
	case "text":
		return "text " + a.Text()
	}
	parts := make([]string, len(a.Fields))
	for i, field := range a.Fields {
		parts[i] = field.Key + "=" + field.Value
		switch {
		case slices.Contains(f.Answer.Prose, field.Key):
			parts[i] = field.Key + "=..."
		case mask != nil && mask(field.Key):
			parts[i] = field.Key + "=*"
		}
	}
	return strings.Join(parts, "&")
}

// form is the normal form of an answer to a step.
func (s *study) form(step experiment.Step, a *lab.Answer) string {
	return Form(s.File, a, func(key string) bool { return s.noise.masks(step.Command, key) })
}

// outcome says in a word what became of a request.
func (s *study) outcome(step experiment.Step, a *lab.Answer) string {
	switch kind := a.Kind(); {
	case kind == "nothing" || kind == "status" || kind == "text":
		return kind
	case s.isNotLoggedIn(a):
		return "no session"
	case lab.Done(s.File, step.Command, a):
		return "done"
	}
	return "refused"
}

func (s *study) done(step experiment.Step, a *lab.Answer) bool {
	return s.outcome(step, a) == "done"
}

func (s *study) isNotLoggedIn(a *lab.Answer) bool {
	if s.File.Answer.Code == "" {
		return false
	}
	code := a.Value(s.File.Answer.Code)
	return code != "" && (slices.Contains(s.File.Answer.NotLoggedIn, code) || code == s.notLoggedIn)
}

// code is how an answer says how it went: its code, with the other fields that
// count for the command, or what came in place of a record.
func (s *study) code(command string, a *lab.Answer) string {
	switch a.Kind() {
	case "status":
		return fmt.Sprintf("status %d", a.Status)
	case "nothing":
		return "no answer"
	case "text":
		return a.Text()
	}
	if s.File.Answer.Code == "" {
		return "record"
	}
	if _, is := a.Field(s.File.Answer.Code); !is {
		return "no " + s.File.Answer.Code
	}
	out := s.File.Answer.Code + "=" + a.Value(s.File.Answer.Code)
	if c, ok := s.File.Command(command); ok {
		for _, p := range c.Done {
			if f, is := a.Field(p.Key); is {
				out += " " + p.Key + "=" + f.Value
			}
		}
	}
	return out
}

// last is the index of a trace's last answer.
func last(t *lab.Trace) int { return len(t.Answers) - 1 }

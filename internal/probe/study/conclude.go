package study

import (
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

func (s *study) noteCode(step experiment.Step, a *lab.Answer, t *lab.Trace, i int) {}

// conclude makes the study whole.
func (s *study) conclude() {
	for _, f := range s.book.facts {
		s.out.Facts = append(s.out.Facts, f.Fact)
	}
}

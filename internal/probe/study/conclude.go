package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// conclude makes the study whole: what follows from all answers together, and the
// facts in their last form.
func (s *study) conclude() {
	s.fields()
	s.codes()
	s.claimCodes()
	s.tellNoise()
	for _, p := range phases {
		ran := slices.ContainsFunc(s.out.Phases, func(q finding.Phase) bool { return q.Name == p.name })
		if !ran && (p.name != "confirmation" || s.Confirm) {
			s.gap(p.name, "the study ended before: "+s.out.Stopped)
		}
	}
	for _, f := range s.book.facts {
		for i, step := range f.steps {
			f.Witness = append(f.Witness, finding.WitnessStep{Step: s.File.FormatStep(step), Answer: f.forms[i]})
		}
		if len(f.Witness) > 0 {
			f.Replay = fmt.Sprintf("rookery probe check %s --against protocol.json --only '%s'", s.Server, f.ID)
		}
		s.out.Facts = append(s.out.Facts, f.Fact)
	}
}

// tellNoise puts the fields that differ between equal requests into the findings.
func (s *study) tellNoise() {
	for _, c := range s.out.Commands {
		for _, key := range c.Fields {
			if values := s.noise[[2]string{c.Name, key}]; len(values) > 0 {
				s.out.Noise = append(s.out.Noise, finding.Noise{Command: c.Name, Key: key, Values: values})
			}
		}
	}
}

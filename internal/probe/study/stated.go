package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// statedFacts holds the facts, by what they are about.
type statedFacts struct {
	file  *experiment.File
	facts []*factEvidence
	index map[string]*factEvidence
}

// A fact is a finding with the experiments that speak for it.
type factEvidence struct {
	finding.Fact
	steps   []experiment.Step // the witness
	answers []lab.Answer      // what is expected in it
	// brief says that a closer look may conclude otherwise: that is no contradiction.
	brief bool
}

func newStatedFacts(file *experiment.File) *statedFacts {
	return &statedFacts{file: file, index: make(map[string]*factEvidence)}
}

// idOf is what a fact is about: two facts of one id with different values
// contradict each other.
func idOf(fact *finding.Fact) string {
	parts := []string{fact.Command, string(fact.Aspect), fact.Name, fact.Claim}
	if fact.Scope != "" {
		parts = append(parts, fact.Scope)
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), " ", "-")
}

// claim states a fact, for which a trace speaks: its answers up to a step.
func (s *study) claim(fact finding.Fact, trace *lab.Trace, upto int) *factEvidence {
	fact.ID = idOf(&fact)
	var evidence []string
	if trace != nil {
		evidence = []string{trace.Answers[upto].ID}
	}
	known := s.stated.index[fact.ID]
	if known == nil {
		known = &factEvidence{Fact: fact}
		known.Grade = finding.Inferred
		if trace != nil {
			known.steps, known.answers = trace.Steps[:upto+1:upto+1], trace.Answers[:upto+1]
		}
		s.stated.facts = append(s.stated.facts, known)
		s.stated.index[fact.ID] = known
	} else if known.brief && known.Value != fact.Value {
		*known = factEvidence{Fact: fact}
		known.steps, known.answers = trace.Steps[:upto+1:upto+1], trace.Answers[:upto+1]
	} else if known.Value != fact.Value {
		known.Grade = finding.Contested
		known.Against = append(known.Against, evidence...)
		return known
	}
	if trace != nil && !slices.Contains(known.Evidence, evidence[0]) {
		known.Observations++
		known.Sessions++
		if known.Grade != finding.Contested {
			known.Grade = finding.Observed
		}
		if len(known.Evidence) < 8 {
			known.Evidence = append(known.Evidence, evidence...)
		}
	}
	return known
}

// of returns the facts of a claim.
func (k *statedFacts) of(claim string) []*factEvidence {
	var found []*factEvidence
	for _, factEvidence := range k.facts {
		if factEvidence.Claim == claim {
			found = append(found, factEvidence)
		}
	}
	return found
}

// value is the value of a fact, "" if it is not known.
func (k *statedFacts) value(command string, aspect finding.Aspect, name, claim string) string {
	fact := finding.Fact{Command: command, Aspect: aspect, Name: name, Claim: claim}
	if known := k.index[idOf(&fact)]; known != nil && known.Grade != finding.Contested {
		return known.Value
	}
	return ""
}

// valueOf is the value of a fact in a sentence, "" if it is not known.
func (k *statedFacts) valueOf(command string, aspect finding.Aspect, name, claim, sentence string) string {
	value := k.value(command, aspect, name, claim)
	if value == "" {
		return ""
	}
	return fmt.Sprintf(sentence, value)
}

package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// factSet holds the facts, by what they are about.
type factSet struct {
	file *experiment.File
	all  []*statedFact
	byID map[string]*statedFact
}

// A fact is a finding with the experiments that speak for it.
type statedFact struct {
	finding.Fact
	steps   []experiment.Step // the witness
	answers []lab.Answer      // what is expected in it
	// isProvisional says that a closer look may conclude otherwise: that is no contradiction.
	isProvisional bool
}

func newStatedFacts(file *experiment.File) *factSet {
	return &factSet{file: file, byID: make(map[string]*statedFact)}
}

// factID is what a fact is about: two facts of one id with different values
// contradict each other.
func factID(fact *finding.Fact) string {
	parts := []string{fact.Command, string(fact.Aspect), fact.Name, fact.Claim}
	if fact.Scope != "" {
		parts = append(parts, fact.Scope)
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), " ", "-")
}

// stateFact states a fact, for which a trace speaks: its answers up to a step.
func (s *study) stateFact(fact finding.Fact, trace *lab.Trace, lastStep int) *statedFact {
	fact.ID = factID(&fact)
	var evidence []string
	if trace != nil {
		evidence = []string{trace.Answers[lastStep].ID}
	}
	known := s.facts.byID[fact.ID]
	if known == nil {
		known = &statedFact{Fact: fact}
		known.Grade = finding.Inferred
		if trace != nil {
			known.steps, known.answers = trace.Steps[:lastStep+1:lastStep+1], trace.Answers[:lastStep+1]
		}
		s.facts.all = append(s.facts.all, known)
		s.facts.byID[fact.ID] = known
	} else if known.isProvisional && known.Value != fact.Value {
		*known = statedFact{Fact: fact}
		known.steps, known.answers = trace.Steps[:lastStep+1:lastStep+1], trace.Answers[:lastStep+1]
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

// withClaim returns the facts of a claim.
func (k *factSet) withClaim(claim string) []*statedFact {
	var found []*statedFact
	for _, stated := range k.all {
		if stated.Claim == claim {
			found = append(found, stated)
		}
	}
	return found
}

// valueOf is the value of a fact, "" if it is not known.
func (k *factSet) valueOf(command string, aspect finding.Aspect, name, claim string) string {
	fact := finding.Fact{Command: command, Aspect: aspect, Name: name, Claim: claim}
	if known := k.byID[factID(&fact)]; known != nil && known.Grade != finding.Contested {
		return known.Value
	}
	return ""
}

// describeValue is the value of a fact in a sentence, "" if it is not known.
func (k *factSet) describeValue(command string, aspect finding.Aspect, name, claim, sentence string) string {
	value := k.valueOf(command, aspect, name, claim)
	if value == "" {
		return ""
	}
	return fmt.Sprintf(sentence, value)
}

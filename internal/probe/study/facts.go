package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// factSet holds the facts of a study in the order in which they were stated.
type factSet struct {
	file *experiment.File
	all  []*statedFact
	byID map[string]*statedFact
}

// statedFact is a fact with the experiment that shows it.
type statedFact struct {
	finding.Fact
	steps   []experiment.Step // the witness: steps up to the one that shows the fact
	answers []lab.Answer      // the expected answers to steps
	// isProvisional allows a later phase with more trials to replace the value without contesting the
	// fact.
	isProvisional bool
}

func newFactSet(file *experiment.File) *factSet {
	return &factSet{file: file, byID: make(map[string]*statedFact)}
}

// factID returns the identity of a fact. Two facts with the same ID and different values contradict
// each other.
func factID(fact *finding.Fact) string {
	parts := []string{fact.Command, string(fact.Aspect), fact.Name, fact.Claim}
	if fact.Scope != "" {
		parts = append(parts, fact.Scope)
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), " ", "-")
}

// stateFact adds a fact that the answers of a trace up to the index lastStep show, or that was
// concluded without one if trace is nil. If a fact with the same ID is known already, stateFact adds
// an observation to it if the values are equal, and contests it otherwise. It returns the stored fact.
func (s *study) stateFact(fact finding.Fact, trace *lab.Trace, lastStep int) *statedFact {
	fact.ID = factID(&fact)
	var evidence []string
	if trace != nil {
		evidence = []string{trace.Answers[lastStep].ID}
	}
	known := s.facts.byID[fact.ID]
	if known == nil {
		known = newStatedFact(fact, trace, lastStep)
		known.Grade = finding.Inferred
		s.facts.all = append(s.facts.all, known)
		s.facts.byID[fact.ID] = known
	} else if known.isProvisional && known.Value != fact.Value {
		*known = *newStatedFact(fact, trace, lastStep)
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

// newStatedFact returns a fact whose witness is the trace up to lastStep, if there is a trace.
func newStatedFact(fact finding.Fact, trace *lab.Trace, lastStep int) *statedFact {
	stated := &statedFact{Fact: fact}
	if trace != nil {
		stated.steps, stated.answers = trace.Steps[:lastStep+1:lastStep+1], trace.Answers[:lastStep+1]
	}
	return stated
}

// withClaim returns the facts with a claim.
func (k *factSet) withClaim(claim string) []*statedFact {
	var found []*statedFact
	for _, stated := range k.all {
		if stated.Claim == claim {
			found = append(found, stated)
		}
	}
	return found
}

// valueOf returns the value of a fact, "" if the fact is unknown or contested.
func (k *factSet) valueOf(command string, aspect finding.Aspect, name, claim string) string {
	fact := finding.Fact{Command: command, Aspect: aspect, Name: name, Claim: claim}
	if known := k.byID[factID(&fact)]; known != nil && known.Grade != finding.Contested {
		return known.Value
	}
	return ""
}

// describeValue formats the value of a fact with sentence, which contains one %s. It returns "" if
// valueOf finds no value.
func (k *factSet) describeValue(command string, aspect finding.Aspect, name, claim, sentence string) string {
	value := k.valueOf(command, aspect, name, claim)
	if value == "" {
		return ""
	}
	return fmt.Sprintf(sentence, value)
}

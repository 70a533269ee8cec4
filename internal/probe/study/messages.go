package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Short names for the verbs of experiment files.
const (
	verbLogin   = experiment.VerbLogin
	verbLogout  = experiment.VerbLogout
	verbStatus  = experiment.VerbStatus
	verbFriends = experiment.VerbFriends
	verbOnline  = experiment.VerbOnline
	verbInfo    = experiment.VerbInfo
	verbFind    = experiment.VerbFind
	verbAdd     = experiment.VerbAdd
	verbRequest = experiment.VerbRequest
	verbAccept  = experiment.VerbAccept
	verbReject  = experiment.VerbReject
	verbDelete  = experiment.VerbDelete
	verbSend    = experiment.VerbSend
	verbReceive = experiment.VerbReceive
	verbRead    = experiment.VerbRead
)

// studyMessages finds out whether messages arrive, once, in order, and for whom.
func (s *study) studyMessages() error {
	a, b, c := s.actor, s.friend, s.stranger
	if err := s.studyArrivals(); err != nil {
		return err
	}
	if err := s.studyBatches(); err != nil {
		return err
	}
	if err := runAll(
		// A collected message must not return, whatever happens in between.
		s.newSteps().login(a, b).perform(a, verbSend, b).observe(b, verbReceive).perform(b, verbLogout,
			"").login(b).observe(b, verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(b, verbLogout, "").login(b).observe(b, verbReceive,
			verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).login(b).observe(b, verbReceive, verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(b, verbLogin, "").fromPlace(1).perform(b, verbReceive,
			"").fromPlace(1).perform(b, verbReceive, "").fromPlace(1),
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(a, verbLogout, "").observe(b, verbReceive,
			verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(b, verbStatus, "").observe(b, verbReceive),
		// Several messages from one and from two senders.
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(a, verbSend, b).perform(a, verbSend, b).observe(b,
			verbReceive, verbReceive),
		s.newSteps().login(a).perform(a, verbSend, b).perform(a, verbSend, b).perform(a, verbSend,
			b).login(b).observe(b, verbReceive, verbReceive),
		s.newSteps().login(a, b, c).perform(a, verbSend, b).perform(c, verbSend, b).perform(a, verbSend, b).perform(c,
			verbSend, b).observe(b, verbReceive, verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).observe(b, verbReceive).perform(a, verbSend, b).observe(b,
			verbReceive, verbReceive),
		s.newSteps().login(a, b).perform(a, verbSend, b).perform(b, verbSend, a).observe(a, verbReceive).observe(b,
			verbReceive),
		s.newSteps().login(a, c).perform(a, verbSend, c).observe(c, verbReceive).perform(c, verbSend, a).observe(a,
			verbReceive),
		s.newSteps().login(a).perform(a, verbSend, c).login(c).observe(c, verbReceive, verbReceive),
	); err != nil {
		return err
	}
	for _, statusStep := range s.statusSteps(b) {
		if err := runAll(s.newSteps().login(a, b).append(statusStep).perform(a, verbSend, b).observe(b, verbReceive,
			verbReceive)); err != nil {
			return err
		}
	}
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):] {
		if err := runAll(s.newSteps().login(a).perform(a, verbSend, other.Role).login(other.Role).observe(other.Role,
			verbReceive)); err != nil {
			return err
		}
	}
	return nil
}

// studyArrivals states how often a message arrives at a receiver who is logged in, and at one who
// logs in later.
func (s *study) studyArrivals() error {
	a, b := s.actor, s.friend
	for _, arrival := range []struct {
		name string
		row  *stepBuilder
	}{
		{"to a logged-in account", s.newSteps().login(a, b).perform(a, verbSend, b).observe(b, verbReceive,
			verbReceive)},
		{"to a logged-out account", s.newSteps().login(a).perform(a, verbSend, b).login(b).observe(b, verbReceive,
			verbReceive)},
		{"to oneself", s.newSteps().login(a).perform(a, verbSend, a).observe(a, verbReceive, verbReceive)},
		{"to a stranger", s.newSteps().login(a, s.stranger).perform(a, verbSend, s.stranger).observe(s.stranger,
			verbReceive, verbReceive)},
	} {
		trace, err := arrival.row.run()
		if err != nil {
			return err
		}
		if trace == nil || len(trace.Answers) < 3 {
			continue
		}
		value := fmt.Sprintf("%d and then %d times", s.countSentTexts(trace, lastIndex(trace)-1),
			s.countSentTexts(trace, lastIndex(trace)))
		statement := fmt.Sprintf("A message %s arrives %s", arrival.name, value)
		if value == "1 and then 0 times" {
			statement = fmt.Sprintf("A message %s arrives once", arrival.name)
		}
		s.stateFact(finding.Fact{
			Command: trace.Steps[lastIndex(trace)].Command, Aspect: finding.AspectMessage, Name: arrival.name,
			Claim: "arrives", Value: value, Statement: statement,
		}, trace, lastIndex(trace))
	}
	return nil
}

// countSentTexts counts how often the answer at index contains a text that a step of the trace sent.
func (s *study) countSentTexts(trace *lab.Trace, index int) int {
	count := 0
	for i, step := range trace.Steps {
		if s.File.VerbOf(step) != verbSend {
			continue
		}
		name := fmt.Sprintf("{text:%d}", i+1)
		for _, field := range trace.Answers[index].Fields {
			if field.IsList {
				for _, element := range field.List {
					if element == name {
						count++
					}
				}
			} else if strings.Contains(field.Value, name) {
				count++
			}
		}
	}
	return count
}

// batchSize is how many messages studyBatches sends to find the size of a batch.
const batchSize = 54

// studyBatches sends many short messages and a few long ones, and collects them.
func (s *study) studyBatches() error {
	manyMessages := s.newSteps().login(s.actor, s.friend)
	for range batchSize {
		manyMessages.perform(s.actor, verbSend, s.friend)
	}
	trace, err := manyMessages.observe(s.friend, verbReceive, verbReceive, verbReceive).run()
	if err != nil {
		return err
	}
	if trace != nil {
		index := lastIndex(trace) - 2
		if count := s.countSentTexts(trace, index); count > 0 && count < batchSize {
			s.stateFact(finding.Fact{
				Command: trace.Steps[index].Command, Aspect: finding.AspectMessage, Name: "batch", Claim: "most",
				Value:     fmt.Sprint(count),
				Statement: fmt.Sprintf("One collection returns at most %d messages", count),
			}, trace, index)
		}
	}
	sendStep, ok := s.stepFor(s.actor, verbSend, s.friend)
	if !ok {
		return nil
	}
	key := s.keyOfType(sendStep.Command, experiment.TypeText)
	if key == "" {
		return nil
	}
	longMessages := s.newSteps().login(s.actor, s.friend)
	for i := range 6 {
		longMessages.perform(s.actor, verbSend, s.friend, setKey(key, strings.Repeat(string(rune('a'+i)), 1900)))
	}
	return runAll(longMessages.observe(s.friend, verbReceive, verbReceive, verbReceive))
}

// statusSteps returns the steps by which a role sets each status that the file lists, nil if the file
// has no command that sets a status.
func (s *study) statusSteps(role string) []experiment.Step {
	step, ok := s.stepFor(role, verbStatus, "")
	if !ok {
		return nil
	}
	return s.statusVariants(step)
}

// statusVariants returns step with each value that the file lists for its parameters, or step itself
// if the file lists none.
func (s *study) statusVariants(step experiment.Step) []experiment.Step {
	command, _ := s.File.Command(step.Command)
	var steps []experiment.Step
	for _, pair := range s.listedValues(command) {
		one := step
		one.Changes = []experiment.PairChange{setKey(pair.Key, pair.Value)}
		steps = append(steps, one)
	}
	if len(steps) == 0 {
		steps = append(steps, step)
	}
	return steps
}

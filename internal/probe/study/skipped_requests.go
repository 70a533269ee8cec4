package study

import (
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// skippedRequests collects what a phase would have tried with a larger budget.
type skippedRequests struct {
	commands []string            // in the order in which they were skipped
	keys     map[string][]string // skipped parameters by command; absent if the whole command was skipped
	requests int                 // how many requests the skipped experiments need
}

// add records that a number of requests of a command were skipped, for the sake of a key or "".
func (u *skippedRequests) add(command, key string, requests int) {
	u.requests += requests
	if !slices.Contains(u.commands, command) {
		u.commands = append(u.commands, command)
	}
	if key != "" && !slices.Contains(u.keys[command], key) {
		if u.keys == nil {
			u.keys = make(map[string][]string)
		}
		u.keys[command] = append(u.keys[command], key)
	}
}

// String lists what was skipped, for example "PS, M5 of Login; TN of List".
func (u *skippedRequests) String() string {
	var parts []string
	for _, c := range u.commands {
		if keys := u.keys[c]; len(keys) > 0 {
			c = strings.Join(keys, ", ") + " of " + c
		}
		parts = append(parts, c)
	}
	return strings.Join(parts, "; ")
}

// addSteps records a skipped experiment under the command and key of its last changed request, or
// under the command of its last request if none is changed.
func (u *skippedRequests) addSteps(steps []experiment.Step, requests int) {
	var namedStep experiment.Step
	for _, step := range steps {
		if step.Wait == 0 && (len(step.Changes) > 0 || len(namedStep.Changes) == 0) {
			namedStep = step
		}
	}
	key := ""
	if len(namedStep.Changes) > 0 {
		key = namedStep.Changes[len(namedStep.Changes)-1].Key
	}
	u.add(namedStep.Command, key, requests)
}

// hasRoom reports whether the phase's share of the budget allows that many more requests.
func (s *study) hasRoom(requests int) bool { return s.Subject.Sent()+requests <= s.requestLimit }

package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// friendshipCase is a sequence of steps that may begin or end a friendship.
type friendshipCase struct {
	name          string
	first, second string // roles whose friend lists are compared
	steps         *stepBuilder
}

// studyFriendship finds out how accounts become friends, and what ends a friendship.
func (s *study) studyFriendship() error {
	basic, further := s.friendshipCases()
	return runInOrder(
		func() error { return s.tryFriendships(basic) },
		s.befriendOthers, // accounts with other rules show more than the further cases
		func() error { return s.tryFriendships(further) },
	)
}

func (s *study) tryFriendships(cases []friendshipCase) error {
	for _, friendship := range cases {
		friendship.steps.observe(friendship.first, verbFriends, verbReceive).observe(friendship.second, verbFriends,
			verbReceive)
		trace, err := friendship.steps.run()
		if err != nil {
			return err
		}
		if trace != nil {
			s.stateFriendship(friendship, trace)
		}
	}
	return nil
}

// befriendOthers sends requests to the accounts beyond the first three, which may accept everybody
// or nobody.
func (s *study) befriendOthers() error {
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):min(7, len(s.File.Accounts))] {
		r := other.Role
		if err := runAll(
			s.newSteps().login(s.actor, r).perform(s.actor, verbAdd, r).observe(s.actor, verbFriends).observe(r,
				verbReceive),
			s.newSteps().login(s.actor, r).perform(s.actor, verbRequest, r).observe(s.actor, verbFriends).observe(r,
				verbReceive),
		); err != nil {
			return err
		}
	}
	return nil
}

// friendshipCases returns the cases that show the most, and the further ones.
func (s *study) friendshipCases() (basic, further []friendshipCase) {
	a, b, c := s.actor, s.friend, s.stranger
	strangers := func() *stepBuilder { return s.newSteps().login(a, c) }
	friends := func() *stepBuilder { return s.newSteps().login(a, b) }
	basic = []friendshipCase{
		{"nothing", a, b, friends()},
		{"nothing between strangers", a, c, strangers()},
		{"add", a, c, strangers().perform(a, verbAdd, c)},
		{"request", a, c, strangers().perform(a, verbRequest, c)},
		{"request, then accept", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept, a)},
		{"request, then reject", a, c, strangers().perform(a, verbRequest, c).perform(c, verbReject, a)},
		{"delete", a, b, friends().perform(a, verbDelete, b)},
		{"delete by the other", a, b, friends().perform(b, verbDelete, a)},
	}
	further = []friendshipCase{
		{"add, then accept", a, c, strangers().perform(a, verbAdd, c).perform(c, verbAccept, a)},
		{"accept without a request", a, c, strangers().perform(c, verbAccept, a)},
		{"reject without a request", a, c, strangers().perform(c, verbReject, a)},
		{"accept of one's own request", a, c, strangers().perform(a, verbRequest, c).perform(a, verbAccept, c)},
		{"accept twice", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept, a).observe(a,
			verbReceive).perform(c, verbAccept, a)},
		{"reject, then accept", a, c, strangers().perform(a, verbRequest, c).perform(c, verbReject, a).perform(c,
			verbAccept, a)},
		{"request twice", a, c, strangers().perform(a, verbRequest, c).perform(a, verbRequest, c)},
		{"request, reject, request", a, c, strangers().perform(a, verbRequest, c).perform(c, verbReject, a).perform(a,
			verbRequest, c)},
		{"requests that cross", a, c, strangers().perform(a, verbRequest, c).perform(c, verbRequest, a)},
		{"request, then add by the other", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAdd, a)},
		{"request to a logged-out account", a, c, s.newSteps().login(a).perform(a, verbRequest, c).login(c).observe(c,
			verbReceive).perform(c, verbAccept, a)},
		{"accept while the other is logged out", a, c, strangers().perform(a, verbRequest, c).perform(a, verbLogout,
			"").perform(c, verbAccept, a).login(a)},
		{"request, delete, accept", a, c, strangers().perform(a, verbRequest, c).perform(a, verbDelete, c).perform(c,
			verbAccept, a)},
		{"request, accept, delete", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept, a).perform(c,
			verbDelete, a)},
		{"add of a friend", a, b, friends().perform(a, verbAdd, b)},
		{"request to a friend", a, b, friends().perform(a, verbRequest, b)},
		{"delete of a stranger", a, c, strangers().perform(a, verbDelete, c)},
		{"delete twice", a, b, friends().perform(a, verbDelete, b).perform(a, verbDelete, b)},
		{"delete by both", a, b, friends().perform(a, verbDelete, b).perform(b, verbDelete, a)},
		{"delete of a logged-out friend", a, b, s.newSteps().login(a).perform(a, verbDelete, b).login(b)},
		{"delete, then look who is online", a, b, friends().perform(a, verbDelete, b).observe(a, verbOnline).observe(b,
			verbOnline)},
		{"delete, then send", a, b, friends().perform(a, verbDelete, b).perform(b, verbSend, a)},
		{"delete, then status", a, b, friends().observe(b, verbReceive).perform(a, verbDelete, b).perform(a, verbLogout,
			"").login(a)},
		{"delete, request, accept", a, b, friends().perform(a, verbDelete, b).perform(a, verbRequest, b).perform(b,
			verbAccept, a)},
		{"accept, then look who is online", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept,
			a).observe(a, verbOnline).observe(c, verbOnline)},
		{"accept, then status", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept, a).observe(c,
			verbReceive).perform(a, verbLogout, "")},
		{"add of oneself", a, b, s.newSteps().login(a, b).perform(a, verbAdd, a)},
		{"request to oneself", a, b, s.newSteps().login(a, b).perform(a, verbRequest, a)},
		{"delete of oneself", a, b, s.newSteps().login(a, b).perform(a, verbDelete, a)},
		{"friendship over a new login", a, c, strangers().perform(a, verbRequest, c).perform(c, verbAccept,
			a).perform(a, verbLogout, "").login(a)},
	}
	return basic, further
}

// stateFriendship states which of the two accounts lists the other.
func (s *study) stateFriendship(friendship friendshipCase, trace *lab.Trace) {
	firstIndex, secondIndex := -1, -1
	for i, step := range trace.Steps {
		if s.File.VerbOf(step) == verbFriends {
			if step.Role == friendship.first {
				firstIndex = i
			} else {
				secondIndex = i
			}
		}
	}
	if firstIndex < 0 || secondIndex < 0 || strings.HasPrefix(friendship.name, "nothing") ||
		!s.isDone(trace.Steps[firstIndex], &trace.Answers[firstIndex]) ||
		!s.isDone(trace.Steps[secondIndex], &trace.Answers[secondIndex]) {
		return
	}
	value := "neither"
	switch firstLists, secondLists := s.listsRole(trace, firstIndex, friendship.second),
		s.listsRole(trace, secondIndex, friendship.first); {
	case firstLists && secondLists:
		value = "both"
	case firstLists:
		value = friendship.first + " alone"
	case secondLists:
		value = friendship.second + " alone"
	}
	lastStep := max(firstIndex, secondIndex)
	s.stateFact(finding.Fact{
		Command: trace.Steps[firstIndex].Command, Aspect: finding.AspectFriendship, Name: friendship.name,
		Claim: "lists the other", Value: value,
		Statement: fmt.Sprintf("After %s, of %s and %s these list the other: %s", friendship.name, friendship.first,
			friendship.second, value),
	}, trace, lastStep)
}

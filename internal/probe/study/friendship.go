package study

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A bond is a way in which two accounts may become friends, or cease to be.
type friendshipCase struct {
	name string
	x, y string // whose lists are looked at
	row  *stepBuilder
}

// friendship finds out how accounts become friends, and what ends it.
func (s *study) friendship() error {
	for i, friendshipCase := range s.bonds() {
		if i == 8 { // the rest is less telling than accounts that are of another mind
			if err := s.otherMinds(); err != nil {
				return err
			}
		}
		friendshipCase.row.look(friendshipCase.x, vFriends, vReceive).look(friendshipCase.y, vFriends, vReceive)
		trace, err := friendshipCase.row.run()
		if err != nil {
			return err
		}
		if trace != nil {
			s.claimBond(friendshipCase, trace)
		}
	}
	return nil
}

// otherMinds tries to befriend the accounts beyond the first three, which may take
// everybody, or nobody.
func (s *study) otherMinds() error {
	for _, other := range s.File.Accounts[min(3, len(s.File.Accounts)):min(7, len(s.File.Accounts))] {
		r := other.Role
		if err := all(
			s.row().login(s.a, r).do(s.a, vAdd, r).look(s.a, vFriends).look(r, vReceive),
			s.row().login(s.a, r).do(s.a, vRequest, r).look(s.a, vFriends).look(r, vReceive),
		); err != nil {
			return err
		}
	}
	return nil
}

func (s *study) bonds() []friendshipCase {
	a, b, c := s.a, s.b, s.c
	ac := func() *stepBuilder { return s.row().login(a, c) }
	ab := func() *stepBuilder { return s.row().login(a, b) }
	return []friendshipCase{
		{"nothing", a, b, ab()},
		{"nothing between strangers", a, c, ac()},
		{"add", a, c, ac().do(a, vAdd, c)},
		{"request", a, c, ac().do(a, vRequest, c)},
		{"request, then accept", a, c, ac().do(a, vRequest, c).do(c, vAccept, a)},
		{"request, then reject", a, c, ac().do(a, vRequest, c).do(c, vReject, a)},
		{"delete", a, b, ab().do(a, vDelete, b)},
		{"delete by the other", a, b, ab().do(b, vDelete, a)},
		{"add, then accept", a, c, ac().do(a, vAdd, c).do(c, vAccept, a)},
		{"accept without a request", a, c, ac().do(c, vAccept, a)},
		{"reject without a request", a, c, ac().do(c, vReject, a)},
		{"accept of one's own request", a, c, ac().do(a, vRequest, c).do(a, vAccept, c)},
		{"accept twice", a, c, ac().do(a, vRequest, c).do(c, vAccept, a).look(a, vReceive).do(c, vAccept, a)},
		{"reject, then accept", a, c, ac().do(a, vRequest, c).do(c, vReject, a).do(c, vAccept, a)},
		{"request twice", a, c, ac().do(a, vRequest, c).do(a, vRequest, c)},
		{"request, reject, request", a, c, ac().do(a, vRequest, c).do(c, vReject, a).do(a, vRequest, c)},
		{"requests that cross", a, c, ac().do(a, vRequest, c).do(c, vRequest, a)},
		{"request, then add by the other", a, c, ac().do(a, vRequest, c).do(c, vAdd, a)},
		{"request to who is away", a, c, s.row().login(a).do(a, vRequest, c).login(c).look(c, vReceive).do(c, vAccept, a)},
		{"accept while the other is away", a, c, ac().do(a, vRequest, c).do(a, vLogout, "").do(c, vAccept, a).login(a)},
		{"request, delete, accept", a, c, ac().do(a, vRequest, c).do(a, vDelete, c).do(c, vAccept, a)},
		{"request, accept, delete", a, c, ac().do(a, vRequest, c).do(c, vAccept, a).do(c, vDelete, a)},
		{"add of a friend", a, b, ab().do(a, vAdd, b)},
		{"request to a friend", a, b, ab().do(a, vRequest, b)},
		{"delete of a stranger", a, c, ac().do(a, vDelete, c)},
		{"delete twice", a, b, ab().do(a, vDelete, b).do(a, vDelete, b)},
		{"delete by both", a, b, ab().do(a, vDelete, b).do(b, vDelete, a)},
		{"delete of who is away", a, b, s.row().login(a).do(a, vDelete, b).login(b)},
		{"delete, then look who is online", a, b, ab().do(a, vDelete, b).look(a, vOnline).look(b, vOnline)},
		{"delete, then send", a, b, ab().do(a, vDelete, b).do(b, vSend, a)},
		{"delete, then status", a, b, ab().look(b, vReceive).do(a, vDelete, b).do(a, vLogout, "").login(a)},
		{"delete, request, accept", a, b, ab().do(a, vDelete, b).do(a, vRequest, b).do(b, vAccept, a)},
		{"accept, then look who is online", a, c, ac().do(a, vRequest, c).do(c, vAccept, a).look(a, vOnline).look(c, vOnline)},
		{"accept, then status", a, c, ac().do(a, vRequest, c).do(c, vAccept, a).look(c, vReceive).do(a, vLogout, "")},
		{"add of oneself", a, b, s.row().login(a, b).do(a, vAdd, a)},
		{"request to oneself", a, b, s.row().login(a, b).do(a, vRequest, a)},
		{"delete of oneself", a, b, s.row().login(a, b).do(a, vDelete, a)},
		{"friendship over a new login", a, c, ac().do(a, vRequest, c).do(c, vAccept, a).do(a, vLogout, "").login(a)},
	}
}

// claimBond states whether the two list each other.
func (s *study) claimBond(w friendshipCase, trace *lab.Trace) {
	xAt, yAt := -1, -1
	for i, step := range trace.Steps {
		if s.File.VerbOf(step) == vFriends {
			if step.Role == w.x {
				xAt = i
			} else {
				yAt = i
			}
		}
	}
	if xAt < 0 || yAt < 0 || strings.HasPrefix(w.name, "nothing") || !s.done(trace.Steps[xAt], &trace.Answers[xAt]) || !s.done(trace.Steps[yAt], &trace.Answers[yAt]) {
		return
	}
	value := map[[2]bool]string{
		{false, false}: "neither", {true, true}: "both", {true, false}: w.x + " alone", {false, true}: w.y + " alone",
	}[[2]bool{s.hasRole(trace, xAt, w.y), s.hasRole(trace, yAt, w.x)}]
	upto := max(xAt, yAt)
	s.claim(finding.Fact{
		Command: trace.Steps[xAt].Command, Aspect: finding.AspectFriendship, Name: w.name, Claim: "lists the other", Value: value,
		Statement: fmt.Sprintf("After %s, who of %s and %s lists the other: %s", w.name, w.x, w.y, value),
	}, trace, upto)
}

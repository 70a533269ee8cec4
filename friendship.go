package rookery

import "time"

// Relation is how two accounts stand to each other, as one of them sees it.
// Friendship is mutual.
type Relation struct {
	Friends bool
	// Asked: a request of mine waits at the other.
	RequestSent bool
	// Asks: a request of the other's waits here.
	RequestReceived bool
	// Blocks: I take nothing of the other, who sees me offline.
	Blocks bool
	// Blocked: the other does so to me.
	BlockedByOther bool
}

// FriendRequest is a request that waits for an answer.
type FriendRequest struct {
	From UIN
	Text string
	Time time.Time
}

// Reversed is the same relation as the other sees it.
func (r Relation) Reversed() Relation {
	return Relation{Friends: r.Friends, RequestSent: r.RequestReceived, RequestReceived: r.RequestSent, Blocks: r.BlockedByOther, BlockedByOther: r.Blocks}
}

// Outcome is what a changing request came to, the protocol's CD where a
// command answers one.
type Outcome uint8

const (
	OutcomeDone      Outcome = 0
	OutcomeMustAsk   Outcome = 1
	OutcomeNoAccount Outcome = 2
	OutcomeClosed    Outcome = 3
)

// RelationTransition is what a rule of friendship decides: how two accounts stand
// afterwards, what the other hears of it, and what the asker is told.
type RelationTransition struct {
	Result Relation
	// RequestText go with a request that waits afterwards.
	RequestText string
	// Notice is the kind of entry that the other gets, 0 for none; it carries
	// NoticeWords.
	Notice     Kind
	NoticeText string
	// NoticePause, if it is not 0, holds the notice back. While the latest one
	// that had a pause, of this asker, waits uncollected, that one gets NoticeWords
	// in place of its own; and no other is posted until it is as old as the pause.
	NoticePause time.Duration
	Outcome     Outcome
}

// AskPause is how often at most an account is told that the same other one asks
// to be its friend.
const AskPause = time.Hour

var mutualFriends = Relation{Friends: true}

// Add is the rule of AddToList: me adds an account whose rule is given. Who is
// blocked finds the account closed. To add somebody whom me blocks is an error
// with CodeRefused.
func Add(relation Relation, rule Rule) (RelationTransition, error) {
	switch {
	case relation.Blocks:
		return RelationTransition{}, errBlocks
	case relation.BlockedByOther:
		return RelationTransition{Result: relation, Outcome: OutcomeClosed}, nil
	case relation.Friends:
		return RelationTransition{Result: relation}, nil
	case relation.RequestReceived:
		return RelationTransition{Result: mutualFriends, Notice: KindAccepted}, nil
	case rule == RuleOpen:
		return RelationTransition{Result: mutualFriends, Notice: KindAdded}, nil
	case rule == RuleClosed:
		return RelationTransition{Result: relation, Outcome: OutcomeClosed}, nil
	}
	return RelationTransition{Result: relation, Outcome: OutcomeMustAsk}, nil
}

// Ask is the rule of a friend request with words. To a closed account, to one
// that blocks me and to one that me blocks it is an error with CodeRefused.
func Ask(relation Relation, rule Rule, words string) (RelationTransition, error) {
	switch {
	case relation.Blocks:
		return RelationTransition{}, errBlocks
	case relation.Friends:
		return RelationTransition{Result: relation}, nil
	case relation.RequestReceived:
		return RelationTransition{Result: mutualFriends, Notice: KindAccepted}, nil
	case relation.BlockedByOther, rule == RuleClosed:
		return RelationTransition{}, Errorf(CodeRefused, "that account takes no friend requests")
	case rule == RuleOpen:
		return RelationTransition{Result: mutualFriends, Notice: KindAdded}, nil
	}
	relation.RequestSent = true
	return RelationTransition{Result: relation, RequestText: words, Notice: KindAsks, NoticeText: words, NoticePause: AskPause}, nil
}

// Accept is the rule for accepting a waiting request. Without one it is an
// error with CodeParameter.
func Accept(relation Relation) (RelationTransition, error) {
	if !relation.RequestReceived {
		return RelationTransition{}, errNoRequest
	}
	return RelationTransition{Result: mutualFriends, Notice: KindAccepted}, nil
}

// Reject is the rule for rejecting a waiting request with words. Without one
// it is an error with CodeParameter.
func Reject(relation Relation, words string) (RelationTransition, error) {
	if !relation.RequestReceived {
		return RelationTransition{}, errNoRequest
	}
	relation.RequestReceived = false
	return RelationTransition{Result: relation, Notice: KindRejected, NoticeText: words}, nil
}

var errBlocks = Errorf(CodeRefused, "you block that account: unblock it first")

var errNoRequest = Errorf(CodeParameter, "no friend request of that account waits here")

// Befriend is the operator's step: friends at once, whatever waits, was said or
// is blocked.
func Befriend() RelationTransition { return RelationTransition{Result: mutualFriends} }

// Unfriend is the rule of DelFromList: the friendship ends for both sides, and
// nobody is told.
func Unfriend(relation Relation) RelationTransition {
	relation.Friends = false
	return RelationTransition{Result: relation}
}

// Block is the rule of blocking: friendship and requests between the two end,
// and nothing of the other arrives any more.
func Block(relation Relation) RelationTransition {
	return RelationTransition{Result: Relation{Blocks: true, BlockedByOther: relation.BlockedByOther}}
}

// Unblock is the rule of taking that back. What has ended does not come back.
func Unblock(relation Relation) RelationTransition {
	relation.Blocks = false
	return RelationTransition{Result: relation}
}

// RelationChange is a step to be carried out: what Me decided about Other when
// they stood as From says.
type RelationChange struct {
	Me, Other  UIN
	From       Relation
	Transition RelationTransition
	// BacklogLimit is that of a Letter, for the notice.
	Limit *BacklogLimit
	Time  time.Time
	Key   RequestKey
}

// Notice is the letter that tells the other of the step.
func (c RelationChange) Notice() NewEntry {
	return NewEntry{To: c.Other, Kind: c.Transition.Notice, Peer: c.Me, Text: c.Transition.NoticeText, Limit: c.Limit}
}

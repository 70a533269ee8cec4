package rookery

import "time"

// Relation is the relation between two accounts, from the side of one of them.
// Friendship is mutual.
type Relation struct {
	Friends bool
	// RequestSent is true while my friend request is pending at the other account.
	RequestSent bool
	// RequestReceived is true while the other account's request is pending here.
	RequestReceived bool
	// Blocks means that nothing from the other account reaches me, and that I look
	// offline to it.
	Blocks bool
	// BlockedByOther means that the other account blocks me.
	BlockedByOther bool
}

// FriendRequest is a pending request to become friends.
type FriendRequest struct {
	From UIN
	Text string
	Time time.Time
}

// Reversed returns the relation from the other account's side.
func (r Relation) Reversed() Relation {
	return Relation{
		Friends:     r.Friends,
		RequestSent: r.RequestReceived, RequestReceived: r.RequestSent,
		Blocks: r.BlockedByOther, BlockedByOther: r.Blocks,
	}
}

// Outcome is the result of a changing request. Its values are those of the protocol's
// key CD, in the commands that answer one.
type Outcome uint8

// The outcomes.
const (
	OutcomeDone      Outcome = 0
	OutcomeMustAsk   Outcome = 1 // the other account wants a friend request
	OutcomeNoAccount Outcome = 2
	OutcomeClosed    Outcome = 3 // the other account accepts nobody
)

// RelationTransition is the decision of a friendship rule: the relation afterwards,
// the notice for the other account, and the outcome for the caller.
type RelationTransition struct {
	Result Relation
	// RequestText is the text of the request that is pending afterwards.
	RequestText string
	// Notice is the kind of entry that the other account gets, with NoticeText as
	// its text. 0 means no entry.
	Notice     Kind
	NoticeText string
	// NoticePause limits how often this caller's requests cause entries; 0 is no
	// limit. If the previous such entry is uncollected, its text becomes NoticeText
	// instead of a new entry. If it is collected but younger than NoticePause, the
	// other account gets no entry.
	NoticePause time.Duration
	Outcome     Outcome
}

// AskPause is the shortest time between two notices about friend requests from the
// same account.
const AskPause = time.Hour

var mutualFriends = Relation{Friends: true}

// Add decides what AddToList does to an account with the given rule. A caller whom
// the account blocks gets OutcomeClosed. A caller who blocks the account gets an error
// with CodeRefused.
func Add(relation Relation, rule FriendRule) (RelationTransition, error) {
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

// Ask decides what a friend request does. It returns an error with CodeRefused if the
// account is closed, or if either account blocks the other.
func Ask(relation Relation, rule FriendRule, text string) (RelationTransition, error) {
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
	return RelationTransition{
		Result:      relation,
		RequestText: text,
		Notice:      KindAsks,
		NoticeText:  text,
		NoticePause: AskPause,
	}, nil
}

// Accept decides what accepting a request does. It returns an error with CodeParameter
// if no request is pending.
func Accept(relation Relation) (RelationTransition, error) {
	if !relation.RequestReceived {
		return RelationTransition{}, errNoRequest
	}
	return RelationTransition{Result: mutualFriends, Notice: KindAccepted}, nil
}

// Reject decides what rejecting a request does. It returns an error with CodeParameter
// if no request is pending.
func Reject(relation Relation, text string) (RelationTransition, error) {
	if !relation.RequestReceived {
		return RelationTransition{}, errNoRequest
	}
	relation.RequestReceived = false
	return RelationTransition{Result: relation, Notice: KindRejected, NoticeText: text}, nil
}

var errBlocks = Errorf(CodeRefused, "you block that account: unblock it first")

var errNoRequest = Errorf(CodeParameter, "no friend request of that account waits here")

// Befriend makes two accounts friends regardless of requests and blocks. Only
// operators can do this.
func Befriend() RelationTransition { return RelationTransition{Result: mutualFriends} }

// Unfriend decides what DelFromList does: the friendship ends for both accounts, and
// the other account gets no notice.
func Unfriend(relation Relation) RelationTransition {
	relation.Friends = false
	return RelationTransition{Result: relation}
}

// Block ends friendship and requests between the two accounts and blocks the other
// one.
func Block(relation Relation) RelationTransition {
	return RelationTransition{Result: Relation{Blocks: true, BlockedByOther: relation.BlockedByOther}}
}

// Unblock removes a block. It does not restore a friendship that the block ended.
func Unblock(relation Relation) RelationTransition {
	relation.Blocks = false
	return RelationTransition{Result: relation}
}

// RelationChange is a transition that the store is to carry out. It applies only if
// the relation still equals From, which the transition was decided on.
type RelationChange struct {
	Me, Other  UIN
	From       Relation
	Transition RelationTransition
	// Limit is the Limit of the notice, see NewEntry.
	Limit *BacklogLimit
	Time  time.Time
	Key   RequestKey
}

// Notice returns the entry that tells the other account about the change.
func (c RelationChange) Notice() NewEntry {
	return NewEntry{To: c.Other, Kind: c.Transition.Notice, Peer: c.Me, Text: c.Transition.NoticeText, Limit: c.Limit}
}

package client

import "github.com/rookery-im/rookery"

// Types of package rookery, repeated here so that programs need not import it.
type (
	// UIN is an account number.
	UIN = rookery.UIN
	// Status is a status that a user chooses, or that friends see.
	Status = rookery.Status
	// Kind classifies a Message.
	Kind = rookery.Kind
	// Profile is what an account publishes about its owner.
	Profile = rookery.Profile
	// FriendRule says how others become friends of an account.
	FriendRule = rookery.FriendRule
)

// Statuses. Versions before 1.4 know the first four only.
const (
	StatusOnline       = rookery.StatusOnline
	StatusOffline      = rookery.StatusOffline
	StatusAway         = rookery.StatusAway
	StatusInvisible    = rookery.StatusInvisible
	StatusBusy         = rookery.StatusBusy
	StatusTalkToMe     = rookery.StatusTalkToMe
	StatusDoNotDisturb = rookery.StatusDoNotDisturb
)

// Kinds of messages.
const (
	KindAdded    = rookery.KindAdded    // the peer has added you
	KindAsks     = rookery.KindAsks     // the peer asks to be your friend; Text is the peer's comment
	KindAccepted = rookery.KindAccepted // the peer has accepted your request
	KindRejected = rookery.KindRejected // the peer has rejected your request; Text is the peer's comment
	KindMessage  = rookery.KindMessage  // the peer has written Text
	KindSent     = rookery.KindSent     // the account has written Text to the peer
)

// Rules for new friends.
const (
	RuleOpen   = rookery.RuleOpen   // anybody becomes a friend at once
	RuleAsk    = rookery.RuleAsk    // the account answers each request
	RuleClosed = rookery.RuleClosed // nobody becomes a friend
)

// System is the server's own account. It sends the operator's notices.
const System = rookery.System

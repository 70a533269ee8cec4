package client

import "github.com/rookery-im/rookery"

// These are the nouns of package rookery, so that an application need not
// import it.
type (
	// UIN is an account number.
	UIN = rookery.UIN
	// Status is what a user chose to be, or what others see of it.
	Status = rookery.Status
	// Kind says what a message is.
	Kind = rookery.Kind
	// Profile is what an account says about its owner.
	Profile = rookery.Profile
	// Rule says who becomes a friend of an account how.
	Rule = rookery.Rule
)

// The statuses. Versions before 1.4 know the first four.
const (
	StatusOnline       = rookery.StatusOnline
	StatusOffline      = rookery.StatusOffline
	StatusAway         = rookery.StatusAway
	StatusInvisible    = rookery.StatusInvisible
	StatusBusy         = rookery.StatusBusy
	StatusTalkToMe     = rookery.StatusTalkToMe
	StatusDoNotDisturb = rookery.StatusDoNotDisturb
)

// What messages are.
const (
	KindAdded    = rookery.KindAdded    // the peer has added you
	KindAsks     = rookery.KindAsks     // the peer asks to be your friend, Text holds the words
	KindAccepted = rookery.KindAccepted // the peer has accepted your request
	KindRejected = rookery.KindRejected // the peer has rejected your request, Text holds the words
	KindMessage  = rookery.KindMessage  // the peer's message
	KindSent     = rookery.KindSent     // the account's own words to the peer
)

// The rules.
const (
	RuleOpen   = rookery.RuleOpen   // anybody, at once
	RuleAsk    = rookery.RuleAsk    // on request
	RuleClosed = rookery.RuleClosed // nobody
)

// System is the account of the server itself: its messages are notices of the
// operator.
const System = rookery.System

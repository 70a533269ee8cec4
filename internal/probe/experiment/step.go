package experiment

import "time"

// Step is one step of an experiment: a request or a wait.
//
// In step notation, used by files and reports, a step is one line:
//
//	wait 300                          waits 300 seconds
//	a Login                           a sends the base request of Login
//	a CLTMSG to b MG=hello            with target b and another text
//	a@2 Login                         from the second place
//	a Ack_AddToList.accept to b       another purpose of the command
//	a List -TN                        without a key
//	a List +TN=1                      with a second TN at the end
//	a List SEQ={seq:1}                with the mark of step 1
//	a List via=http/1.0               in another form of HTTP, or charset=gbk
type Step struct {
	Wait time.Duration // a wait, if above 0
	Role string
	// Place is the index of the place to send from.
	Place      int
	Command    string
	Verb       Verb // purpose; "" for that of the base request
	TargetRole string
	Changes    []PairChange
	// HTTPForm is the form of HTTP, "" for the usual one. In step notation it is via=FORM
	// after the command, before all changes.
	HTTPForm string
}

// PairChange is one difference from a base request.
type PairChange struct {
	Kind       ChangeKind
	Key, Value string
}

// ChangeKind says what a change does.
type ChangeKind string

// The kinds of changes.
const (
	SetValue    ChangeKind = "=" // sets the value; adds the pair at the end if the key is missing
	DropKey     ChangeKind = "-" // removes all pairs with the key
	AppendPair  ChangeKind = "+" // adds a pair at the end
	PrependPair ChangeKind = "^" // adds a pair at the beginning
	RenameKey   ChangeKind = "~" // replaces the key by Value
	MoveLast    ChangeKind = ">" // moves the pair to the end
	MoveFirst   ChangeKind = "<" // moves the pair to the beginning
)

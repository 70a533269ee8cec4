package experiment

import "time"

// A Step is one thing that is done in an experiment: a request, or a wait.
//
// In a file, and wherever steps are shown to people, it is a line:
//
//	wait 300                          300 seconds go by
//	a Login                           a sends the base request of Login
//	a CLTMSG to b MG=hello            ... to b, with another text
//	a@2 Login                         from the second place
//	a Ack_AddToList.accept to b       for another purpose of the command
//	a List -TN                        without a key
//	a List +TN=1                      with a second TN at the end
//	a List SEQ={seq:1}                with the mark of the experiment's first step
//	a List via=http/1.0               in another form of HTTP, or charset=gbk
type Step struct {
	Wait time.Duration // a wait, if above 0
	Role string
	// Place is the index of the place it is asked from.
	Place      int
	Command    string
	Verb       Verb // which of its purposes; "" for the base request's own
	TargetRole string
	Changes    []PairChange
	// HTTPForm is the form of HTTP, "" for the usual one; a line has it as via=WAY behind
	// the command, before all changes.
	HTTPForm string
}

// A Change is one difference from a base request.
type PairChange struct {
	Kind       ChangeKind
	Key, Value string
}

// A ChangeKind says what a change does.
type ChangeKind string

// The kinds of changes.
const (
	SetValue    ChangeKind = "=" // the key's value; the pair comes last if there was none
	DropKey     ChangeKind = "-" // the pair is left out
	AppendPair  ChangeKind = "+" // one more pair at the end
	PrependPair ChangeKind = "^" // one more pair at the beginning
	RenameKey   ChangeKind = "~" // the key is spelt as Value says
	MoveLast    ChangeKind = ">" // the pair moves to the end
	MoveFirst   ChangeKind = "<" // the pair moves to the beginning
)

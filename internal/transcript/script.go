package transcript

import (
	"iter"
	"time"
)

// A Script is one file of the corpus: what happens to a fresh server, step by
// step.
type Script struct {
	// Name is the file's name, as errors begin with it.
	Name  string
	Steps []Step
	// Trailer is the comment after the last step.
	Trailer []string
}

// A Step is one thing that happens.
type Step struct {
	// Line is where the step begins in its file, from 1; 0 if it is in none.
	Line int
	// Comment holds the lines before the step: comments with their "#", and
	// empty lines.
	Comment []string
	Action  Action
}

// An Action is what a step does: one of the types below.
type Action interface {
	// appendText appends the step as the file has it, without a last LF.
	appendText(dst []byte) []byte
	perform(r *replay) error
}

// Account is an account that exists from now on; one for each number from UIN
// to Last.
type Account struct {
	UIN, Last uint32
	Password  string
	Fields    []Field
}

// DefaultPassword is the password of an account for which the script names
// none.
const DefaultPassword = "123456"

// A Field is one of an account's fields, by its name in [Fields].
type Field struct{ Name, Value string }

// Fields returns the names that a field of an account can have: those of the
// profile, then rule (open, ask, closed), strangers, findable, show-private and
// devices-only (yes, no). A field that is not given is as in a new account.
func Fields() []string {
	return []string{
		"nick", "face", "age", "sex", "blood", "constellation", "animal",
		"country", "province", "city", "school", "job", "home-page", "about",
		"real-name", "mail", "phone", "mobile", "address", "post-code",
		"rule", "strangers", "findable", "show-private", "devices-only",
	}
}

// Set changes fields of an account.
type Set struct {
	UIN    uint32
	Fields []Field
}

// Friends makes UIN a friend of each number from First to Last.
type Friends struct{ UIN, First, Last uint32 }

// Setting is one of the server's settings, by the name of its flag.
type Setting struct{ Name, Value string }

// Notice is the operator's message; To is empty if it goes to all.
type Notice struct {
	To   []uint32
	Text string
}

// Remove removes an account.
type Remove struct{ UIN uint32 }

// SetPassword gives an account another password.
type SetPassword struct {
	UIN      uint32
	Password string
}

// Restart stops the server and starts it again on the same data after Down.
type Restart struct{ Down time.Duration }

// Wait moves the clock.
type Wait struct{ For time.Duration }

// Client names the client that speaks from now on.
type Client struct{ Name string }

// Login logs in each account from UIN to Last, for scripts that are about
// something else.
type Login struct{ UIN, Last uint32 }

// Charset is what clients declare from now on.
type Charset struct{ Name string }

// An Exchange is a request and its answer.
type Exchange struct {
	Request []byte
	// Answer is the record without the line end that version 1.4 adds. Its
	// reason may be a pattern, see [Match].
	Answer []byte
	// Times is how often it takes place, at least 1.
	Times int
}

// A Connection is what is sent on one connection, and what comes back.
type Connection struct {
	Turns []Turn
	// Ends says that the server closes the connection after the last answer
	// by itself.
	Ends bool
}

// A Turn is what is sent, and what comes back before anything more is sent.
type Turn struct {
	Sent    []byte
	Answers []HTTPAnswer
}

// An HTTPAnswer is an HTTP response as far as a script says what it is.
type HTTPAnswer struct {
	Status int
	// Record is the answer's record, nil if it may hold anything.
	Record []byte
}

// Say is a record that is sent on a line, which is opened if it is not open.
type Say struct {
	Line   string
	Record []byte
}

// SayBytes is what is sent on a line in one piece, as it is.
type SayBytes struct {
	Line  string
	Bytes []byte
}

// Hear is the record that must come next on a line: an answer, or a push. Its
// reason may be a pattern, as that of an Exchange.
type Hear struct {
	Line   string
	Record []byte
}

// HearNothing says that nothing has come on a line that was not heard.
type HearNothing struct{ Line string }

// HearEnd says that the server closes a line, and sends nothing before.
type HearEnd struct{ Line string }

// HangUp closes a line.
type HangUp struct{ Line string }

// Exchanges yields the requests and answers of the script, each once, those
// on connections of their own left out.
func (s *Script) Exchanges() iter.Seq2[Step, *Exchange] {
	return func(yield func(Step, *Exchange) bool) {
		for _, step := range s.Steps {
			if exchange, ok := step.Action.(*Exchange); ok && !yield(step, exchange) {
				return
			}
		}
	}
}

// NeedsHTTP reports whether the script can be replayed against an [HTTPWorld]
// only.
func (s *Script) NeedsHTTP() bool {
	for _, step := range s.Steps {
		switch step.Action.(type) {
		case *Connection, *Setting, *SayBytes:
			return true
		}
	}
	return false
}

// HasLines reports whether records are sent on lines.
func (s *Script) HasLines() bool {
	for _, step := range s.Steps {
		if _, ok := step.Action.(*Say); ok {
			return true
		}
	}
	return false
}

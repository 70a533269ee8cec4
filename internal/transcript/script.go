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
	perform(rep *replayer) error
}

// CreateAccounts is an account that exists from now on; one for each number from UIN
// to Last.
type CreateAccounts struct {
	UIN, Last     uint32
	Password      string
	AccountFields []AccountField
}

// DefaultPassword is the password of an account for which the script names
// none.
const DefaultPassword = "123456"

// A Field is one of an account's fields, by its name in [AccountFieldNames].
type AccountField struct{ Name, Value string }

// AccountFieldNames returns the names that a field of an account can have: those of the
// profile, then rule (open, ask, closed), strangers, findable, show-private and
// devices-only (yes, no). A field that is not given is as in a new account.
func AccountFieldNames() []string {
	return []string{
		"nick", "face", "age", "sex", "blood", "constellation", "animal",
		"country", "province", "city", "school", "job", "home-page", "about",
		"real-name", "mail", "phone", "mobile", "address", "post-code",
		"rule", "strangers", "findable", "show-private", "devices-only",
	}
}

// ChangeAccount changes fields of an account.
type ChangeAccount struct {
	UIN    uint32
	Fields []AccountField
}

// Befriend makes UIN a friend of each number from First to Last.
type Befriend struct{ UIN, First, Last uint32 }

// ServerSetting is one of the server's settings, by the name of its flag.
type ServerSetting struct{ Name, Value string }

// SendNotice is the operator's message; To is empty if it goes to all.
type SendNotice struct {
	To   []uint32
	Text string
}

// RemoveAccount removes an account.
type RemoveAccount struct{ UIN uint32 }

// SetPassword gives an account another password.
type SetPassword struct {
	UIN      uint32
	Password string
}

// RestartServer stops the server and starts it again on the same data after Down.
type RestartServer struct{ Downtime time.Duration }

// AdvanceClock moves the clock.
type AdvanceClock struct{ Duration time.Duration }

// SwitchClient names the client that speaks from now on.
type SwitchClient struct{ Name string }

// LogInAccounts logs in each account from UIN to Last, for scripts that are about
// something else.
type LogInAccounts struct{ UIN, Last uint32 }

// SetCharset is what clients declare from now on.
type SetCharset struct{ Name string }

// An Exchange is a request and its answer.
type Exchange struct {
	Request []byte
	// Answer is the record without the line end that version 1.4 adds. Its
	// reason may be a pattern, see [Match].
	Answer []byte
	// Repetitions is how often it takes place, at least 1.
	Repetitions int
}

// A Connection is what is sent on one connection, and what comes back.
type RawConnection struct {
	Turns []RawTurn
	// ServerCloses says that the server closes the connection after the last answer
	// by itself.
	ServerCloses bool
}

// A Turn is what is sent, and what comes back before anything more is sent.
type RawTurn struct {
	Sent    []byte
	Answers []HTTPAnswer
}

// An HTTPAnswer is an HTTP response as far as a script says what it is.
type HTTPAnswer struct {
	Status int
	// Record is the answer's record, nil if it may hold anything.
	Record []byte
}

// SendRecord is a record that is sent on a line, which is opened if it is not open.
type SendRecord struct {
	Stream string
	Record []byte
}

// SendBytes is what is sent on a line in one piece, as it is.
type SendBytes struct {
	Stream string
	Bytes  []byte
}

// ExpectRecord is the record that must come next on a line: an answer, or a push. Its
// reason may be a pattern, as that of an Exchange.
type ExpectRecord struct {
	Stream string
	Record []byte
}

// ExpectNothing says that nothing has come on a line that was not heard.
type ExpectNothing struct{ Stream string }

// ExpectEnd says that the server closes a line, and sends nothing before.
type ExpectEnd struct{ Stream string }

// CloseStream closes a line.
type CloseStream struct{ Stream string }

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

// NeedsSocket reports whether the script can be replayed against an [SocketServer]
// only.
func (s *Script) NeedsSocket() bool {
	for _, step := range s.Steps {
		switch step.Action.(type) {
		case *RawConnection, *ServerSetting, *SendBytes:
			return true
		}
	}
	return false
}

// UsesStreams reports whether records are sent on lines.
func (s *Script) UsesStreams() bool {
	for _, step := range s.Steps {
		if _, ok := step.Action.(*SendRecord); ok {
			return true
		}
	}
	return false
}

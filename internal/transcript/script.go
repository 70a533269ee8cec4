package transcript

import (
	"iter"
	"time"
)

// A Script is one transcript file: the steps that are run against a fresh server.
type Script struct {
	// Name is the file name with which errors begin.
	Name  string
	Steps []Step
	// Trailer is the comment after the last step.
	Trailer []string
}

// A Step is one step of a script.
type Step struct {
	// Line is the line of the file on which the step begins, from 1, or 0 if it comes from no file.
	Line int
	// Comment holds the comment lines, including "#", and empty lines before the step.
	Comment []string
	Action  Action
}

// An Action is the effect of a step. The types below implement it.
type Action interface {
	// appendText appends the step in its file notation, without the final LF.
	appendText(dst []byte) []byte
	perform(rep *replayer) error
}

// CreateAccounts creates an account for each number from UIN to Last.
type CreateAccounts struct {
	UIN, Last     uint32
	Password      string
	AccountFields []AccountField
}

// DefaultPassword is the password of accounts without an explicit one.
const DefaultPassword = "123456"

// An AccountField is a field of an account. AccountFieldNames lists the names.
type AccountField struct{ Name, Value string }

// AccountFieldNames returns the names of all account fields: those of the profile, then rule (open, ask,
// closed), strangers, findable, show-private and devices-only (yes, no).
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

// ServerSetting sets the server flag Name.
type ServerSetting struct{ Name, Value string }

// SendNotice sends an operator's notice. An empty To means all accounts.
type SendNotice struct {
	To   []uint32
	Text string
}

// RemoveAccount removes an account.
type RemoveAccount struct{ UIN uint32 }

// SetPassword changes an account's password.
type SetPassword struct {
	UIN      uint32
	Password string
}

// RestartServer stops the server and restarts it on the same data after Downtime.
type RestartServer struct{ Downtime time.Duration }

// AdvanceClock advances the clock.
type AdvanceClock struct{ Duration time.Duration }

// SwitchClient selects the client that sends the following requests.
type SwitchClient struct{ Name string }

// LogInAccounts logs in each account from UIN to Last, for scripts whose subject is not the login.
type LogInAccounts struct{ UIN, Last uint32 }

// SetCharset sets the charset that the following requests declare.
type SetCharset struct{ Name string }

// An Exchange is a request and its expected answer.
type Exchange struct {
	Request []byte
	// Answer is the record without the line end that version 1.4 adds. Its reason may be a pattern; see Match.
	Answer []byte
	// Repetitions is how often the exchange takes place; 0 means once.
	Repetitions int
}

// A RawConnection is a sequence of turns on one connection.
type RawConnection struct {
	Turns []RawTurn
	// ServerCloses is set if the server closes the connection after the last answer.
	ServerCloses bool
}

// A RawTurn is what the client sends, and the answers that must arrive before it sends more.
type RawTurn struct {
	Sent    []byte
	Answers []HTTPAnswer
}

// An HTTPAnswer is an expected HTTP response.
type HTTPAnswer struct {
	Status int
	// Record is the expected record; nil accepts any body.
	Record []byte
}

// SendRecord sends a record on a stream, which is opened if necessary.
type SendRecord struct {
	Stream string
	Record []byte
}

// SendBytes sends bytes on a stream in one write.
type SendBytes struct {
	Stream string
	Bytes  []byte
}

// ExpectRecord expects the next record on a stream: an answer or a push. Its reason may be a pattern, as in
// an Exchange.
type ExpectRecord struct {
	Stream string
	Record []byte
}

// ExpectNothing expects that no unread record has arrived on a stream.
type ExpectNothing struct{ Stream string }

// ExpectEnd expects the server to close a stream without sending anything before.
type ExpectEnd struct{ Stream string }

// CloseStream closes a stream.
type CloseStream struct{ Stream string }

// Exchanges yields each Exchange of the script once. Raw connections are not included.
func (s *Script) Exchanges() iter.Seq2[Step, *Exchange] {
	return func(yield func(Step, *Exchange) bool) {
		for _, step := range s.Steps {
			if exchange, ok := step.Action.(*Exchange); ok && !yield(step, exchange) {
				return
			}
		}
	}
}

// NeedsSocket reports whether the script can only be replayed against a SocketServer.
func (s *Script) NeedsSocket() bool {
	for _, step := range s.Steps {
		switch step.Action.(type) {
		case *RawConnection, *ServerSetting, *SendBytes:
			return true
		}
	}
	return false
}

// UsesStreams reports whether the script sends records on streams.
func (s *Script) UsesStreams() bool {
	for _, step := range s.Steps {
		if _, ok := step.Action.(*SendRecord); ok {
			return true
		}
	}
	return false
}

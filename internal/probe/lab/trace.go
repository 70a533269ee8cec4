package lab

import (
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// Trace is the result of one experiment.
type Trace struct {
	// ID names the experiment in the transcript, such as a17.
	ID      string
	Steps   []experiment.Step
	Answers []Answer // one for each step
	// InvalidReason says why the experiment proves nothing: a request that it needs was
	// refused in every attempt. It is "" for a valid experiment.
	InvalidReason string
	// DiscardedAttempt is an earlier attempt, up to an answer that came from a limit or did
	// not come again. It is nil if there was none.
	DiscardedAttempt *Trace
}

// Answer is the server's answer to one step.
type Answer struct {
	// ID names the answer in the transcript, such as a17.3.
	ID string
	// IsWait marks a wait, which has no answer.
	IsWait bool
	// Lost reports that no answer came in any attempt. Fault then says what happened.
	Lost  bool
	Fault string
	// Request is the sent record, without hidden secrets.
	Request     []byte
	Status      int
	Proto       string // HTTP/1.1 or HTTP/1.0
	ContentType string
	// Framing is how the end of the body is marked: length, chunked, or close.
	Framing string
	// RetryAfter is the delay that the server demands, 0 if none.
	RetryAfter time.Duration
	// Closed reports that the server closes the connection after the answer.
	Closed bool
	// SecondAnswer describes what followed the answer if two requests were sent at once.
	SecondAnswer string
	Body         []byte
	// IsRecord reports whether the body is a record. Fields then holds its fields.
	IsRecord bool
	Fields   []Field
	// LineEnding is the line end after the record.
	LineEnding string

	rawResponse []byte
}

// Field is one field of an answer.
type Field struct {
	Key string
	Raw string // as received
	// Value is Raw unescaped, with placeholders such as {seq} in the place of echoed values.
	Value string
	// List holds the elements if IsList, with placeholders as in Value.
	List   []string
	IsList bool
}

// Field returns the first field with a key, or (nil, false). The pointer aliases a.Fields.
func (a *Answer) Field(key string) (*Field, bool) {
	for i := range a.Fields {
		if a.Fields[i].Key == key {
			return &a.Fields[i], true
		}
	}
	return nil, false
}

// Value returns the value of the first field with a key, or "".
func (a *Answer) Value(key string) string {
	if field, ok := a.Field(key); ok {
		return field.Value
	}
	return ""
}

// Text returns the body without trailing line ends.
func (a *Answer) Text() string { return strings.TrimRight(string(a.Body), "\r\n") }

// Kind classifies the answer: "wait", "nothing" if it was lost, "status" if that is not 200,
// "record", or "text" for any other body.
func (a *Answer) Kind() string {
	switch {
	case a.IsWait:
		return "wait"
	case a.Lost:
		return "nothing"
	case a.Status != 200:
		return "status"
	case a.IsRecord:
		return "record"
	}
	return "text"
}

// placeholderNames maps sent values, in Key, to placeholders, in Value. The first match wins.
type placeholderNames []experiment.Pair

// placeholderFor returns the placeholder of a sent value, and other values unchanged.
func (n placeholderNames) placeholderFor(value string) string {
	for _, pair := range n {
		if pair.Key != "" && pair.Key == value {
			return pair.Value
		}
	}
	return value
}

// parseBody decodes the body and sets LineEnding, IsRecord and Fields. names replaces values that
// the server echoes.
func (a *Answer) parseBody(syntax experiment.RecordSyntax, names placeholderNames) {
	text := a.Text()
	a.LineEnding = string(a.Body[len(text):])
	pairs, ok := syntax.Decode(a.Body)
	a.IsRecord = ok
	if !ok {
		return
	}
	for _, pair := range pairs {
		field := Field{Key: pair.Key, Raw: pair.Value, Value: names.placeholderFor(syntax.Unescape(pair.Value))}
		if field.List, field.IsList = syntax.SplitList(pair.Value); field.IsList {
			for i := range field.List {
				field.List[i] = names.placeholderFor(field.List[i])
			}
			field.Value = strings.Join(field.List, syntax.ListSeparator) + syntax.ListSeparator
		}
		a.Fields = append(a.Fields, field)
	}
}

// IsDone reports whether an answer says that a command succeeded: it is a record with a success
// code and with the command's success fields, as far as the file declares these.
func IsDone(file *experiment.File, command string, answer *Answer) bool {
	if answer.Kind() != "record" {
		return false
	}
	if file.Answer.CodeKey != "" && !slices.Contains(file.Answer.SuccessCodes, answer.Value(file.Answer.CodeKey)) {
		return false
	}
	c, ok := file.Command(command)
	if !ok {
		return true
	}
	for _, pair := range c.SuccessFields {
		if answer.Value(pair.Key) != pair.Value {
			return false
		}
	}
	return true
}

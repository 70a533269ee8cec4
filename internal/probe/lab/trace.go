package lab

import (
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A Trace is what an experiment has shown.
type Trace struct {
	// ID is how the transcript names it, such as a17.
	ID      string
	Steps   []experiment.Step
	Answers []Answer // one for each step
	// InvalidReason is why the experiment proves nothing, though it was repeated: what it needs
	// was refused. It is "" if it was made.
	InvalidReason string
	// DiscardedAttempt is an earlier try, up to an answer that came because of a limit, or once and
	// not again; nil if there was none.
	DiscardedAttempt *Trace
}

// An Answer is what came back for one step.
type Answer struct {
	// ID is how the transcript names it, such as a17.3.
	ID string
	// IsWait says that the step was one: there is no answer.
	IsWait bool
	// Lost says that no answer came, however often it was tried.
	Lost bool
	// Fault is what was seen in place of an answer.
	Fault string
	// Request is the record that was sent, without hidden secrets.
	Request []byte
	Status  int
	// Proto is HTTP/1.1 or HTTP/1.0.
	Proto string
	// ContentType is the Content-Type.
	ContentType string
	// Framing says how the end of the answer is told: length, chunked, or close.
	Framing string
	// RetryAfter is when the server wants to be asked again.
	RetryAfter time.Duration
	// Closed says that the server closed the connection behind the answer.
	Closed bool
	// SecondAnswer is what came behind the answer, where two requests were sent at once.
	SecondAnswer string
	Body         []byte
	// IsRecord says whether the body is one, and Fields holds its fields then.
	IsRecord bool
	Fields   []Field
	// LineEnding is the line end behind the record.
	LineEnding string

	rawResponse []byte // all that came
}

// A Field is one field of an answer.
type Field struct {
	Key string
	Raw string // as it came
	// Value is what it means: unescaped, and with the names of what was sent, such
	// as {seq}, in the place of the echo of it.
	Value string
	// List holds the elements, if IsList; named as in Value.
	List   []string
	IsList bool
}

// Field returns the first field with a key.
func (a *Answer) Field(key string) (*Field, bool) {
	for i := range a.Fields {
		if a.Fields[i].Key == key {
			return &a.Fields[i], true
		}
	}
	return nil, false
}

// Value is the value of a field, "" if there is none.
func (a *Answer) Value(key string) string {
	if field, ok := a.Field(key); ok {
		return field.Value
	}
	return ""
}

// Text is the body, without the line end behind it.
func (a *Answer) Text() string { return strings.TrimRight(string(a.Body), "\r\n") }

// Kind is what came, before anything is known of fields: record, text, nothing,
// or an HTTP status.
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

// A naming says what the values that were sent stand for.
type placeholderNames []experiment.Pair // value, name

func (n placeholderNames) nameOf(value string) string {
	for _, pair := range n {
		if pair.Key != "" && pair.Key == value {
			return pair.Value
		}
	}
	return value
}

// parseBody takes a body apart.
func (a *Answer) parseBody(syntax experiment.RecordSyntax, names placeholderNames) {
	text := a.Text()
	a.LineEnding = string(a.Body[len(text):])
	pairs, ok := syntax.Decode(a.Body)
	a.IsRecord = ok
	if !ok {
		return
	}
	for _, pair := range pairs {
		field := Field{Key: pair.Key, Raw: pair.Value, Value: names.nameOf(syntax.Unescape(pair.Value))}
		if field.List, field.IsList = syntax.SplitList(pair.Value); field.IsList {
			for i := range field.List {
				field.List[i] = names.nameOf(field.List[i])
			}
			field.Value = strings.Join(field.List, syntax.ListSeparator) + syntax.ListSeparator
		}
		a.Fields = append(a.Fields, field)
	}
}

// IsDone reports whether an answer says that a command was done.
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

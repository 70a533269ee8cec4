package lab

import (
	"errors"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// requestIdentity holds the marks and command names of a request, which its answer may repeat. A
// key that occurs twice contributes both values.
type requestIdentity struct {
	marks, commands     []string // as sent, without surrounding spaces
	markKey, commandKey string   // "" if the record has no such key
}

// errOtherAnswer reports that a response answers an earlier request on the same connection. Its
// text is a fault in transcripts.
var errOtherAnswer = errors.New("the answer of another request")

// maxRememberedRequests bounds how many earlier requests of a connection are remembered to
// recognize late answers.
const maxRememberedRequests = 64

func (c *recordedConn) rememberRequest(identity requestIdentity) {
	if len(c.earlierRequests) == maxRememberedRequests {
		c.earlierRequests = slices.Delete(c.earlierRequests, 0, 1)
	}
	c.earlierRequests = append(c.earlierRequests, identity)
}

// identifyRequest reads the marks and command names from a record.
func (l *Lab) identifyRequest(command string, record []byte) (identity requestIdentity) {
	c, ok := l.File.Command(command)
	if !ok {
		return identity
	}
	pairs, _ := l.File.Syntax.Decode(record)
	for _, pair := range pairs {
		value := strings.TrimSpace(l.File.Syntax.Unescape(pair.Value)) // servers may repeat it trimmed
		switch l.File.TypeOf(c, pair.Key).Type {
		case experiment.TypeMark:
			identity.markKey, identity.marks = pair.Key, append(identity.marks, value)
		case experiment.TypeCommandName:
			identity.commandKey, identity.commands = pair.Key, append(identity.commands, value)
		}
	}
	return identity
}

// answersEarlierRequest reports whether an answer belongs to an earlier request on the same
// connection. If the answer has a mark, the mark decides. Otherwise the command name decides,
// unless the request reuses an earlier mark: a server may then repeat its answer to the earlier
// command.
func (l *Lab) answersEarlierRequest(answer *Answer, identity requestIdentity, earlier []requestIdentity) bool {
	pairs, ok := l.File.Syntax.Decode(answer.Body)
	if !ok {
		return false
	}
	echoedValue := func(key string) string {
		for _, pair := range pairs {
			if key != "" && strings.EqualFold(pair.Key, key) {
				return strings.TrimSpace(l.File.Syntax.Unescape(pair.Value))
			}
		}
		return ""
	}
	wasSentEarlier := func(mark string) bool {
		return slices.ContainsFunc(earlier,
			func(earlierRequest requestIdentity) bool { return slices.Contains(earlierRequest.marks, mark) })
	}
	if mark := echoedValue(identity.markKey); mark != "" {
		return !slices.Contains(identity.marks, mark) && wasSentEarlier(mark)
	}
	if slices.ContainsFunc(identity.marks, wasSentEarlier) {
		return false
	}
	hasCommand := func(earlierRequest requestIdentity, command string) bool {
		return slices.ContainsFunc(earlierRequest.commands,
			func(name string) bool { return strings.EqualFold(name, command) })
	}
	command := echoedValue(identity.commandKey)
	return command != "" && !hasCommand(identity, command) &&
		slices.ContainsFunc(earlier,
			func(earlierRequest requestIdentity) bool { return hasCommand(earlierRequest, command) })
}

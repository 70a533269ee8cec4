package lab

import (
	"errors"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A requestIdentity is what an answer repeats of its request. A request can have a key
// twice, and its answer repeats one of the values.
type requestIdentity struct {
	marks, commands     []string // as they were sent, without spaces around them
	markKey, commandKey string   // "" if the command has no such parameter
}

var errOtherAnswer = errors.New("the answer of another request")

// remembered is how many requests of a connection their answers are known by.
const maxRememberedRequests = 64

func (c *recordedConn) rememberRequest(identity requestIdentity) {
	if len(c.earlierRequests) == maxRememberedRequests {
		c.earlierRequests = slices.Delete(c.earlierRequests, 0, 1)
	}
	c.earlierRequests = append(c.earlierRequests, identity)
}

// identifyRequest reads the marks and the command's names out of a record that is sent.
func (l *Lab) identifyRequest(command string, record []byte) (identity requestIdentity) {
	c, ok := l.File.Command(command)
	if !ok {
		return identity
	}
	pairs, _ := l.File.Syntax.Decode(record)
	for _, pair := range pairs {
		value := strings.TrimSpace(l.File.Syntax.Unescape(pair.Value)) // as servers may repeat it
		switch l.File.TypeOf(c, pair.Key).Type {
		case experiment.TypeMark:
			identity.markKey, identity.marks = pair.Key, append(identity.marks, value)
		case experiment.TypeCommandName:
			identity.commandKey, identity.commands = pair.Key, append(identity.commands, value)
		}
	}
	return identity
}

// answersEarlierRequest reports whether an answer is that of an earlier request on the same
// connection. Its mark decides if it has one, because a server that takes a request for a
// repeat may give the answer of another command.
func (l *Lab) answersEarlierRequest(answer *Answer, identity requestIdentity, earlier []requestIdentity) bool {
	pairs, ok := l.File.Syntax.Decode(answer.Body)
	if !ok {
		return false
	}
	echo := func(key string) string {
		for _, pair := range pairs {
			if key != "" && strings.EqualFold(pair.Key, key) {
				return strings.TrimSpace(l.File.Syntax.Unescape(pair.Value))
			}
		}
		return ""
	}
	had := func(mark string) bool {
		return slices.ContainsFunc(earlier, func(e requestIdentity) bool { return slices.Contains(e.marks, mark) })
	}
	if mark := echo(identity.markKey); mark != "" {
		return !slices.Contains(identity.marks, mark) && had(mark)
	}
	if slices.ContainsFunc(identity.marks, had) {
		return false
	}
	named := func(e requestIdentity, command string) bool {
		return slices.ContainsFunc(e.commands, func(name string) bool { return strings.EqualFold(name, command) })
	}
	command := echo(identity.commandKey)
	return command != "" && !named(identity, command) &&
		slices.ContainsFunc(earlier, func(e requestIdentity) bool { return named(e, command) })
}

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
const remembered = 64

func (c *recordedConn) remember(id requestIdentity) {
	if len(c.sent) == remembered {
		c.sent = slices.Delete(c.sent, 0, 1)
	}
	c.sent = append(c.sent, id)
}

// identify reads the marks and the command's names out of a record that is sent.
func (l *Lab) identify(command string, record []byte) (id requestIdentity) {
	c, ok := l.File.Command(command)
	if !ok {
		return id
	}
	pairs, _ := l.File.Syntax.Decode(record)
	for _, pair := range pairs {
		value := strings.TrimSpace(l.File.Syntax.Unescape(pair.Value)) // as servers may repeat it
		switch l.File.TypeOf(c, pair.Key).Type {
		case experiment.TypeMark:
			id.markKey, id.marks = pair.Key, append(id.marks, value)
		case experiment.TypeCommandName:
			id.commandKey, id.commands = pair.Key, append(id.commands, value)
		}
	}
	return id
}

// answersAnother reports whether an answer is that of an earlier request on the same
// connection. Its mark decides if it has one, because a server that takes a request for a
// repeat may give the answer of another command.
func (l *Lab) answersAnother(answer *Answer, id requestIdentity, earlier []requestIdentity) bool {
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
	if mark := echo(id.markKey); mark != "" {
		return !slices.Contains(id.marks, mark) && had(mark)
	}
	if slices.ContainsFunc(id.marks, had) {
		return false
	}
	named := func(e requestIdentity, command string) bool {
		return slices.ContainsFunc(e.commands, func(name string) bool { return strings.EqualFold(name, command) })
	}
	command := echo(id.commandKey)
	return command != "" && !named(id, command) &&
		slices.ContainsFunc(earlier, func(e requestIdentity) bool { return named(e, command) })
}

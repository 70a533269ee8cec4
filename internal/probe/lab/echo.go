package lab

import (
	"errors"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A requestIdentity is what an answer repeats of its request.
type requestIdentity struct {
	mark, command       string // as they were sent
	markKey, commandKey string // "" if the command has no such parameter
}

var errOtherAnswer = errors.New("the answer of another request")

// remembered is how many requests of a connection their answers are known by.
const remembered = 64

func (c *conn) remember(id requestIdentity) {
	if len(c.sent) == remembered {
		c.sent = slices.Delete(c.sent, 0, 1)
	}
	c.sent = append(c.sent, id)
}

// identify reads the mark and the command's name out of a record that is sent.
func (l *Lab) identify(command string, record []byte) (id requestIdentity) {
	c, ok := l.File.Command(command)
	if !ok {
		return id
	}
	pairs, _ := l.File.Syntax.Decode(record)
	for _, p := range pairs {
		value := l.File.Syntax.Unescape(p.Value)
		switch l.File.TypeOf(c, p.Key).Type {
		case experiment.Mark:
			id.markKey, id.mark = p.Key, value
		case experiment.Name:
			id.commandKey, id.command = p.Key, value
		}
	}
	return id
}

// answersAnother reports whether an answer is that of an earlier request on the same
// connection. Its mark decides if it has one, because a server that takes a request for a
// repeat may give the answer of another command.
func (l *Lab) answersAnother(a *Answer, id requestIdentity, earlier []requestIdentity) bool {
	pairs, ok := l.File.Syntax.Decode(a.Body)
	if !ok {
		return false
	}
	echo := func(key string) string {
		for _, p := range pairs {
			if key != "" && strings.EqualFold(p.Key, key) {
				return l.File.Syntax.Unescape(p.Value)
			}
		}
		return ""
	}
	if mark := echo(id.markKey); mark != "" {
		return mark != id.mark && slices.ContainsFunc(earlier, func(e requestIdentity) bool { return e.mark == mark })
	}
	if slices.ContainsFunc(earlier, func(e requestIdentity) bool { return e.mark == id.mark }) {
		return false
	}
	command := echo(id.commandKey)
	return command != "" && !strings.EqualFold(command, id.command) &&
		slices.ContainsFunc(earlier, func(e requestIdentity) bool { return strings.EqualFold(e.command, command) })
}

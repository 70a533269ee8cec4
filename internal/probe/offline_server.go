package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// offlineServer is a simulated server that accepts every request of a logged-in account.
// With it, a plan counts the requests of a study without sending any.
type offlineServer struct {
	file      *experiment.File
	lastHeard map[string]time.Duration // time of the last request of each logged-in account
	now       time.Duration
	// waitedTotal is the total duration of real waits. Waits on a control clock do not
	// count.
	waitedTotal time.Duration
}

// offlineSessionTimeout is the idle time after which a session ends.
const offlineSessionTimeout = 5 * time.Minute

func newOfflineServer(file *experiment.File) *offlineServer {
	return &offlineServer{file: file, lastHeard: make(map[string]time.Duration)}
}

func (s *offlineServer) Reset() { s.lastHeard = make(map[string]time.Duration) }

func (s *offlineServer) Advance(duration time.Duration) {
	s.now += duration
	if s.file.Clock.URL == "" {
		s.waitedTotal += duration
	}
}

func (s *offlineServer) Respond(step experiment.Step, account string, record []byte) []byte {
	command, ok := s.file.Command(step.Command)
	if !ok {
		return nil
	}
	lastHeard, isLoggedIn := s.lastHeard[account]
	isLoggedIn = isLoggedIn && s.now-lastHeard < offlineSessionTimeout
	fields := s.echoedFields(command, record)
	if code := s.file.Answer.CodeKey; code != "" {
		fields = append(fields, experiment.Pair{Key: code, Value: s.answerCode(command, isLoggedIn)})
	}
	if isLoggedIn || !command.NeedsSession {
		fields = append(fields, command.SuccessFields...)
		fields = append(fields, s.friendList(step)...)
		s.lastHeard[account] = s.now
	}
	if s.file.VerbOf(step) == experiment.VerbLogout {
		delete(s.lastHeard, account)
	}
	if len(fields) == 0 {
		fields = []experiment.Pair{{Key: "answer", Value: "?"}}
	}
	body := s.file.Encode(fields)
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		s.file.Syntax.ContentType, len(body), body)
}

// echoedFields returns the mark and the command name of a request as they were sent.
func (s *offlineServer) echoedFields(command *experiment.Command, record []byte) (fields []experiment.Pair) {
	sent, _ := s.file.Syntax.Decode(record)
	for _, pair := range sent {
		if t := s.file.TypeOf(command, pair.Key).Type; t == experiment.TypeMark || t == experiment.TypeCommandName {
			fields = append(fields, pair)
		}
	}
	return fields
}

// answerCode returns the code for success or for a missing session, or "?" if the file has none.
func (s *offlineServer) answerCode(command *experiment.Command, isLoggedIn bool) string {
	list := s.file.Answer.SuccessCodes
	if command.NeedsSession && !isLoggedIn {
		list = s.file.Answer.NotLoggedInCodes
	}
	if len(list) == 0 {
		return "?"
	}
	return list[0]
}

// friendList returns the list of friends if the step asks for it.
func (s *offlineServer) friendList(step experiment.Step) []experiment.Pair {
	if s.file.VerbOf(step) != experiment.VerbFriends {
		return nil
	}
	var list strings.Builder
	for _, pair := range s.file.Friends {
		if index := slices.Index(pair[:], step.Role); index >= 0 {
			account, _ := s.file.Account(pair[1-index])
			list.WriteString(account.Number + s.file.Syntax.ListSeparator)
		}
	}
	return []experiment.Pair{{Key: "friends", Value: list.String()}}
}

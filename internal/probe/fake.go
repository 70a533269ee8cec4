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

func (f *offlineServer) Reset() { f.lastHeard = make(map[string]time.Duration) }

func (f *offlineServer) Advance(duration time.Duration) {
	f.now += duration
	if f.file.Clock.URL == "" {
		f.waitedTotal += duration
	}
}

func (f *offlineServer) Respond(step experiment.Step, account string, record []byte) []byte {
	command, ok := f.file.Command(step.Command)
	if !ok {
		return nil
	}
	lastHeard, isLoggedIn := f.lastHeard[account]
	isLoggedIn = isLoggedIn && f.now-lastHeard < offlineSessionTimeout
	fields := f.echoedFields(command, record)
	if code := f.file.Answer.CodeKey; code != "" {
		fields = append(fields, experiment.Pair{Key: code, Value: f.answerCode(command, isLoggedIn)})
	}
	if isLoggedIn || !command.NeedsSession {
		fields = append(fields, command.SuccessFields...)
		fields = append(fields, f.friendList(step)...)
		f.lastHeard[account] = f.now
	}
	if f.file.VerbOf(step) == experiment.VerbLogout {
		delete(f.lastHeard, account)
	}
	if len(fields) == 0 {
		fields = []experiment.Pair{{Key: "answer", Value: "?"}}
	}
	body := f.file.Encode(fields)
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		f.file.Syntax.ContentType, len(body), body)
}

// echoedFields returns the mark and the command name of a request as they were sent.
func (f *offlineServer) echoedFields(command *experiment.Command, record []byte) (fields []experiment.Pair) {
	sent, _ := f.file.Syntax.Decode(record)
	for _, pair := range sent {
		if t := f.file.TypeOf(command, pair.Key).Type; t == experiment.TypeMark || t == experiment.TypeCommandName {
			fields = append(fields, pair)
		}
	}
	return fields
}

// answerCode returns the code for success or for a missing session, or "?" if the file has none.
func (f *offlineServer) answerCode(command *experiment.Command, isLoggedIn bool) string {
	list := f.file.Answer.SuccessCodes
	if command.NeedsSession && !isLoggedIn {
		list = f.file.Answer.NotLoggedInCodes
	}
	if len(list) == 0 {
		return "?"
	}
	return list[0]
}

// friendList returns the list of friends if the step asks for it.
func (f *offlineServer) friendList(step experiment.Step) []experiment.Pair {
	if f.file.VerbOf(step) != experiment.VerbFriends {
		return nil
	}
	var list strings.Builder
	for _, pair := range f.file.Friends {
		if index := slices.Index(pair[:], step.Role); index >= 0 {
			account, _ := f.file.Account(pair[1-index])
			list.WriteString(account.Number + f.file.Syntax.ListSeparator)
		}
	}
	return []experiment.Pair{{Key: "friends", Value: list.String()}}
}

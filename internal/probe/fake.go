package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A fake server says yes to everybody who is logged in. By it one can tell
// what a study will ask, about, without asking anybody.
type offlineServer struct {
	file      *experiment.File
	lastHeard map[string]time.Duration // when accounts that are logged in were last heard of
	now       time.Duration
	// waitedTotal is the time that was waited in all, where waiting takes time.
	waitedTotal time.Duration
}

// fakeTimeout is how long its sessions live.
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
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", f.file.Syntax.ContentType, len(body), body)
}

// echoedFields is the mark of a request, as it was sent.
func (f *offlineServer) echoedFields(command *experiment.Command, record []byte) (fields []experiment.Pair) {
	sent, _ := f.file.Syntax.Decode(record)
	for _, pair := range sent {
		if t := f.file.TypeOf(command, pair.Key).Type; t == experiment.TypeMark || t == experiment.TypeCommandName {
			fields = append(fields, pair)
		}
	}
	return fields
}

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

// friendList is the list of friends, where it is asked for.
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

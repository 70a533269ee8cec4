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
	file  *experiment.File
	since map[string]time.Duration // when accounts that are logged in were last heard of
	now   time.Duration
	// waited is the time that was waited in all, where waiting takes time.
	waited time.Duration
}

// fakeTimeout is how long its sessions live.
const fakeTimeout = 5 * time.Minute

func newFake(file *experiment.File) *offlineServer {
	return &offlineServer{file: file, since: make(map[string]time.Duration)}
}

func (f *offlineServer) Begin() { f.since = make(map[string]time.Duration) }

func (f *offlineServer) Wait(d time.Duration) {
	f.now += d
	if f.file.Clock.URL == "" {
		f.waited += d
	}
}

func (f *offlineServer) Answer(step experiment.Step, account string, record []byte) []byte {
	command, ok := f.file.Command(step.Command)
	if !ok {
		return nil
	}
	heard, in := f.since[account]
	in = in && f.now-heard < fakeTimeout
	fields := f.echo(command, record)
	if code := f.file.Answer.CodeKey; code != "" {
		fields = append(fields, experiment.Pair{Key: code, Value: f.code(command, in)})
	}
	if in || !command.NeedsSession {
		fields = append(fields, command.SuccessFields...)
		fields = append(fields, f.friends(step)...)
		f.since[account] = f.now
	}
	if f.file.VerbOf(step) == experiment.VerbLogout {
		delete(f.since, account)
	}
	if len(fields) == 0 {
		fields = []experiment.Pair{{Key: "answer", Value: "?"}}
	}
	body := f.file.Encode(fields)
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", f.file.Syntax.ContentType, len(body), body)
}

// echo is the mark of a request, as it was sent.
func (f *offlineServer) echo(command *experiment.Command, record []byte) (fields []experiment.Pair) {
	sent, _ := f.file.Syntax.Decode(record)
	for _, pair := range sent {
		if t := f.file.TypeOf(command, pair.Key).Type; t == experiment.TypeMark || t == experiment.TypeCommandName {
			fields = append(fields, pair)
		}
	}
	return fields
}

func (f *offlineServer) code(command *experiment.Command, in bool) string {
	list := f.file.Answer.SuccessCodes
	if command.NeedsSession && !in {
		list = f.file.Answer.NotLoggedInCodes
	}
	if len(list) == 0 {
		return "?"
	}
	return list[0]
}

// friends is the list of friends, where it is asked for.
func (f *offlineServer) friends(step experiment.Step) []experiment.Pair {
	if f.file.VerbOf(step) != experiment.VerbFriends {
		return nil
	}
	var list strings.Builder
	for _, pair := range f.file.Friends {
		if at := slices.Index(pair[:], step.Role); at >= 0 {
			account, _ := f.file.Account(pair[1-at])
			list.WriteString(account.Number + f.file.Syntax.ListSeparator)
		}
	}
	return []experiment.Pair{{Key: "friends", Value: list.String()}}
}

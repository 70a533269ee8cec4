// Package powercut says what a disk may hold after the power has failed.
//
// A Trace is what a process did to a directory, as strace saw it: writes,
// syncs, and what it sent over sockets meanwhile. A Disk is the directory as it
// was before, and Disk.After makes of both what may be left of it if the power
// fails at a given moment.
package powercut

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Moment is a place in a trace: system calls begin and end at one each, and no
// two at the same.
type Moment int64

// never is after every moment: a call that did not end.
const never = Moment(1<<62 - 1)

// Kind is what an event does.
type Kind int

const (
	Create   Kind = iota + 1 // opens Path, making it if it is not there
	Write                    // puts Data into Path, at Offset
	Truncate                 // makes Path Offset bytes long
	Sync                     // makes Path durable: a file's data, or a directory's entries
	Remove                   // takes Path out of its directory
	Send                     // sends Data over a socket
)

// Event is one system call.
type Event struct {
	Kind       Kind
	Path       string
	Offset     int64
	Data       []byte
	Begin, End Moment
}

// Trace is what happened in one directory, in the order in which it began.
type Trace struct {
	Events []Event
	// End is after everything.
	End Moment
}

// calls are the system calls that are recorded, all that can change a file
// (but for memory that is mapped, which SQLite uses for what it can rebuild).
const calls = "open,openat,creat,pwrite64,write,writev,pwritev,pwritev2,ftruncate,truncate,fallocate," +
	"copy_file_range,sendfile,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync_file_range,sendto,sendmsg"

// Command is the command line that runs a program under strace, which writes
// the trace to the file. The program itself is the process that is started;
// strace is done with the file when it closes it, soon after the program's end.
func Command(trace, program string, args ...string) []string {
	return append([]string{
		"strace", "--daemonize", "--follow-forks", "--seccomp-bpf", "--decode-fds=path",
		"--strings-in-hex=all", "--string-limit=4194304", "--signal=none", "--quiet=all", "--trace=" + calls,
		"--output=" + trace, program}, args...)
}

// Read reads what strace wrote, as far as it is about the directory or about
// sockets. A call that could change the directory in a way that is not modelled
// is an error.
func Read(in io.Reader, dir string) (*Trace, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	r := reader{dir: dir, open: make(map[string]int)}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" && errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the trace ends in the middle of a line")
		}
		if errors.Is(err, io.EOF) {
			r.trace.End = r.now + 1
			return &r.trace, nil
		}
		if err != nil {
			return nil, err
		}
		if err := r.line(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, line)
		}
	}
}

type reader struct {
	dir   string
	trace Trace
	now   Moment
	// open finds the event of a thread's call that has not ended, -1 if it is
	// about something else.
	open map[string]int
}

// line reads one line: a whole call, one that has begun, or the end of one.
func (r *reader) line(line string) error {
	r.now++
	thread, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
		return nil
	}
	if strings.HasPrefix(rest, "<... ") {
		_, rest, _ = strings.Cut(rest, " resumed>")
		i, ok := r.open[thread]
		if !ok {
			return errors.New("the end of a call that has not begun")
		}
		delete(r.open, thread)
		return r.end(i, rest)
	}
	call, unfinished := strings.CutSuffix(rest, "<unfinished ...>")
	i, err := r.begin(call)
	if err != nil {
		return err
	}
	if unfinished {
		r.open[thread] = i
		return nil
	}
	r.now++
	return r.end(i, rest)
}

// resultOf finds the end of a call and what it returned.
var resultOf = regexp.MustCompile(`\) *= (-?\d+|\?)`)

// end notes the result of a call: one that failed has not happened.
func (r *reader) end(i int, rest string) error {
	if i < 0 {
		return nil
	}
	event := &r.trace.Events[i]
	found := resultOf.FindStringSubmatch(rest)
	if found == nil {
		return errors.New("no result")
	}
	if found[1] == "?" {
		return nil // the process died in it: it may have happened
	}
	result, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return err
	}
	event.End = r.now
	switch {
	case result < 0:
		event.Kind = 0
	case event.Kind == Write || event.Kind == Send:
		event.Data = event.Data[:result]
	}
	return nil
}

// begin notes a call and returns where it is among the events, -1 if it is
// about something else.
func (r *reader) begin(call string) (int, error) {
	name, list, ok := strings.Cut(call, "(")
	if !ok {
		return -1, errors.New("no call")
	}
	if at := resultOf.FindStringIndex(list); at != nil {
		list = list[:at[0]]
	}
	event := Event{Begin: r.now, End: never}
	matters, err := r.decode(&event, name, newArguments(list))
	if err != nil || !matters {
		return -1, err
	}
	r.trace.Events = append(r.trace.Events, event)
	return len(r.trace.Events) - 1, nil
}

// decode reads a call's arguments and reports whether it matters.
func (r *reader) decode(event *Event, name string, args arguments) (bool, error) {
	var err error
	switch event.Path = args.path(0); name {
	case "openat":
		args = args[1:]
		event.Path = args.path(0)
		fallthrough
	case "open":
		event.Kind = Create
		if strings.Contains(args.at(1), "O_TRUNC") && r.within(event.Path) {
			return false, errors.New("not modelled: a file that is emptied when opened")
		}
		return strings.Contains(args.at(1), "O_CREAT") && r.within(event.Path), nil
	case "pwrite64":
		event.Kind = Write
		if event.Data, err = args.data(1); err == nil {
			event.Offset, err = strconv.ParseInt(args.at(3), 10, 64)
		}
		return r.within(event.Path), err
	case "ftruncate":
		event.Kind = Truncate
		event.Offset, err = strconv.ParseInt(strings.TrimSpace(args.at(1)), 10, 64)
		return r.within(event.Path), err
	case "fallocate":
		// It reserves room, and writes nothing: after the power has failed the file is
		// there without the room.
		return false, nil
	case "fsync", "fdatasync":
		event.Kind = Sync
		return r.within(event.Path), nil
	case "unlink":
		event.Kind = Remove
		return r.within(event.Path), nil
	case "unlinkat":
		event.Kind, event.Path = Remove, args.path(1)
		return r.within(event.Path), nil
	case "write":
		if strings.HasPrefix(event.Path, "socket:") {
			event.Kind = Send
			event.Data, err = args.data(1)
			return true, err
		}
	}
	for i := range args {
		if path := args.path(i); r.within(path) || strings.HasPrefix(path, "socket:") {
			return false, fmt.Errorf("not modelled: %s", name)
		}
	}
	return false, nil
}

func (r *reader) within(path string) bool {
	return path == r.dir || strings.HasPrefix(path, r.dir+string(os.PathSeparator))
}

// arguments are those of a call as strace writes them; with strings in hex
// there is no comma in any.
type arguments []string

func newArguments(list string) arguments { return strings.Split(list, ", ") }

func (a arguments) at(i int) string {
	if i >= len(a) {
		return ""
	}
	return strings.TrimSpace(a[i])
}

// path is a file name, or what a descriptor stands for.
func (a arguments) path(i int) string {
	arg := a.at(i)
	from, to := strings.IndexAny(arg, `"<`), strings.LastIndexAny(arg, `">`)
	if from < 0 || to <= from {
		return ""
	}
	path, err := decodeHex(arg[from+1 : to])
	if err != nil {
		return ""
	}
	return string(path)
}

func (a arguments) data(i int) ([]byte, error) {
	arg := a.at(i)
	if len(arg) < 2 || arg[0] != '"' || arg[len(arg)-1] != '"' {
		return nil, errors.New("data is cut short")
	}
	return decodeHex(arg[1 : len(arg)-1])
}

func decodeHex(text string) ([]byte, error) {
	return hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
}

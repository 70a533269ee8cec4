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
const neverMoment = Moment(1<<62 - 1)

// EventKind is what an event does.
type EventKind int

const (
	Create   EventKind = iota + 1 // opens Path, making it if it is not there
	Write                         // puts Data into Path, at Offset
	Truncate                      // makes Path Offset bytes long
	Sync                          // makes Path durable: a file's data, or a directory's entries
	Remove                        // takes Path out of its directory
	Send                          // sends Data over a socket
)

// Event is one system call.
type Event struct {
	Kind       EventKind
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
const tracedCalls = "open,openat,creat,pwrite64,write,writev,pwritev,pwritev2,ftruncate,truncate,fallocate," +
	"copy_file_range,sendfile,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync_file_range,sendto,sendmsg"

// StraceCommand is the command line that runs a program under strace, which writes
// the trace to the file. The program itself is the process that is started;
// strace is done with the file when it closes it, soon after the program's end.
func StraceCommand(trace, program string, args ...string) []string {
	return append([]string{
		"strace", "--daemonize", "--follow-forks", "--seccomp-bpf", "--decode-fds=path",
		"--strings-in-hex=all", "--string-limit=4194304", "--signal=none", "--quiet=all", "--trace=" + tracedCalls,
		"--output=" + trace, program}, args...)
}

// ParseTrace reads what strace wrote, as far as it is about the directory or about
// sockets. A call that could change the directory in a way that is not modelled
// is an error.
func ParseTrace(traceFile io.Reader, dir string) (*Trace, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	r := traceParser{dir: dir, unfinishedCalls: make(map[string]int)}
	lines := bufio.NewReader(traceFile)
	for {
		line, err := lines.ReadString('\n')
		if line != "" && errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the trace ends in the middle of a line")
		}
		if errors.Is(err, io.EOF) {
			r.trace.End = r.currentMoment + 1
			return &r.trace, nil
		}
		if err != nil {
			return nil, err
		}
		if err := r.parseLine(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, line)
		}
	}
}

type traceParser struct {
	dir           string
	trace         Trace
	currentMoment Moment
	// unfinishedCalls finds the event of a thread's call that has not ended, -1 if it is
	// about something else.
	unfinishedCalls map[string]int
}

// parseLine reads one line: a whole call, one that has begun, or the end of one.
func (r *traceParser) parseLine(line string) error {
	r.currentMoment++
	thread, remaining, _ := strings.Cut(line, " ")
	remaining = strings.TrimLeft(remaining, " ")
	if strings.HasPrefix(remaining, "+++") || strings.HasPrefix(remaining, "---") {
		return nil
	}
	if strings.HasPrefix(remaining, "<... ") {
		_, remaining, _ = strings.Cut(remaining, " resumed>")
		index, ok := r.unfinishedCalls[thread]
		if !ok {
			return errors.New("the end of a call that has not begun")
		}
		delete(r.unfinishedCalls, thread)
		return r.endCall(index, remaining)
	}
	call, unfinished := strings.CutSuffix(remaining, "<unfinished ...>")
	index, err := r.beginCall(call)
	if err != nil {
		return err
	}
	if unfinished {
		r.unfinishedCalls[thread] = index
		return nil
	}
	r.currentMoment++
	return r.endCall(index, remaining)
}

// resultOf finds the end of a call and what it returned.
var resultPattern = regexp.MustCompile(`\) *= (-?\d+|\?)`)

// endCall notes the result of a call: one that failed has not happened.
func (r *traceParser) endCall(index int, remaining string) error {
	if index < 0 {
		return nil
	}
	event := &r.trace.Events[index]
	match := resultPattern.FindStringSubmatch(remaining)
	if match == nil {
		return errors.New("no result")
	}
	if match[1] == "?" {
		return nil // the process died in it: it may have happened
	}
	result, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return err
	}
	event.End = r.currentMoment
	switch {
	case result < 0:
		event.Kind = 0
	case event.Kind == Write || event.Kind == Send:
		event.Data = event.Data[:result]
	}
	return nil
}

// beginCall notes a call and returns where it is among the events, -1 if it is
// about something else.
func (r *traceParser) beginCall(call string) (int, error) {
	name, argumentList, ok := strings.Cut(call, "(")
	if !ok {
		return -1, errors.New("no call")
	}
	if offset := resultPattern.FindStringIndex(argumentList); offset != nil {
		argumentList = argumentList[:offset[0]]
	}
	event := Event{Begin: r.currentMoment, End: neverMoment}
	isRelevant, err := r.decodeCall(&event, name, splitArguments(argumentList))
	if err != nil || !isRelevant {
		return -1, err
	}
	r.trace.Events = append(r.trace.Events, event)
	return len(r.trace.Events) - 1, nil
}

// decodeCall reads a call's arguments and reports whether it matters.
func (r *traceParser) decodeCall(event *Event, name string, args callArguments) (bool, error) {
	var err error
	switch event.Path = args.pathArgument(0); name {
	case "openat":
		args = args[1:]
		event.Path = args.pathArgument(0)
		fallthrough
	case "open":
		event.Kind = Create
		if strings.Contains(args.argument(1), "O_TRUNC") && r.isInDir(event.Path) {
			return false, errors.New("not modelled: a file that is emptied when opened")
		}
		return strings.Contains(args.argument(1), "O_CREAT") && r.isInDir(event.Path), nil
	case "pwrite64":
		event.Kind = Write
		if event.Data, err = args.dataArgument(1); err == nil {
			event.Offset, err = strconv.ParseInt(args.argument(3), 10, 64)
		}
		return r.isInDir(event.Path), err
	case "ftruncate":
		event.Kind = Truncate
		event.Offset, err = strconv.ParseInt(strings.TrimSpace(args.argument(1)), 10, 64)
		return r.isInDir(event.Path), err
	case "fallocate":
		// It reserves room, and writes nothing: after the power has failed the file is
		// there without the room.
		return false, nil
	case "fsync", "fdatasync":
		event.Kind = Sync
		return r.isInDir(event.Path), nil
	case "unlink":
		event.Kind = Remove
		return r.isInDir(event.Path), nil
	case "unlinkat":
		event.Kind, event.Path = Remove, args.pathArgument(1)
		return r.isInDir(event.Path), nil
	case "write":
		if strings.HasPrefix(event.Path, "socket:") {
			event.Kind = Send
			event.Data, err = args.dataArgument(1)
			return true, err
		}
	}
	for index := range args {
		if path := args.pathArgument(index); r.isInDir(path) || strings.HasPrefix(path, "socket:") {
			return false, fmt.Errorf("not modelled: %s", name)
		}
	}
	return false, nil
}

func (r *traceParser) isInDir(path string) bool {
	return path == r.dir || strings.HasPrefix(path, r.dir+string(os.PathSeparator))
}

// callArguments are those of a call as strace writes them; with strings in hex
// there is no comma in any.
type callArguments []string

func splitArguments(argumentList string) callArguments { return strings.Split(argumentList, ", ") }

func (a callArguments) argument(index int) string {
	if index >= len(a) {
		return ""
	}
	return strings.TrimSpace(a[index])
}

// pathArgument is a file name, or what a descriptor stands for.
func (a callArguments) pathArgument(index int) string {
	argument := a.argument(index)
	start, end := strings.IndexAny(argument, `"<`), strings.LastIndexAny(argument, `">`)
	if start < 0 || end <= start {
		return ""
	}
	path, err := decodeHex(argument[start+1 : end])
	if err != nil {
		return ""
	}
	return string(path)
}

func (a callArguments) dataArgument(index int) ([]byte, error) {
	argument := a.argument(index)
	if len(argument) < 2 || argument[0] != '"' || argument[len(argument)-1] != '"' {
		return nil, errors.New("data is cut short")
	}
	return decodeHex(argument[1 : len(argument)-1])
}

func decodeHex(text string) ([]byte, error) {
	return hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
}

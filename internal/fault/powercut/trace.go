// Package powercut computes what a disk may hold after a power failure.
//
// A Trace lists what a process did to a directory according to strace: writes, syncs, and what it sent over
// sockets meanwhile. A Disk is the content of that directory before the trace. Disk.ContentAfter combines both
// into one possible content of the directory after a power failure at a given moment.
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

// Moment is a position in a trace. The begin and the end of every system call have distinct moments.
type Moment int64

// neverMoment is after every other moment. It is the end of calls that did not return.
const neverMoment = Moment(1<<62 - 1)

// EventKind is the kind of an event.
type EventKind int

const (
	Create   EventKind = iota + 1 // opens Path and creates it if necessary
	Write                         // writes Data to Path at Offset
	Truncate                      // sets the length of Path to Offset
	Sync                          // makes Path durable: a file's data, or a directory's entries
	Remove                        // removes Path from its directory
	Send                          // sends Data over a socket
)

// Event is one system call. The EventKind says which fields are set. Kind is 0 for a call that failed.
type Event struct {
	Kind       EventKind
	Path       string
	Offset     int64
	Data       []byte
	Begin, End Moment
}

// Trace lists the events in one directory and on sockets, ordered by Begin.
type Trace struct {
	Events []Event
	// End is after the begin and the end of all events that ended.
	End Moment
}

// tracedCalls lists the system calls that strace records: those that can change or sync a file, or send
// data. Writes to mapped memory are not system calls, so they are missing; SQLite uses them only for data that it can
// rebuild.
const tracedCalls = "open,openat,creat,pwrite64,write,writev,pwritev,pwritev2,ftruncate,truncate,fallocate," +
	"copy_file_range,sendfile,rename,renameat,renameat2,link,linkat," +
	"symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,sync_file_range,sendto,sendmsg"

// StraceCommand returns a command line that runs a program under strace and writes the trace to a file. The
// started process is the program itself, so its PID and signals are unaffected; strace runs in the background and
// closes the file soon after the program has ended.
func StraceCommand(trace, program string, args ...string) []string {
	return append([]string{
		"strace", "--daemonize", "--follow-forks", "--seccomp-bpf", "--decode-fds=path",
		"--strings-in-hex=all", "--string-limit=4194304", "--signal=none", "--quiet=all", "--trace=" + tracedCalls,
		"--output=" + trace, program}, args...)
}

// ParseTrace reads strace's output and keeps the calls on the directory or on sockets. It returns an error for a
// call that concerns either but that this package does not model.
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

// traceParser collects the events of a trace line by line.
type traceParser struct {
	dir           string
	trace         Trace
	currentMoment Moment
	// unfinishedCalls maps a thread to the index of the event of its pending call, -1 if the call is irrelevant.
	unfinishedCalls map[string]int
}

// parseLine parses one line: a complete call, the begin of a call, or its end.
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

// resultPattern matches the closing parenthesis of a call and its result, which is "?" if the call did not return.
var resultPattern = regexp.MustCompile(`\) *= (-?\d+|\?)`)

// endCall records the result of the call whose event has the given index, -1 if it is irrelevant. A failed call gets
// Kind 0, because it has no effect.
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
		return nil // the process died in the call, which may have taken effect
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

// beginCall records the begin of a call and returns the index of its event, or -1 if the call is irrelevant.
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

// decodeCall fills event from a call's arguments and reports whether the call is relevant: whether it changes or
// syncs something in the directory, or writes to a socket.
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
		// The call reserves space without writing. After a power failure the file is there
		// without the reserved space.
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

// isInDir reports whether path is the traced directory or below it.
func (r *traceParser) isInDir(path string) bool {
	return path == r.dir || strings.HasPrefix(path, r.dir+string(os.PathSeparator))
}

// callArguments are the arguments of a call as strace prints them. Strings are in hex, so they contain no commas.
type callArguments []string

func splitArguments(argumentList string) callArguments { return strings.Split(argumentList, ", ") }

// argument returns the argument with the given index, or the empty string if there is none.
func (a callArguments) argument(index int) string {
	if index >= len(a) {
		return ""
	}
	return strings.TrimSpace(a[index])
}

// pathArgument returns the file name in an argument, or the path that strace prints for a descriptor. It returns the
// empty string if the argument is neither.
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

// dataArgument returns the bytes of a string argument. It fails if strace has cut the string short.
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

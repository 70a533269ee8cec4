package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
	// maxKeptLines of a child's output are shown when it fails.
	maxKeptLines = 20
)

// childProcess is a server that runs as a process of its own.
type childProcess struct {
	name   string
	addr   string
	cmd    *exec.Cmd
	output *outputLog
	// terminate asks the process to end, once: a second signal would end it
	// without finishing.
	terminate func() error
	exited    chan struct{}
	exitErr   error // why it ended; set before done is closed
}

// startChildProcess starts a command and waits until a line of its output says where
// it listens. When ctx ends, so does the process.
func startChildProcess(ctx context.Context, name string, cmd func(context.Context) *exec.Cmd, address func(line string) (string, bool)) (*childProcess, error) {
	c := &childProcess{name: name, cmd: cmd(ctx), exited: make(chan struct{})}
	c.terminate = sync.OnceValue(func() error { return c.cmd.Process.Signal(syscall.SIGTERM) })
	c.cmd.Cancel = c.terminate
	c.cmd.SysProcAttr = separateProcessGroup()
	c.cmd.WaitDelay = stopTimeout
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = input, input
	c.output = newOutputLog(output, address)
	if err := errors.Join(c.cmd.Start(), input.Close()); err != nil {
		return nil, errors.Join(err, output.Close())
	}
	go func() {
		c.output.readUntilEOF() // to the end, so that an error tells the last words
		c.exitErr = c.cmd.Wait()
		if ctx.Err() != nil && errors.Is(c.exitErr, ctx.Err()) {
			c.exitErr = nil // it ended well, when it was to
		}
		close(c.exited)
	}()
	select {
	case c.addr = <-c.output.address:
		return c, nil
	case <-c.exited:
		err = fmt.Errorf("%s ended before it listened: %w", name, errors.Join(c.exitErr, ctx.Err()))
	case <-time.After(startTimeout):
		err = errors.Join(fmt.Errorf("%s has not said after %v where it listens", name, startTimeout), c.stop())
	}
	return nil, fmt.Errorf("%w; it said:\n%s", err, c.output)
}

// stop asks the process to end and waits until it has. An exit status other
// than 0 is an error. To stop it again does nothing.
func (cp *childProcess) stop() error {
	if err := cp.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-cp.exited:
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop within %v", cp.name, stopTimeout), cp.cmd.Process.Kill())
	}
	if cp.exitErr != nil {
		return fmt.Errorf("%s: %w; it said:\n%s", cp.name, cp.exitErr, cp.output)
	}
	return nil
}

// cpuTime is the processor time that the process has used so far, its own and the
// kernel's for it. The kernel counts in steps of 10 ms.
func (cp *childProcess) cpuTime() (time.Duration, error) { return processCPU(cp.cmd.Process.Pid) }

// residentMemory is how much of the process is in memory, in bytes.
func (cp *childProcess) residentMemory() (int64, error) { return processResident(cp.cmd.Process.Pid) }

// outputLog reads a child's output to the end, looks in it for the address and keeps
// the latest lines.
type outputLog struct {
	reader      io.ReadCloser
	findAddress func(line string) (string, bool)
	address     chan string // gets the first address

	mu    sync.Mutex
	lines []string // guarded by mu
}

func newOutputLog(output io.ReadCloser, find func(string) (string, bool)) *outputLog {
	return &outputLog{reader: output, findAddress: find, address: make(chan string, 1)}
}

func (ol *outputLog) readUntilEOF() {
	defer ol.reader.Close()
	lines := bufio.NewScanner(ol.reader)
	for lines.Scan() {
		if addr, found := ol.findAddress(lines.Text()); found {
			select {
			case ol.address <- addr:
			default: // a second listener; the first will do
			}
		}
		ol.mu.Lock()
		ol.lines = append(ol.lines[max(0, len(ol.lines)-maxKeptLines+1):], lines.Text())
		ol.mu.Unlock()
	}
	// A line too long to scan must not block the child.
	io.Copy(io.Discard, ol.reader)
}

func (ol *outputLog) String() string {
	ol.mu.Lock()
	defer ol.mu.Unlock()
	return strings.Join(ol.lines, "\n")
}

// listeningAddress finds the address in the line with which Rookery tells that
// it listens: "listening addr=127.0.0.1:8000", among other words.
func listeningAddress(line string) (string, bool) {
	_, after, found := strings.Cut(line, "listening addr=")
	addr, _, _ := strings.Cut(after, " ")
	return addr, found && addr != ""
}

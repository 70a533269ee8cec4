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
	// keptLines of a child's output are shown when it fails.
	keptLines = 20
)

// child is a server that runs as a process of its own.
type child struct {
	name string
	addr string
	cmd  *exec.Cmd
	log  *log
	// terminate asks the process to end, once: a second signal would end it
	// without finishing.
	terminate func() error
	done      chan struct{}
	err       error // why it ended; set before done is closed
}

// startChild starts a command and waits until a line of its output says where
// it listens. When ctx ends, so does the process.
func startChild(ctx context.Context, name string, cmd func(context.Context) *exec.Cmd, address func(line string) (string, bool)) (*child, error) {
	c := &child{name: name, cmd: cmd(ctx), done: make(chan struct{})}
	c.terminate = sync.OnceValue(func() error { return c.cmd.Process.Signal(syscall.SIGTERM) })
	c.cmd.Cancel = c.terminate
	c.cmd.SysProcAttr = ownGroup()
	c.cmd.WaitDelay = stopTimeout
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = input, input
	c.log = newLog(output, address)
	if err := errors.Join(c.cmd.Start(), input.Close()); err != nil {
		return nil, errors.Join(err, output.Close())
	}
	go func() {
		c.log.read() // to the end, so that an error tells the last words
		c.err = c.cmd.Wait()
		if ctx.Err() != nil && errors.Is(c.err, ctx.Err()) {
			c.err = nil // it ended well, when it was to
		}
		close(c.done)
	}()
	select {
	case c.addr = <-c.log.address:
		return c, nil
	case <-c.done:
		err = fmt.Errorf("%s ended before it listened: %w", name, errors.Join(c.err, ctx.Err()))
	case <-time.After(startTimeout):
		err = errors.Join(fmt.Errorf("%s has not said after %v where it listens", name, startTimeout), c.stop())
	}
	return nil, fmt.Errorf("%w; it said:\n%s", err, c.log)
}

// stop asks the process to end and waits until it has. An exit status other
// than 0 is an error. To stop it again does nothing.
func (c *child) stop() error {
	if err := c.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("%s did not stop within %v", c.name, stopTimeout), c.cmd.Process.Kill())
	}
	if c.err != nil {
		return fmt.Errorf("%s: %w; it said:\n%s", c.name, c.err, c.log)
	}
	return nil
}

// cpu is the processor time that the process has used so far, its own and the
// kernel's for it. The kernel counts in steps of 10 ms.
func (c *child) cpu() (time.Duration, error) { return processCPU(c.cmd.Process.Pid) }

// resident is how much of the process is in memory, in bytes.
func (c *child) resident() (int64, error) { return processResident(c.cmd.Process.Pid) }

// log reads a child's output to the end, looks in it for the address and keeps
// the latest lines.
type log struct {
	output  io.ReadCloser
	find    func(line string) (string, bool)
	address chan string // gets the first address

	mu    sync.Mutex
	lines []string // guarded by mu
}

func newLog(output io.ReadCloser, find func(string) (string, bool)) *log {
	return &log{output: output, find: find, address: make(chan string, 1)}
}

func (l *log) read() {
	defer l.output.Close()
	lines := bufio.NewScanner(l.output)
	for lines.Scan() {
		if addr, found := l.find(lines.Text()); found {
			select {
			case l.address <- addr:
			default: // a second listener; the first will do
			}
		}
		l.mu.Lock()
		l.lines = append(l.lines[max(0, len(l.lines)-keptLines+1):], lines.Text())
		l.mu.Unlock()
	}
	// A line too long to scan must not block the child.
	io.Copy(io.Discard, l.output)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// listeningAddress finds the address in the line with which Rookery tells that
// it listens: "listening addr=127.0.0.1:8000", among other words.
func listeningAddress(line string) (string, bool) {
	_, after, found := strings.Cut(line, "listening addr=")
	addr, _, _ := strings.Cut(after, " ")
	return addr, found && addr != ""
}

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
	// maxKeptLines is the number of output lines that an error contains.
	maxKeptLines = 20
)

// childProcess is a server that runs as its own process.
type childProcess struct {
	name   string
	addr   string
	cmd    *exec.Cmd
	output *outputLog
	// terminate sends SIGTERM at its first call only. A second signal would make the server exit before it has
	// finished the requests that it accepted.
	terminate func() error
	exited    chan struct{}
	exitErr   error // the result of Wait; set before exited is closed
}

// startChildProcess starts the command that cmd returns, and waits until address finds, in a line of the output, the
// address on which the process listens. name appears in errors. The process is terminated when ctx ends.
func startChildProcess(ctx context.Context, name string, cmd func(context.Context) *exec.Cmd,
	address func(line string) (string, bool)) (*childProcess, error) {
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
		c.output.readUntilEOF() // until EOF, so that errors contain the last lines
		c.exitErr = c.cmd.Wait()
		if ctx.Err() != nil && errors.Is(c.exitErr, ctx.Err()) {
			c.exitErr = nil // the process ended because ctx ended
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

// stop terminates the process and waits for its end. An exit status other than 0 is an error. Further calls
// have no effect.
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

// cpuTime returns the processor time that the process has used, user and system. Its resolution is 10 ms.
func (cp *childProcess) cpuTime() (time.Duration, error) { return processCPU(cp.cmd.Process.Pid) }

// residentMemory returns the resident memory of the process in bytes.
func (cp *childProcess) residentMemory() (int64, error) { return processResident(cp.cmd.Process.Pid) }

// outputLog reads a child's output until EOF, looks for the address, and keeps the latest lines.
type outputLog struct {
	reader      io.ReadCloser
	findAddress func(line string) (string, bool)
	address     chan string // receives the first address

	mu    sync.Mutex
	lines []string // the latest maxKeptLines, oldest first; guarded by mu
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
			default: // only the first listener is used
			}
		}
		ol.mu.Lock()
		ol.lines = append(ol.lines[max(0, len(ol.lines)-maxKeptLines+1):], lines.Text())
		ol.mu.Unlock()
	}
	// After a line that is too long to scan, the child must still be able to write.
	io.Copy(io.Discard, ol.reader)
}

func (ol *outputLog) String() string {
	ol.mu.Lock()
	defer ol.mu.Unlock()
	return strings.Join(ol.lines, "\n")
}

// listeningAddress finds the address in Rookery's log line "listening addr=127.0.0.1:8000".
func listeningAddress(line string) (string, bool) {
	_, after, found := strings.Cut(line, "listening addr=")
	addr, _, _ := strings.Cut(after, " ")
	return addr, found && addr != ""
}

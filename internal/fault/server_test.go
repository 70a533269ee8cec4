package fault

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startStopTimeout bounds the start and the stop of a server.
const startStopTimeout = time.Minute

// serverProgram is a command that serves a data directory, with additions to its environment.
type serverProgram struct {
	dir  string
	args []string
	env  []string
}

// flawedProgram returns the command that makes the test binary a server with a flaw.
func flawedProgram(f serverFlaw, dir string) serverProgram {
	return serverProgram{dir: dir, args: []string{os.Args[0], dir}, env: []string{flawVariable + "=" + string(f)}}
}

// rookeryServe returns the command rookery serve, built with or without the race detector.
func rookeryServe(t *testing.T, dir string, race bool) serverProgram {
	t.Helper()
	build := buildPlain
	if race {
		build = buildRace
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return serverProgram{dir: dir, args: []string{path, "serve", "--data", dir, "--listen", "127.0.0.1:0",
		"--log-format",
		"json"}}
}

// buildDir has the programs, each built once. TestMain sets it.
var (
	buildDir   string
	buildPlain = sync.OnceValues(func() (string, error) { return build("rookery") })
	buildRace  = sync.OnceValues(func() (string, error) { return build("rookery-race", "-race") })
)

func build(name string, flags ...string) (string, error) {
	path := filepath.Join(buildDir, name)
	args := append(append([]string{"build", "-o", path}, flags...), "../../cmd/rookery")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build rookery: %w\n%s", err, out)
	}
	return path, nil
}

// server is a program that can be restarted.
type server struct {
	t       *testing.T
	program serverProgram
	// command makes the process; it is plainCommand or runs the program under strace.
	command func(serverProgram) *exec.Cmd
	process *process
	// address is where the server listens, or listened last.
	address atomic.Pointer[string]
}

// newServer makes a server and starts it.
func newServer(t *testing.T, p serverProgram) *server {
	s := &server{t: t, program: p, command: plainCommand}
	s.start()
	return s
}

func plainCommand(p serverProgram) *exec.Cmd {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// start starts the program and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	s.startProcess()
	select {
	case address := <-s.process.address:
		s.address.Store(&address)
	case <-s.process.ended:
		s.t.Fatalf("the server ended before it listened: %v\n%s", s.process.err, s.process.outputText())
	case <-time.After(startStopTimeout):
		s.t.Fatalf("the server does not listen after %v\n%s", startStopTimeout, s.process.outputText())
	}
}

// startProcess starts the program without waiting.
func (s *server) startProcess() {
	s.t.Helper()
	p, err := startProcess(s.command(s.program))
	if err != nil {
		s.t.Fatal(err)
	}
	s.process = p
	s.t.Cleanup(func() {
		p.kill()
		if bytes.Contains(p.outputText(), []byte("DATA RACE")) {
			s.t.Errorf("the race detector reports:\n%s", p.outputText())
		}
		if s.t.Failed() {
			s.t.Logf("output of the server, process %d:\n%s", p.cmd.Process.Pid, p.outputText())
		}
	})
}

// stop shuts the server down.
func (s *server) stop() {
	s.t.Helper()
	if err := s.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.process.ended:
	case <-time.After(startStopTimeout):
		s.t.Fatalf("the server has not stopped after %v\n%s", startStopTimeout, s.process.outputText())
	}
	if s.process.err != nil {
		s.t.Fatalf("the server stopped with %v\n%s", s.process.err, s.process.outputText())
	}
}

// dial is a DialFunc that connects to the present address of the server.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", *s.address.Load())
}

// process is one process of a server, from its start to its end.
type process struct {
	cmd     *exec.Cmd
	address chan string   // receives the address on which it listens
	ended   chan struct{} // closed when the process has ended
	err     error         // the result of the process, set before ended is closed
	mu      sync.Mutex    // guards output
	output  bytes.Buffer
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, address: make(chan string, 1), ended: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.read(stderr)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// read collects the output of the process, and finds the address on which it listens.
func (p *process) read(stderr io.Reader) {
	lines := bufio.NewReader(stderr)
	for {
		line, err := lines.ReadBytes('\n')
		p.mu.Lock()
		p.output.Write(line)
		p.mu.Unlock()
		var entry struct{ Msg, Addr string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
			p.address <- entry.Addr
		}
		if err != nil {
			return
		}
	}
}

// kill kills the process and waits until it has ended.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(err)
	}
	<-p.ended
}

func (p *process) outputText() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.output.Bytes())
}

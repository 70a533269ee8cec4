package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestHangupEndsOrReloads(t *testing.T) {
	for _, test := range []struct {
		name string
		gone []bool // the results of the checks of the terminal
		want []string
	}{
		{"the terminal is gone", []bool{true}, []string{"end"}},
		{"the terminal is open", []bool{false, false}, []string{"reload"}},
		{"the terminal closes a moment later", []bool{false, true}, []string{"reload", "end"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				hangups, ended := make(chan os.Signal), make(chan bool)
				var calls []string
				recordCall := func(name string) func() { return func() { calls = append(calls, name) } }
				gone := func() bool {
					now := test.gone[0]
					test.gone = test.gone[1:]
					return now
				}
				go func() {
					handleHangups(ctx, hangups, gone, recordCall("end"), recordCall("reload"))
					close(ended)
				}()
				hangups <- syscall.SIGHUP
				<-time.After(2 * hangupGracePeriod)
				cancel()
				<-ended
				if !slices.Equal(calls, test.want) || len(test.gone) > 0 {
					t.Errorf("calls = %q with %d checks left, want %q with 0", calls, len(test.gone), test.want)
				}
			})
		})
	}
}

// serverProcess is a server process whose log is a file.
type serverProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error // set before ended is closed
}

// serveOnTerminal runs a shell command in which $SERVE starts the server. The terminal, if
// not nil, becomes the controlling terminal of the shell.
func serveOnTerminal(t *testing.T, terminal *os.File, command string) *serverProcess {
	t.Helper()
	s := &serverProcess{t: t, log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	serve := fmt.Sprintf("rookery serve --data %s --listen 127.0.0.1:0 2>%s", filepath.Join(t.TempDir(), "data"), s.log)
	s.cmd = exec.Command("sh", "-c", strings.ReplaceAll(command, "$SERVE", serve))
	s.cmd.Dir = t.TempDir() // nohup writes there
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if terminal != nil {
		s.cmd.Stdin, s.cmd.Stdout = terminal, terminal
		s.cmd.SysProcAttr.Setctty = true
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // the whole process group; it may have ended
		<-s.ended
	})
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s
}

// await waits until the log matches a pattern, and returns the match.
func (s *serverProcess) await(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for end := time.After(patience); ; {
		text, _ := os.ReadFile(s.log) // may not exist yet
		if found := re.FindStringSubmatch(string(text)); found != nil {
			return found
		}
		select {
		case <-poll.C:
		case <-end:
			s.t.Fatalf("the log does not match %s:\n%s", pattern, text)
		}
	}
}

// expectAnswer fails the test unless the server answers a request.
func (s *serverProcess) expectAnswer() {
	s.t.Helper()
	url := "http://" + s.await(`msg=listening addr=(\S+)`)[1]
	answer, err := http.Post(url, "", strings.NewReader("VER=1.1&CMD=Query&UIN=10001"))
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
}

// signal sends a signal to the server and its shell.
func (s *serverProcess) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.cmd.Process.Pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// expectShutdown fails the test unless the server shuts down without error.
func (s *serverProcess) expectShutdown() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server does not end within %v", patience)
	}
	if s.err != nil {
		s.t.Errorf("the server ended with error %v", s.err)
	}
	s.await("shutting down: finishing what was accepted")
}

func TestServerShutsDownWithItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec $SERVE")
	s.expectAnswer()
	terminal.Close()
	person.Close()
	s.expectShutdown()
	s.await("the terminal of the server has gone")
}

// An interactive shell passes SIGHUP on to its background jobs, as the trap does here.
func TestBackgroundServerShutsDownWithItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, `$SERVE & trap 'kill -HUP $!' HUP; wait $!; wait $!`)
	s.expectAnswer()
	terminal.Close()
	person.Close()
	s.expectShutdown()
}

func TestServerUnderNohupOutlivesItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec nohup $SERVE")
	s.expectAnswer()
	terminal.Close()
	person.Close()
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.expectAnswer()
	s.signal(syscall.SIGTERM)
	s.expectShutdown()
}

// The server runs as under systemd or setsid.
func TestServerWithoutATerminalReloadsOnSIGHUP(t *testing.T) {
	s := serveOnTerminal(t, nil, "exec $SERVE")
	s.expectAnswer()
	s.signal(syscall.SIGHUP)
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.expectAnswer()
	s.signal(syscall.SIGTERM)
	s.expectShutdown()
}

func TestServerOnAnOpenTerminalReloadsOnSIGHUP(t *testing.T) {
	person, terminal := openTerminal(t)
	defer person.Close()
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec $SERVE")
	s.expectAnswer()
	s.signal(syscall.SIGHUP)
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.expectAnswer()
	s.signal(syscall.SIGTERM)
	s.expectShutdown()
}

func TestServerOutlivesTheReaderOfItsOutput(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("rookery", "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0",
				"--log-level", "debug", "--log-format", format)
			cmd.Stdout, cmd.Stderr = w, w
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
			w.Close()
			var address string
			listening := regexp.MustCompile(`listening.*"?addr"?[=:]"?([0-9.:]+)`)
			for lines := bufio.NewScanner(r); address == "" && lines.Scan(); {
				if found := listening.FindStringSubmatch(lines.Text()); found != nil {
					address = found[1]
				}
			}
			r.Close()
			for range 10 { // each request logs a line
				answer, err := http.Post("http://"+address, "",
					strings.NewReader("VER=1.1&CMD=Login&SEQ=1&UIN=10001&PS=wrong"))
				if err != nil {
					t.Fatalf("the server does not answer: %v", err)
				}
				answer.Body.Close()
			}
			if _, err := net.Dial("tcp", address); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("the server ended with error %v", err)
			}
		})
	}
}

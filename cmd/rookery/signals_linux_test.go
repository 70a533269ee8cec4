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
		gone []bool // at each look
		want []string
	}{
		{"the terminal has gone", []bool{true}, []string{"end"}},
		{"it is there", []bool{false, false}, []string{"reload"}},
		{"it goes a moment later", []bool{false, true}, []string{"reload", "end"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				hangups, ended := make(chan os.Signal), make(chan bool)
				var happened []string
				happens := func(what string) func() { return func() { happened = append(happened, what) } }
				gone := func() bool {
					now := test.gone[0]
					test.gone = test.gone[1:]
					return now
				}
				go func() {
					handleHangups(ctx, hangups, gone, happens("end"), happens("reload"))
					close(ended)
				}()
				hangups <- syscall.SIGHUP
				<-time.After(2 * hangupGracePeriod)
				cancel()
				<-ended
				if !slices.Equal(happened, test.want) || len(test.gone) > 0 {
					t.Errorf("%q happened, and %d looks were left", happened, len(test.gone))
				}
			})
		})
	}
}

// serverProcess is a server whose log is a file.
type serverProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error // set before ended is closed
}

// serveOnTerminal starts a server by a line for a shell, in which $SERVE is the server
// and its log. If terminal is not nil it is the controlling terminal of the shell.
func serveOnTerminal(t *testing.T, terminal *os.File, line string) *serverProcess {
	t.Helper()
	s := &serverProcess{t: t, log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	serve := fmt.Sprintf("rookery serve --data %s --listen 127.0.0.1:0 2>%s", filepath.Join(t.TempDir(), "data"), s.log)
	s.cmd = exec.Command("sh", "-c", strings.ReplaceAll(line, "$SERVE", serve))
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
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // all that the shell has started, if it is still there
		<-s.ended
	})
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s
}

// await waits until the log has what matches.
func (s *serverProcess) await(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.After(patience); ; {
		text, _ := os.ReadFile(s.log) // it comes with the server
		if found := re.FindStringSubmatch(string(text)); found != nil {
			return found
		}
		select {
		case <-look.C:
		case <-end:
			s.t.Fatalf("the log has nothing that matches %s:\n%s", pattern, text)
		}
	}
}

// answers expects that the server is at work.
func (s *serverProcess) answers() {
	s.t.Helper()
	url := "http://" + s.await(`msg=listening addr=(\S+)`)[1]
	answer, err := http.Post(url, "", strings.NewReader("VER=1.1&CMD=Query&UIN=10001"))
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
}

// signal sends a signal to the server, wherever its shell has it.
func (s *serverProcess) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.cmd.Process.Pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *serverProcess) endsWell() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatal("it does not end")
	}
	if s.err != nil {
		s.t.Errorf("it ended with: %v", s.err)
	}
	s.await("shutting down: finishing what was accepted")
}

func TestServerShutsDownWithItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec $SERVE")
	s.answers()
	terminal.Close()
	person.Close()
	s.endsWell()
	s.await("the terminal of the server has gone")
}

// The shell of the terminal passes the signal on to what runs in the background.
func TestBackgroundServerShutsDownWithItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, `$SERVE & trap 'kill -HUP $!' HUP; wait $!; wait $!`)
	s.answers()
	terminal.Close()
	person.Close()
	s.endsWell()
}

func TestServerUnderNohupOutlivesItsTerminal(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec nohup $SERVE")
	s.answers()
	terminal.Close()
	person.Close()
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.answers()
	s.signal(syscall.SIGTERM)
	s.endsWell()
}

// As by systemd, or after setsid.
func TestServerWithoutATerminalReloadsOnSIGHUP(t *testing.T) {
	s := serveOnTerminal(t, nil, "exec $SERVE")
	s.answers()
	s.signal(syscall.SIGHUP)
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.answers()
	s.signal(syscall.SIGTERM)
	s.endsWell()
}

func TestServerOnAnOpenTerminalReloadsOnSIGHUP(t *testing.T) {
	person, terminal := openTerminal(t)
	defer person.Close()
	defer terminal.Close()
	s := serveOnTerminal(t, terminal, "exec $SERVE")
	s.answers()
	s.signal(syscall.SIGHUP)
	s.await("SIGHUP asks to reload, but there is nothing to reload yet")
	s.answers()
	s.signal(syscall.SIGTERM)
	s.endsWell()
}

func TestServerOutlivesTheReaderOfItsOutput(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			read, written, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("rookery", "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0",
				"--log-level", "debug", "--log-format", format)
			cmd.Stdout, cmd.Stderr = written, written
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
			written.Close()
			var address string
			listening := regexp.MustCompile(`listening.*"?addr"?[=:]"?([0-9.:]+)`)
			for lines := bufio.NewScanner(read); address == "" && lines.Scan(); {
				if found := listening.FindStringSubmatch(lines.Text()); found != nil {
					address = found[1]
				}
			}
			read.Close()
			for range 10 { // each leaves a line in the log
				answer, err := http.Post("http://"+address, "",
					strings.NewReader("VER=1.1&CMD=Login&SEQ=1&UIN=10001&PS=wrong"))
				if err != nil {
					t.Fatalf("the server is gone: %v", err)
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
				t.Errorf("the server ended with: %v", err)
			}
		})
	}
}

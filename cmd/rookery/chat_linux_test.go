package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
)

// chatTerminal is rookery chat on its own terminal.
type chatTerminal struct {
	t        *testing.T
	program  *exec.Cmd
	keyboard *os.File

	mu    sync.Mutex // guards what follows
	shown strings.Builder
	more  chan struct{} // closed when more is shown
}

// openTerminal opens a pseudo-terminal: the end that a person sits at, and the
// one that a program gets.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	number := 0
	var failed error
	raw, err := person.SyscallConn() // Fd would keep Close from ending a Read
	if err == nil {
		err = raw.Control(func(fd uintptr) { number, failed = setUpTerminal(int(fd)) })
	}
	err = errors.Join(err, failed)
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// setUpTerminal unlocks a new terminal, gives it a size, and returns its number.
func setUpTerminal(fd int) (number int, err error) {
	if number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
		return 0, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	return number, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
}

// startChat logs an account in as a device, and shows it on a terminal.
func startChat(t *testing.T, address, uin string) *chatTerminal {
	t.Helper()
	return startOnTerminal(t, address, uin, "rookery", "chat")
}

// startOnTerminal logs an account in as a device, and starts a program on a
// terminal.
func startOnTerminal(t *testing.T, address, uin string, program ...string) *chatTerminal {
	t.Helper()
	environment := append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	runProgram(t, environment, "secret words", "login", "qq://"+uin+"@"+address, "--device", "terminal",
		"--password-stdin")
	person, terminal := openTerminal(t)
	defer terminal.Close()
	c := &chatTerminal{t: t, keyboard: person, more: make(chan struct{}),
		program: exec.Command(program[0], program[1:]...)}
	c.program.Env = environment
	c.program.Stdin, c.program.Stdout, c.program.Stderr = terminal, terminal, terminal
	c.program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.program.Process.Kill() }) // it has ended, unless the test failed
	go c.watch()
	return c
}

// watch reads what is shown until the terminal is closed.
func (c *chatTerminal) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := c.keyboard.Read(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.shown.Write(buf[:n])
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

func (c *chatTerminal) types(keys string) {
	c.t.Helper()
	if _, err := c.keyboard.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// sees waits until a text has been drawn since the text was that was asked for
// before.
func (c *chatTerminal) sees(text string) {
	c.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		shown, more := ansi.Strip(c.shown.String()), c.more
		if strings.Contains(shown, text) {
			c.shown.Reset()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			c.t.Fatalf("%q was not drawn; this was:\n%s", text, shown)
		}
	}
}

// leaves quits, and expects that the program ends well.
func (c *chatTerminal) leaves() {
	c.t.Helper()
	c.types("\x03")
	if err := c.program.Wait(); err != nil {
		c.t.Error(err)
	}
}

// runProgram runs the program to its end.
func runProgram(t *testing.T, environment []string, input string, args ...string) {
	t.Helper()
	c := exec.Command("rookery", args...)
	c.Env, c.Stdin = environment, strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("rookery %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// serveUntilKilled starts the program as a server, and waits until it listens.
func serveUntilKilled(t *testing.T, dir, address string) (kill func()) {
	t.Helper()
	c := exec.Command("rookery", "serve", "--data", dir, "--listen", address, "--log-format", "json")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() { _ = c.Process.Kill(); _ = c.Wait() })
	t.Cleanup(kill)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			conn.Close()
			return kill
		}
	}
	t.Fatal("the server does not listen")
	return nil
}

// freeAddress is one that a server can listen on, and again when it was killed.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// As with nohup, or where the shell does not pass SIGHUP on: nobody sees what
// comes any more, so it must not count as received.
func TestChatAndRecvEndWithTheirTerminal(t *testing.T) {
	address := freeAddress(t)
	dir := t.TempDir()
	serveUntilKilled(t, dir, address)
	for _, uin := range []string{"10001", "10002"} {
		runProgram(t, nil, "secret words", "user", "add", "--uin", uin, "--nick", "n"+uin, "--password-stdin", "--data",
			dir)
	}
	runProgram(t, nil, "", "user", "befriend", "10001", "10002", "--data", dir)
	for command, shows := range map[string]string{"rookery chat": "n10002", "rookery recv --follow": "hello"} {
		t.Run(command, func(t *testing.T) {
			c := startOnTerminal(t, address, "10001", "sh", "-c", "trap '' HUP; exec "+command)
			environment := c.program.Env
			sender := append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
			runProgram(t, sender, "secret words", "login", "qq://10002@"+address, "--device", "sender",
				"--password-stdin")
			runProgram(t, sender, "", "send", "10001", "hello")
			c.sees(shows)
			c.keyboard.Close()
			ended := make(chan error, 1)
			go func() { ended <- c.program.Wait() }()
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			runProgram(t, sender, "", "send", "10001", "for the next")
			next := exec.Command("rookery", "recv")
			next.Env = environment
			if out, err := next.CombinedOutput(); err != nil || !strings.Contains(string(out), "for the next") {
				t.Errorf("the next one gets %q, %v", out, err)
			}
		})
	}
}

// Two people talk on terminals, and the server is killed in the middle.
func TestTwoPeopleChatOnTerminals(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	kill := serveUntilKilled(t, dir, address)
	for uin, nick := range map[string]string{"10001": "Crow", "10002": "Pingu"} {
		runProgram(t, nil, "secret words", "user", "add", "--uin", uin, "--nick", nick, "--password-stdin", "--data",
			dir)
	}
	runProgram(t, nil, "", "user", "befriend", "10001", "10002", "--data", dir)
	crow, pingu := startChat(t, address, "10001"), startChat(t, address, "10002")

	crow.sees("Pingu")
	crow.types("\r")
	crow.sees("There are no messages yet.")
	crow.types("Fish for tea?\r")
	pingu.sees("Crow")
	pingu.types("\r")
	pingu.sees("Fish for tea?")
	pingu.types("今天有鱼！\r")
	crow.sees("今天有鱼！")

	kill()
	crow.sees("NOT CONNECTED")
	crow.types("Are you there?\r")
	crow.sees("waits for the connection")
	serveUntilKilled(t, dir, address)
	pingu.sees("Are you there?")

	crow.leaves()
	pingu.leaves()
}

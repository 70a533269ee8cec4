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

// chatTerminal is a program on its own pseudo-terminal.
type chatTerminal struct {
	t        *testing.T
	program  *exec.Cmd
	keyboard *os.File

	mu    sync.Mutex // guards the fields below
	shown strings.Builder
	more  chan struct{} // closed when more is shown
}

// openTerminal opens a pseudo-terminal and returns the person's end and the program's end.
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

// startChat logs an account in and starts rookery chat for it.
func startChat(t *testing.T, address, uin string) *chatTerminal {
	t.Helper()
	return startOnTerminal(t, address, uin, "rookery", "chat")
}

// startOnTerminal logs an account in as a device and starts a program on a terminal.
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

// watch collects the output until the terminal is closed.
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

func (c *chatTerminal) typeKeys(keys string) {
	c.t.Helper()
	if _, err := c.keyboard.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// awaitText waits until the program shows a text. It drops the output so far, so that the
// next call waits for new output.
func (c *chatTerminal) awaitText(text string) {
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
			c.t.Fatalf("the terminal does not show %q, but\n%s", text, shown)
		}
	}
}

// quit presses Ctrl+C and expects the program to end without error.
func (c *chatTerminal) quit() {
	c.t.Helper()
	c.typeKeys("\x03")
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

// startServer starts the program as a server and waits until it listens.
func startServer(t *testing.T, dir, address string) (kill func()) {
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
	t.Fatal("the server does not listen within 30 s")
	return nil
}

// freeAddress returns an address on which a server can listen, also again after a kill.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// The programs ignore SIGHUP, as under nohup. When their terminal closes, nobody sees
// further messages, so these must not count as received.
func TestChatAndRecvEndWithTheirTerminal(t *testing.T) {
	address := freeAddress(t)
	dir := t.TempDir()
	startServer(t, dir, address)
	for _, uin := range []string{"10001", "10002"} {
		runProgram(t, nil, "secret words", "user", "add", "--uin", uin, "--nick", "n"+uin, "--password-stdin", "--data",
			dir)
	}
	runProgram(t, nil, "", "user", "befriend", "10001", "10002", "--data", dir)
	for command, firstOutput := range map[string]string{"rookery chat": "n10002", "rookery recv --follow": "hello"} {
		t.Run(command, func(t *testing.T) {
			c := startOnTerminal(t, address, "10001", "sh", "-c", "trap '' HUP; exec "+command)
			environment := c.program.Env
			sender := append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
			runProgram(t, sender, "secret words", "login", "qq://10002@"+address, "--device", "sender",
				"--password-stdin")
			runProgram(t, sender, "", "send", "10001", "hello")
			c.awaitText(firstOutput)
			c.keyboard.Close()
			ended := make(chan error, 1)
			go func() { ended <- c.program.Wait() }()
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatalf("%s does not end with its terminal", command)
			}
			runProgram(t, sender, "", "send", "10001", "second message")
			recv := exec.Command("rookery", "recv")
			recv.Env = environment
			if out, err := recv.CombinedOutput(); err != nil || !strings.Contains(string(out), "second message") {
				t.Errorf("recv prints %q, %v, want the second message", out, err)
			}
		})
	}
}

func TestTwoPeopleChatOnTerminals(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	kill := startServer(t, dir, address)
	for uin, nick := range map[string]string{"10001": "Crow", "10002": "Pingu"} {
		runProgram(t, nil, "secret words", "user", "add", "--uin", uin, "--nick", nick, "--password-stdin", "--data",
			dir)
	}
	runProgram(t, nil, "", "user", "befriend", "10001", "10002", "--data", dir)
	crow, pingu := startChat(t, address, "10001"), startChat(t, address, "10002")

	crow.awaitText("Pingu")
	crow.typeKeys("\r")
	crow.awaitText("There are no messages yet.")
	crow.typeKeys("Fish for tea?\r")
	pingu.awaitText("Crow")
	pingu.typeKeys("\r")
	pingu.awaitText("Fish for tea?")
	pingu.typeKeys("今天有鱼！\r")
	crow.awaitText("今天有鱼！")

	kill()
	crow.awaitText("NOT CONNECTED")
	crow.typeKeys("Are you there?\r")
	crow.awaitText("waits for the connection")
	startServer(t, dir, address)
	pingu.awaitText("Are you there?")

	crow.quit()
	pingu.quit()
}

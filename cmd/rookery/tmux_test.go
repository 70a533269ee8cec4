package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tmux is a terminal multiplexer. Programs that need a terminal run in it, and the test
// reads their screens.
type tmux struct {
	t      *testing.T
	socket string
	env    []string
}

// newTmux kills the multiplexer and everything in it at the end of the test.
func newTmux(t *testing.T, env []string) *tmux {
	t.Helper()
	dir, err := os.MkdirTemp("", "tmux") // t.TempDir() may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	m := &tmux{t, filepath.Join(dir, "socket"), env}
	t.Cleanup(func() {
		_, _ = m.run("kill-server") // there may be none
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m *tmux) run(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-f", os.DevNull, "-S", m.socket}, args...)...)
	cmd.Env = m.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("tmux %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// open runs a program on a new terminal of 80 by 24 cells.
func (m *tmux) open(name string, program ...string) *terminal {
	m.t.Helper()
	if _, err := m.run(append([]string{"new-session", "-d", "-s", name, "-x", "80", "-y", "24", "--"},
		program...)...); err != nil {
		m.t.Fatal(err)
	}
	term := &terminal{m, "=" + name + ":"}
	m.t.Cleanup(func() {
		if m.t.Failed() {
			m.t.Logf("the terminal %s at the end:\n%s", name, term.screen())
		}
	})
	return term
}

// terminal is a terminal of a tmux.
type terminal struct {
	*tmux
	name string // a target of tmux commands
}

// screen returns the text on the screen, or the error if the terminal has ended.
func (t *terminal) screen() string {
	screen, err := t.run("capture-pane", "-p", "-t", t.name)
	if err != nil {
		return err.Error()
	}
	return screen
}

// isCursorVisible reports whether the terminal shows its cursor. Rookery chat shows it
// while an editor has the focus.
func (t *terminal) isCursorVisible() bool {
	flag, err := t.run("display-message", "-p", "-t", t.name, "#{cursor_flag}")
	return err == nil && strings.TrimSpace(flag) == "1"
}

// press presses keys, by their names in tmux. After "-l" it types a text.
func (t *terminal) press(keys ...string) {
	if _, err := t.run(append([]string{"send-keys", "-t", t.name}, keys...)...); err != nil {
		t.t.Error(err)
	}
}

func (t *terminal) resize(width, height int) {
	t.t.Helper()
	if _, err := t.run("resize-window", "-t", t.name, "-x", strconv.Itoa(width), "-y",
		strconv.Itoa(height)); err != nil {
		t.t.Fatal(err)
	}
}

// until waits until the screen meets a condition. description says in the error what the
// condition is.
func (t *terminal) until(description string, condition func(screen string) bool) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for end := time.After(patience); ; {
		screen := t.screen()
		if condition(screen) {
			return nil
		}
		select {
		case <-poll.C:
		case <-end:
			return fmt.Errorf("terminal %s: not true after %v: %s\n%s", t.name, patience, description, screen)
		}
	}
}

// awaitScreen waits until the screen shows some texts.
func (t *terminal) awaitScreen(texts ...string) {
	t.t.Helper()
	if err := t.until(fmt.Sprintf("the screen shows %q", texts), func(screen string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(screen, text) })
	}); err != nil {
		t.t.Fatal(err)
	}
}

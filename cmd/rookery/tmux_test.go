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

// tmux is a terminal multiplexer of the test's own: programs that need a
// terminal run in it, and their screens can be read.
type tmux struct {
	t      *testing.T
	socket string
	env    []string
}

// newTmux ends with the test, and all that runs in it does.
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

// terminal is one of them.
type terminal struct {
	*tmux
	name string // as tmux takes it for a target
}

// screen is what it shows now. If it is gone, that is why.
func (t *terminal) screen() string {
	screen, err := t.run("capture-pane", "-p", "-t", t.name)
	if err != nil {
		return err.Error()
	}
	return screen
}

// writing reports whether the cursor is to be seen: text can be written.
func (t *terminal) writing() bool {
	flag, err := t.run("display-message", "-p", "-t", t.name, "#{cursor_flag}")
	return err == nil && strings.TrimSpace(flag) == "1"
}

// press presses keys, as tmux names them; after -l, those of a text.
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

// until waits until the screen is as it should be.
func (t *terminal) until(what string, is func(screen string) bool) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.After(patience); ; {
		screen := t.screen()
		if is(screen) {
			return nil
		}
		select {
		case <-look.C:
		case <-end:
			return fmt.Errorf("after %v the terminal %s does not show it: %s\n%s", patience, t.name, what, screen)
		}
	}
}

// awaitScreen waits until the screen shows some texts.
func (t *terminal) awaitScreen(texts ...string) {
	t.t.Helper()
	if err := t.until(fmt.Sprintf("it has %q", texts), func(screen string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(screen, text) })
	}); err != nil {
		t.t.Fatal(err)
	}
}

// Package tui implements rookery chat, the terminal client. Run shows one signed-in
// account, a Messenger, on a terminal.
//
// App is a Bubble Tea model. It consists of the roster, which lists people, and a page
// beside it: a conversation, a menu, a form or a search. App.Update handles keys, client
// events and task results, and never blocks. Network requests run as commands, and their
// results return to Update.
package tui

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Config holds the user's settings.
type Config struct {
	Language Language
	Theme    Theme
	// Bell rings the terminal bell for a message that the user does not see arrive.
	Bell bool
	// Mouse handles the mouse: the wheel scrolls and a click selects. The terminal then
	// marks text only while Shift is held.
	Mouse bool
	// Now is the clock, time.Now if nil. Its time zone is used for display.
	Now func() time.Time
}

// Language is the language of the screen.
type Language string

// The languages of the screen.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// LanguageFromEnv returns the language set by LC_ALL, LC_MESSAGES or LANG, in this order
// of precedence.
func LanguageFromEnv(getenv func(string) string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if strings.HasPrefix(value, "zh") {
				return Chinese
			}
			return English
		}
	}
	return English
}

func (l Language) index() languageIndex {
	if l == Chinese {
		return chinese
	}
	return english
}

// Theme selects colours for a light or a dark background.
type Theme string

// The themes.
const (
	Auto  Theme = "auto" // ask the terminal for its background
	Light Theme = "light"
	Dark  Theme = "dark"
)

// errTerminalGone is returned by Run when the terminal closes.
var errTerminalGone = errors.New("the terminal has gone")

// Run shows the account until the user quits, the terminal closes or ctx ends. It reads
// keys from keyboard and does not close messenger.
func Run(ctx context.Context, messenger Messenger, keyboard *os.File, config Config) error {
	if config.Now == nil {
		config.Now = time.Now
	}
	ctx, cancel := context.WithCancelCause(ctx)
	app := newApp(ctx, messenger, config)
	defer app.events.close()
	defer cancel(nil)
	keys := terminalInput{keyboard, func() { cancel(errTerminalGone) }}
	_, err := tea.NewProgram(app, tea.WithContext(ctx), tea.WithInput(keys)).Run()
	switch {
	case context.Cause(ctx) == errTerminalGone:
		return errTerminalGone
	case errors.Is(err, tea.ErrInterrupted), errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil:
		return nil // the user quit or ctx ended
	}
	return err
}

// terminalInput reports the end of the terminal. Bubble Tea alone would treat the end of
// its input as silence, and messages would count as read with nobody there.
type terminalInput struct {
	*os.File
	onReadError func()
}

func (t terminalInput) Read(p []byte) (int, error) {
	count, err := t.File.Read(p)
	if err != nil {
		t.onReadError()
	}
	return count, err
}

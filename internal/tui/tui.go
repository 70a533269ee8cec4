// Package tui is rookery chat: the terminal client. It shows one account that is
// signed in, a Messenger.
//
// The screen is one model, App, made of parts: the list of people (roster), and
// beside it a page: a conversation (talk), a list (menu), a form. What happens
// comes to App.Update as messages; nothing in there waits for the network or the
// disk. What has to wait is done by commands, whose outcome is a message again.
package tui

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Config is how the user wants it.
type Config struct {
	Language Language
	Theme    Theme
	// Bell rings when a message comes that is not before the user's eyes.
	Bell bool
	// Mouse takes the mouse from the terminal: the wheel scrolls, a click chooses,
	// and text can be marked with Shift held only.
	Mouse bool
	// Now is the clock, time.Now if nil. Times are shown in its time zone.
	Now func() time.Time
}

// Language is what the screen is in.
type Language string

const (
	English Language = "en"
	Chinese Language = "zh"
)

// LanguageFromEnv is the language that an environment asks for, as its variables
// LC_ALL, LC_MESSAGES and LANG say, in this order.
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

// Theme is what the colours are for.
type Theme string

const (
	Auto  Theme = "auto" // ask the terminal
	Light Theme = "light"
	Dark  Theme = "dark"
)

// errTerminalGone is why Run ends without the user.
var errTerminalGone = errors.New("the terminal has gone")

// Run shows the account on the terminal, of which keys come from keyboard, until
// the user quits, the terminal goes or ctx ends. It leaves the messenger open.
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
		return nil // as was asked for
	}
	return err
}

// terminalKeys is what a terminal sends. Without it Bubble Tea would take the
// end of its input for silence: messages would go on to count as read, with nobody
// there to read them.
type terminalInput struct {
	*os.File
	onReadError func()
}

func (k terminalInput) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if err != nil {
		k.onReadError()
	}
	return n, err
}

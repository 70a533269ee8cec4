package tui

import (
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
)

func TestTheMouseChoosesAndScrolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUser(t, longConversation(), func(config *Config) { config.Mouse = true })
		if u.app.View().MouseMode == tea.MouseModeNone {
			t.Error("the mouse is left to the terminal")
		}
		u.deliver(tea.MouseClickMsg{X: 3, Y: 2, Button: tea.MouseLeft})
		u.waitUntilIdle()
		u.expectText("Tom & Jerry (10003)", "word 120.")
		u.deliver(tea.MouseWheelMsg{X: 40, Y: 9, Button: tea.MouseWheelUp})
		u.expectText("PgDn: 3 more lines")
		u.deliver(tea.MouseWheelMsg{X: 40, Y: 9, Button: tea.MouseWheelDown})
		u.expectNoText("more lines")
		u.deliver(tea.MouseWheelMsg{X: 3, Y: 9, Button: tea.MouseWheelUp})
		u.expectText(">+ Pingu")
		u.deliver(tea.MouseClickMsg{X: 3, Y: 20, Button: tea.MouseLeft}) // below the last person
		u.deliver(tea.MouseClickMsg{X: 40, Y: 0, Button: tea.MouseLeft}) // the title line
		u.expectText("Tom & Jerry (10003)")
	})
}

func TestTheMouseIsOffByDefault(t *testing.T) {
	withUser(t, func(u *user) {
		if u.app.View().MouseMode != tea.MouseModeNone {
			t.Error("it is taken")
		}
	})
}

package tui

import (
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
)

func TestTheMouseChoosesAndScrolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := sit(t, hundred(), func(config *Config) { config.Mouse = true })
		if u.a.View().MouseMode == tea.MouseModeNone {
			t.Error("the mouse is left to the terminal")
		}
		u.get(tea.MouseClickMsg{X: 3, Y: 2, Button: tea.MouseLeft})
		u.settle()
		u.sees("Tom & Jerry (10003)", "word 120.")
		u.get(tea.MouseWheelMsg{X: 40, Y: 9, Button: tea.MouseWheelUp})
		u.sees("PgDn: 3 more lines")
		u.get(tea.MouseWheelMsg{X: 40, Y: 9, Button: tea.MouseWheelDown})
		u.seesNot("more lines")
		u.get(tea.MouseWheelMsg{X: 3, Y: 9, Button: tea.MouseWheelUp})
		u.sees(">+ Pingu")
		u.get(tea.MouseClickMsg{X: 3, Y: 20, Button: tea.MouseLeft}) // nobody is there
		u.get(tea.MouseClickMsg{X: 40, Y: 0, Button: tea.MouseLeft}) // the title
		u.sees("Tom & Jerry (10003)")
	})
}

func TestTheMouseIsTheTerminalsUnlessItIsAskedFor(t *testing.T) {
	withUser(t, func(u *user) {
		if u.a.View().MouseMode != tea.MouseModeNone {
			t.Error("it is taken")
		}
	})
}

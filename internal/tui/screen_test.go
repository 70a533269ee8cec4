package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// A terminal that knows characters of several parts says so, and Bubble Tea
// measures as it does from then on: the frame must do the same.
func TestWidthsAreTheTerminals(t *testing.T) {
	withUser(t, func(u *user) {
		u.pressKeys("<down><down><down><enter>")
		column := func() int {
			for _, line := range strings.Split(u.screen(), "\n") {
				if before, _, ok := strings.Cut(line, "|"); ok && strings.Contains(before, "Ada") {
					return ansi.StringWidth(before)
				}
			}
			return -1
		}
		if got := column(); got != 22 { // of 24 cells, this method counts 2 less
			t.Errorf("without characters of several parts, the border is at %d", got)
		}
		u.deliver(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: ansi.ModeReset})
		if got := column(); got != 24 {
			t.Errorf("with them, the border is at %d", got)
		}
	})
}

func TestTheWindowsTitleCountsWhatIsUnread(t *testing.T) {
	withUser(t, func(u *user) {
		if got := u.app.View().WindowTitle; got != "(4) Rookery 10001" {
			t.Errorf("the title is %q", got)
		}
		u.pressKeys("<enter>")
		if got := u.app.View().WindowTitle; got != "(3) Rookery 10001" {
			t.Errorf("the title is %q", got)
		}
	})
}

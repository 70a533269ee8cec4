package tui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// If the terminal reports support for grapheme clusters, Bubble Tea changes its width
// method. App must use the same one.
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
		if got := column(); got != 22 { // 24 cells minus 2 that this method does not count
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

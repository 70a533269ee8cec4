package tui

import (
	"charm.land/lipgloss/v2"
)

// theme is how things look. Colours only repeat what letters and signs say
// already, so that nothing is lost without them. They are the sixteen that the
// user's own terminal defines.
type theme struct {
	plain, bold, faint lipgloss.Style
	bar                lipgloss.Style // the lines above and below everything
	chosen             lipgloss.Style // the row that keys are for
	mine, theirs       lipgloss.Style // whose words
	good, busy, bad    lipgloss.Style
}

func newTheme(dark bool) theme {
	colour := func(onLight, onDark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(lipgloss.LightDark(dark)(lipgloss.Color(onLight), lipgloss.Color(onDark)))
	}
	plain := lipgloss.NewStyle()
	return theme{
		plain:  plain,
		bold:   plain.Bold(true),
		faint:  colour("8", "7").Faint(true),
		bar:    plain.Reverse(true),
		chosen: plain.Reverse(true),
		mine:   colour("4", "14").Bold(true),
		theirs: colour("5", "13").Bold(true),
		good:   colour("2", "10"),
		busy:   colour("3", "11"),
		bad:    colour("1", "9").Bold(true),
	}
}

package tui

import (
	"charm.land/lipgloss/v2"
)

// theme is how things look. Colours only repeat what letters and signs say
// already, so that nothing is lost without them. They are the sixteen that the
// user's own terminal defines.
type theme struct {
	plain, bold, faint       lipgloss.Style
	bar                      lipgloss.Style // the lines above and below everything
	selected                 lipgloss.Style // the row that keys are for
	ownName, peerName        lipgloss.Style // whose words
	online, warning, failure lipgloss.Style
}

func newTheme(dark bool) theme {
	colour := func(onLight, onDark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(lipgloss.LightDark(dark)(lipgloss.Color(onLight), lipgloss.Color(onDark)))
	}
	plain := lipgloss.NewStyle()
	return theme{
		plain:    plain,
		bold:     plain.Bold(true),
		faint:    colour("8", "7").Faint(true),
		bar:      plain.Reverse(true),
		selected: plain.Reverse(true),
		ownName:  colour("4", "14").Bold(true),
		peerName: colour("5", "13").Bold(true),
		online:   colour("2", "10"),
		warning:  colour("3", "11"),
		failure:  colour("1", "9").Bold(true),
	}
}

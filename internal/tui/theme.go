package tui

import (
	"charm.land/lipgloss/v2"
)

// theme holds the styles. Letters and signs carry all information, so the screen works
// without colours. The colours are the sixteen that the terminal defines.
type theme struct {
	plain, bold, faint       lipgloss.Style
	bar                      lipgloss.Style // title line and bottom line
	selected                 lipgloss.Style // the selected row
	ownName, peerName        lipgloss.Style // speaker lines
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

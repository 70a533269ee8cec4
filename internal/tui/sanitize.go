package tui

import (
	"strings"

	"github.com/rookery-im/rookery/internal/termtext"
)

// What others write is shown on the user's terminal, which obeys escape
// sequences: nothing that a terminal may act on gets past here.

// tabSpaces replaces a tab, because the terminal's tab stops are unknown.
const tabSpaces = "    "

// sanitize removes control characters from text of other accounts and keeps its lines.
func sanitize(text string) string { return strings.ReplaceAll(termtext.Lines(text), "\t", tabSpaces) }

// sanitizeLine is sanitize for a single line: a name, or the comment of a request.
func sanitizeLine(text string) string { return termtext.OneLine(text) }

// sanitizeInput is sanitize for typed or pasted text. It removes replacement characters,
// so that the text is sent as it is shown.
func sanitizeInput(text string) string { return strings.ReplaceAll(sanitize(text), "\uFFFD", "") }

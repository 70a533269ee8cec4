package tui

import (
	"strings"

	"github.com/rookery-im/rookery/internal/termtext"
)

// What others write is shown on the user's terminal, which obeys escape
// sequences: nothing that a terminal may act on gets past here.

// tab is what a tab becomes; where a terminal's stops are is not known.
const tabSpaces = "    "

// sanitize makes a text of others fit to be shown over several lines.
func sanitize(text string) string { return strings.ReplaceAll(termtext.Lines(text), "\t", tabSpaces) }

// sanitizeLine is clean for what has one line: a name, the words of a request.
func sanitizeLine(text string) string { return termtext.OneLine(text) }

// sanitizeInput is clean for what the user types or pastes: what is not shown is
// not sent either.
func sanitizeInput(text string) string { return strings.ReplaceAll(sanitize(text), "\uFFFD", "") }

// Package report writes what a study has found: a page for browsers and paper, the
// same in Markdown, and files for other programs. It finds nothing out itself.
//
// The same study gives the same bytes. What servers wrote is hostile until shown
// otherwise: no answer can become markup, and bytes that are no text are shown as
// \xNN.
package report

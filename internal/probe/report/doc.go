// Package report writes what a study has found.
//
// In goes a finding.Study. Out come report.html and report.md for people, which are
// two renderings of one document, and JSON, DOT and JUnit files for programs. The
// same study gives the same bytes. What servers wrote is hostile until shown
// otherwise: it cannot become markup, and bytes that are no text show as \xNN.
package report

// Package report renders the results of a study.
//
// Input is a finding.Study. Output is report.html and report.md for people, both rendered
// from one document, and JSON, DOT and JUnit files for programs. Equal studies give equal
// bytes. Text from servers is untrusted: it cannot become markup, and bytes that are not
// text appear as \xNN.
package report

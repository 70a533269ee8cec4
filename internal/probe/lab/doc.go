// Package lab carries experiments out on one server: it is reset, takes the
// steps, waits where time is real and moves the clock where it is not, tells
// transport failures from answers, and writes all of it to a transcript. It keeps
// to what the experiment file allows: hosts, accounts, requests, rates, failed
// logins, destructive commands.
//
// What a transcript holds already is not asked again, so that a study that was
// interrupted goes on where it was, and a report is written from a transcript
// alone.
package lab

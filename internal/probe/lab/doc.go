// Package lab makes experiments on one server, the system under test.
//
// In go an experiment file, a server, and experiments, which are steps. Out come traces:
// what was answered to each step. Before each experiment the server is reset, by a control
// URL, fresh accounts, or commands that undo the residue of the one before. What was lost
// on the way, or came of a limit, is no answer: the experiment is made again. All that is
// sent and received is written to a transcript, and what a transcript has already is not
// asked again. The lab keeps to what the file allows: hosts, requests, rates, failed logins.
package lab

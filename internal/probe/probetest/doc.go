// Package probetest is a small server of HTTP QQ for the prober to study. Tests can change one
// behaviour of the server at a time, which the prober must notice. They can also replace all names
// and separators of the protocol, which must make no difference to the findings.
//
// The server is written from docs/protocol.md alone. It shares no code with Rookery's own
// server and codec, so that the two cannot share a mistake. It keeps everything in memory. It
// has no line protocol, no device sessions, and no other part of section 8 of that document.
//
// # State
//
// POST /control/reset restores the initial state. POST /control/clock moves the clock by the
// number of seconds in the body. No behaviour depends on the real clock. All passwords are
// 123456. After a reset none of the accounts 10001 to 10021 is logged in:
//
//	10001, 10002    Ann and "Ben, Jr", friends of each other
//	10003           Cat, a friend of neither
//	10004           Many, with the friends 11001 to 11120; every third of these
//	                is permanently logged in, without an address
//	10005 to 10012  without friends; friend requests must be accepted
//	10020, 10021    Open accepts everybody, Closed nobody
//
// # Mutants
//
// A mutant is a server with one changed behaviour, which a field of serverRules describes. To
// add a mutant, add a field whose zero value is the behaviour of docs/protocol.md, or set the
// field to that behaviour in protocolRules. Read the field in one place, add the mutant to a table
// in mutants_*.go, and add an exchange that shows the difference to scripts_test.go. The prober is
// measured with [Mutants]. [MoreMutants] are similar mutants on which the prober was not tuned.
// Equivalent mutants differ in ways that the prober must not report, such as the order of fields.
//
// The code of the server contains no word that is sent over the network. All of these words are in
// a [Dialect].
package probetest

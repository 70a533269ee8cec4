// Package probetest is a small server of HTTP QQ for the prober to study. It
// is a test subject: its behaviour can be changed, one thing at a time, and
// its words can be replaced, all of them, so that a test can ask whether the
// prober notices the first and does not care about the second.
//
// It is written from PROTOCOL.md alone. It shares no line with Rookery's own
// server and codec, so the two cannot share a mistake either. It keeps all in
// seqMemory, and lines, device sessions and section 8 are left out.
//
// # World
//
// POST /control/reset puts the world back to its beginning, POST /control/clock
// with a number of seconds as the body moves the clock on. No behaviour looks
// at the real clock. All passwords are 123456, nobody of 10001 to 10021 is
// logged in after a reset:
//
//	10001, 10002    Ann and "Ben, Jr", friends of each other
//	10003           Cat, a stranger to both
//	10004           Many, with the friends 11001 to 11120; every third of these
//	                is logged in, from nowhere, and stays so
//	10005 to 10012  without friends, rule ask
//	10020, 10021    rule open, rule closed
//
// # Mutants
//
// What the server does is data where it can be (rules), and each mutant changes
// one thing of that. To add one: give rules a field whose zero value, or whose
// value in contract, is what PROTOCOL.md says; use it at the one place where it
// matters; add a line to one of the tables in mutants_*.go; and show in
// scripts_test.go by a short exchange what differs. The tests fail as long as
// the label and the exchange do not agree. [Mutants] are those that the prober
// is measured by. Those of [MoreMutants] are of the same kinds and kept apart, so that
// one can see whether it was only tuned to the first.
//
// The behaviour never names a word of the wire. Those are in a Dialect, which
// has one table for each kind of word.
package probetest

// Package fault tests that the server loses no messages when something fails.
//
// The property under test: a client that repeats each request with the same SEQ until it is answered loses no
// message and sees none twice. FindFaults checks the property. A Ledger records what the clients of a Load
// sent and received, while a test kills the server, cuts its power, fills its disk, or shuts it down.
//
// A Client reaches the server through a PostFunc. A PushReceiver is a client that stays connected and receives
// pushes. A FaultyConn is a connection that delays, cuts and drops data at any byte; the server must push again
// what was in transit, and the client recognizes it by its number.
package fault

// Package fault tests that the server loses no messages when something fails.
//
// Every request carries a SEQ, an identifier that the client chooses. The property under test: a client that
// repeats each request with the same SEQ until an answer arrives loses no message and sees none twice. A test
// runs the clients of a Load while it kills the server, cuts its power, fills its disk, or shuts it down. A
// Ledger records what the clients sent and received, and FindFaults checks the property on that record.
//
// A Client reaches the server through a PostFunc. A PushReceiver is a client that stays connected and receives
// pushes. A FaultyConn is a connection that delays data, or is cut at a chosen byte. The server must
// push again what was in transit; the client recognizes a repeated push by its number in the mailbox.
package fault

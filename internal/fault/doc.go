// Package fault proves that nothing is lost.
//
// The property: a client that repeats each request under the same SEQ until it
// is answered loses no message and sees none twice, whatever dies in between.
// Judge states it; a Ledger holds what the clients of a Load said and heard,
// and the tests let the server die meanwhile: killed, without power, without
// room on its disk, told to end.
//
// Client is such a client. It reaches its server through a Post.
//
// An Ear is a client that stays connected and is pushed to. A Cable is a
// connection through a bad network, which delays, cuts and drops to the byte:
// what was on its way when it was cut comes again, and is told by its number.
package fault

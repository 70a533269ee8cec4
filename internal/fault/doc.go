// Package fault proves that nothing is lost.
//
// The property: a client that repeats each request under the same SEQ until it
// is answered loses no message and sees none twice, whatever dies in between.
// Judge states it; a Ledger holds what the clients of a Load said and heard,
// and the tests let the server die meanwhile: killed, without power, without
// room on its disk, told to end.
//
// Client is such a client. It reaches its server through a Post, which is the
// place for a network that delays, cuts and drops.
package fault

// Package service implements the rules of the messenger: sessions, friends, presence, messages and pushes.
//
// Package protocol calls a Service for each request, with the types of package rookery, and gets values or a
// rookery.Error back. The service keeps the state of signed-in accounts in memory and everything durable in a Store.
// It knows neither the wire format nor connections.
//
// A request meets the files in this order: session.go, signin.go, passwordcheck.go and signout.go deal with its
// session; send.go, friends.go, block.go, presence.go, history.go, devices.go and profile.go change something;
// collect.go hands out the mailbox; subscription.go, pushpump.go, pushpacer.go and pushconfirm.go push it.
// activeaccount.go holds the state that they share, service.go and sweep.go the periodic work.
package service

// Package service implements the rules of the messenger: sessions, friends, presence, messages and pushes.
//
// Package protocol calls a Service for each request, with the types of package rookery, and gets values or a
// rookery.Error back. The service keeps the state of signed-in accounts in memory and everything durable in a Store.
// It knows neither the wire format nor connections.
//
// A request passes through the files in this order: service.go and signin.go find its session; send.go, friends.go,
// presence.go, history.go and devices.go change something; collect.go hands out the mailbox; subscription.go,
// pushpump.go, pushpacer.go and pushconfirm.go push it. activeaccount.go holds the state that they share.
package service

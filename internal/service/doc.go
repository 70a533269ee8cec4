// Package service implements the rules of the messenger: sessions, friends, presence, messages and pushes.
//
// Package protocol calls a Service for each request, with the types of package rookery, and gets values or a
// rookery.Error back. The service keeps the state of signed-in accounts in memory and everything durable in a Store.
// It knows neither the wire format nor connections.
//
// A request meets the files in this order: session.go, signin.go and signout.go deal with its session; send.go,
// friends.go, block.go, presence.go, history.go, devices.go and profile.go change something; hub.go makes the change
// known to the accounts in memory; collect.go hands out the mailbox; subscription.go, pushpump.go, pushpacer.go and
// pushconfirm.go push it. activeaccount.go holds the state that they share, service.go and sweep.go the periodic
// work. Passwords are verified by package auth.
//
// Locks are taken in this order: activeAccount.changeLock, consumer.collectLock, activeAccount.mu, Subscription.mu.
// A search takes activeAccount.searchLock, then Service.onlineSearches or textSearches, then activeAccount.mu. The
// locks that are not named mu are semaphores, which may be held during calls of the store; no mutex may. The other
// mutexes of the package (of accountShard, backgroundTasks, sweepQueue and unsavedLogouts) are held only within a
// method of their type, which takes no other lock.
package service

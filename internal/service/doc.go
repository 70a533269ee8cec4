// Package service is what the messenger does: sign in, befriend, send, collect,
// expire. It speaks the nouns of package rookery and knows nothing of the wire
// or of connections. What it needs of a store is said in store.go.
package service

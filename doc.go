// Package rookery defines the domain types of an instant messenger that speaks HTTP
// QQ: accounts, friendships, presence, messages and sessions. It also contains the
// rules about them that need no I/O, such as what adding a friend does.
//
// The other packages build on these types. Package wire parses and formats records,
// internal/service implements the messenger, and internal/protocol translates
// between the two. docs/tour.md describes all packages.
package rookery

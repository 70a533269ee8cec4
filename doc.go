// Package rookery holds the nouns of an instant messenger that speaks HTTP QQ:
// accounts, friendships, presence, messages and sessions, and those rules about
// them that need neither a disk nor a network.
//
// Everything else is built around these types: package wire turns bytes into
// records, internal/service does the work, internal/protocol joins the two.
// docs/tour.md walks through the house.
package rookery

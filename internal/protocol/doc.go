// Package protocol answers records of HTTP QQ. It parses a record, checks it in the order that
// docs/protocol.md prescribes, calls package service, and encodes the answer. commands.go lists all
// commands.
package protocol

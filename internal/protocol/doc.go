// Package protocol answers records of HTTP QQ: it checks them in the contract's
// order, lets package service do what they ask for, and writes the answers.
// commands.go is the table of all commands, one row each.
package protocol

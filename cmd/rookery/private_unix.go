//go:build unix

package main

import "syscall"

// restrictFileModes keeps other users from reading what this program makes.
func restrictFileModes() { syscall.Umask(0o077) }

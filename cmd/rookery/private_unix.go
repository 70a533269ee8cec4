//go:build unix

package main

import "syscall"

// privateFiles keeps other users from reading what this program makes.
func privateFiles() { syscall.Umask(0o077) }

//go:build unix

package main

import "syscall"

// restrictFileModes makes all files that this program creates private to the user.
func restrictFileModes() { syscall.Umask(0o077) }

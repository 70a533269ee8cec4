//go:build !unix

package main

import "os"

// callWhenUnread has no effect on these systems. There the next write reports a missing reader.
func callWhenUnread(*os.File, func()) {}

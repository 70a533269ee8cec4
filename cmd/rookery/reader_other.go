//go:build !unix

package main

import "os"

// callWhenUnread does not tell here; the next write does.
func callWhenUnread(*os.File, func()) {}

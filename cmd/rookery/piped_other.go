//go:build !unix

package main

import "os"

// piped cannot be told here.
func piped(*os.File) bool { return false }

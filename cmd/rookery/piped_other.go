//go:build !unix

package main

import "os"

// hasPipedInput always returns false, because it cannot look into a pipe on these systems.
func hasPipedInput(*os.File) bool { return false }

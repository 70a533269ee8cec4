//go:build !unix

package main

import "os"

// hasPipedInput is unknown on these systems.
func hasPipedInput(*os.File) bool { return false }

//go:build !unix

package main

// privateFiles has nothing to do where a user's own directories are private.
func privateFiles() {}

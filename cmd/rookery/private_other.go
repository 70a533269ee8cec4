//go:build !unix

package main

// restrictFileModes has nothing to do where a user's own directories are private.
func restrictFileModes() {}

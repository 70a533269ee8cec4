//go:build !unix

package main

// restrictFileModes has no effect on systems where the directories of users are private.
func restrictFileModes() {}

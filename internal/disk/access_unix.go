//go:build unix

package disk

import "golang.org/x/sys/unix"

func checkAccess(path string) error { return unix.Access(path, unix.R_OK|unix.W_OK) }

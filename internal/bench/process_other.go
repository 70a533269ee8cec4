//go:build !linux

package bench

import (
	"errors"
	"syscall"
	"time"
)

var errNoProc = errors.New("what a process costs is read from /proc, which only Linux has: run the bench on Linux")

func separateProcessGroup() *syscall.SysProcAttr { return nil }

func processCPU(int) (time.Duration, error) { return 0, errNoProc }

func processResident(int) (int64, error) { return 0, errNoProc }

func maxOpenFiles() uint64 { return 0 }

package main

import (
	"context"
	"runtime/debug"
	"time"
)

// trimInterval is how often memory that is not in use is given back.
const memoryReleaseInterval = time.Minute

// releaseMemory gives memory that is not in use back to the system, until ctx ends. Left
// alone, Go's runtime keeps about as much again as is in use, and the store the
// pages of everybody who has signed in, which after a rush of logins is as much as
// all their connections need.
func (srv *server) releaseMemory(ctx context.Context) error {
	ticker := time.NewTicker(memoryReleaseInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := srv.store.ReleaseMemory(ctx); err != nil {
				srv.log.Debug("the store keeps its memory", "error", err)
			}
			debug.FreeOSMemory()
		case <-ctx.Done():
			return nil
		}
	}
}

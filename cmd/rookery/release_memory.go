package main

import (
	"context"
	"runtime/debug"
	"time"
)

// memoryReleaseInterval is the time between releases of unused memory.
const memoryReleaseInterval = time.Minute

// releaseMemory returns unused memory to the system periodically, until ctx ends. By default Go's runtime retains
// about as much again as is in use, and the store caches pages of all accounts that have signed in. After many
// logins, that is as much memory as all their connections need.
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

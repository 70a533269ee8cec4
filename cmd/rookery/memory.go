package main

import (
	"context"
	"runtime/debug"
	"time"
)

// trimInterval is how often memory that is not in use is given back.
const trimInterval = time.Minute

// trim gives memory that is not in use back to the system, until ctx ends. Left
// alone, Go's runtime keeps about as much again as is in use, and the store the
// pages of everybody who has signed in, which after a rush of logins is as much as
// all their connections need.
func (s *server) trim(ctx context.Context) error {
	ticker := time.NewTicker(trimInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := s.store.ReleaseMemory(ctx); err != nil {
				s.log.Debug("the store keeps its memory", "error", err)
			}
			debug.FreeOSMemory()
		case <-ctx.Done():
			return nil
		}
	}
}

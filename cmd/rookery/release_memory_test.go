package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/sqlite"
)

func TestUnusedMemoryIsReturnedToTheSystem(t *testing.T) {
	const size = 256 << 20
	allocateMemory(size)
	if got := heapSystemMemory(); got < size {
		t.Fatalf("the heap has %d bytes after an allocation of %d", got, size)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(t.TempDir(), storeName)})
		if err != nil {
			t.Fatal(err)
		}
		s := &server{backend: &backend{store: store}, log: slog.New(slog.DiscardHandler)}
		ended := make(chan error, 1)
		go func() { ended <- s.releaseMemory(ctx) }()
		time.Sleep(memoryReleaseInterval)
		synctest.Wait()
		if got := heapSystemMemory(); got > size/2 {
			t.Errorf("the heap has %d bytes, want at most %d", got, size/2)
		}
		cancel()
		if err := errors.Join(<-ended, store.Close()); err != nil {
			t.Error(err)
		}
	})
}

// allocateMemory allocates memory that becomes garbage immediately.
func allocateMemory(size int) {
	b := make([]byte, size)
	for i := 0; i < len(b); i += 1 << 10 {
		b[i] = 1
	}
	runtime.KeepAlive(b)
}

// heapSystemMemory returns how much memory the heap holds from the system, used or not.
func heapSystemMemory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}

package bench

import (
	"context"
	"io"
	"sync"
)

// syncedFile is the part of os.File that a groupCommit uses.
type syncedFile interface {
	io.Writer
	Sync() error
}

// groupCommit appends records to a file. Records that arrive during a sync share the next write and the next sync.
type groupCommit struct {
	file syncedFile
	// wake holds a value if pending may have records.
	wake chan struct{}

	mu      sync.Mutex
	pending *recordBatch // collects the records of the next write; guarded by mu
}

// recordBatch is a number of records that become durable together. groupCommit.mu guards records while the batch is
// pending. err is set before done is closed.
type recordBatch struct {
	records []byte
	done    chan struct{}
	err     error
}

func newRecordBatch() *recordBatch { return &recordBatch{done: make(chan struct{})} }

func newGroupCommit(file syncedFile) *groupCommit {
	return &groupCommit{file: file, wake: make(chan struct{}, 1), pending: newRecordBatch()}
}

// append returns when the record and a line end are on the disk. It needs a concurrent run.
func (gc *groupCommit) append(record []byte) error {
	gc.mu.Lock()
	batch := gc.pending
	batch.records = append(append(batch.records, record...), '\n')
	gc.mu.Unlock()
	select {
	case gc.wake <- struct{}{}:
	default: // run has yet to see an earlier record of this batch, or of the one before
	}
	<-batch.done
	return batch.err
}

// run writes and syncs one batch after another until ctx ends. Later records are never answered.
func (gc *groupCommit) run(ctx context.Context) {
	for {
		select {
		case <-gc.wake:
			gc.commitPending()
		case <-ctx.Done():
			return
		}
	}
}

func (gc *groupCommit) commitPending() {
	gc.mu.Lock()
	batch := gc.pending
	gc.pending = newRecordBatch()
	gc.mu.Unlock()
	if len(batch.records) == 0 {
		return // a previous call wrote the records that caused this wake-up
	}
	if _, batch.err = gc.file.Write(batch.records); batch.err == nil {
		batch.err = gc.file.Sync()
	}
	close(batch.done)
}

package sqlite

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

const (
	// maxBatchRequests and maxBatchEntries limit one transaction, so that its first request does not
	// wait long.
	maxBatchRequests = 512
	maxBatchEntries  = 8192
	// maxCachedMailboxes limits the mailboxes whose newest number and backlog are cached.
	maxCachedMailboxes = 1_000_000
)

// writeRequest is a change that waits for the writer.
type writeRequest struct {
	// apply makes the change. If its transaction fails, apply is called again on the earlier state. It
	// returns a rookery.Error to refuse, before it has changed anything; any other error fails the
	// transaction.
	apply func(*writeBatch) error
	// entryCount is about how many entries apply writes.
	entryCount int
	// needsFlushedJournal asks for an empty journal before apply runs.
	needsFlushedJournal bool
	// refusal is the rookery.Error that apply returned.
	refusal error
	result  chan error
}

// writer is the only goroutine that changes the database. It takes the queued requests, applies them
// in one transaction and answers after the commit, so that all callers share one sync of the disk.
//
// Requests check before they write: a refused request has changed nothing, so no request needs a
// savepoint. If a statement fails all the same, the transaction is rolled back and the requests are
// applied one by one, so that only the failing one fails.
type writer struct {
	path        string // path of the database
	conn        *dbConn
	journaled   *journaledEntries
	requestKeys *requestKeys
	numberBound *numberBound
	diskReserve *diskReserve
	log         *slog.Logger

	mu           sync.Mutex
	queueChanged sync.Cond       // with mu: queue is not empty, or closing is set
	queue        []*writeRequest // guarded by mu
	closing      bool            // guarded by mu
	stopped      chan struct{}

	// publishLock is held for writing from a commit until its in-memory results are published. Readers
	// that must not see one without the other hold it for reading.
	publishLock sync.RWMutex

	// The fields below belong to the writer's goroutine.

	// newestNumbers caches the number above which each mailbox continues, for existing accounts only.
	newestNumbers map[rookery.UIN]uint64
	// backlogs caches the backlogs that have been counted.
	backlogs map[rookery.UIN]backlogCount
	// lastJournalID is the id of the latest journal row.
	lastJournalID int64
	flushRound    flushRound
	batch         writeBatch
	dequeued      []*writeRequest
	// keysFull and writesFail mean that too many request keys or a failing transaction have been logged
	// already.
	keysFull, writesFail bool
}

func newWriter(conn *dbConn, journaled *journaledEntries, keys *requestKeys, config Config) *writer {
	bound := &numberBound{path: numberFilePath(config.Path), now: config.Now, log: config.Log}
	w := &writer{
		path: config.Path, conn: conn, journaled: journaled, requestKeys: keys, numberBound: bound,
		diskReserve: newDiskReserve(config), log: config.Log, stopped: make(chan struct{}),
		newestNumbers: make(map[rookery.UIN]uint64), backlogs: make(map[rookery.UIN]backlogCount),
	}
	w.queueChanged.L = &w.mu
	w.batch = writeBatch{writer: w, changedBacklogs: make(map[rookery.UIN]backlogCount)}
	return w
}

// submitWrite queues a request and waits for its result. It checks ctx only at the start: once queued,
// the request may take effect even if ctx ends.
func (s *Store) submitWrite(ctx context.Context, request writeRequest) error {
	if err := ctx.Err(); err != nil {
		return rookery.Temporary(err)
	}
	writer := s.writer
	request.result = make(chan error, 1)
	writer.mu.Lock()
	if writer.closing {
		writer.mu.Unlock()
		return errClosed
	}
	writer.queue = append(writer.queue, &request)
	writer.mu.Unlock()
	writer.queueChanged.Signal()
	return <-request.result
}

func (w *writer) run() {
	defer close(w.stopped)
	for w.dequeueRequests() {
		w.executeRequests(w.dequeued)
		clear(w.dequeued)
		if len(w.newestNumbers) > maxCachedMailboxes {
			clear(w.newestNumbers)
		}
		if len(w.backlogs) > maxCachedMailboxes {
			clear(w.backlogs)
		}
	}
	if err := w.flushAllAccounts(); err != nil {
		w.log.Error("entries stay in the journal until the store is opened again", "error", err)
		return
	}
	if err := w.recordCleanStop(); err != nil {
		w.log.Warn("the next message numbers follow a gap, as after a crash", "error", err)
	}
}

// close refuses further requests, waits for the accepted ones, and reports whether this call was the
// first.
func (w *writer) close() bool {
	w.mu.Lock()
	first := !w.closing
	w.closing = true
	w.mu.Unlock()
	w.queueChanged.Signal()
	<-w.stopped
	return first
}

// dequeueRequests moves the next requests from queue to dequeued. It returns false when the writer is
// closing and the queue is empty.
func (w *writer) dequeueRequests() bool {
	// Callers that were just answered may have another request: let them queue it first.
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closing {
			return false
		}
		w.queueChanged.Wait()
	}
	n, entryCount := 0, 0
	for n < min(len(w.queue), maxBatchRequests) && entryCount < maxBatchEntries {
		if w.queue[n].needsFlushedJournal && n > 0 {
			break
		}
		entryCount += w.queue[n].entryCount
		n++
		if w.queue[n-1].needsFlushedJournal {
			break
		}
	}
	w.dequeued = append(w.dequeued[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return true
}

// executeRequests applies requests and answers them.
func (w *writer) executeRequests(requests []*writeRequest) {
	err := w.commitRequests(requests)
	if err != nil && w.freeDiskSpace(err) {
		err = w.commitRequests(requests)
	}
	if err != nil && len(requests) > 1 {
		for i := range requests {
			w.executeRequests(requests[i : i+1])
		}
		return
	}
	w.logFailureChange(err)
	if err != nil {
		err = rookery.Temporary(err)
	}
	for _, request := range requests {
		request.result <- cmp.Or(err, request.refusal)
	}
}

// logFailureChange logs when writing begins to fail and when it works again. A full disk would flood
// the log otherwise.
func (w *writer) logFailureChange(err error) {
	switch {
	case err != nil && !w.writesFail:
		w.log.Error("the store cannot write", "error", explainError(w.path, err))
	case err == nil && w.writesFail:
		w.log.Info("the store can write again")
	}
	w.writesFail = err != nil
}

// commitRequests applies requests in one transaction. If it returns an error, nothing has changed.
func (w *writer) commitRequests(requests []*writeRequest) error {
	if requests[0].needsFlushedJournal {
		if err := w.flushAllAccounts(); err != nil {
			return err
		}
	}
	return w.runTransaction(func(batch *writeBatch) error {
		for _, request := range requests {
			request.refusal = request.apply(batch)
			if request.refusal != nil && !isRefusal(request.refusal) {
				return request.refusal
			}
		}
		return batch.continueFlush()
	})
}

// isRefusal reports whether an error is a request's own decision, not a failure of the database.
func isRefusal(err error) bool {
	var decided *rookery.Error
	return errors.As(err, &decided)
}

// runTransaction runs f in a transaction. The in-memory changes in the batch are published with the
// commit, or dropped.
func (w *writer) runTransaction(f func(*writeBatch) error) error {
	batch := &w.batch
	batch.reset()
	_, err := w.conn.execute("BEGIN IMMEDIATE")
	if err == nil {
		err = f(batch)
	}
	if err == nil {
		err = batch.insertBatchRows()
	}
	w.publishLock.Lock()
	defer w.publishLock.Unlock()
	if err == nil {
		_, err = w.conn.execute("COMMIT")
	}
	if err != nil {
		// The error is ignored: a full disk has rolled the transaction back already.
		w.conn.execute("ROLLBACK")
		clear(w.newestNumbers) // some belong to entries or accounts that were rolled back
		return err
	}
	batch.publish()
	return nil
}

// writeBatch collects the in-memory changes of one transaction.
type writeBatch struct {
	*writer
	newEntries    []numberedEntry
	highestNumber uint64 // highest number in newEntries
	newKeys       []storedKey
	// changedBacklogs holds the backlogs that the transaction has changed.
	changedBacklogs map[rookery.UIN]backlogCount
	// flushedSpans are the journaled entries that the transaction has moved to their mailboxes.
	// nextRound replaces the writer's flushRound after the commit.
	flushedSpans []mailboxSpan
	nextRound    flushRound
	// afterCommit functions run after the commit.
	afterCommit []func()
	encodedRow  []byte
}

func (b *writeBatch) reset() {
	clear(b.newEntries)
	clear(b.newKeys)
	clear(b.afterCommit)
	clear(b.changedBacklogs)
	b.newEntries, b.newKeys, b.afterCommit = b.newEntries[:0], b.newKeys[:0], b.afterCommit[:0]
	b.highestNumber = 0
	b.flushedSpans = b.flushedSpans[:0]
	b.nextRound = b.flushRound
}

// insertBatchRows stores the new entries and the new keys, each in one row, because changed pages are
// most of the cost of a commit.
func (b *writeBatch) insertBatchRows() error {
	if len(b.newEntries) > 0 {
		if err := b.reserveNumbers(); err != nil {
			return err
		}
		b.encodedRow = appendJournalRow(b.encodedRow[:0], b.newEntries)
		if _, err := b.conn.execute("INSERT INTO journal VALUES (?, ?)", b.lastJournalID+1, b.encodedRow); err != nil {
			return err
		}
	}
	if len(b.newKeys) > 0 {
		b.encodedRow = appendKeyRow(b.encodedRow[:0], b.newKeys)
		if _, err := b.conn.execute(
			"INSERT INTO marks (newest, marks) VALUES (?, ?)", latestKeyTime(b.newKeys), b.encodedRow,
		); err != nil {
			return err
		}
	}
	return nil
}

func (b *writeBatch) publish() {
	b.journaled.replaceFlushed(b.flushedSpans, b.newEntries)
	if len(b.newEntries) > 0 {
		b.lastJournalID++
	}
	b.numberBound.commitCount++
	b.flushRound = b.nextRound
	b.requestKeys.addKeys(b.newKeys)
	b.publishBacklogs()
	for _, f := range b.afterCommit {
		f()
	}
}

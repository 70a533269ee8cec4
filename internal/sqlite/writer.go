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
	// maxBatchRequests and maxBatchLetters bound one transaction, so that the first
	// operation in it does not wait for long.
	maxBatchRequests = 512
	maxBatchEntries  = 8192
	// maxCachedMailboxes bounds what is remembered of mailboxes.
	maxCachedMailboxes = 1_000_000
)

// writeRequest is an operation that waits for its turn.
type writeRequest struct {
	// apply is called again, on what was before, if its batch fails.
	apply func(*writeBatch) error
	// entryCount is about how much it will write.
	entryCount int
	// settled: every letter is to be in its mailbox before.
	needsFlushedJournal bool
	// refusal is what apply decided.
	refusal error
	result  chan error
}

// writer is the only one who changes the database. Its goroutine takes what
// has queued up, carries it out in one transaction and answers after the
// commit: those who wait share the disk's sync.
//
// Operations look before they write: one that has a reason to refuse has
// written nothing, so that none needs a savepoint. If a statement fails all
// the same, the batch is rolled back and carried out again one by one, so that
// an operation can only fail by itself.
type writer struct {
	path        string // of the database
	conn        *dbConn
	journaled   *journaledEntries
	requestKeys *requestKeys
	numberBound *numberBound
	diskReserve *diskReserve
	log         *slog.Logger

	mu           sync.Mutex
	queueChanged sync.Cond       // of mu: something is in queue, or closing
	queue        []*writeRequest // guarded by mu
	closing      bool            // guarded by mu
	stopped      chan struct{}

	// publishLock is held from a commit until what it counted in memory is
	// published: who must not see one without the other reads under it.
	publishLock sync.RWMutex

	// The rest belongs to the writer's goroutine.

	// newestNumbers holds what the next number of mailboxes is above, for accounts that
	// exist.
	newestNumbers map[rookery.UIN]uint64
	// backlogCount holds what waits in mailboxes, as far as it was counted.
	backlogs map[rookery.UIN]backlogCount
	// lastJournalID is the id of the latest row of the journal.
	lastJournalID int64
	flushRound    flushRound
	batch         writeBatch
	dequeued      []*writeRequest
	// full: too many marks, failing: the latest transaction failed; the
	// operator knows of both.
	keysFull, writesFail bool
}

func newWriter(c *dbConn, r *journaledEntries, m *requestKeys, cfg Config) *writer {
	n := &numberBound{path: numberFilePath(cfg.Path), now: cfg.Now, log: cfg.Log}
	w := &writer{
		path: cfg.Path, conn: c, journaled: r, requestKeys: m, numberBound: n, diskReserve: newDiskReserve(cfg), log: cfg.Log,
		stopped: make(chan struct{}), newestNumbers: make(map[rookery.UIN]uint64), backlogs: make(map[rookery.UIN]backlogCount),
	}
	w.queueChanged.L = &w.mu
	w.batch = writeBatch{writer: w, changedBacklogs: make(map[rookery.UIN]backlogCount)}
	return w
}

// submitWrite carries out an operation and returns once it is decided, even if the
// context ends meanwhile: the effect may come about all the same.
func (s *Store) submitWrite(ctx context.Context, o writeRequest) error {
	if err := ctx.Err(); err != nil {
		return rookery.Temporary(err)
	}
	writer := s.writer
	o.result = make(chan error, 1)
	writer.mu.Lock()
	if writer.closing {
		writer.mu.Unlock()
		return errClosed
	}
	writer.queue = append(writer.queue, &o)
	writer.mu.Unlock()
	writer.queueChanged.Signal()
	return <-o.result
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
		w.log.Error("letters stay in the journal until the store is opened again", "error", err)
		return
	}
	if err := w.recordCleanStop(); err != nil {
		w.log.Warn("the next numbers of messages come behind a gap, as after a crash", "error", err)
	}
}

// close refuses further operations, waits for the accepted ones and reports
// whether the caller was the first to close.
func (w *writer) close() bool {
	w.mu.Lock()
	first := !w.closing
	w.closing = true
	w.mu.Unlock()
	w.queueChanged.Signal()
	<-w.stopped
	return first
}

// dequeueRequests moves the next batch from the queue to taken, and reports false once
// there will be no more.
func (w *writer) dequeueRequests() bool {
	// Those who were just answered may have more: let them bring it first.
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closing {
			return false
		}
		w.queueChanged.Wait()
	}
	n, newEntries := 0, 0
	for n < min(len(w.queue), maxBatchRequests) && newEntries < maxBatchEntries {
		if w.queue[n].needsFlushedJournal && n > 0 {
			break
		}
		newEntries += w.queue[n].entryCount
		n++
		if w.queue[n-1].needsFlushedJournal {
			break
		}
	}
	w.dequeued = append(w.dequeued[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return true
}

// executeRequests decides operations and answers them.
func (w *writer) executeRequests(ops []*writeRequest) {
	err := w.commitRequests(ops)
	if err != nil && w.freeDiskSpace(err) {
		err = w.commitRequests(ops)
	}
	if err != nil && len(ops) > 1 {
		for i := range ops {
			w.executeRequests(ops[i : i+1])
		}
		return
	}
	w.logFailureChange(err)
	if err != nil {
		err = rookery.Temporary(err)
	}
	for _, writeRequest := range ops {
		writeRequest.result <- cmp.Or(err, writeRequest.refusal)
	}
}

// logFailureChange tells the operator when writing begins to fail, and when it works again.
// A full disk would fill the log otherwise.
func (w *writer) logFailureChange(err error) {
	switch {
	case err != nil && !w.writesFail:
		w.log.Error("the store cannot write", "error", explainError(w.path, err))
	case err == nil && w.writesFail:
		w.log.Info("the store can write again")
	}
	w.writesFail = err != nil
}

// commitRequests applies operations in one transaction. An error is a failure of the
// machinery: nothing has happened then.
func (w *writer) commitRequests(ops []*writeRequest) error {
	if ops[0].needsFlushedJournal {
		if err := w.flushAllAccounts(); err != nil {
			return err
		}
	}
	return w.runTransaction(func(batch *writeBatch) error {
		for _, writeRequest := range ops {
			writeRequest.refusal = writeRequest.apply(batch)
			if writeRequest.refusal != nil && !isRefusal(writeRequest.refusal) {
				return writeRequest.refusal
			}
		}
		return batch.continueFlush()
	})
}

// isRefusal tells what an operation came to from a failure of the machinery.
func isRefusal(err error) bool {
	var decided *rookery.Error
	return errors.As(err, &decided)
}

// runTransaction runs f in a transaction. What it counted in memory takes effect
// with the commit, or is thrown away.
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
		// An error is no news: after a full disk the transaction is gone already.
		w.conn.execute("ROLLBACK")
		clear(w.newestNumbers) // some were counted, some of accounts that do not exist now
		return err
	}
	batch.publish()
	return nil
}

// writeBatch is what one transaction has counted in memory.
type writeBatch struct {
	*writer
	newEntries    []numberedEntry
	highestNumber uint64 // of the letters' numbers
	newKeys       []storedKey
	// changedBacklogs is what waits in mailboxes in which that has changed.
	changedBacklogs map[rookery.UIN]backlogCount
	// flushedSpans are the recent letters that have moved to their mailboxes, ahead
	// is how far the writer's round has come with that.
	flushedSpans []mailboxSpan
	nextRound    flushRound
	// afterCommit runs after the commit.
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

// insertBatchRows stores the letters and the marks of the batch, a row each: the
// pages that a commit writes are most of its cost.
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
		if _, err := b.conn.execute("INSERT INTO marks (newest, marks) VALUES (?, ?)", latestKeyTime(b.newKeys), b.encodedRow); err != nil {
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

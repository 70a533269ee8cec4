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
	// maxBatch and maxBatchLetters bound one transaction, so that the first
	// operation in it does not wait for long.
	maxBatch        = 512
	maxBatchLetters = 8192
	// maxHeads bounds what is remembered of mailboxes.
	maxHeads = 1_000_000
)

// writeRequest is an operation that waits for its turn.
type writeRequest struct {
	// apply is called again, on what was before, if its batch fails.
	apply func(*writeBatch) error
	// letters is about how much it will write.
	letters int
	// settled: every letter is to be in its mailbox before.
	settled bool
	// err is what apply decided.
	err  error
	done chan error
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
	path    string // of the database
	conn    *conn
	recent  *recentEntries
	marks   *requestKeys
	numbers *numberBound
	reserve *diskReserve
	log     *slog.Logger

	mu      sync.Mutex
	arrived sync.Cond       // of mu: something is in queue, or closing
	queue   []*writeRequest // guarded by mu
	closing bool            // guarded by mu
	ended   chan struct{}

	// landing is held from a commit until what it counted in memory is
	// published: who must not see one without the other reads under it.
	landing sync.RWMutex

	// The rest belongs to the writer's goroutine.

	// heads holds what the next number of mailboxes is above, for accounts that
	// exist.
	heads map[rookery.UIN]uint64
	// backlogCount holds what waits in mailboxes, as far as it was counted.
	waiting map[rookery.UIN]backlogCount
	// journaled is the id of the latest row of the journal.
	journaled int64
	round     writeRound
	batch     writeBatch
	taken     []*writeRequest
	// full: too many marks, failing: the latest transaction failed; the
	// operator knows of both.
	full, failing bool
}

func newWriter(c *conn, r *recentEntries, m *requestKeys, cfg Config) *writer {
	n := &numberBound{path: numbersPath(cfg.Path), now: cfg.Now, log: cfg.Log}
	w := &writer{
		path: cfg.Path, conn: c, recent: r, marks: m, numbers: n, reserve: newReserve(cfg), log: cfg.Log,
		ended: make(chan struct{}), heads: make(map[rookery.UIN]uint64), waiting: make(map[rookery.UIN]backlogCount),
	}
	w.arrived.L = &w.mu
	w.batch = writeBatch{writer: w, recount: make(map[rookery.UIN]backlogCount)}
	return w
}

// write carries out an operation and returns once it is decided, even if the
// context ends meanwhile: the effect may come about all the same.
func (s *Store) write(ctx context.Context, o writeRequest) error {
	if err := ctx.Err(); err != nil {
		return rookery.Temporary(err)
	}
	writer := s.writer
	o.done = make(chan error, 1)
	writer.mu.Lock()
	if writer.closing {
		writer.mu.Unlock()
		return errClosed
	}
	writer.queue = append(writer.queue, &o)
	writer.mu.Unlock()
	writer.arrived.Signal()
	return <-o.done
}

func (w *writer) run() {
	defer close(w.ended)
	for w.take() {
		w.carryOut(w.taken)
		clear(w.taken)
		if len(w.heads) > maxHeads {
			clear(w.heads)
		}
		if len(w.waiting) > maxHeads {
			clear(w.waiting)
		}
	}
	if err := w.settleAll(); err != nil {
		w.log.Error("letters stay in the journal until the store is opened again", "error", err)
		return
	}
	if err := w.endRun(); err != nil {
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
	w.arrived.Signal()
	<-w.ended
	return first
}

// take moves the next batch from the queue to taken, and reports false once
// there will be no more.
func (w *writer) take() bool {
	// Those who were just answered may have more: let them bring it first.
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 {
		if w.closing {
			return false
		}
		w.arrived.Wait()
	}
	n, letters := 0, 0
	for n < min(len(w.queue), maxBatch) && letters < maxBatchLetters {
		if w.queue[n].settled && n > 0 {
			break
		}
		letters += w.queue[n].letters
		n++
		if w.queue[n-1].settled {
			break
		}
	}
	w.taken = append(w.taken[:0], w.queue[:n]...)
	w.queue = slices.Delete(w.queue, 0, n)
	return true
}

// carryOut decides operations and answers them.
func (w *writer) carryOut(ops []*writeRequest) {
	err := w.commit(ops)
	if err != nil && w.makeRoom(err) {
		err = w.commit(ops)
	}
	if err != nil && len(ops) > 1 {
		for i := range ops {
			w.carryOut(ops[i : i+1])
		}
		return
	}
	w.tell(err)
	if err != nil {
		err = rookery.Temporary(err)
	}
	for _, writeRequest := range ops {
		writeRequest.done <- cmp.Or(err, writeRequest.err)
	}
}

// tell tells the operator when writing begins to fail, and when it works again.
// A full disk would fill the log otherwise.
func (w *writer) tell(err error) {
	switch {
	case err != nil && !w.failing:
		w.log.Error("the store cannot write", "error", explain(w.path, err))
	case err == nil && w.failing:
		w.log.Info("the store can write again")
	}
	w.failing = err != nil
}

// commit applies operations in one transaction. An error is a failure of the
// machinery: nothing has happened then.
func (w *writer) commit(ops []*writeRequest) error {
	if ops[0].settled {
		if err := w.settleAll(); err != nil {
			return err
		}
	}
	return w.transact(func(batch *writeBatch) error {
		for _, writeRequest := range ops {
			writeRequest.err = writeRequest.apply(batch)
			if writeRequest.err != nil && !isDecided(writeRequest.err) {
				return writeRequest.err
			}
		}
		return batch.settleSome()
	})
}

// isDecided tells what an operation came to from a failure of the machinery.
func isDecided(err error) bool {
	var decided *rookery.Error
	return errors.As(err, &decided)
}

// transact runs f in a transaction. What it counted in memory takes effect
// with the commit, or is thrown away.
func (w *writer) transact(f func(*writeBatch) error) error {
	batch := &w.batch
	batch.reset()
	_, err := w.conn.exec("BEGIN IMMEDIATE")
	if err == nil {
		err = f(batch)
	}
	if err == nil {
		err = batch.writeDown()
	}
	w.landing.Lock()
	defer w.landing.Unlock()
	if err == nil {
		_, err = w.conn.exec("COMMIT")
	}
	if err != nil {
		// An error is no news: after a full disk the transaction is gone already.
		w.conn.exec("ROLLBACK")
		clear(w.heads) // some were counted, some of accounts that do not exist now
		return err
	}
	batch.publish()
	return nil
}

// writeBatch is what one transaction has counted in memory.
type writeBatch struct {
	*writer
	letters []numberedEntry
	highest uint64 // of the letters' numbers
	marked  []storedKey
	// recount is what waits in mailboxes in which that has changed.
	recount map[rookery.UIN]backlogCount
	// settled are the recent letters that have moved to their mailboxes, ahead
	// is how far the writer's round has come with that.
	settled []mailboxSpan
	ahead   writeRound
	// then runs after the commit.
	then []func()
	blob []byte
}

func (b *writeBatch) reset() {
	clear(b.letters)
	clear(b.marked)
	clear(b.then)
	clear(b.recount)
	b.letters, b.marked, b.then = b.letters[:0], b.marked[:0], b.then[:0]
	b.highest = 0
	b.settled = b.settled[:0]
	b.ahead = b.round
}

// writeDown stores the letters and the marks of the batch, a row each: the
// pages that a commit writes are most of its cost.
func (b *writeBatch) writeDown() error {
	if len(b.letters) > 0 {
		if err := b.reserveNumbers(); err != nil {
			return err
		}
		b.blob = appendLetters(b.blob[:0], b.letters)
		if _, err := b.conn.exec("INSERT INTO journal VALUES (?, ?)", b.journaled+1, b.blob); err != nil {
			return err
		}
	}
	if len(b.marked) > 0 {
		b.blob = appendMarks(b.blob[:0], b.marked)
		if _, err := b.conn.exec("INSERT INTO marks (newest, marks) VALUES (?, ?)", newest(b.marked), b.blob); err != nil {
			return err
		}
	}
	return nil
}

func (b *writeBatch) publish() {
	b.recent.replace(b.settled, b.letters)
	if len(b.letters) > 0 {
		b.journaled++
	}
	b.numbers.commits++
	b.round = b.ahead
	b.marks.add(b.marked)
	b.publishWaiting()
	for _, f := range b.then {
		f()
	}
}

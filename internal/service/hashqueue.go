package service

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// hashPriority is how soon a password is hashed: all of a lower rank go first.
type hashPriority int

const (
	priorityOperator     hashPriority = iota
	priorityKnownAddress              // from an address that the account has signed in from
	priorityNewAddress                // from another
	priorityGuessing                  // from another that has tried wrong passwords
	priorityCount
)

// hashQueue shares the places in which passwords are hashed, which are few and
// slow on purpose. Whoever sends many wrong passwords must not hold up the first
// login of others: within a rank the addresses take turns, and each has only so
// many that wait.
type hashQueue struct {
	maxPerAddress int // how many of an address may wait
	maxWaiting    int // and of all together

	mu            sync.Mutex // guards the rest
	freeSlots     int        // places that nobody has
	waitingCount  int
	closed        bool                           // nobody gets a place any more
	addressQueues [priorityCount][]*addressQueue // of addresses with somebody who waits; the next one's turn first
}

// addressQueue is those of one address that wait, the first one first.
type addressQueue struct {
	address netip.Addr
	waiters []chan error // each holds one: nil is a place
}

var errTooManyLogins = rookery.Errorf(rookery.CodeTemporary, "too many sign in just now, try again")

func newHashQueue(slots, maxWaiting int) *hashQueue {
	return &hashQueue{freeSlots: slots, maxWaiting: maxWaiting, maxPerAddress: max(maxWaiting/4, 1)}
}

// acquire waits for a place, to be given back with leave. CodeTemporary if too many
// wait already, or ctx ends before.
func (q *hashQueue) acquire(ctx context.Context, priority hashPriority, address netip.Addr) error {
	slot, err := q.enqueue(priority, address)
	if err != nil {
		return err
	}
	select {
	case err := <-slot:
		return err
	case <-ctx.Done():
	}
	if !q.cancelWait(priority, address, slot) && <-slot == nil {
		q.release() // it was given in the same moment
	}
	return rookery.Temporary(ctx.Err())
}

// enqueue makes the caller wait behind the others of its address. If all room is
// taken, the longest line of the last rank loses its last one.
func (q *hashQueue) enqueue(priority hashPriority, address netip.Addr) (slot chan error, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slot = make(chan error, 1)
	if q.closed {
		return nil, errTooManyLogins
	}
	if q.freeSlots > 0 {
		q.freeSlots--
		slot <- nil
		return slot, nil
	}
	queue := q.queueOf(priority, address)
	ownWaiters := 0
	if queue != nil {
		ownWaiters = len(queue.waiters)
	}
	if ownWaiters >= q.maxPerAddress || q.waitingCount >= q.maxWaiting && !q.evictLongest(priority, ownWaiters) {
		return nil, errTooManyLogins
	}
	if queue = q.queueOf(priority, address); queue == nil {
		queue = &addressQueue{address: address}
		q.addressQueues[priority] = append(q.addressQueues[priority], queue)
	}
	queue.waiters = append(queue.waiters, slot)
	q.waitingCount++
	return slot, nil
}

// close refuses all who wait, and all who come.
func (q *hashQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for r, queues := range q.addressQueues {
		for _, queue := range queues {
			for _, slot := range queue.waiters {
				slot <- errTooManyLogins
			}
		}
		q.addressQueues[r] = nil
	}
	q.waitingCount = 0
}

func (q *hashQueue) queueOf(priority hashPriority, address netip.Addr) *addressQueue {
	i := slices.IndexFunc(q.addressQueues[priority], func(candidate *addressQueue) bool { return candidate.address == address })
	if i < 0 {
		return nil
	}
	return q.addressQueues[priority][i]
}

// evictLongest refuses the last one of the longest line in the last rank that has any,
// for somebody of a rank whose own line has a length. It reports false if that is
// of an earlier rank, or no longer than his own.
func (q *hashQueue) evictLongest(priority hashPriority, ownWaiters int) bool {
	for last := priorityCount - 1; last >= priority; last-- {
		queues := q.addressQueues[last]
		if len(queues) == 0 {
			continue
		}
		longest := slices.MaxFunc(queues, func(a, b *addressQueue) int { return len(a.waiters) - len(b.waiters) })
		if last == priority && len(longest.waiters) <= ownWaiters+1 {
			return false
		}
		end := len(longest.waiters) - 1
		longest.waiters[end] <- errTooManyLogins
		q.removeWaiter(last, longest, end)
		return true
	}
	return false
}

// removeWaiter takes one who waits out of a line, and a line that is empty away.
func (q *hashQueue) removeWaiter(priority hashPriority, queue *addressQueue, i int) {
	queue.waiters = slices.Delete(queue.waiters, i, i+1)
	q.waitingCount--
	if len(queue.waiters) == 0 {
		q.addressQueues[priority] = slices.DeleteFunc(q.addressQueues[priority], func(candidate *addressQueue) bool { return candidate == queue })
	}
}

// cancelWait reports whether somebody still waited, who does not any more.
func (q *hashQueue) cancelWait(priority hashPriority, address netip.Addr, slot chan error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queueOf(priority, address)
	if queue == nil {
		return false
	}
	i := slices.Index(queue.waiters, slot)
	if i < 0 {
		return false
	}
	q.removeWaiter(priority, queue, i)
	return true
}

// release gives a place to the next one: the first rank's, whose address's turn it
// is. That address's next turn is behind all others of the rank.
func (q *hashQueue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for r := range q.addressQueues {
		if len(q.addressQueues[r]) == 0 {
			continue
		}
		queue := q.addressQueues[r][0]
		queue.waiters[0] <- nil
		q.addressQueues[r] = append(slices.Delete(q.addressQueues[r], 0, 1), queue)
		q.removeWaiter(hashPriority(r), queue, 0)
		return
	}
	q.freeSlots++
}

package auth

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// hashPriority orders the waiting password hashes. Lower values go first.
type hashPriority int

const (
	priorityOperator     hashPriority = iota
	priorityKnownAddress              // an address from which the account has signed in
	priorityNewAddress                // any other address
	priorityGuessing                  // any other address that has failed at other accounts
	priorityCount
)

// hashQueue limits how many passwords are hashed at once, because hashing takes much memory and time.
// Somebody who sends many wrong passwords must not delay the logins of others. Within a priority the
// addresses therefore take turns, and each address has a limited number of waiters.
type hashQueue struct {
	maxPerAddress int // waiters of one address
	maxWaiting    int // waiters of all addresses

	mu            sync.Mutex // guards the fields below
	freeSlots     int        // unused slots
	waitingCount  int
	closed        bool                           // no slots are handed out any more
	addressQueues [priorityCount][]*addressQueue // addresses with waiters; the first of each list is next
}

// addressQueue holds the waiters of one address, the oldest first.
type addressQueue struct {
	address netip.Addr
	waiters []chan error // buffered; receives nil with a slot, or an error
}

var errTooManyLogins = rookery.Errorf(rookery.CodeTemporary, "too many sign in just now, try again")

func newHashQueue(slots, maxWaiting int) *hashQueue {
	return &hashQueue{freeSlots: slots, maxWaiting: maxWaiting, maxPerAddress: max(maxWaiting/4, 1)}
}

// acquire waits for a slot, which release returns. It returns CodeTemporary if too many wait already,
// if the queue is closed, or if ctx ends first.
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
		q.release() // the slot was handed over at the same moment
	}
	return rookery.Temporary(ctx.Err())
}

// enqueue adds a waiter behind the others of its address. If the queue is full, the last waiter of the
// longest address queue with the lowest priority is refused instead.
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

// close refuses all present and future waiters.
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
	i := slices.IndexFunc(q.addressQueues[priority],
		func(candidate *addressQueue) bool { return candidate.address == address })
	if i < 0 {
		return nil
	}
	return q.addressQueues[priority][i]
}

// evictLongest refuses the last waiter of the longest address queue with the lowest priority, to make
// room for a waiter of the given priority whose address has ownWaiters already. It returns false if
// that would not be fair: all waiters have a higher priority, or the longest queue of the same priority
// would not be longer than the caller's.
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

// removeWaiter removes the ith waiter of an address, and the address if it has no waiters left. q.mu
// must be held.
func (q *hashQueue) removeWaiter(priority hashPriority, queue *addressQueue, i int) {
	queue.waiters = slices.Delete(queue.waiters, i, i+1)
	q.waitingCount--
	if len(queue.waiters) == 0 {
		q.addressQueues[priority] = slices.DeleteFunc(q.addressQueues[priority],
			func(candidate *addressQueue) bool { return candidate == queue })
	}
}

// cancelWait removes a waiter. It returns false if the waiter has already received a slot or an error.
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

// release hands the slot to the first waiter of the next address with the highest priority. That
// address moves to the end of its list.
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

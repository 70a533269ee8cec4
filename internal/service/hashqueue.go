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
	rankOperator hashPriority = iota
	rankKnown                 // from an address that the account has signed in from
	rankNew                   // from another
	rankGuessing              // from another that has tried wrong passwords
	ranks
)

// hashQueue shares the places in which passwords are hashed, which are few and
// slow on purpose. Whoever sends many wrong passwords must not hold up the first
// login of others: within a rank the addresses take turns, and each has only so
// many that wait.
type hashQueue struct {
	perAddress int // how many of an address may wait
	most       int // and of all together

	mu      sync.Mutex // guards the rest
	free    int        // places that nobody has
	waiting int
	closed  bool                   // nobody gets a place any more
	lines   [ranks][]*addressQueue // of addresses with somebody who waits; the next one's turn first
}

// addressQueue is those of one address that wait, the first one first.
type addressQueue struct {
	address netip.Addr
	waiting []chan error // each holds one: nil is a place
}

var errBusy = rookery.Errorf(rookery.CodeTemporary, "too many sign in just now, try again")

func newHashQueue(places, most int) *hashQueue {
	return &hashQueue{free: places, most: most, perAddress: max(most/4, 1)}
}

// take waits for a place, to be given back with leave. CodeTemporary if too many
// wait already, or ctx ends before.
func (q *hashQueue) take(ctx context.Context, priority hashPriority, address netip.Addr) error {
	place, err := q.join(priority, address)
	if err != nil {
		return err
	}
	select {
	case err := <-place:
		return err
	case <-ctx.Done():
	}
	if !q.withdraw(priority, address, place) && <-place == nil {
		q.leave() // it was given in the same moment
	}
	return rookery.Temporary(ctx.Err())
}

// join makes the caller wait behind the others of its address. If all room is
// taken, the longest line of the last rank loses its last one.
func (q *hashQueue) join(priority hashPriority, address netip.Addr) (place chan error, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	place = make(chan error, 1)
	if q.closed {
		return nil, errBusy
	}
	if q.free > 0 {
		q.free--
		place <- nil
		return place, nil
	}
	line := q.line(priority, address)
	own := 0
	if line != nil {
		own = len(line.waiting)
	}
	if own >= q.perAddress || q.waiting >= q.most && !q.evict(priority, own) {
		return nil, errBusy
	}
	if line = q.line(priority, address); line == nil {
		line = &addressQueue{address: address}
		q.lines[priority] = append(q.lines[priority], line)
	}
	line.waiting = append(line.waiting, place)
	q.waiting++
	return place, nil
}

// close refuses all who wait, and all who come.
func (q *hashQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for r, lines := range q.lines {
		for _, line := range lines {
			for _, place := range line.waiting {
				place <- errBusy
			}
		}
		q.lines[r] = nil
	}
	q.waiting = 0
}

func (q *hashQueue) line(priority hashPriority, address netip.Addr) *addressQueue {
	i := slices.IndexFunc(q.lines[priority], func(l *addressQueue) bool { return l.address == address })
	if i < 0 {
		return nil
	}
	return q.lines[priority][i]
}

// evict refuses the last one of the longest line in the last rank that has any,
// for somebody of a rank whose own line has a length. It reports false if that is
// of an earlier rank, or no longer than his own.
func (q *hashQueue) evict(priority hashPriority, own int) bool {
	for last := ranks - 1; last >= priority; last-- {
		lines := q.lines[last]
		if len(lines) == 0 {
			continue
		}
		longest := slices.MaxFunc(lines, func(a, b *addressQueue) int { return len(a.waiting) - len(b.waiting) })
		if last == priority && len(longest.waiting) <= own+1 {
			return false
		}
		end := len(longest.waiting) - 1
		longest.waiting[end] <- errBusy
		q.remove(last, longest, end)
		return true
	}
	return false
}

// remove takes one who waits out of a line, and a line that is empty away.
func (q *hashQueue) remove(priority hashPriority, line *addressQueue, i int) {
	line.waiting = slices.Delete(line.waiting, i, i+1)
	q.waiting--
	if len(line.waiting) == 0 {
		q.lines[priority] = slices.DeleteFunc(q.lines[priority], func(l *addressQueue) bool { return l == line })
	}
}

// withdraw reports whether somebody still waited, who does not any more.
func (q *hashQueue) withdraw(priority hashPriority, address netip.Addr, place chan error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	line := q.line(priority, address)
	if line == nil {
		return false
	}
	i := slices.Index(line.waiting, place)
	if i < 0 {
		return false
	}
	q.remove(priority, line, i)
	return true
}

// leave gives a place to the next one: the first rank's, whose address's turn it
// is. That address's next turn is behind all others of the rank.
func (q *hashQueue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for r := range q.lines {
		if len(q.lines[r]) == 0 {
			continue
		}
		line := q.lines[r][0]
		line.waiting[0] <- nil
		q.lines[r] = append(slices.Delete(q.lines[r], 0, 1), line)
		q.remove(hashPriority(r), line, 0)
		return
	}
	q.free++
}

package service

import (
	"container/heap"
	"sync"
	"time"
)

// sweepQueue orders active accounts by the uptime of their next sweep. Each account is in it once. A
// request does not move its account; a sweep that comes too early schedules the next one.
type sweepQueue struct {
	mu    sync.Mutex // guards items
	items sweepHeap
}

type sweepItem struct {
	sweepAt time.Duration
	account *activeAccount
}

func (q *sweepQueue) schedule(account *activeAccount, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.items, sweepItem{at, account})
}

// removeDue removes and returns the accounts whose sweep is due.
func (q *sweepQueue) removeDue(now time.Duration) []*activeAccount {
	q.mu.Lock()
	defer q.mu.Unlock()
	var dueAccounts []*activeAccount
	for len(q.items) > 0 && q.items[0].sweepAt <= now {
		dueAccounts = append(dueAccounts, heap.Pop(&q.items).(sweepItem).account)
	}
	return dueAccounts
}

type sweepHeap []sweepItem

func (d sweepHeap) Len() int           { return len(d) }
func (d sweepHeap) Less(i, j int) bool { return d[i].sweepAt < d[j].sweepAt }
func (d sweepHeap) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *sweepHeap) Push(item any)     { *d = append(*d, item.(sweepItem)) }
func (d *sweepHeap) Pop() any {
	lastItem := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = sweepItem{}
	*d = (*d)[:len(*d)-1]
	return lastItem
}

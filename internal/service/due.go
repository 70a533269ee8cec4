package service

import (
	"container/heap"
	"sync"
	"time"
)

// sweepQueue orders members by when to look at them next. Each has one place in
// it, which requests do not touch: who was heard of meanwhile is put back.
type sweepQueue struct {
	mu    sync.Mutex // guards items
	items dueItems
}

type dueItem struct {
	at time.Duration
	m  *activeAccount
}

func (q *sweepQueue) push(active *activeAccount, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.items, dueItem{at, active})
}

// pop takes out the members whose time has come.
func (q *sweepQueue) pop(now time.Duration) []*activeAccount {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []*activeAccount
	for len(q.items) > 0 && q.items[0].at <= now {
		due = append(due, heap.Pop(&q.items).(dueItem).m)
	}
	return due
}

type dueItems []dueItem

func (d dueItems) Len() int           { return len(d) }
func (d dueItems) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dueItems) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueItems) Push(x any)        { *d = append(*d, x.(dueItem)) }
func (d *dueItems) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = dueItem{}
	*d = (*d)[:len(*d)-1]
	return last
}

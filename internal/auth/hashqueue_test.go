package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rookery-im/rookery"
)

// queueFixture is a queue with one slot, which the test holds, and its waiters.
type queueFixture struct {
	*testing.T
	queue *hashQueue

	mu       sync.Mutex // guards the fields below
	admitted []string   // names of the waiters that got the slot, in order
	refused  []string   // names of the refused waiters
}

func queueTest(t *testing.T, maxWaiting int, test func(h *queueFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &queueFixture{T: t, queue: newHashQueue(1, maxWaiting)}
		if err := h.queue.acquire(t.Context(), priorityNewAddress, network(0)); err != nil {
			t.Fatal(err)
		}
		test(h)
		h.drain()
		if h.queue.freeSlots != 1 || h.queue.waitingCount != 0 {
			t.Errorf("in the end %d slots are free, and %d wait", h.queue.freeSlots, h.queue.waitingCount)
		}
	})
}

func network(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// wait adds a waiter that releases the slot at once.
func (h *queueFixture) wait(ctx context.Context, priority hashPriority, address int, name string) {
	go func() {
		err := h.queue.acquire(ctx, priority, network(address))
		h.mu.Lock()
		defer h.mu.Unlock()
		if err != nil {
			h.refused = append(h.refused, name)
			if rookery.CodeOf(err) != rookery.CodeTemporary {
				h.Errorf("%s: %v", name, err)
			}
			return
		}
		h.admitted = append(h.admitted, name)
		h.queue.release()
	}()
	synctest.Wait()
}

func (h *queueFixture) drain() {
	h.queue.release()
	synctest.Wait()
}

func (h *queueFixture) want(got, lost []string) {
	h.Helper()
	h.drain()
	if !slices.Equal(h.admitted, got) || !slices.Equal(h.refused, lost) {
		h.Errorf("got a slot: %q, refused: %q; want %q, %q", h.admitted, h.refused, got, lost)
	}
	if err := h.queue.acquire(h.Context(), priorityNewAddress, network(0)); err != nil {
		h.Fatal(err)
	}
}

func TestAddressesTakeTurnsAndTheKnownComeFirst(t *testing.T) {
	queueTest(t, 64, func(h *queueFixture) {
		for i := range 3 {
			h.wait(h.Context(), priorityNewAddress, 1, fmt.Sprint("one ", i))
		}
		h.wait(h.Context(), priorityGuessing, 2, "guesser")
		h.wait(h.Context(), priorityNewAddress, 3, "other")
		h.wait(h.Context(), priorityKnownAddress, 1, "owner")
		h.wait(h.Context(), priorityOperator, 0, "operator")
		h.wait(h.Context(), priorityNewAddress, 4, "third")
		h.want([]string{"operator", "owner", "one 0", "other", "third", "one 1", "one 2", "guesser"}, nil)
	})
}

func TestOfAnAddressOnlySoManyWait(t *testing.T) {
	queueTest(t, 16, func(h *queueFixture) {
		for i := range 6 {
			h.wait(h.Context(), priorityNewAddress, 1, fmt.Sprint(i))
		}
		h.want([]string{"0", "1", "2", "3"}, []string{"4", "5"})
	})
}

func TestWhenItIsFullTheLongestLineOfTheLastRankLoses(t *testing.T) {
	queueTest(t, 8, func(h *queueFixture) {
		for _, w := range []struct {
			rank    hashPriority
			address int
			name    string
		}{
			{priorityGuessing, 1, "g1"}, {priorityGuessing, 2, "g2 a"}, {priorityGuessing, 2, "g2 b"},
			{priorityNewAddress, 3, "n3 a"}, {priorityNewAddress, 3, "n3 b"}, {priorityNewAddress, 4, "n4"},
			{priorityKnownAddress, 5, "k5 a"}, {priorityKnownAddress, 5, "k5 b"},
		} {
			h.wait(h.Context(), w.rank, w.address, w.name)
		}
		h.wait(h.Context(), priorityGuessing, 9, "g9")     // takes the place of g2 b
		h.wait(h.Context(), priorityGuessing, 10, "g10")   // all addresses have one waiter: refused
		h.wait(h.Context(), priorityNewAddress, 6, "n6")   // takes the place of a guesser
		h.wait(h.Context(), priorityKnownAddress, 7, "k7") // takes the place of another guesser
		h.wait(h.Context(), priorityKnownAddress, 8, "k8") // takes the place of the last guesser
		h.wait(h.Context(), priorityKnownAddress, 9, "k9") // takes the place of n3 b
		h.wait(h.Context(), priorityGuessing, 11, "late")  // refused: all waiters have a higher priority
		if len(h.refused) != 7 || h.refused[0] != "g2 b" || h.refused[1] != "g10" || h.refused[5] != "n3 b" ||
			h.refused[6] != "late" {
			h.Errorf("refused: %q", h.refused)
		}
		h.want([]string{"k5 a", "k7", "k8", "k9", "k5 b", "n3 a", "n4", "n6"}, slices.Clone(h.refused))
	})
}

func TestWhoLeavesTheQueueLeavesNoTrace(t *testing.T) {
	queueTest(t, 8, func(h *queueFixture) {
		ctx, leave := context.WithCancel(h.Context())
		h.wait(ctx, priorityNewAddress, 1, "leaves")
		h.wait(h.Context(), priorityNewAddress, 1, "stays")
		h.wait(ctx, priorityNewAddress, 2, "leaves too")
		leave()
		synctest.Wait()
		h.want([]string{"stays"}, slices.Clone(h.refused))
		if len(h.refused) != 2 || len(h.queue.addressQueues[priorityNewAddress]) != 0 {
			h.Errorf("left: %q, lines %v", h.refused, h.queue.addressQueues)
		}
	})
}

// Ten thousand addresses send wrong passwords all the time. A waiter from any other address still gets
// the next free slot.
func TestAQueueFullOfGuessersHoldsUpNobodyElse(t *testing.T) {
	queueTest(t, 64, func(h *queueFixture) {
		refused := 0
		for i := range 10_000 {
			if _, err := h.queue.enqueue(priorityGuessing, network(1000+i)); errors.Is(err, errTooManyLogins) {
				refused++
			}
		}
		if refused != 10_000-64 {
			h.Errorf("%d were refused", refused)
		}
		h.wait(h.Context(), priorityNewAddress, 1, "new owner")
		h.wait(h.Context(), priorityKnownAddress, 2, "known owner")
		for range 2 {
			h.queue.release() // each waiter passes the slot on at once
			synctest.Wait()
		}
		if !slices.Equal(h.admitted, []string{"known owner", "new owner"}) {
			h.Errorf("the first places went to %q", h.admitted)
		}
		for h.queue.waitingCount > 0 {
			h.queue.release()
		}
	})
}

func TestWhenTheQueueIsClosedAllAreRefused(t *testing.T) {
	queueTest(t, 64, func(h *queueFixture) {
		h.wait(h.Context(), priorityOperator, 0, "operator")
		h.wait(h.Context(), priorityNewAddress, 1, "new")
		h.wait(h.Context(), priorityNewAddress, 1, "new too")
		h.queue.close()
		synctest.Wait()
		slices.Sort(h.refused)
		h.drain()
		h.wait(h.Context(), priorityKnownAddress, 1, "owner") // refused although a slot is free
		if len(h.admitted) != 0 || !slices.Equal(h.refused, []string{"new", "new too", "operator", "owner"}) {
			h.Errorf("got a slot: %q, refused: %q", h.admitted, h.refused)
		}
		h.queue.freeSlots = 0 // queueTest releases the slot once more
	})
}

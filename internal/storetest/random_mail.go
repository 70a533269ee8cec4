package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (g *operationGenerator) randomEntry() rookery.NewEntry {
	newEntry := messageEntry(g.randomUIN(), g.randomUIN(), g.randomText())
	if g.IntN(3) == 0 {
		newEntry.Kind, newEntry.OriginDevice = rookery.KindSent, g.randomDevice()
	}
	newEntry.Limit = g.randomLimit()
	return newEntry
}

// randomLimit returns a limit that mailboxes reach now and then, or none.
func (g *operationGenerator) randomLimit() *rookery.BacklogLimit {
	return []*rookery.BacklogLimit{nil, nil, {Messages: 12, Bytes: 1 << 20}, {Messages: 1000, Bytes: 200}}[g.IntN(4)]
}

func (g *operationGenerator) deliverEntries() operation {
	var newEntries []rookery.NewEntry
	for range 1 + g.IntN(3)*g.IntN(3) {
		newEntries = append(newEntries, g.randomEntry())
	}
	key, now := g.randomKey(), g.currentTime()
	return operation{fmt.Sprintf("deliver %+v, %+v", newEntries, key), func(store service.Store) any {
		receipt, err := store.Deliver(g.ctx, newEntries, now, key)
		return resultOf(err, receipt)
	}}
}

func (g *operationGenerator) deliverInOrder() operation {
	var deliveries []rookery.Delivery
	for range g.IntN(5) {
		newEntries := []rookery.NewEntry{g.randomEntry(), g.randomEntry()}[:1+g.IntN(2)]
		deliveries = append(deliveries, rookery.Delivery{Entries: newEntries, Key: g.randomKey()})
	}
	now := g.currentTime()
	return operation{fmt.Sprintf("deliver in order %+v", deliveries), func(store service.Store) any {
		var results []any
		for _, result := range store.DeliverInOrder(g.ctx, deliveries, now) {
			results = append(results, resultOf(result.Err, result.Receipt))
		}
		return resultOf(nil, results...)
	}}
}

// saveCursor moves the cursor to one of the newest entries. Sometimes the writer does not know the
// stored cursor.
func (g *operationGenerator) saveCursor() operation {
	uin, device, distance, isRepeatable := g.randomUIN(), g.randomDevice(), uint64(g.IntN(4)), g.IntN(3) == 0
	staleBy := uint64(max(g.IntN(10)-8, 0))
	return operation{fmt.Sprint("collect ", uin, device), func(store service.Store) any {
		last, stored, err := store.MailboxState(g.ctx, uin, device)
		if err != nil {
			return resultOf(err)
		}
		cursor := rookery.Cursor{Number: last - min(distance, last), State: fmt.Append(nil, distance)}
		if isRepeatable {
			cursor.RepeatFrom = last - min(2*distance, last)
		}
		return resultOf(store.SaveCursor(g.ctx, uin, device, stored.Number+staleBy, cursor), cursor)
	}}
}

func (g *operationGenerator) listEntries() operation {
	uin, after, length, limit := g.randomUIN(), uint64(g.IntN(60)), uint64(g.IntN(60)), g.IntN(40)
	return operation{fmt.Sprint("entries ", uin, after, length, limit), func(store service.Store) any {
		entries, err := store.Entries(g.ctx, uin, after, after+length, limit)
		return resultOf(err, entries)
	}}
}

func (g *operationGenerator) mailboxState() operation {
	uin, device := g.randomUIN(), g.randomDevice()
	return operation{fmt.Sprint("mailbox ", uin, device), func(store service.Store) any {
		last, cursor, err := store.MailboxState(g.ctx, uin, device)
		return resultOf(err, last, cursor)
	}}
}

func (g *operationGenerator) searchHistory() operation {
	uin := g.randomUIN()
	query := rookery.HistoryQuery{
		Before: uint64(g.IntN(60)), Limit: g.IntN(20), Text: []string{"", "TEXT", "приВЕТ", "鹅", "1"}[g.IntN(5)],
	}
	if g.IntN(3) > 0 {
		query.Peer = g.randomUIN()
	}
	return operation{fmt.Sprintf("history of %d, %+v", uin, query), func(store service.Store) any {
		entries, more, err := store.History(g.ctx, uin, query)
		return resultOf(err, fmt.Sprint(entries), more)
	}}
}

func (g *operationGenerator) advanceReadMark() operation {
	uin, key := g.randomUIN(), g.randomKey()
	readMark := rookery.ReadMark{Peer: g.randomUIN(), Number: uint64(g.IntN(60))}
	return operation{fmt.Sprintf("set read mark of %d, %+v, %+v", uin, readMark, key), func(store service.Store) any {
		hasMoved, err := store.AdvanceReadMark(g.ctx, uin, readMark, key)
		return resultOf(err, hasMoved)
	}}
}

package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (d *operationGenerator) randomEntry() rookery.NewEntry {
	newEntry := messageEntry(d.randomUIN(), d.randomUIN(), d.randomText())
	if d.IntN(3) == 0 {
		newEntry.Kind, newEntry.OriginDevice = rookery.KindSent, d.randomDevice()
	}
	newEntry.Limit = d.randomLimit()
	return newEntry
}

// randomLimit returns a limit that mailboxes reach now and then, or none.
func (d *operationGenerator) randomLimit() *rookery.BacklogLimit {
	return []*rookery.BacklogLimit{nil, nil, {Messages: 12, Bytes: 1 << 20}, {Messages: 1000, Bytes: 200}}[d.IntN(4)]
}

func (d *operationGenerator) deliverEntries() operation {
	var newEntries []rookery.NewEntry
	for range 1 + d.IntN(3)*d.IntN(3) {
		newEntries = append(newEntries, d.randomEntry())
	}
	key, now := d.randomKey(), d.currentTime()
	return operation{fmt.Sprintf("deliver %+v, %+v", newEntries, key), func(store service.Store) any {
		receipt, err := store.Deliver(d.ctx, newEntries, now, key)
		return resultOf(err, receipt)
	}}
}

func (d *operationGenerator) deliverInOrder() operation {
	var row []rookery.Delivery
	for range d.IntN(5) {
		row = append(
			row,
			rookery.Delivery{
				Entries: []rookery.NewEntry{d.randomEntry(), d.randomEntry()}[:1+d.IntN(2)], Key: d.randomKey(),
			},
		)
	}
	now := d.currentTime()
	return operation{fmt.Sprintf("deliver each of %+v", row), func(store service.Store) any {
		var all []any
		for _, one := range store.DeliverInOrder(d.ctx, row, now) {
			all = append(all, resultOf(one.Err, one.Receipt))
		}
		return resultOf(nil, all...)
	}}
}

// saveCursor moves the cursor to one of the newest entries.
func (d *operationGenerator) saveCursor() operation {
	uin, device, back, keep := d.randomUIN(), d.randomDevice(), uint64(d.IntN(4)), d.IntN(3) == 0
	return operation{fmt.Sprint("collect ", uin, device), func(store service.Store) any {
		last, _, err := store.MailboxState(d.ctx, uin, device)
		if err != nil {
			return resultOf(err)
		}
		cursor := rookery.Cursor{Number: last - min(back, last), State: fmt.Append(nil, back)}
		if keep {
			cursor.RepeatFrom = last - min(2*back, last)
		}
		return resultOf(store.SaveCursor(d.ctx, uin, device, cursor), cursor)
	}}
}

func (d *operationGenerator) listEntries() operation {
	uin, after, length, limit := d.randomUIN(), uint64(d.IntN(60)), uint64(d.IntN(60)), d.IntN(40)
	return operation{fmt.Sprint("entries ", uin, after, length, limit), func(store service.Store) any {
		entries, err := store.Entries(d.ctx, uin, after, after+length, limit)
		return resultOf(err, entries)
	}}
}

func (d *operationGenerator) mailboxState() operation {
	uin, device := d.randomUIN(), d.randomDevice()
	return operation{fmt.Sprint("mailbox ", uin, device), func(store service.Store) any {
		last, cursor, err := store.MailboxState(d.ctx, uin, device)
		return resultOf(err, last, cursor)
	}}
}

func (d *operationGenerator) searchHistory() operation {
	uin := d.randomUIN()
	query := rookery.HistoryQuery{
		Before: uint64(d.IntN(60)), Limit: d.IntN(20), Text: []string{"", "TEXT", "приВЕТ", "鹅", "1"}[d.IntN(5)],
	}
	if d.IntN(3) > 0 {
		query.Peer = d.randomUIN()
	}
	return operation{fmt.Sprintf("history of %d, %+v", uin, query), func(store service.Store) any {
		entries, more, err := store.History(d.ctx, uin, query)
		return resultOf(err, fmt.Sprint(entries), more)
	}}
}

func (d *operationGenerator) advanceReadMark() operation {
	uin, readMark, key := d.randomUIN(), rookery.ReadMark{
		Peer: d.randomUIN(), Number: uint64(d.IntN(60)),
	}, d.randomKey()
	return operation{fmt.Sprintf("set read mark of %d, %+v, %+v", uin, readMark, key), func(store service.Store) any {
		receipt, err := store.AdvanceReadMark(d.ctx, uin, readMark, key)
		return resultOf(err, receipt)
	}}
}

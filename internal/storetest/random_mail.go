package storetest

import (
	"fmt"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func (d *dice) letter() rookery.NewEntry {
	newEntry := letter(d.uin(), d.uin(), d.text())
	if d.IntN(3) == 0 {
		newEntry.Kind, newEntry.OriginDevice = rookery.KindSent, d.device()
	}
	newEntry.Limit = d.limit()
	return newEntry
}

// limit is one that mailboxes come to now and then, or none.
func (d *dice) limit() *rookery.BacklogLimit {
	return []*rookery.BacklogLimit{nil, nil, {Messages: 12, Bytes: 1 << 20}, {Messages: 1000, Bytes: 200}}[d.IntN(4)]
}

func (d *dice) deliver() call {
	var letters []rookery.NewEntry
	for range 1 + d.IntN(3)*d.IntN(3) {
		letters = append(letters, d.letter())
	}
	key, now := d.mark(), d.now()
	return call{fmt.Sprintf("deliver %+v, %+v", letters, key), func(store service.Store) any {
		receipt, err := store.Deliver(d.ctx, letters, now, key)
		return outcome(err, receipt)
	}}
}

func (d *dice) deliverEach() call {
	var row []rookery.Delivery
	for range d.IntN(5) {
		row = append(row, rookery.Delivery{Entries: []rookery.NewEntry{d.letter(), d.letter()}[:1+d.IntN(2)], Key: d.mark()})
	}
	now := d.now()
	return call{fmt.Sprintf("deliver each of %+v", row), func(store service.Store) any {
		var all []any
		for _, one := range store.DeliverInOrder(d.ctx, row, now) {
			all = append(all, outcome(one.Err, one.Receipt))
		}
		return outcome(nil, all...)
	}}
}

// collect passes some of the newest entries, as collectors do.
func (d *dice) collect() call {
	uin, device, back, keep := d.uin(), d.device(), uint64(d.IntN(4)), d.IntN(3) == 0
	return call{fmt.Sprint("collect ", uin, device), func(store service.Store) any {
		last, _, err := store.MailboxState(d.ctx, uin, device)
		if err != nil {
			return outcome(err)
		}
		place := rookery.Cursor{Number: last - min(back, last), State: fmt.Append(nil, back)}
		if keep {
			place.RepeatFrom = last - min(2*back, last)
		}
		return outcome(store.SaveCursor(d.ctx, uin, device, place), place)
	}}
}

func (d *dice) entries() call {
	uin, after, length, limit := d.uin(), uint64(d.IntN(60)), uint64(d.IntN(60)), d.IntN(40)
	return call{fmt.Sprint("entries ", uin, after, length, limit), func(store service.Store) any {
		entries, err := store.Entries(d.ctx, uin, after, after+length, limit)
		return outcome(err, entries)
	}}
}

func (d *dice) mailbox() call {
	uin, device := d.uin(), d.device()
	return call{fmt.Sprint("mailbox ", uin, device), func(store service.Store) any {
		last, place, err := store.MailboxState(d.ctx, uin, device)
		return outcome(err, last, place)
	}}
}

func (d *dice) history() call {
	uin := d.uin()
	query := rookery.HistoryQuery{Before: uint64(d.IntN(60)), Limit: d.IntN(20), Text: []string{"", "TEXT", "приВЕТ", "鹅", "1"}[d.IntN(5)]}
	if d.IntN(3) > 0 {
		query.With = d.uin()
	}
	return call{fmt.Sprintf("history of %d, %+v", uin, query), func(store service.Store) any {
		entries, more, err := store.History(d.ctx, uin, query)
		return outcome(err, fmt.Sprint(entries), more)
	}}
}

func (d *dice) setReadMark() call {
	uin, readMark, key := d.uin(), rookery.ReadMark{With: d.uin(), Number: uint64(d.IntN(60))}, d.mark()
	return call{fmt.Sprintf("set read mark of %d, %+v, %+v", uin, readMark, key), func(store service.Store) any {
		receipt, err := store.AdvanceReadMark(d.ctx, uin, readMark, key)
		return outcome(err, receipt)
	}}
}

package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// each delivers one message for each text to an account, with the marks given.
func (x *trial) each(to rookery.UIN, texts []string, marks ...rookery.RequestKey) []rookery.DeliveryResult {
	deliveries := make([]rookery.Delivery, len(texts))
	for i, text := range texts {
		deliveries[i].Entries = []rookery.NewEntry{letter(to, bob, text)}
		if i < len(marks) {
			deliveries[i].Key = marks[i]
		}
	}
	return x.DeliverInOrder(x.ctx, deliveries, noon)
}

func (x *trial) allDone(all []rookery.DeliveryResult) {
	x.Helper()
	for _, deliveryResult := range all {
		x.must(deliveryResult.Err)
	}
}

var eachTests = []test{
	{"deliveries in a row are carried out in their order", func(x *trial) {
		x.add(ann, bob)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{letter(ann, bob, "a"), {To: bob, Kind: rookery.KindSent, Peer: ann, Text: "a", OriginDevice: "phone"}}},
			{Entries: []rookery.NewEntry{letter(ann, bob, "b")}},
			{},
			{Entries: []rookery.NewEntry{letter(bob, ann, "c"), letter(ann, bob, "d")}},
		}, noon)
		x.equal("receipts", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{1, 1}}}, {Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Numbers: all[2].Receipt.Numbers}}, {Receipt: rookery.Receipt{Numbers: []uint64{2, 3}}},
		})
		x.equal("numbers of nothing", len(all[2].Receipt.Numbers), 0)
		x.twice(func() {
			x.equal("texts of ann", x.texts(ann), []string{"a", "b", "d"})
			x.equal("mailbox of bob", x.all(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "a", OriginDevice: "phone"},
				{Number: 2, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "c"},
			})
		})
	}},
	{"one that fails in the middle fails by itself", func(x *trial) {
		x.add(ann)
		failing := mark(bob, 1, time.Minute)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{letter(ann, bob, "a")}},
			{Entries: []rookery.NewEntry{letter(ann, bob, "lost"), letter(nobody, bob, "lost")}, Key: failing},
			{Entries: []rookery.NewEntry{letter(ann, bob, "b")}},
		}, noon)
		x.refused(all[1].Err, rookery.CodeNoAccount)
		x.allDone([]rookery.DeliveryResult{all[0], all[2]})
		x.twice(func() {
			x.equal("texts", x.texts(ann), []string{"a", "b"})
			x.recalls(failing, false)
		})
	}},
	{"a repeat in the middle gets the first outcome, the others are done", func(x *trial) {
		x.add(ann)
		x.allDone(x.each(ann, []string{"a"}, mark(bob, 1, time.Minute)))
		all := x.each(ann, []string{"b", "a", "c"}, mark(bob, 2, time.Minute), mark(bob, 1, time.Minute), mark(bob, 3, time.Minute))
		x.equal("what became of them", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Repeated: true}},
			{Receipt: rookery.Receipt{Numbers: []uint64{3}}},
		})
		x.twice(func() { x.equal("texts", x.texts(ann), []string{"a", "b", "c"}) })
	}},
	{"of equal marks in a row the second is a repeat", func(x *trial) {
		x.add(ann)
		all := x.each(ann, []string{"a", "a", "b"}, mark(bob, 1, time.Minute), mark(bob, 1, time.Minute))
		x.allDone(all)
		x.equal("repeated", []bool{all[0].Receipt.Repeated, all[1].Receipt.Repeated, all[2].Receipt.Repeated}, []bool{false, true, false})
		x.twice(func() { x.equal("texts", x.texts(ann), []string{"a", "b"}) })
	}},
	{"a LatestOnly mark in a row is repeated only while it is the latest", func(x *trial) {
		x.add(ann)
		one, two := short(bob, 1, time.Minute), short(bob, 2, time.Minute)
		x.allDone(x.each(ann, []string{"a", "again", "b", "c"}, one, one, two, one))
		x.equal("texts", x.texts(ann), []string{"a", "b", "c"})
	}},
	{"if the one before with an equal mark has failed, it is carried out", func(x *trial) {
		x.add(ann)
		key := mark(bob, 1, time.Minute)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{letter(nobody, bob, "lost")}, Key: key}, {Entries: []rookery.NewEntry{letter(ann, bob, "a")}, Key: key},
		}, noon)
		x.refused(all[0].Err, rookery.CodeNoAccount)
		x.equal("the second", all[1], rookery.DeliveryResult{Receipt: rookery.Receipt{Numbers: []uint64{1}}})
	}},
	{"none in a row is no delivery", func(x *trial) { x.equal("of none", len(x.DeliverInOrder(x.ctx, nil, noon)), 0) }},
	{"no entry of another operation comes between two of a row", func(x *trial) {
		x.add(ann)
		const senders, each, rows = 6, 8, 10
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range rows {
					texts := make([]string, each)
					for k := range texts {
						texts[k] = fmt.Sprint(i)
					}
					for _, deliveryResult := range x.each(ann, texts) {
						if deliveryResult.Err != nil {
							x.Error(deliveryResult.Err)
						}
					}
				}
			})
		}
		all.Wait()
		texts := x.texts(ann)
		x.equal("entries", len(texts), senders*each*rows)
		for i, text := range texts {
			x.equal(fmt.Sprint("entry ", i+1), text, texts[i-i%each])
		}
	}},
	{"a closed store says so of each", func(x *trial) {
		x.add(ann)
		x.must(x.Close())
		for _, deliveryResult := range x.each(ann, []string{"a", "b"}) {
			x.refused(deliveryResult.Err, rookery.CodeTemporary)
		}
	}},
}

package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverInOrder delivers one message for each text to an account, with the marks given.
func (x *contractTrial) deliverInOrder(to rookery.UIN, texts []string, marks ...rookery.RequestKey) []rookery.DeliveryResult {
	deliveries := make([]rookery.Delivery, len(texts))
	for i, text := range texts {
		deliveries[i].Entries = []rookery.NewEntry{messageEntry(to, bob, text)}
		if i < len(marks) {
			deliveries[i].Key = marks[i]
		}
	}
	return x.DeliverInOrder(x.ctx, deliveries, noon)
}

func (x *contractTrial) requireAllDelivered(all []rookery.DeliveryResult) {
	x.Helper()
	for _, deliveryResult := range all {
		x.requireNoError(deliveryResult.Err)
	}
}

var orderedDeliveryTests = []contractTest{
	{"deliveries in a row are carried out in their order", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "a"), {To: bob, Kind: rookery.KindSent, Peer: ann, Text: "a", OriginDevice: "phone"}}},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "b")}},
			{},
			{Entries: []rookery.NewEntry{messageEntry(bob, ann, "c"), messageEntry(ann, bob, "d")}},
		}, noon)
		x.requireEqual("receipts", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{1, 1}}}, {Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Numbers: all[2].Receipt.Numbers}}, {Receipt: rookery.Receipt{Numbers: []uint64{2, 3}}},
		})
		x.requireEqual("numbers of nothing", len(all[2].Receipt.Numbers), 0)
		x.checkAcrossRestart(func() {
			x.requireEqual("texts of ann", x.mailboxTexts(ann), []string{"a", "b", "d"})
			x.requireEqual("mailbox of bob", x.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "a", OriginDevice: "phone"},
				{Number: 2, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "c"},
			})
		})
	}},
	{"one that fails in the middle fails by itself", func(x *contractTrial) {
		x.createAccounts(ann)
		failing := longKey(bob, 1, time.Minute)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "lost"), messageEntry(nobody, bob, "lost")}, Key: failing},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "b")}},
		}, noon)
		x.requireCode(all[1].Err, rookery.CodeNoAccount)
		x.requireAllDelivered([]rookery.DeliveryResult{all[0], all[2]})
		x.checkAcrossRestart(func() {
			x.requireEqual("texts", x.mailboxTexts(ann), []string{"a", "b"})
			x.requireRecorded(failing, false)
		})
	}},
	{"a repeat in the middle gets the first outcome, the others are done", func(x *contractTrial) {
		x.createAccounts(ann)
		x.requireAllDelivered(x.deliverInOrder(ann, []string{"a"}, longKey(bob, 1, time.Minute)))
		all := x.deliverInOrder(ann, []string{"b", "a", "c"}, longKey(bob, 2, time.Minute), longKey(bob, 1, time.Minute), longKey(bob, 3, time.Minute))
		x.requireEqual("what became of them", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Repeated: true}},
			{Receipt: rookery.Receipt{Numbers: []uint64{3}}},
		})
		x.checkAcrossRestart(func() { x.requireEqual("texts", x.mailboxTexts(ann), []string{"a", "b", "c"}) })
	}},
	{"of equal marks in a row the second is a repeat", func(x *contractTrial) {
		x.createAccounts(ann)
		all := x.deliverInOrder(ann, []string{"a", "a", "b"}, longKey(bob, 1, time.Minute), longKey(bob, 1, time.Minute))
		x.requireAllDelivered(all)
		x.requireEqual("repeated", []bool{all[0].Receipt.Repeated, all[1].Receipt.Repeated, all[2].Receipt.Repeated}, []bool{false, true, false})
		x.checkAcrossRestart(func() { x.requireEqual("texts", x.mailboxTexts(ann), []string{"a", "b"}) })
	}},
	{"a LatestOnly mark in a row is repeated only while it is the latest", func(x *contractTrial) {
		x.createAccounts(ann)
		one, two := shortKey(bob, 1, time.Minute), shortKey(bob, 2, time.Minute)
		x.requireAllDelivered(x.deliverInOrder(ann, []string{"a", "again", "b", "c"}, one, one, two, one))
		x.requireEqual("texts", x.mailboxTexts(ann), []string{"a", "b", "c"})
	}},
	{"if the one before with an equal mark has failed, it is carried out", func(x *contractTrial) {
		x.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		all := x.DeliverInOrder(x.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(nobody, bob, "lost")}, Key: key}, {Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}, Key: key},
		}, noon)
		x.requireCode(all[0].Err, rookery.CodeNoAccount)
		x.requireEqual("the second", all[1], rookery.DeliveryResult{Receipt: rookery.Receipt{Numbers: []uint64{1}}})
	}},
	{"none in a row is no delivery", func(x *contractTrial) { x.requireEqual("of none", len(x.DeliverInOrder(x.ctx, nil, noon)), 0) }},
	{"no entry of another operation comes between two of a row", func(x *contractTrial) {
		x.createAccounts(ann)
		const senders, each, rows = 6, 8, 10
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range rows {
					texts := make([]string, each)
					for k := range texts {
						texts[k] = fmt.Sprint(i)
					}
					for _, deliveryResult := range x.deliverInOrder(ann, texts) {
						if deliveryResult.Err != nil {
							x.Error(deliveryResult.Err)
						}
					}
				}
			})
		}
		all.Wait()
		texts := x.mailboxTexts(ann)
		x.requireEqual("entries", len(texts), senders*each*rows)
		for i, text := range texts {
			x.requireEqual(fmt.Sprint("entry ", i+1), text, texts[i-i%each])
		}
	}},
	{"a closed store says so of each", func(x *contractTrial) {
		x.createAccounts(ann)
		x.requireNoError(x.Close())
		for _, deliveryResult := range x.deliverInOrder(ann, []string{"a", "b"}) {
			x.requireCode(deliveryResult.Err, rookery.CodeTemporary)
		}
	}},
}

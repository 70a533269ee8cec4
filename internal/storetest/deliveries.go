package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverInOrder delivers one message for each text, with the given keys for the first of them.
func (s *testedStore) deliverInOrder(
	to rookery.UIN, texts []string, keys ...rookery.RequestKey,
) []rookery.DeliveryResult {
	deliveries := make([]rookery.Delivery, len(texts))
	for i, text := range texts {
		deliveries[i].Entries = []rookery.NewEntry{messageEntry(to, bob, text)}
		if i < len(keys) {
			deliveries[i].Key = keys[i]
		}
	}
	return s.DeliverInOrder(s.ctx, deliveries, noon)
}

func (s *testedStore) requireAllDelivered(results []rookery.DeliveryResult) {
	s.Helper()
	for _, result := range results {
		s.requireNoError(result.Err)
	}
}

var orderedDeliveryTests = []contractTest{
	{"deliveries are carried out in order", func(store *testedStore) {
		store.createAccounts(ann, bob)
		results := store.DeliverInOrder(store.ctx, []rookery.Delivery{
			{
				Entries: []rookery.NewEntry{
					messageEntry(ann, bob, "a"),
					{To: bob, Kind: rookery.KindSent, Peer: ann, Text: "a", OriginDevice: "phone"},
				},
			},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "b")}},
			{},
			{Entries: []rookery.NewEntry{messageEntry(bob, ann, "c"), messageEntry(ann, bob, "d")}},
		}, noon)
		store.requireEqual("numbers of the empty delivery", len(results[2].Receipt.Numbers), 0)
		store.requireEqual("results", results, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{1, 1}}},
			{Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Numbers: results[2].Receipt.Numbers}}, // nil or empty
			{Receipt: rookery.Receipt{Numbers: []uint64{2, 3}}},
		})
		store.checkAcrossRestart(func() {
			store.requireEqual("texts of ann", store.mailboxTexts(ann), []string{"a", "b", "d"})
			store.requireEqual("mailbox of bob", store.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "a", OriginDevice: "phone"},
				{Number: 2, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "c"},
			})
		})
	}},
	{"a failing delivery does not affect the others", func(store *testedStore) {
		store.createAccounts(ann)
		failing := longKey(bob, 1, time.Minute)
		results := store.DeliverInOrder(store.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}},
			{
				Entries: []rookery.NewEntry{messageEntry(ann, bob, "lost"), messageEntry(nobody, bob, "lost")},
				Key:     failing,
			},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "b")}},
		}, noon)
		store.requireCode(results[1].Err, rookery.CodeNoAccount)
		store.requireAllDelivered([]rookery.DeliveryResult{results[0], results[2]})
		store.checkAcrossRestart(func() {
			store.requireEqual("texts", store.mailboxTexts(ann), []string{"a", "b"})
			store.requireRecorded(failing, false)
		})
	}},
	{"a repeat among new deliveries gets the first outcome", func(store *testedStore) {
		store.createAccounts(ann)
		store.requireAllDelivered(store.deliverInOrder(ann, []string{"a"}, longKey(bob, 1, time.Minute)))
		results := store.deliverInOrder(
			ann, []string{"b", "a", "c"}, longKey(bob, 2, time.Minute), longKey(bob, 1, time.Minute),
			longKey(bob, 3, time.Minute),
		)
		store.requireEqual("results", results, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Repeated: true}},
			{Receipt: rookery.Receipt{Numbers: []uint64{3}}},
		})
		store.checkAcrossRestart(
			func() { store.requireEqual("texts", store.mailboxTexts(ann), []string{"a", "b", "c"}) },
		)
	}},
	{"the second of two deliveries with equal keys is a repeat", func(store *testedStore) {
		store.createAccounts(ann)
		results := store.deliverInOrder(
			ann, []string{"a", "a", "b"}, longKey(bob, 1, time.Minute), longKey(bob, 1, time.Minute),
		)
		store.requireAllDelivered(results)
		for i, want := range []bool{false, true, false} {
			store.requireEqual(fmt.Sprint("repeated ", i), results[i].Receipt.Repeated, want)
		}
		store.checkAcrossRestart(func() { store.requireEqual("texts", store.mailboxTexts(ann), []string{"a", "b"}) })
	}},
	{"a LatestOnly delivery is a repeat only while its request is the latest", func(store *testedStore) {
		store.createAccounts(ann)
		one, two := shortKey(bob, 1, time.Minute), shortKey(bob, 2, time.Minute)
		store.requireAllDelivered(store.deliverInOrder(ann, []string{"a", "again", "b", "c"}, one, one, two, one))
		store.requireEqual("texts", store.mailboxTexts(ann), []string{"a", "b", "c"})
	}},
	{"a delivery is carried out if an earlier one with an equal key failed", func(store *testedStore) {
		store.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		results := store.DeliverInOrder(store.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(nobody, bob, "lost")}, Key: key},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}, Key: key},
		}, noon)
		store.requireCode(results[0].Err, rookery.CodeNoAccount)
		want := rookery.DeliveryResult{Receipt: rookery.Receipt{Numbers: []uint64{1}}}
		store.requireEqual("second result", results[1], want)
	}},
	{"an empty list has no results", func(store *testedStore) {
		store.requireEqual("results", len(store.DeliverInOrder(store.ctx, nil, noon)), 0)
	}},
	{"no other entry comes between the entries of one call", func(store *testedStore) {
		store.createAccounts(ann)
		const senderCount, callsPerSender, entriesPerCall = 6, 10, 8
		var senders sync.WaitGroup
		for i := range senderCount {
			senders.Go(func() {
				texts := slices.Repeat([]string{fmt.Sprint(i)}, entriesPerCall)
				for range callsPerSender {
					for _, result := range store.deliverInOrder(ann, texts) {
						if result.Err != nil {
							store.Error(result.Err)
						}
					}
				}
			})
		}
		senders.Wait()
		texts := store.mailboxTexts(ann)
		store.requireEqual("entries", len(texts), senderCount*callsPerSender*entriesPerCall)
		for i, text := range texts {
			store.requireEqual(fmt.Sprint("text of entry ", i+1), text, texts[i-i%entriesPerCall])
		}
	}},
	{"each delivery to a closed store gets CodeTemporary", func(store *testedStore) {
		store.createAccounts(ann)
		store.requireNoError(store.Close())
		for _, result := range store.deliverInOrder(ann, []string{"a", "b"}) {
			store.requireCode(result.Err, rookery.CodeTemporary)
		}
	}},
}

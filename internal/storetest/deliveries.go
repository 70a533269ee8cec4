package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// deliverInOrder delivers one message for each text, with the given keys for the first of them.
func (ct *contractTrial) deliverInOrder(
	to rookery.UIN, texts []string, marks ...rookery.RequestKey,
) []rookery.DeliveryResult {
	deliveries := make([]rookery.Delivery, len(texts))
	for i, text := range texts {
		deliveries[i].Entries = []rookery.NewEntry{messageEntry(to, bob, text)}
		if i < len(marks) {
			deliveries[i].Key = marks[i]
		}
	}
	return ct.DeliverInOrder(ct.ctx, deliveries, noon)
}

func (ct *contractTrial) requireAllDelivered(all []rookery.DeliveryResult) {
	ct.Helper()
	for _, deliveryResult := range all {
		ct.requireNoError(deliveryResult.Err)
	}
}

var orderedDeliveryTests = []contractTest{
	{"deliveries are carried out in order", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		all := trial.DeliverInOrder(trial.ctx, []rookery.Delivery{
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
		trial.requireEqual("receipts", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{1, 1}}}, {Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{
				Receipt: rookery.Receipt{Numbers: all[2].Receipt.Numbers},
			}, {Receipt: rookery.Receipt{Numbers: []uint64{2, 3}}},
		})
		trial.requireEqual("numbers of nothing", len(all[2].Receipt.Numbers), 0)
		trial.checkAcrossRestart(func() {
			trial.requireEqual("texts of ann", trial.mailboxTexts(ann), []string{"a", "b", "d"})
			trial.requireEqual("mailbox of bob", trial.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "a", OriginDevice: "phone"},
				{Number: 2, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "c"},
			})
		})
	}},
	{"a failing delivery does not affect the others", func(trial *contractTrial) {
		trial.createAccounts(ann)
		failing := longKey(bob, 1, time.Minute)
		all := trial.DeliverInOrder(trial.ctx, []rookery.Delivery{
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}},
			{
				Entries: []rookery.NewEntry{messageEntry(ann, bob, "lost"), messageEntry(nobody, bob, "lost")},
				Key:     failing,
			},
			{Entries: []rookery.NewEntry{messageEntry(ann, bob, "b")}},
		}, noon)
		trial.requireCode(all[1].Err, rookery.CodeNoAccount)
		trial.requireAllDelivered([]rookery.DeliveryResult{all[0], all[2]})
		trial.checkAcrossRestart(func() {
			trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"a", "b"})
			trial.requireRecorded(failing, false)
		})
	}},
	{"a repeat among new deliveries gets the first outcome", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.requireAllDelivered(trial.deliverInOrder(ann, []string{"a"}, longKey(bob, 1, time.Minute)))
		all := trial.deliverInOrder(
			ann, []string{"b", "a", "c"}, longKey(bob, 2, time.Minute), longKey(bob, 1, time.Minute),
			longKey(bob, 3, time.Minute),
		)
		trial.requireEqual("what became of them", all, []rookery.DeliveryResult{
			{Receipt: rookery.Receipt{Numbers: []uint64{2}}},
			{Receipt: rookery.Receipt{Repeated: true}},
			{Receipt: rookery.Receipt{Numbers: []uint64{3}}},
		})
		trial.checkAcrossRestart(
			func() { trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"a", "b", "c"}) },
		)
	}},
	{"the second of two deliveries with equal keys is a repeat", func(trial *contractTrial) {
		trial.createAccounts(ann)
		all := trial.deliverInOrder(
			ann, []string{"a", "a", "b"}, longKey(bob, 1, time.Minute), longKey(bob, 1, time.Minute),
		)
		trial.requireAllDelivered(all)
		trial.requireEqual(
			"repeated", []bool{all[0].Receipt.Repeated, all[1].Receipt.Repeated, all[2].Receipt.Repeated},
			[]bool{false, true, false},
		)
		trial.checkAcrossRestart(func() { trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"a", "b"}) })
	}},
	{"a LatestOnly delivery is a repeat only while its request is the latest", func(trial *contractTrial) {
		trial.createAccounts(ann)
		one, two := shortKey(bob, 1, time.Minute), shortKey(bob, 2, time.Minute)
		trial.requireAllDelivered(trial.deliverInOrder(ann, []string{"a", "again", "b", "c"}, one, one, two, one))
		trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"a", "b", "c"})
	}},
	{"a delivery is carried out if an earlier one with an equal key failed", func(trial *contractTrial) {
		trial.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		all := trial.DeliverInOrder(trial.ctx, []rookery.Delivery{
			{
				Entries: []rookery.NewEntry{messageEntry(nobody, bob, "lost")}, Key: key,
			}, {Entries: []rookery.NewEntry{messageEntry(ann, bob, "a")}, Key: key},
		}, noon)
		trial.requireCode(all[0].Err, rookery.CodeNoAccount)
		trial.requireEqual("the second", all[1], rookery.DeliveryResult{Receipt: rookery.Receipt{Numbers: []uint64{1}}})
	}},
	{"an empty list has no results", func(trial *contractTrial) {
		trial.requireEqual("of none", len(trial.DeliverInOrder(trial.ctx, nil, noon)), 0)
	}},
	{"no other entry comes between the entries of one call", func(trial *contractTrial) {
		trial.createAccounts(ann)
		const senders, each, rows = 6, 8, 10
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range rows {
					texts := make([]string, each)
					for k := range texts {
						texts[k] = fmt.Sprint(i)
					}
					for _, deliveryResult := range trial.deliverInOrder(ann, texts) {
						if deliveryResult.Err != nil {
							trial.Error(deliveryResult.Err)
						}
					}
				}
			})
		}
		all.Wait()
		texts := trial.mailboxTexts(ann)
		trial.requireEqual("entries", len(texts), senders*each*rows)
		for i, text := range texts {
			trial.requireEqual(fmt.Sprint("entry ", i+1), text, texts[i-i%each])
		}
	}},
	{"each delivery to a closed store gets CodeTemporary", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.requireNoError(trial.Close())
		for _, deliveryResult := range trial.deliverInOrder(ann, []string{"a", "b"}) {
			trial.requireCode(deliveryResult.Err, rookery.CodeTemporary)
		}
	}},
}

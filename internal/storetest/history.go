package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rookery-im/rookery"
)

// searchTexts returns the texts that a query of ann's history finds, and whether there are older ones.
func (ct *contractTrial) searchTexts(query rookery.HistoryQuery) (texts []string, more bool) {
	ct.Helper()
	entries, more, err := ct.History(ct.ctx, ann, query)
	ct.requireNoError(err)
	for _, entry := range entries {
		texts = append(texts, entry.Text)
	}
	return texts, more
}

// requireHistory checks what a query of ann's history finds.
func (ct *contractTrial) requireHistory(query rookery.HistoryQuery, more bool, texts ...string) {
	ct.Helper()
	got, gotMore := ct.searchTexts(query)
	ct.requireEqual(fmt.Sprintf("texts of %+v", query), got, texts)
	ct.requireEqual(fmt.Sprintf("more of %+v", query), gotMore, more)
}

// deliverConversation delivers entries of several kinds to ann.
func (ct *contractTrial) deliverConversation() {
	ct.Helper()
	sent := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "2", OriginDevice: "phone"}
	for _, newEntry := range []rookery.NewEntry{
		messageEntry(ann, bob, "1"), sent, messageEntry(ann, cat, "3"), {
			To: ann, Kind: rookery.KindAsks, Peer: bob, Text: "4",
		}, messageEntry(ann, bob, "5"),
	} {
		_, err := ct.Deliver(ct.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
		ct.requireNoError(err)
	}
}

var historyTests = []contractTest{
	{"a conversation has the messages of both sides and nothing else, by number", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		trial.deliverConversation()
		trial.deliverTexts(bob, ann, "in another mailbox")
		trial.checkAcrossRestart(func() {
			entries, more, err := trial.History(trial.ctx, ann, rookery.HistoryQuery{Peer: bob, Limit: 10})
			trial.requireNoError(err)
			trial.requireEqual("more", more, false)
			trial.requireEqual("entries", entries, []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: bob, Time: noon, Text: "1"},
				{Number: 2, Kind: rookery.KindSent, Peer: bob, Time: noon, Text: "2", OriginDevice: "phone"},
				{Number: 5, Kind: rookery.KindMessage, Peer: bob, Time: noon, Text: "5"},
			})
			trial.requireHistory(rookery.HistoryQuery{Limit: 10}, false, "1", "2", "3", "5")
			trial.requireHistory(rookery.HistoryQuery{Peer: nobody, Limit: 10}, false)
		})
		entries, more, err := trial.History(trial.ctx, nobody, rookery.HistoryQuery{Limit: 10})
		trial.requireNoError(err)
		trial.requireEqual("of nobody", len(entries), 0)
		trial.requireEqual("more of nobody", more, false)
	}},
	{"History returns the newest messages and whether there are older ones", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverConversation()
		trial.checkAcrossRestart(func() {
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 2}, true, "2", "5")
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 3}, false, "1", "2", "5")
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 5, Limit: 1}, true, "2")
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 2, Limit: 5}, false, "1")
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 1, Limit: 5}, false)
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 1<<64 - 1, Limit: 1}, true, "5")
			trial.requireHistory(rookery.HistoryQuery{Before: 5, Limit: 2}, true, "2", "3")
			trial.requireHistory(rookery.HistoryQuery{Limit: 0}, true)
		})
	}},
	{"History joins messages from before and after a restart", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverConversation()
		trial.restart()
		trial.deliverTexts(ann, bob, "6", "7")
		trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10}, false, "1", "2", "5", "6", "7")
		trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 3}, true, "5", "6", "7")
		trial.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 7, Limit: 2}, true, "5", "6")
		trial.requireHistory(rookery.HistoryQuery{Before: 6, Limit: 2}, true, "3", "5")
	}},
	{"long conversations are read page by page, whenever they grow", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		var want []string
		for round := range 3 {
			var newEntries []rookery.NewEntry
			for i := range 1500 {
				text := fmt.Sprint(round, "/", i)
				newEntries = append(newEntries, messageEntry(ann, []rookery.UIN{bob, cat}[i%2], text))
				if i%2 == 0 {
					want = append(want, text)
				}
			}
			_, err := trial.Deliver(trial.ctx, newEntries, noon, rookery.RequestKey{})
			trial.requireNoError(err)
			trial.restart()
			var got []string
			for query := (rookery.HistoryQuery{Peer: bob, Limit: 200}); ; {
				entries, more, err := trial.History(trial.ctx, ann, query)
				trial.requireNoError(err)
				for _, entry := range slices.Backward(entries) {
					got = append(got, entry.Text)
				}
				if !more {
					break
				}
				query.Before = entries[0].Number
			}
			slices.Reverse(got)
			trial.requireEqual("texts", got, want)
		}
	}},
	{"a search finds any part of a text, in any case", func(trial *contractTrial) {
		trial.createAccounts(ann)
		texts := []string{
			"Shall we meet?", "明天六点在老港口见面", "ПРИВЕТ, мир", "ΟΔΥΣΣΕΥΣ", "Übermut", "100%_*", "\U00010400 deseret",
			"k or \u212a",
		}
		trial.deliverTexts(ann, bob, texts...)
		trial.checkAcrossRestart(func() {
			for _, tt := range []struct {
				text string
				want []string
			}{
				{"MEET", texts[0:1]}, {"l w", texts[0:1]}, {"meat", nil}, {"六", texts[1:2]}, {"老港口", texts[1:2]},
				{"港老", nil},
				{
					"明天六点在老港口见面", texts[1:2],
				}, {"привет", texts[2:3]}, {"МИР", texts[2:3]}, {"οδυσσευς", texts[3:4]}, {"σ", texts[3:4]},
				{"üBER", texts[4:5]}, {"%_*", texts[5:6]}, {"%", texts[5:6]}, {"_", texts[5:6]}, {
					"\U00010428", texts[6:7],
				}, {"\u212a OR K", texts[7:8]},
			} {
				trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10, Text: tt.text}, false, tt.want...)
				trial.requireHistory(rookery.HistoryQuery{Limit: 10, Text: tt.text}, false, tt.want...)
			}
		})
	}},
	{"a search respects the conversation, the number and the limit", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "fish 1", "bread", "fish 3", "Fish 4")
		trial.deliverTexts(ann, cat, "fish 5")
		trial.checkAcrossRestart(func() {
			trial.requireHistory(
				rookery.HistoryQuery{Peer: bob, Limit: 10, Text: "fish"}, false, "fish 1", "fish 3", "Fish 4",
			)
			trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 2, Text: "fish"}, true, "fish 3", "Fish 4")
			trial.requireHistory(
				rookery.HistoryQuery{Peer: bob, Before: 4, Limit: 2, Text: "fish"}, false, "fish 1", "fish 3",
			)
			trial.requireHistory(
				rookery.HistoryQuery{Limit: 10, Text: "fish"}, false, "fish 1", "fish 3", "Fish 4", "fish 5",
			)
		})
	}},
	{"purged entries are in no conversation", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverConversation()
		trial.restart()
		trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 1}, true, "5")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 5}))
		trial.purgeAll(noon.Add(oneDay), 10)
		trial.checkAcrossRestart(
			func() { trial.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10}, false, "5") },
		)
	}},
	{"a search ends with its context", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverConversation()
		gone, cancel := context.WithCancel(trial.ctx)
		cancel()
		_, _, err := trial.History(gone, ann, rookery.HistoryQuery{Limit: 10, Text: "x"})
		trial.requireCode(err, rookery.CodeTemporary)
	}},
	{"a read mark belongs to one conversation, and never moves back", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		read := func(uin, with rookery.UIN, want uint64) {
			trial.Helper()
			n, err := trial.ReadMark(trial.ctx, uin, with)
			trial.requireNoError(err)
			trial.requireEqual(fmt.Sprint("mark of ", uin, " with ", with), n, want)
		}
		set := func(uin, with rookery.UIN, n uint64) {
			trial.Helper()
			receipt, err := trial.AdvanceReadMark(
				trial.ctx, uin, rookery.ReadMark{Peer: with, Number: n}, rookery.RequestKey{},
			)
			trial.requireNoError(err)
			trial.requireEqual("receipt", receipt, rookery.Receipt{})
		}
		read(ann, bob, 0)
		set(ann, bob, 5)
		set(ann, cat, 2)
		set(bob, ann, 7)
		set(ann, bob, 3)
		trial.checkAcrossRestart(func() {
			read(ann, bob, 5)
			read(ann, cat, 2)
			read(bob, ann, 7)
			read(nobody, bob, 0)
		})
		set(ann, bob, 6)
		trial.checkAcrossRestart(func() { read(ann, bob, 6) })
		trial.requireNoError(trial.RemoveAccount(trial.ctx, ann))
		trial.createAccounts(ann)
		trial.checkAcrossRestart(func() { read(ann, bob, 0) })
		read(bob, ann, 7)
	}},
	{"a repeated read mark changes nothing, and one of a missing account is refused", func(trial *contractTrial) {
		trial.createAccounts(ann)
		key := longKey(ann, 1, time.Minute)
		_, err := trial.AdvanceReadMark(trial.ctx, ann, rookery.ReadMark{Peer: bob, Number: 1}, key)
		trial.requireNoError(err)
		trial.checkAcrossRestart(func() {
			receipt, err := trial.AdvanceReadMark(trial.ctx, ann, rookery.ReadMark{Peer: bob, Number: 2}, key)
			trial.requireNoError(err)
			trial.requireEqual("receipt", receipt, rookery.Receipt{Repeated: true})
			n, err := trial.ReadMark(trial.ctx, ann, bob)
			trial.requireNoError(err)
			trial.requireEqual("mark", n, uint64(1))
		})
		late := longKey(nobody, 2, time.Minute)
		_, err = trial.AdvanceReadMark(trial.ctx, nobody, rookery.ReadMark{Peer: bob, Number: 1}, late)
		trial.requireCode(err, rookery.CodeNoAccount)
		trial.requireRecorded(late, false)
	}},
}

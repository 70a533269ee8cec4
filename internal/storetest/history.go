package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// searchTexts returns the texts that a query of ann's history finds, and whether there are older ones.
func (s *testedStore) searchTexts(query rookery.HistoryQuery) (texts []string, more bool) {
	s.Helper()
	entries, more, err := s.History(s.ctx, ann, query)
	s.requireNoError(err)
	for _, entry := range entries {
		texts = append(texts, entry.Text)
	}
	return texts, more
}

// requireHistory checks what a query of ann's history finds.
func (s *testedStore) requireHistory(query rookery.HistoryQuery, more bool, texts ...string) {
	s.Helper()
	got, gotMore := s.searchTexts(query)
	s.requireEqual(fmt.Sprintf("texts of %+v", query), got, texts)
	s.requireEqual(fmt.Sprintf("more of %+v", query), gotMore, more)
}

// deliverConversation delivers entries 1 to 5 of several kinds and peers to ann.
func (s *testedStore) deliverConversation() {
	s.Helper()
	sent := rookery.NewEntry{To: ann, Kind: rookery.KindSent, Peer: bob, Text: "2", OriginDevice: "phone"}
	for _, newEntry := range []rookery.NewEntry{
		messageEntry(ann, bob, "1"), sent, messageEntry(ann, cat, "3"),
		{To: ann, Kind: rookery.KindAsks, Peer: bob, Text: "4"}, messageEntry(ann, bob, "5"),
	} {
		_, err := s.Deliver(s.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
		s.requireNoError(err)
	}
}

var historyTests = []contractTest{
	{"a conversation has the messages of both sides and nothing else, by number", func(store *testedStore) {
		store.createAccounts(ann, bob)
		store.deliverConversation()
		store.deliverTexts(bob, ann, "in another mailbox")
		store.checkAcrossRestart(func() {
			entries, more, err := store.History(store.ctx, ann, rookery.HistoryQuery{Peer: bob, Limit: 10})
			store.requireNoError(err)
			store.requireEqual("more", more, false)
			store.requireEqual("entries", entries, []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: bob, Time: noon, Text: "1"},
				{Number: 2, Kind: rookery.KindSent, Peer: bob, Time: noon, Text: "2", OriginDevice: "phone"},
				{Number: 5, Kind: rookery.KindMessage, Peer: bob, Time: noon, Text: "5"},
			})
			store.requireHistory(rookery.HistoryQuery{Limit: 10}, false, "1", "2", "3", "5")
			store.requireHistory(rookery.HistoryQuery{Peer: nobody, Limit: 10}, false)
		})
		entries, more, err := store.History(store.ctx, nobody, rookery.HistoryQuery{Limit: 10})
		store.requireNoError(err)
		store.requireEqual("entries of nobody", len(entries), 0)
		store.requireEqual("more of nobody", more, false)
	}},
	{"History returns the newest messages and whether there are older ones", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverConversation()
		store.checkAcrossRestart(func() {
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 2}, true, "2", "5")
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 3}, false, "1", "2", "5")
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 5, Limit: 1}, true, "2")
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 2, Limit: 5}, false, "1")
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 1, Limit: 5}, false)
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 1<<64 - 1, Limit: 1}, true, "5")
			store.requireHistory(rookery.HistoryQuery{Before: 5, Limit: 2}, true, "2", "3")
			store.requireHistory(rookery.HistoryQuery{Limit: 0}, true)
		})
	}},
	{"History joins messages from before and after a restart", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverConversation()
		store.restart()
		store.deliverTexts(ann, bob, "6", "7")
		store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10}, false, "1", "2", "5", "6", "7")
		store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 3}, true, "5", "6", "7")
		store.requireHistory(rookery.HistoryQuery{Peer: bob, Before: 7, Limit: 2}, true, "5", "6")
		store.requireHistory(rookery.HistoryQuery{Before: 6, Limit: 2}, true, "3", "5")
	}},
	{"long conversations are read page by page, whenever they grow", func(store *testedStore) {
		store.createAccounts(ann, bob)
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
			_, err := store.Deliver(store.ctx, newEntries, noon, rookery.RequestKey{})
			store.requireNoError(err)
			store.restart()
			var got []string
			for query := (rookery.HistoryQuery{Peer: bob, Limit: 200}); ; {
				entries, more, err := store.History(store.ctx, ann, query)
				store.requireNoError(err)
				for _, entry := range slices.Backward(entries) {
					got = append(got, entry.Text)
				}
				if !more {
					break
				}
				query.Before = entries[0].Number
			}
			slices.Reverse(got)
			store.requireEqual("texts", got, want)
		}
	}},
	{"a search finds any part of a text, in any case", func(store *testedStore) {
		store.createAccounts(ann)
		texts := []string{
			"Shall we meet?", "明天六点在老港口见面", "ПРИВЕТ, мир", "ΟΔΥΣΣΕΥΣ", "Übermut", "100%_*", "\U00010400 deseret",
			"k or \u212a",
		}
		store.deliverTexts(ann, bob, texts...)
		store.checkAcrossRestart(func() {
			for _, tt := range []struct {
				text string
				want []string
			}{
				{"MEET", texts[0:1]}, {"l w", texts[0:1]}, {"meat", nil}, {"六", texts[1:2]}, {"老港口", texts[1:2]},
				{"港老", nil}, {"明天六点在老港口见面", texts[1:2]}, {"привет", texts[2:3]}, {"МИР", texts[2:3]},
				{"οδυσσευς", texts[3:4]}, {"σ", texts[3:4]}, {"üBER", texts[4:5]}, {"%_*", texts[5:6]},
				{"%", texts[5:6]}, {"_", texts[5:6]}, {"\U00010428", texts[6:7]}, {"\u212a OR K", texts[7:8]},
			} {
				store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10, Text: tt.text}, false, tt.want...)
				store.requireHistory(rookery.HistoryQuery{Limit: 10, Text: tt.text}, false, tt.want...)
			}
		})
	}},
	{"a search respects the conversation, the number and the limit", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "fish 1", "bread", "fish 3", "Fish 4")
		store.deliverTexts(ann, cat, "fish 5")
		store.checkAcrossRestart(func() {
			store.requireHistory(
				rookery.HistoryQuery{Peer: bob, Limit: 10, Text: "fish"}, false, "fish 1", "fish 3", "Fish 4",
			)
			store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 2, Text: "fish"}, true, "fish 3", "Fish 4")
			store.requireHistory(
				rookery.HistoryQuery{Peer: bob, Before: 4, Limit: 2, Text: "fish"}, false, "fish 1", "fish 3",
			)
			store.requireHistory(
				rookery.HistoryQuery{Limit: 10, Text: "fish"}, false, "fish 1", "fish 3", "Fish 4", "fish 5",
			)
		})
	}},
	{"purged entries are in no conversation", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverConversation()
		store.restart()
		store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 1}, true, "5")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 5}))
		store.purgeAll(noon.Add(oneDay), 10)
		store.checkAcrossRestart(
			func() { store.requireHistory(rookery.HistoryQuery{Peer: bob, Limit: 10}, false, "5") },
		)
	}},
	{"a search ends with its context", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverConversation()
		gone, cancel := context.WithCancel(store.ctx)
		cancel()
		_, _, err := store.History(gone, ann, rookery.HistoryQuery{Limit: 10, Text: "x"})
		store.requireCode(err, rookery.CodeTemporary)
	}},
	{"a read mark belongs to one conversation, and never moves back", func(store *testedStore) {
		store.createAccounts(ann, bob)
		read := func(uin, with rookery.UIN, want uint64) {
			store.Helper()
			n, err := store.ReadMark(store.ctx, uin, with)
			store.requireNoError(err)
			store.requireEqual(fmt.Sprint("mark of ", uin, " with ", with), n, want)
		}
		set := func(uin, with rookery.UIN, n uint64, wantMoved bool) {
			store.Helper()
			hasMoved, err := store.AdvanceReadMark(
				store.ctx, uin, rookery.ReadMark{Peer: with, Number: n}, rookery.RequestKey{},
			)
			store.requireNoError(err)
			store.requireEqual(fmt.Sprint("mark has moved to ", n), hasMoved, wantMoved)
		}
		read(ann, bob, 0)
		set(ann, bob, 0, false)
		set(ann, bob, 5, true)
		set(ann, cat, 2, true)
		set(bob, ann, 7, true)
		set(ann, bob, 5, false)
		set(ann, bob, 3, false)
		store.checkAcrossRestart(func() {
			read(ann, bob, 5)
			read(ann, cat, 2)
			read(bob, ann, 7)
			read(nobody, bob, 0)
		})
		set(ann, bob, 6, true)
		store.checkAcrossRestart(func() { read(ann, bob, 6) })
		store.requireNoError(store.RemoveAccount(store.ctx, ann))
		store.createAccounts(ann)
		store.checkAcrossRestart(func() { read(ann, bob, 0) })
		read(bob, ann, 7)
	}},
	{"of several writers of a read mark, exactly one moves it", func(store *testedStore) {
		store.createAccounts(ann)
		for n := range uint64(20) {
			var movedCount atomic.Int32
			store.runConcurrently(4, func(int) {
				hasMoved, err := store.AdvanceReadMark(
					store.ctx, ann, rookery.ReadMark{Peer: bob, Number: n + 1}, rookery.RequestKey{},
				)
				if err != nil {
					store.Error(err)
				}
				if hasMoved {
					movedCount.Add(1)
				}
			})
			store.requireEqual("writers that moved the mark", movedCount.Load(), int32(1))
		}
	}},
	{"a repeated read mark changes nothing, and one of a missing account is refused", func(store *testedStore) {
		store.createAccounts(ann)
		key := longKey(ann, 1, time.Minute)
		_, err := store.AdvanceReadMark(store.ctx, ann, rookery.ReadMark{Peer: bob, Number: 1}, key)
		store.requireNoError(err)
		store.checkAcrossRestart(func() {
			hasMoved, err := store.AdvanceReadMark(store.ctx, ann, rookery.ReadMark{Peer: bob, Number: 2}, key)
			store.requireNoError(err)
			store.requireEqual("moved", hasMoved, false)
			n, err := store.ReadMark(store.ctx, ann, bob)
			store.requireNoError(err)
			store.requireEqual("mark", n, uint64(1))
		})
		late := longKey(nobody, 2, time.Minute)
		_, err = store.AdvanceReadMark(store.ctx, nobody, rookery.ReadMark{Peer: bob, Number: 1}, late)
		store.requireCode(err, rookery.CodeNoAccount)
		store.requireRecorded(late, false)
	}},
}

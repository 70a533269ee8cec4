package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

var deliveryTests = []contractTest{
	{"entries are numbered per mailbox, from 1 and in order", func(store *testedStore) {
		store.createAccounts(ann, bob)
		receipt, err := store.Deliver(store.ctx, []rookery.NewEntry{
			messageEntry(ann, bob, "a"), messageEntry(bob, ann, "b"), messageEntry(ann, bob, "c"),
			{To: bob, Kind: rookery.KindSent, Peer: ann, Text: "d", OriginDevice: "电话"},
		}, noon, rookery.RequestKey{})
		store.requireNoError(err)
		store.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1, 1, 2, 2}})
		store.checkAcrossRestart(func() {
			store.requireEqual("mailbox of bob", store.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "b"},
				{Number: 2, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "d", OriginDevice: "电话"},
			})
			store.requireEqual("texts of ann", store.mailboxTexts(ann), []string{"a", "c"})
			store.requireEqual("newest", store.newestNumber(ann), uint64(2))
		})
		store.deliverTexts(ann, bob, "e")
		store.requireEqual("numbers", store.entryNumbers(ann), []uint64{1, 2, 3})
	}},
	{"a missing receiver refuses the whole delivery", func(store *testedStore) {
		store.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		_, err := store.Deliver(
			store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "a"), messageEntry(nobody, bob, "b")}, noon, key,
		)
		store.requireCode(err, rookery.CodeNoAccount)
		store.requireEqual("newest", store.newestNumber(ann), uint64(0))
		store.requireRecorded(key, false)
		store.deliverTexts(ann, bob, "c")
		store.requireEqual("numbers", store.entryNumbers(ann), []uint64{1})
	}},
	{"texts are stored byte for byte", func(store *testedStore) {
		store.createAccounts(ann)
		texts := []string{"", " \r\n\t", "100% & co, \x00 ' \" ;", "企鹅 🐧", strings.Repeat("x", rookery.MaxText)}
		store.deliverTexts(ann, bob, texts...)
		store.checkAcrossRestart(func() { store.requireEqual("texts", store.mailboxTexts(ann), texts) })
	}},
	{"a delivery of 500 entries works like any other", func(store *testedStore) {
		store.createAccounts(ann, bob)
		var newEntries []rookery.NewEntry
		for i := range 500 {
			newEntries = append(newEntries, messageEntry(ann+rookery.UIN(i%2), cat, fmt.Sprint(i)))
		}
		receipt, err := store.Deliver(store.ctx, newEntries, noon, rookery.RequestKey{})
		store.requireNoError(err)
		store.requireEqual("last number", receipt.Numbers[499], uint64(250))
		store.checkAcrossRestart(func() {
			store.requireEqual("mailbox of ann", len(store.mailboxEntries(ann)), 250)
			store.requireEqual("last text of bob", store.mailboxEntries(bob)[249].Text, "499")
		})
	}},
	{"concurrent deliveries leave no gap", func(store *testedStore) {
		store.createAccounts(ann)
		const senderCount, messagesPerSender = 16, 25
		got := make([][]uint64, senderCount)
		var senders sync.WaitGroup
		for i := range senderCount {
			senders.Go(func() {
				for range messagesPerSender {
					newEntry := messageEntry(ann, bob, fmt.Sprint(i))
					receipt, err := store.Deliver(store.ctx, []rookery.NewEntry{newEntry}, noon, rookery.RequestKey{})
					if err != nil {
						store.Error(err)
						return
					}
					got[i] = append(got[i], receipt.Numbers[0])
				}
			})
		}
		senders.Wait()
		for i := range got {
			store.requireEqual(fmt.Sprint("numbers rise for sender ", i), slices.IsSorted(got[i]), true)
		}
		numbers := slices.Sorted(slices.Values(slices.Concat(got...)))
		store.checkAcrossRestart(func() { store.requireEqual("numbers", store.entryNumbers(ann), numbers) })
		store.requireEqual("last number", numbers[len(numbers)-1], uint64(senderCount*messagesPerSender))
	}},
	{"after a delivery its entry and all earlier ones are readable", func(store *testedStore) {
		store.createAccounts(ann)
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				for range 25 {
					receipt, err := store.Deliver(
						store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, rookery.RequestKey{},
					)
					if err != nil {
						store.Error(err)
						return
					}
					n := receipt.Numbers[0]
					entries, err := store.Entries(store.ctx, ann, 0, n, 1<<30)
					if err != nil || uint64(len(entries)) != n {
						store.Errorf("Entries returned %d entries up to %d, want all, error %v", len(entries), n, err)
					}
					if last, _, err := store.MailboxState(store.ctx, ann, ""); err != nil || last < n {
						store.Errorf("MailboxState returned newest number %d, want at least %d, error %v", last, n, err)
					}
				}
			})
		}
		senders.Wait()
	}},
	{"Entries returns at most limit entries above after and up to upTo", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2", "3", "4", "5", "6")
		store.checkAcrossRestart(func() {
			for _, tt := range []struct {
				after, upTo uint64
				limit       int
				want        []string
			}{
				{0, 6, 10, []string{"1", "2", "3", "4", "5", "6"}},
				{2, 4, 10, []string{"3", "4"}},
				{2, 6, 3, []string{"3", "4", "5"}},
				{0, 2, 10, []string{"1", "2"}},
				{5, 1<<64 - 1, 10, []string{"6"}},
				{6, 10, 10, nil},
				{4, 4, 10, nil},
				{5, 2, 10, nil},
				{1<<64 - 1, 1<<64 - 1, 10, nil},
				{0, 6, 0, nil},
			} {
				entries, err := store.Entries(store.ctx, ann, tt.after, tt.upTo, tt.limit)
				store.requireNoError(err)
				var got []string
				for _, entry := range entries {
					got = append(got, entry.Text)
				}
				store.requireEqual(fmt.Sprint("entries of ", tt), got, tt.want)
			}
		})
	}},
	{"Entries joins entries from before and after a restart", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "1", "2")
		store.restart()
		store.deliverTexts(ann, bob, "3", "4")
		store.requireEqual("texts", store.mailboxTexts(ann), []string{"1", "2", "3", "4"})
		entries, err := store.Entries(store.ctx, ann, 0, 4, 3)
		store.requireNoError(err)
		store.requireEqual("entries with limit 3", len(entries), 3)
		entries, err = store.Entries(store.ctx, ann, 1, 3, 10)
		store.requireNoError(err)
		store.requireEqual("texts above 1 up to 3", []string{entries[0].Text, entries[1].Text}, []string{"2", "3"})
	}},
	{"the mailbox of a missing account is empty", func(store *testedStore) {
		store.requireEqual("newest", store.newestNumber(nobody), uint64(0))
		store.requireEqual("entries", store.mailboxTexts(nobody), []string(nil))
	}},
	{"returned values are copies", func(store *testedStore) {
		store.createAccounts(ann)
		store.deliverTexts(ann, bob, "mine")
		store.mailboxEntries(ann)[0].Text = "yours"
		store.requireEqual("texts", store.mailboxTexts(ann), []string{"mine"})
		state := []byte("state")
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{State: state}))
		state[0] = 'x'
		store.loadCursor(ann, "").State[1] = 'x'
		store.requireEqual("state", string(store.loadCursor(ann, "").State), "state")
	}},
}

var requestKeyTests = []contractTest{
	{"an equal request within the window gets the first outcome and does nothing", func(store *testedStore) {
		store.createAccounts(ann)
		deliver := func(key rookery.RequestKey) rookery.Receipt {
			store.Helper()
			receipt, err := store.Deliver(store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, key)
			store.requireNoError(err)
			return receipt
		}
		store.requireEqual("first", deliver(longKey(bob, 1, time.Minute)), rookery.Receipt{Numbers: []uint64{1}})
		store.checkAcrossRestart(func() {
			store.requireEqual("repeat", deliver(longKey(bob, 1, 3*time.Minute-1)), rookery.Receipt{Repeated: true})
			store.requireEqual("newest", store.newestNumber(ann), uint64(1))
		})
		store.requireEqual(
			"after the window", deliver(longKey(bob, 1, 3*time.Minute)), rookery.Receipt{Numbers: []uint64{2}},
		)
		store.requireEqual(
			"repeat of the second", deliver(longKey(bob, 1, 5*time.Minute-1)), rookery.Receipt{Repeated: true},
		)
	}},
	{"the window of the repeat counts, not that of the first request", func(store *testedStore) {
		store.recordOnce(shortKey(ann, 1, time.Minute))
		store.requireRecorded(longKey(ann, 1, 2*time.Minute), true)
		store.recordOnce(longKey(ann, 2, time.Minute))
		store.requireRecorded(shortKey(ann, 2, 2*time.Minute), false)
	}},
	{"an equal key with an earlier time is a repeat", func(store *testedStore) {
		store.recordOnce(longKey(ann, 1, time.Minute))
		store.requireRecorded(longKey(ann, 1, time.Second), true)
	}},
	{"keys with another owner, device or digest are different", func(store *testedStore) {
		store.recordOnce(longKey(ann, 1, time.Minute))
		store.recordOnce(onDevice(longKey(ann, 2, time.Minute), "phone"))
		store.checkAcrossRestart(func() {
			store.requireRecorded(longKey(bob, 1, time.Minute), false)
			store.requireRecorded(longKey(ann, 3, time.Minute), false)
			store.requireRecorded(onDevice(longKey(ann, 1, time.Minute), "phone"), false)
			store.requireRecorded(longKey(ann, 2, time.Minute), false)
			store.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "desk"), false)
			store.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "phone"), true)
		})
	}},
	{"a LatestOnly request has a repeat only while it is the latest of its owner and device",
		func(store *testedStore) {
			store.recordOnce(shortKey(ann, 1, time.Minute))
			store.recordOnce(shortKey(bob, 2, time.Minute))
			store.recordOnce(onDevice(shortKey(ann, 3, time.Minute), "phone"))
			store.checkAcrossRestart(func() { store.requireRecorded(shortKey(ann, 1, time.Minute), true) })
			store.recordOnce(shortKey(ann, 4, time.Minute))
			store.checkAcrossRestart(func() {
				store.requireRecorded(shortKey(ann, 1, time.Minute), false)
				store.requireRecorded(shortKey(ann, 4, time.Minute), true)
				store.requireRecorded(onDevice(shortKey(ann, 3, time.Minute), "phone"), true)
			})
		}},
	{"a long key supersedes a short one, and later keys do not supersede it",
		func(store *testedStore) {
			store.recordOnce(shortKey(ann, 1, time.Minute))
			store.recordOnce(longKey(ann, 2, time.Minute))
			store.requireRecorded(shortKey(ann, 1, time.Minute), false)
			store.recordOnce(shortKey(ann, 3, time.Minute))
			store.checkAcrossRestart(func() {
				store.requireRecorded(longKey(ann, 2, time.Minute), true)
				store.requireRecorded(shortKey(ann, 3, time.Minute), true)
			})
		}},
	{"many later keys do not supersede a long key", func(store *testedStore) {
		store.recordOnce(longKey(ann, 0, time.Second))
		for i := range uint64(50) {
			store.recordOnce(longKey(ann, i+1, time.Duration(i)*2*time.Second))
		}
		store.checkAcrossRestart(func() {
			store.requireRecorded(longKey(ann, 0, 100*time.Second), true)
			store.requireRecorded(longKey(ann, 7, 100*time.Second), true)
			store.requireRecorded(shortKey(ann, 50, 100*time.Second), true)
		})
	}},
	{"the zero key is never found, recorded or the latest", func(store *testedStore) {
		store.createAccounts(ann)
		store.recordOnce(shortKey(ann, 1, time.Minute))
		store.recordOnce(rookery.RequestKey{})
		store.recordOnce(rookery.RequestKey{})
		store.requireRecorded(rookery.RequestKey{}, false)
		store.requireRecorded(shortKey(ann, 1, time.Minute), true)
	}},
	{"RecordRequest records the outcome and does nothing else", func(store *testedStore) {
		key := shortKey(ann, 1, time.Minute)
		receipt, err := store.RecordRequest(store.ctx, key, rookery.OutcomeClosed)
		store.requireNoError(err)
		store.requireEqual("receipt", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed})
		store.checkAcrossRestart(func() {
			receipt, err := store.RecordRequest(store.ctx, key, rookery.OutcomeDone)
			store.requireNoError(err)
			store.requireEqual("repeat", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed, Repeated: true})
		})
		_, err = store.RecordRequest(store.ctx, longKey(ann, 2, time.Minute), rookery.OutcomeDone)
		store.requireNoError(err)
		store.requireRecorded(key, false)
	}},
	{"one of several concurrent equal requests is carried out", func(store *testedStore) {
		store.createAccounts(ann)
		receipts := make([]rookery.Receipt, 16)
		var callers sync.WaitGroup
		for i := range receipts {
			callers.Go(func() {
				var err error
				receipts[i], err = store.Deliver(
					store.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, longKey(bob, 1, time.Minute),
				)
				if err != nil {
					store.Error(err)
				}
			})
		}
		callers.Wait()
		store.requireEqual("newest number", store.newestNumber(ann), uint64(1))
		first := slices.DeleteFunc(receipts, func(receipt rookery.Receipt) bool { return receipt.Repeated })
		store.requireEqual("receipts that are no repeats", first, []rookery.Receipt{{Numbers: []uint64{1}}})
	}},
}

var cursorTests = []contractTest{
	{"a cursor moves only if the writer knows the stored one", func(store *testedStore) {
		store.createAccounts(ann)
		store.startSessions(newSession(ann, "phone", 1))
		for _, device := range []string{"", "phone"} {
			want := rookery.Cursor{Number: 2, State: []byte("state")}
			store.requireNoError(store.SaveCursor(store.ctx, ann, device, 0, want))
			for _, was := range []uint64{0, 1, 3} {
				store.requireCode(
					store.SaveCursor(store.ctx, ann, device, was, rookery.Cursor{Number: 9}), rookery.CodeConflict,
				)
			}
			store.requireEqual("cursor after conflicts", store.loadCursor(ann, device), want)
			want.State = []byte("of another writer")
			store.requireNoError(store.SaveCursor(store.ctx, ann, device, 2, want))
			store.requireEqual("cursor of the last writer", store.loadCursor(ann, device), want)
		}
		store.requireNoError(store.SaveCursor(store.ctx, ann, "desk", 7, rookery.Cursor{Number: 9}))
		store.requireEqual("cursor of a missing device", store.loadCursor(ann, "desk"), rookery.Cursor{})
	}},
	{"of several writers that move a cursor at once, exactly one succeeds", func(store *testedStore) {
		store.createAccounts(ann)
		for was := range uint64(20) {
			var movedCount atomic.Int32
			store.runConcurrently(4, func(i int) {
				cursor := rookery.Cursor{Number: was + 1, State: []byte{byte(i)}}
				switch err := store.SaveCursor(store.ctx, ann, "", was, cursor); rookery.CodeOf(err) {
				case 0:
					movedCount.Add(1)
				case rookery.CodeConflict:
				default:
					store.Error(err)
				}
			})
			store.requireEqual("writers that moved the cursor", movedCount.Load(), int32(1))
			store.requireEqual("cursor", store.loadCursor(ann, "").Number, was+1)
		}
	}},
	{"each consumer has its own cursor, the one saved last", func(store *testedStore) {
		store.createAccounts(ann, bob)
		want := rookery.Cursor{Number: 7, RepeatFrom: 3, State: []byte{0, 1, 255}}
		store.requireNoError(store.setCursor(ann, "", rookery.Cursor{Number: 1}))
		store.startSessions(newSession(ann, "phone", 1))
		store.requireNoError(store.setCursor(ann, "phone", rookery.Cursor{Number: 2}))
		store.requireNoError(store.setCursor(ann, "", want))
		store.checkAcrossRestart(func() {
			store.requireEqual("cursor of address sessions", store.loadCursor(ann, ""), want)
			store.requireEqual("cursor of the phone", store.loadCursor(ann, "phone").Number, uint64(2))
			store.requireEqual("cursor of a missing device", store.loadCursor(ann, "desk"), rookery.Cursor{})
			store.requireEqual("cursor of another account", store.loadCursor(bob, ""), rookery.Cursor{})
		})
	}},
}

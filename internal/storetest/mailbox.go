package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

var deliveryTests = []contractTest{
	{"entries are numbered per mailbox, from 1 and in order", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		receipt, err := trial.Deliver(trial.ctx, []rookery.NewEntry{
			messageEntry(ann, bob, "a"), messageEntry(bob, ann, "b"), messageEntry(ann, bob, "c"),
			{To: bob, Kind: rookery.KindSent, Peer: ann, Text: "d", OriginDevice: "电话"},
		}, noon, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1, 1, 2, 2}})
		trial.checkAcrossRestart(func() {
			trial.requireEqual("mailbox of bob", trial.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "b"},
				{Number: 2, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "d", OriginDevice: "电话"},
			})
			trial.requireEqual("texts of ann", trial.mailboxTexts(ann), []string{"a", "c"})
			trial.requireEqual("newest", trial.newestNumber(ann), uint64(2))
		})
		trial.deliverTexts(ann, bob, "e")
		trial.requireEqual("numbers go on", trial.entryNumbers(ann), []uint64{1, 2, 3})
	}},
	{"a missing receiver refuses the whole delivery", func(trial *contractTrial) {
		trial.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		_, err := trial.Deliver(
			trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "a"), messageEntry(nobody, bob, "b")}, noon, key,
		)
		trial.requireCode(err, rookery.CodeNoAccount)
		trial.requireEqual("newest", trial.newestNumber(ann), uint64(0))
		trial.requireRecorded(key, false)
		trial.deliverTexts(ann, bob, "c")
		trial.requireEqual("numbers", trial.entryNumbers(ann), []uint64{1})
	}},
	{"texts are stored byte for byte", func(trial *contractTrial) {
		trial.createAccounts(ann)
		texts := []string{"", " \r\n\t", "100% & co, \x00 ' \" ;", "企鹅 🐧", strings.Repeat("x", rookery.MaxText)}
		trial.deliverTexts(ann, bob, texts...)
		trial.checkAcrossRestart(func() { trial.requireEqual("texts", trial.mailboxTexts(ann), texts) })
	}},
	{"a delivery of 500 entries works like any other", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		var newEntries []rookery.NewEntry
		for i := range 500 {
			newEntries = append(newEntries, messageEntry(ann+rookery.UIN(i%2), cat, fmt.Sprint(i)))
		}
		receipt, err := trial.Deliver(trial.ctx, newEntries, noon, rookery.RequestKey{})
		trial.requireNoError(err)
		trial.requireEqual("last number", receipt.Numbers[499], uint64(250))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("mailbox of ann", len(trial.mailboxEntries(ann)), 250)
			trial.requireEqual("last text of bob", trial.mailboxEntries(bob)[249].Text, "499")
		})
	}},
	{"concurrent deliveries leave no gap", func(trial *contractTrial) {
		trial.createAccounts(ann)
		const senders, each = 16, 25
		got := make([][]uint64, senders)
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range each {
					receipt, err := trial.Deliver(
						trial.ctx, []rookery.NewEntry{
							messageEntry(ann, bob, fmt.Sprint(i)),
						}, noon, rookery.RequestKey{},
					)
					if err != nil {
						trial.Error(err)
						return
					}
					got[i] = append(got[i], receipt.Numbers[0])
				}
			})
		}
		all.Wait()
		for i := range got {
			trial.requireEqual("one sender's order", slices.IsSorted(got[i]), true)
		}
		numbers := slices.Sorted(slices.Values(slices.Concat(got...)))
		trial.checkAcrossRestart(func() { trial.requireEqual("numbers", trial.entryNumbers(ann), numbers) })
		trial.requireEqual("the last", numbers[len(numbers)-1], uint64(senders*each))
	}},
	{"after a delivery its entry and all earlier ones are readable", func(trial *contractTrial) {
		trial.createAccounts(ann)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					receipt, err := trial.Deliver(
						trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, rookery.RequestKey{},
					)
					if err != nil {
						trial.Error(err)
						return
					}
					n := receipt.Numbers[0]
					entries, err := trial.Entries(trial.ctx, ann, 0, n, 1<<30)
					if err != nil || uint64(len(entries)) != n {
						trial.Errorf("%d entries up to %d, error %v", len(entries), n, err)
					}
					if last, _, err := trial.MailboxState(trial.ctx, ann, ""); err != nil || last < n {
						trial.Errorf("the newest is %d after %d, error %v", last, n, err)
					}
				}
			})
		}
		all.Wait()
	}},
	{"Entries returns those above after and up to upTo, at most limit", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2", "3", "4", "5", "6")
		trial.checkAcrossRestart(func() {
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
				entries, err := trial.Entries(trial.ctx, ann, tt.after, tt.upTo, tt.limit)
				trial.requireNoError(err)
				var got []string
				for _, entry := range entries {
					got = append(got, entry.Text)
				}
				trial.requireEqual(fmt.Sprint("entries of ", tt), got, tt.want)
			}
		})
	}},
	{"Entries joins entries from before and after a restart", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "1", "2")
		trial.restart()
		trial.deliverTexts(ann, bob, "3", "4")
		trial.requireEqual("all", trial.mailboxTexts(ann), []string{"1", "2", "3", "4"})
		entries, err := trial.Entries(trial.ctx, ann, 0, 4, 3)
		trial.requireNoError(err)
		trial.requireEqual("three", len(entries), 3)
		entries, err = trial.Entries(trial.ctx, ann, 1, 3, 10)
		trial.requireNoError(err)
		trial.requireEqual("the second and third", []string{entries[0].Text, entries[1].Text}, []string{"2", "3"})
	}},
	{"the mailbox of a missing account is empty", func(trial *contractTrial) {
		trial.requireEqual("newest", trial.newestNumber(nobody), uint64(0))
		trial.requireEqual("entries", trial.mailboxTexts(nobody), []string(nil))
	}},
	{"returned values are copies", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.deliverTexts(ann, bob, "mine")
		trial.mailboxEntries(ann)[0].Text = "yours"
		trial.requireEqual("texts", trial.mailboxTexts(ann), []string{"mine"})
		memo := []byte("memo")
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{State: memo}))
		memo[0] = 'x'
		trial.loadCursor(ann, "").State[1] = 'x'
		trial.requireEqual("memo", string(trial.loadCursor(ann, "").State), "memo")
	}},
}

var requestKeyTests = []contractTest{
	{"an equal request within the window gets the first outcome and does nothing", func(trial *contractTrial) {
		trial.createAccounts(ann)
		deliver := func(key rookery.RequestKey) rookery.Receipt {
			trial.Helper()
			receipt, err := trial.Deliver(trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, key)
			trial.requireNoError(err)
			return receipt
		}
		trial.requireEqual("first", deliver(longKey(bob, 1, time.Minute)), rookery.Receipt{Numbers: []uint64{1}})
		trial.checkAcrossRestart(func() {
			trial.requireEqual("repeat", deliver(longKey(bob, 1, 3*time.Minute-1)), rookery.Receipt{Repeated: true})
			trial.requireEqual("newest", trial.newestNumber(ann), uint64(1))
		})
		trial.requireEqual(
			"when the window is over", deliver(longKey(bob, 1, 3*time.Minute)), rookery.Receipt{Numbers: []uint64{2}},
		)
		trial.requireEqual(
			"repeat of the second", deliver(longKey(bob, 1, 5*time.Minute-1)), rookery.Receipt{Repeated: true},
		)
	}},
	{"the repeat's window counts, not the remembered request's", func(trial *contractTrial) {
		trial.recordOnce(shortKey(ann, 1, time.Minute))
		trial.requireRecorded(longKey(ann, 1, 2*time.Minute), true)
		trial.recordOnce(longKey(ann, 2, time.Minute))
		trial.requireRecorded(shortKey(ann, 2, 2*time.Minute), false)
	}},
	{"an equal request with an earlier time is a repeat", func(trial *contractTrial) {
		trial.recordOnce(longKey(ann, 1, time.Minute))
		trial.requireRecorded(longKey(ann, 1, time.Second), true)
	}},
	{"keys with another owner, device or digest are different", func(trial *contractTrial) {
		trial.recordOnce(longKey(ann, 1, time.Minute))
		trial.recordOnce(onDevice(longKey(ann, 2, time.Minute), "phone"))
		trial.checkAcrossRestart(func() {
			trial.requireRecorded(longKey(bob, 1, time.Minute), false)
			trial.requireRecorded(longKey(ann, 3, time.Minute), false)
			trial.requireRecorded(onDevice(longKey(ann, 1, time.Minute), "phone"), false)
			trial.requireRecorded(longKey(ann, 2, time.Minute), false)
			trial.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "desk"), false)
			trial.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "phone"), true)
		})
	}},
	{"a LatestOnly request has a repeat only while it is the latest of its owner and device",
		func(trial *contractTrial) {
			trial.recordOnce(shortKey(ann, 1, time.Minute))
			trial.recordOnce(shortKey(bob, 2, time.Minute))
			trial.recordOnce(onDevice(shortKey(ann, 3, time.Minute), "phone"))
			trial.checkAcrossRestart(func() { trial.requireRecorded(shortKey(ann, 1, time.Minute), true) })
			trial.recordOnce(shortKey(ann, 4, time.Minute))
			trial.checkAcrossRestart(func() {
				trial.requireRecorded(shortKey(ann, 1, time.Minute), false)
				trial.requireRecorded(shortKey(ann, 4, time.Minute), true)
				trial.requireRecorded(onDevice(shortKey(ann, 3, time.Minute), "phone"), true)
			})
		}},
	{"a long key replaces a short one as the latest, and outlives later keys",
		func(trial *contractTrial) {
			trial.recordOnce(shortKey(ann, 1, time.Minute))
			trial.recordOnce(longKey(ann, 2, time.Minute))
			trial.requireRecorded(shortKey(ann, 1, time.Minute), false)
			trial.recordOnce(shortKey(ann, 3, time.Minute))
			trial.checkAcrossRestart(func() {
				trial.requireRecorded(longKey(ann, 2, time.Minute), true)
				trial.requireRecorded(shortKey(ann, 3, time.Minute), true)
			})
		}},
	{"a long key outlives many later keys", func(trial *contractTrial) {
		trial.recordOnce(longKey(ann, 0, time.Second))
		for i := range uint64(50) {
			trial.recordOnce(longKey(ann, i+1, time.Duration(i)*2*time.Second))
		}
		trial.checkAcrossRestart(func() {
			trial.requireRecorded(longKey(ann, 0, 100*time.Second), true)
			trial.requireRecorded(longKey(ann, 7, 100*time.Second), true)
			trial.requireRecorded(shortKey(ann, 50, 100*time.Second), true)
		})
	}},
	{"the zero key is neither found nor remembered, and does not become the latest", func(trial *contractTrial) {
		trial.createAccounts(ann)
		trial.recordOnce(shortKey(ann, 1, time.Minute))
		trial.recordOnce(rookery.RequestKey{})
		trial.recordOnce(rookery.RequestKey{})
		trial.requireRecorded(rookery.RequestKey{}, false)
		trial.requireRecorded(shortKey(ann, 1, time.Minute), true)
	}},
	{"RecordRequest records the outcome and does nothing else", func(trial *contractTrial) {
		key := shortKey(ann, 1, time.Minute)
		receipt, err := trial.RecordRequest(trial.ctx, key, rookery.OutcomeClosed)
		trial.requireNoError(err)
		trial.requireEqual("receipt", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed})
		trial.checkAcrossRestart(func() {
			receipt, err := trial.RecordRequest(trial.ctx, key, rookery.OutcomeDone)
			trial.requireNoError(err)
			trial.requireEqual("repeat", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed, Repeated: true})
		})
		_, err = trial.RecordRequest(trial.ctx, longKey(ann, 2, time.Minute), rookery.OutcomeDone)
		trial.requireNoError(err)
		trial.requireRecorded(key, false)
	}},
	{"one of several concurrent equal requests is carried out", func(trial *contractTrial) {
		trial.createAccounts(ann)
		receipts := make([]rookery.Receipt, 16)
		var all sync.WaitGroup
		for i := range receipts {
			all.Go(func() {
				var err error
				receipts[i], err = trial.Deliver(
					trial.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, longKey(bob, 1, time.Minute),
				)
				if err != nil {
					trial.Error(err)
				}
			})
		}
		all.Wait()
		trial.requireEqual("newest", trial.newestNumber(ann), uint64(1))
		first := slices.DeleteFunc(receipts, func(receipt rookery.Receipt) bool { return receipt.Repeated })
		trial.requireEqual("carried out", first, []rookery.Receipt{{Numbers: []uint64{1}}})
	}},
}

var cursorTests = []contractTest{
	{"each consumer has its own cursor, the latest that was stored", func(trial *contractTrial) {
		trial.createAccounts(ann, bob)
		want := rookery.Cursor{Number: 7, RepeatFrom: 3, State: []byte{0, 1, 255}}
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", rookery.Cursor{Number: 1}))
		trial.startSessions(newSession(ann, "phone", 1))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "phone", rookery.Cursor{Number: 2}))
		trial.requireNoError(trial.SaveCursor(trial.ctx, ann, "", want))
		trial.checkAcrossRestart(func() {
			trial.requireEqual("of addresses", trial.loadCursor(ann, ""), want)
			trial.requireEqual("of the phone", trial.loadCursor(ann, "phone").Number, uint64(2))
			trial.requireEqual("of what is no device", trial.loadCursor(ann, "desk"), rookery.Cursor{})
			trial.requireEqual("of another account", trial.loadCursor(bob, ""), rookery.Cursor{})
		})
	}},
}

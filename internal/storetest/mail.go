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
	{"letters get the numbers of their mailboxes, from 1 and in their order", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{
			messageEntry(ann, bob, "a"), messageEntry(bob, ann, "b"), messageEntry(ann, bob, "c"),
			{To: bob, Kind: rookery.KindSent, Peer: ann, Text: "d", OriginDevice: "电话"},
		}, noon, rookery.RequestKey{})
		x.requireNoError(err)
		x.requireEqual("receipt", receipt, rookery.Receipt{Numbers: []uint64{1, 1, 2, 2}})
		x.checkAcrossRestart(func() {
			x.requireEqual("mailbox of bob", x.mailboxEntries(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "b"},
				{Number: 2, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "d", OriginDevice: "电话"},
			})
			x.requireEqual("texts of ann", x.mailboxTexts(ann), []string{"a", "c"})
			x.requireEqual("newest", x.newestNumber(ann), uint64(2))
		})
		x.deliverTexts(ann, bob, "e")
		x.requireEqual("numbers go on", x.entryNumbers(ann), []uint64{1, 2, 3})
	}},
	{"if one receiver does not exist none gets anything", func(x *contractTrial) {
		x.createAccounts(ann)
		key := longKey(bob, 1, time.Minute)
		_, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "a"), messageEntry(nobody, bob, "b")}, noon, key)
		x.requireCode(err, rookery.CodeNoAccount)
		x.requireEqual("newest", x.newestNumber(ann), uint64(0))
		x.requireRecorded(key, false)
		x.deliverTexts(ann, bob, "c")
		x.requireEqual("numbers", x.entryNumbers(ann), []uint64{1})
	}},
	{"texts come back to the byte", func(x *contractTrial) {
		x.createAccounts(ann)
		texts := []string{"", " \r\n\t", "100% & co, \x00 ' \" ;", "企鹅 🐧", strings.Repeat("x", rookery.MaxText)}
		x.deliverTexts(ann, bob, texts...)
		x.checkAcrossRestart(func() { x.requireEqual("texts", x.mailboxTexts(ann), texts) })
	}},
	{"five hundred letters are one operation like others", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		var letters []rookery.NewEntry
		for i := range 500 {
			letters = append(letters, messageEntry(ann+rookery.UIN(i%2), cat, fmt.Sprint(i)))
		}
		receipt, err := x.Deliver(x.ctx, letters, noon, rookery.RequestKey{})
		x.requireNoError(err)
		x.requireEqual("last number", receipt.Numbers[499], uint64(250))
		x.checkAcrossRestart(func() {
			x.requireEqual("mailbox of ann", len(x.mailboxEntries(ann)), 250)
			x.requireEqual("last text of bob", x.mailboxEntries(bob)[249].Text, "499")
		})
	}},
	{"letters that are delivered at the same time leave no gap", func(x *contractTrial) {
		x.createAccounts(ann)
		const senders, each = 16, 25
		got := make([][]uint64, senders)
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range each {
					receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, fmt.Sprint(i))}, noon, rookery.RequestKey{})
					if err != nil {
						x.Error(err)
						return
					}
					got[i] = append(got[i], receipt.Numbers[0])
				}
			})
		}
		all.Wait()
		for i := range got {
			x.requireEqual("one sender's order", slices.IsSorted(got[i]), true)
		}
		numbers := slices.Sorted(slices.Values(slices.Concat(got...)))
		x.checkAcrossRestart(func() { x.requireEqual("numbers", x.entryNumbers(ann), numbers) })
		x.requireEqual("the last", numbers[len(numbers)-1], uint64(senders*each))
	}},
	{"whoever was told of a letter finds it, and all before it", func(x *contractTrial) {
		x.createAccounts(ann)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, rookery.RequestKey{})
					if err != nil {
						x.Error(err)
						return
					}
					n := receipt.Numbers[0]
					entries, err := x.Entries(x.ctx, ann, 0, n, 1<<30)
					if err != nil || uint64(len(entries)) != n {
						x.Errorf("%d entries up to %d, error %v", len(entries), n, err)
					}
					if last, _, err := x.MailboxState(x.ctx, ann, ""); err != nil || last < n {
						x.Errorf("the newest is %d after %d, error %v", last, n, err)
					}
				}
			})
		}
		all.Wait()
	}},
	{"entries are those above one number and up to another, at most as many as asked for", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2", "3", "4", "5", "6")
		x.checkAcrossRestart(func() {
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
				entries, err := x.Entries(x.ctx, ann, tt.after, tt.upTo, tt.limit)
				x.requireNoError(err)
				var got []string
				for _, entry := range entries {
					got = append(got, entry.Text)
				}
				x.requireEqual(fmt.Sprint("entries of ", tt), got, tt.want)
			}
		})
	}},
	{"entries that are older than a restart and newer ones come together", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "1", "2")
		x.restart()
		x.deliverTexts(ann, bob, "3", "4")
		x.requireEqual("all", x.mailboxTexts(ann), []string{"1", "2", "3", "4"})
		entries, err := x.Entries(x.ctx, ann, 0, 4, 3)
		x.requireNoError(err)
		x.requireEqual("three", len(entries), 3)
		entries, err = x.Entries(x.ctx, ann, 1, 3, 10)
		x.requireNoError(err)
		x.requireEqual("the second and third", []string{entries[0].Text, entries[1].Text}, []string{"2", "3"})
	}},
	{"the mailbox of what is no account is empty", func(x *contractTrial) {
		x.requireEqual("newest", x.newestNumber(nobody), uint64(0))
		x.requireEqual("entries", x.mailboxTexts(nobody), []string(nil))
	}},
	{"what is handed out is a copy", func(x *contractTrial) {
		x.createAccounts(ann)
		x.deliverTexts(ann, bob, "mine")
		x.mailboxEntries(ann)[0].Text = "yours"
		x.requireEqual("texts", x.mailboxTexts(ann), []string{"mine"})
		memo := []byte("memo")
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{State: memo}))
		memo[0] = 'x'
		x.loadCursor(ann, "").State[1] = 'x'
		x.requireEqual("memo", string(x.loadCursor(ann, "").State), "memo")
	}},
}

var requestKeyTests = []contractTest{
	{"an equal request within the window gets the first outcome and does nothing", func(x *contractTrial) {
		x.createAccounts(ann)
		deliver := func(key rookery.RequestKey) rookery.Receipt {
			x.Helper()
			receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, key)
			x.requireNoError(err)
			return receipt
		}
		x.requireEqual("first", deliver(longKey(bob, 1, time.Minute)), rookery.Receipt{Numbers: []uint64{1}})
		x.checkAcrossRestart(func() {
			x.requireEqual("repeat", deliver(longKey(bob, 1, 3*time.Minute-1)), rookery.Receipt{Repeated: true})
			x.requireEqual("newest", x.newestNumber(ann), uint64(1))
		})
		x.requireEqual("when the window is over", deliver(longKey(bob, 1, 3*time.Minute)), rookery.Receipt{Numbers: []uint64{2}})
		x.requireEqual("repeat of the second", deliver(longKey(bob, 1, 5*time.Minute-1)), rookery.Receipt{Repeated: true})
	}},
	{"the window is that of the request, not of the remembered one", func(x *contractTrial) {
		x.recordOnce(shortKey(ann, 1, time.Minute))
		x.requireRecorded(longKey(ann, 1, 2*time.Minute), true)
		x.recordOnce(longKey(ann, 2, time.Minute))
		x.requireRecorded(shortKey(ann, 2, 2*time.Minute), false)
	}},
	{"a request from before the remembered one counts as its repeat", func(x *contractTrial) {
		x.recordOnce(longKey(ann, 1, time.Minute))
		x.requireRecorded(longKey(ann, 1, time.Second), true)
	}},
	{"another owner, device, or digest is another request", func(x *contractTrial) {
		x.recordOnce(longKey(ann, 1, time.Minute))
		x.recordOnce(onDevice(longKey(ann, 2, time.Minute), "phone"))
		x.checkAcrossRestart(func() {
			x.requireRecorded(longKey(bob, 1, time.Minute), false)
			x.requireRecorded(longKey(ann, 3, time.Minute), false)
			x.requireRecorded(onDevice(longKey(ann, 1, time.Minute), "phone"), false)
			x.requireRecorded(longKey(ann, 2, time.Minute), false)
			x.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "desk"), false)
			x.requireRecorded(onDevice(longKey(ann, 2, time.Minute), "phone"), true)
		})
	}},
	{"a LatestOnly request is repeated only while it is the latest of its owner and device", func(x *contractTrial) {
		x.recordOnce(shortKey(ann, 1, time.Minute))
		x.recordOnce(shortKey(bob, 2, time.Minute))
		x.recordOnce(onDevice(shortKey(ann, 3, time.Minute), "phone"))
		x.checkAcrossRestart(func() { x.requireRecorded(shortKey(ann, 1, time.Minute), true) })
		x.recordOnce(shortKey(ann, 4, time.Minute))
		x.checkAcrossRestart(func() {
			x.requireRecorded(shortKey(ann, 1, time.Minute), false)
			x.requireRecorded(shortKey(ann, 4, time.Minute), true)
			x.requireRecorded(onDevice(shortKey(ann, 3, time.Minute), "phone"), true)
		})
	}},
	{"a long mark makes an earlier short one no longer the latest, and stays when a later one comes", func(x *contractTrial) {
		x.recordOnce(shortKey(ann, 1, time.Minute))
		x.recordOnce(longKey(ann, 2, time.Minute))
		x.requireRecorded(shortKey(ann, 1, time.Minute), false)
		x.recordOnce(shortKey(ann, 3, time.Minute))
		x.checkAcrossRestart(func() {
			x.requireRecorded(longKey(ann, 2, time.Minute), true)
			x.requireRecorded(shortKey(ann, 3, time.Minute), true)
		})
	}},
	{"many marks in between change nothing for a long one", func(x *contractTrial) {
		x.recordOnce(longKey(ann, 0, time.Second))
		for i := range uint64(50) {
			x.recordOnce(longKey(ann, i+1, time.Duration(i)*2*time.Second))
		}
		x.checkAcrossRestart(func() {
			x.requireRecorded(longKey(ann, 0, 100*time.Second), true)
			x.requireRecorded(longKey(ann, 7, 100*time.Second), true)
			x.requireRecorded(shortKey(ann, 50, 100*time.Second), true)
		})
	}},
	{"the zero mark is neither matched nor remembered, and leaves the latest as it is", func(x *contractTrial) {
		x.createAccounts(ann)
		x.recordOnce(shortKey(ann, 1, time.Minute))
		x.recordOnce(rookery.RequestKey{})
		x.recordOnce(rookery.RequestKey{})
		x.requireRecorded(rookery.RequestKey{}, false)
		x.requireRecorded(shortKey(ann, 1, time.Minute), true)
	}},
	{"Remember remembers and does nothing else", func(x *contractTrial) {
		key := shortKey(ann, 1, time.Minute)
		receipt, err := x.RecordRequest(x.ctx, key, rookery.OutcomeClosed)
		x.requireNoError(err)
		x.requireEqual("receipt", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed})
		x.checkAcrossRestart(func() {
			receipt, err := x.RecordRequest(x.ctx, key, rookery.OutcomeDone)
			x.requireNoError(err)
			x.requireEqual("repeat", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed, Repeated: true})
		})
		_, err = x.RecordRequest(x.ctx, longKey(ann, 2, time.Minute), rookery.OutcomeDone)
		x.requireNoError(err)
		x.requireRecorded(key, false)
	}},
	{"of equal requests at the same time one is carried out", func(x *contractTrial) {
		x.createAccounts(ann)
		receipts := make([]rookery.Receipt, 16)
		var all sync.WaitGroup
		for i := range receipts {
			all.Go(func() {
				var err error
				receipts[i], err = x.Deliver(x.ctx, []rookery.NewEntry{messageEntry(ann, bob, "x")}, noon, longKey(bob, 1, time.Minute))
				if err != nil {
					x.Error(err)
				}
			})
		}
		all.Wait()
		x.requireEqual("newest", x.newestNumber(ann), uint64(1))
		first := slices.DeleteFunc(receipts, func(receipt rookery.Receipt) bool { return receipt.Repeated })
		x.requireEqual("carried out", first, []rookery.Receipt{{Numbers: []uint64{1}}})
	}},
}

var cursorTests = []contractTest{
	{"a place is that of one collector, the latest that was stored", func(x *contractTrial) {
		x.createAccounts(ann, bob)
		want := rookery.Cursor{Number: 7, RepeatFrom: 3, State: []byte{0, 1, 255}}
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 1}))
		x.startSessions(newSession(ann, "phone", 1))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 2}))
		x.requireNoError(x.SaveCursor(x.ctx, ann, "", want))
		x.checkAcrossRestart(func() {
			x.requireEqual("of addresses", x.loadCursor(ann, ""), want)
			x.requireEqual("of the phone", x.loadCursor(ann, "phone").Number, uint64(2))
			x.requireEqual("of what is no device", x.loadCursor(ann, "desk"), rookery.Cursor{})
			x.requireEqual("of another account", x.loadCursor(bob, ""), rookery.Cursor{})
		})
	}},
}

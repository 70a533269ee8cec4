package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

var letterTests = []test{
	{"letters get the numbers of their mailboxes, from 1 and in their order", func(x *trial) {
		x.add(ann, bob)
		receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{
			letter(ann, bob, "a"), letter(bob, ann, "b"), letter(ann, bob, "c"),
			{To: bob, Kind: rookery.KindSent, Peer: ann, Text: "d", OriginDevice: "电话"},
		}, noon, rookery.RequestKey{})
		x.must(err)
		x.equal("receipt", receipt, rookery.Receipt{Numbers: []uint64{1, 1, 2, 2}})
		x.twice(func() {
			x.equal("mailbox of bob", x.all(bob), []rookery.Entry{
				{Number: 1, Kind: rookery.KindMessage, Peer: ann, Time: noon, Text: "b"},
				{Number: 2, Kind: rookery.KindSent, Peer: ann, Time: noon, Text: "d", OriginDevice: "电话"},
			})
			x.equal("texts of ann", x.texts(ann), []string{"a", "c"})
			x.equal("newest", x.last(ann), uint64(2))
		})
		x.send(ann, bob, "e")
		x.equal("numbers go on", x.numbers(ann), []uint64{1, 2, 3})
	}},
	{"if one receiver does not exist none gets anything", func(x *trial) {
		x.add(ann)
		key := mark(bob, 1, time.Minute)
		_, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "a"), letter(nobody, bob, "b")}, noon, key)
		x.refused(err, rookery.CodeNoAccount)
		x.equal("newest", x.last(ann), uint64(0))
		x.recalls(key, false)
		x.send(ann, bob, "c")
		x.equal("numbers", x.numbers(ann), []uint64{1})
	}},
	{"texts come back to the byte", func(x *trial) {
		x.add(ann)
		texts := []string{"", " \r\n\t", "100% & co, \x00 ' \" ;", "企鹅 🐧", strings.Repeat("x", rookery.MaxText)}
		x.send(ann, bob, texts...)
		x.twice(func() { x.equal("texts", x.texts(ann), texts) })
	}},
	{"five hundred letters are one operation like others", func(x *trial) {
		x.add(ann, bob)
		var letters []rookery.NewEntry
		for i := range 500 {
			letters = append(letters, letter(ann+rookery.UIN(i%2), cat, fmt.Sprint(i)))
		}
		receipt, err := x.Deliver(x.ctx, letters, noon, rookery.RequestKey{})
		x.must(err)
		x.equal("last number", receipt.Numbers[499], uint64(250))
		x.twice(func() {
			x.equal("mailbox of ann", len(x.all(ann)), 250)
			x.equal("last text of bob", x.all(bob)[249].Text, "499")
		})
	}},
	{"letters that are delivered at the same time leave no gap", func(x *trial) {
		x.add(ann)
		const senders, each = 16, 25
		got := make([][]uint64, senders)
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				for range each {
					receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, fmt.Sprint(i))}, noon, rookery.RequestKey{})
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
			x.equal("one sender's order", slices.IsSorted(got[i]), true)
		}
		numbers := slices.Sorted(slices.Values(slices.Concat(got...)))
		x.twice(func() { x.equal("numbers", x.numbers(ann), numbers) })
		x.equal("the last", numbers[len(numbers)-1], uint64(senders*each))
	}},
	{"whoever was told of a letter finds it, and all before it", func(x *trial) {
		x.add(ann)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "x")}, noon, rookery.RequestKey{})
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
	{"entries are those above one number and up to another, at most as many as asked for", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2", "3", "4", "5", "6")
		x.twice(func() {
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
				x.must(err)
				var got []string
				for _, entry := range entries {
					got = append(got, entry.Text)
				}
				x.equal(fmt.Sprint("entries of ", tt), got, tt.want)
			}
		})
	}},
	{"entries that are older than a restart and newer ones come together", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "1", "2")
		x.reopen()
		x.send(ann, bob, "3", "4")
		x.equal("all", x.texts(ann), []string{"1", "2", "3", "4"})
		entries, err := x.Entries(x.ctx, ann, 0, 4, 3)
		x.must(err)
		x.equal("three", len(entries), 3)
		entries, err = x.Entries(x.ctx, ann, 1, 3, 10)
		x.must(err)
		x.equal("the second and third", []string{entries[0].Text, entries[1].Text}, []string{"2", "3"})
	}},
	{"the mailbox of what is no account is empty", func(x *trial) {
		x.equal("newest", x.last(nobody), uint64(0))
		x.equal("entries", x.texts(nobody), []string(nil))
	}},
	{"what is handed out is a copy", func(x *trial) {
		x.add(ann)
		x.send(ann, bob, "mine")
		x.all(ann)[0].Text = "yours"
		x.equal("texts", x.texts(ann), []string{"mine"})
		memo := []byte("memo")
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{State: memo}))
		memo[0] = 'x'
		x.place(ann, "").State[1] = 'x'
		x.equal("memo", string(x.place(ann, "").State), "memo")
	}},
}

var markTests = []test{
	{"an equal request within the window gets the first outcome and does nothing", func(x *trial) {
		x.add(ann)
		deliver := func(key rookery.RequestKey) rookery.Receipt {
			x.Helper()
			receipt, err := x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "x")}, noon, key)
			x.must(err)
			return receipt
		}
		x.equal("first", deliver(mark(bob, 1, time.Minute)), rookery.Receipt{Numbers: []uint64{1}})
		x.twice(func() {
			x.equal("repeat", deliver(mark(bob, 1, 3*time.Minute-1)), rookery.Receipt{Repeated: true})
			x.equal("newest", x.last(ann), uint64(1))
		})
		x.equal("when the window is over", deliver(mark(bob, 1, 3*time.Minute)), rookery.Receipt{Numbers: []uint64{2}})
		x.equal("repeat of the second", deliver(mark(bob, 1, 5*time.Minute-1)), rookery.Receipt{Repeated: true})
	}},
	{"the window is that of the request, not of the remembered one", func(x *trial) {
		x.do(short(ann, 1, time.Minute))
		x.recalls(mark(ann, 1, 2*time.Minute), true)
		x.do(mark(ann, 2, time.Minute))
		x.recalls(short(ann, 2, 2*time.Minute), false)
	}},
	{"a request from before the remembered one counts as its repeat", func(x *trial) {
		x.do(mark(ann, 1, time.Minute))
		x.recalls(mark(ann, 1, time.Second), true)
	}},
	{"another owner, device, or digest is another request", func(x *trial) {
		x.do(mark(ann, 1, time.Minute))
		x.do(onDevice(mark(ann, 2, time.Minute), "phone"))
		x.twice(func() {
			x.recalls(mark(bob, 1, time.Minute), false)
			x.recalls(mark(ann, 3, time.Minute), false)
			x.recalls(onDevice(mark(ann, 1, time.Minute), "phone"), false)
			x.recalls(mark(ann, 2, time.Minute), false)
			x.recalls(onDevice(mark(ann, 2, time.Minute), "desk"), false)
			x.recalls(onDevice(mark(ann, 2, time.Minute), "phone"), true)
		})
	}},
	{"a LatestOnly request is repeated only while it is the latest of its owner and device", func(x *trial) {
		x.do(short(ann, 1, time.Minute))
		x.do(short(bob, 2, time.Minute))
		x.do(onDevice(short(ann, 3, time.Minute), "phone"))
		x.twice(func() { x.recalls(short(ann, 1, time.Minute), true) })
		x.do(short(ann, 4, time.Minute))
		x.twice(func() {
			x.recalls(short(ann, 1, time.Minute), false)
			x.recalls(short(ann, 4, time.Minute), true)
			x.recalls(onDevice(short(ann, 3, time.Minute), "phone"), true)
		})
	}},
	{"a long mark makes an earlier short one no longer the latest, and stays when a later one comes", func(x *trial) {
		x.do(short(ann, 1, time.Minute))
		x.do(mark(ann, 2, time.Minute))
		x.recalls(short(ann, 1, time.Minute), false)
		x.do(short(ann, 3, time.Minute))
		x.twice(func() {
			x.recalls(mark(ann, 2, time.Minute), true)
			x.recalls(short(ann, 3, time.Minute), true)
		})
	}},
	{"many marks in between change nothing for a long one", func(x *trial) {
		x.do(mark(ann, 0, time.Second))
		for i := range uint64(50) {
			x.do(mark(ann, i+1, time.Duration(i)*2*time.Second))
		}
		x.twice(func() {
			x.recalls(mark(ann, 0, 100*time.Second), true)
			x.recalls(mark(ann, 7, 100*time.Second), true)
			x.recalls(short(ann, 50, 100*time.Second), true)
		})
	}},
	{"the zero mark is neither matched nor remembered, and leaves the latest as it is", func(x *trial) {
		x.add(ann)
		x.do(short(ann, 1, time.Minute))
		x.do(rookery.RequestKey{})
		x.do(rookery.RequestKey{})
		x.recalls(rookery.RequestKey{}, false)
		x.recalls(short(ann, 1, time.Minute), true)
	}},
	{"Remember remembers and does nothing else", func(x *trial) {
		key := short(ann, 1, time.Minute)
		receipt, err := x.RecordRequest(x.ctx, key, rookery.OutcomeClosed)
		x.must(err)
		x.equal("receipt", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed})
		x.twice(func() {
			receipt, err := x.RecordRequest(x.ctx, key, rookery.OutcomeDone)
			x.must(err)
			x.equal("repeat", receipt, rookery.Receipt{Outcome: rookery.OutcomeClosed, Repeated: true})
		})
		_, err = x.RecordRequest(x.ctx, mark(ann, 2, time.Minute), rookery.OutcomeDone)
		x.must(err)
		x.recalls(key, false)
	}},
	{"of equal requests at the same time one is carried out", func(x *trial) {
		x.add(ann)
		receipts := make([]rookery.Receipt, 16)
		var all sync.WaitGroup
		for i := range receipts {
			all.Go(func() {
				var err error
				receipts[i], err = x.Deliver(x.ctx, []rookery.NewEntry{letter(ann, bob, "x")}, noon, mark(bob, 1, time.Minute))
				if err != nil {
					x.Error(err)
				}
			})
		}
		all.Wait()
		x.equal("newest", x.last(ann), uint64(1))
		first := slices.DeleteFunc(receipts, func(receipt rookery.Receipt) bool { return receipt.Repeated })
		x.equal("carried out", first, []rookery.Receipt{{Numbers: []uint64{1}}})
	}},
}

var placeTests = []test{
	{"a place is that of one collector, the latest that was stored", func(x *trial) {
		x.add(ann, bob)
		want := rookery.Cursor{Number: 7, RepeatFrom: 3, State: []byte{0, 1, 255}}
		x.must(x.SaveCursor(x.ctx, ann, "", rookery.Cursor{Number: 1}))
		x.signIn(session(ann, "phone", 1))
		x.must(x.SaveCursor(x.ctx, ann, "phone", rookery.Cursor{Number: 2}))
		x.must(x.SaveCursor(x.ctx, ann, "", want))
		x.twice(func() {
			x.equal("of addresses", x.place(ann, ""), want)
			x.equal("of the phone", x.place(ann, "phone").Number, uint64(2))
			x.equal("of what is no device", x.place(ann, "desk"), rookery.Cursor{})
			x.equal("of another account", x.place(bob, ""), rookery.Cursor{})
		})
	}},
}

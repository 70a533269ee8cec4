package service_test

import (
	"fmt"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func TestSendAllDecidesEachMessage(t *testing.T) {
	f := newFixture(t, 10001, 10002, 10003)
	me, desk := f.signInDevice(10001, "phone"), f.signInDevice(10001, "desk")
	you, third := f.signIn(10002, home), f.signIn(10003, cafe)
	f.must(f.block(third, 10001))
	send := func(seq string, receiver rookery.UIN, text string) service.OutgoingMessage {
		return service.OutgoingMessage{To: receiver, Text: text,
			Key: f.NewRequestKey(me, seq, fmt.Append(nil, receiver, text))}
	}
	before := f.store.calls()
	errs := f.SendAll(t.Context(), me, []service.OutgoingMessage{
		send("sequence 1", 10002, "a"),
		send("sequence 2", 10777, "to nobody"),
		send("sequence 1", 10002, "a"), // a repeat
		send("sequence 3", 10003, "blocked"),
		send("", 10002, ""),
		send("sequence 4", 10001, "note"),
		send("sequence 5", 10002, "b"),
	})
	if writes := f.store.calls() - before; writes > 12 {
		t.Errorf("SendAll called the store %d times, want at most 12", writes)
	}
	for i, want := range []rookery.Code{0, rookery.CodeNoAccount, 0, rookery.CodeRefused, rookery.CodeParameter, 0, 0} {
		if got := rookery.CodeOf(errs[i]); got != want {
			t.Errorf("message %d returned error %v, want code %d", i, errs[i], want)
		}
	}
	f.wantInbox(you, "a", "b")
	f.wantInbox(third)
	f.wantInbox(desk, "a", "note", "b")
	f.wantInbox(me, "note")
}

func TestFailedSendAllSendsNothing(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me, you := f.signIn(10001, home), f.signIn(10002, cafe)
	messages := []service.OutgoingMessage{{To: 10002, Text: "a", Key: f.NewRequestKey(me, "sequence", nil)}}
	f.store.setFull(true)
	f.wantCode(f.SendAll(t.Context(), me, messages)[0], rookery.CodeTemporary)
	f.store.setFull(false)
	f.wantInbox(you)
	f.must(f.SendAll(t.Context(), me, messages)[0])
	f.must(f.SendAll(t.Context(), me, messages)[0])
	f.wantInbox(you, "a")
}

func TestSendAllPushesInOrder(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me := f.signInDevice(10001, "phone")
		phone := f.subscribe(f.signInDevice(10002, "phone"))
		f.sendTexts(me, 10002, "first")
		phone.wantPushed("1 first")
		phone.confirm(1)
		var messages []service.OutgoingMessage
		var want []string
		for i := range 100 {
			messages = append(messages,
				service.OutgoingMessage{To: 10002, Text: fmt.Sprint(i), Key: f.NewRequestKey(me, "", nil)})
			want = append(want, fmt.Sprintf("%d %d", i+2, i))
		}
		for _, err := range f.SendAll(f.Context(), me, messages) {
			f.must(err)
		}
		phone.wantPushed(want...)
	}, 10001, 10002)
}

func TestSendCallsStoreOnlyForDelivery(t *testing.T) {
	f := newFixture(t, 10001, 10002)
	me := f.signInDevice(10001, "phone")
	f.sendTexts(me, 10002, "first")
	before := f.store.calls()
	f.sendTexts(me, 10002, "second")
	if got := f.store.calls() - before; got != 1 {
		t.Errorf("Send called the store %d times, want once", got)
	}
}

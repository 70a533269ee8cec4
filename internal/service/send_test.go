package service_test

import (
	"fmt"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

func TestMessagesSentTogetherAreDecidedOneByOne(t *testing.T) {
	w := newWorld(t, 10001, 10002, 10003)
	me, desk := w.signInDevice(10001, "phone"), w.signInDevice(10001, "desk")
	you, third := w.signIn(10002, home), w.signIn(10003, cafe)
	w.must(w.block(third, 10001))
	send := func(seq string, receiver rookery.UIN, text string) service.OutgoingMessage {
		return service.OutgoingMessage{To: receiver, Text: text,
			Key: w.NewRequestKey(me, seq, fmt.Append(nil, receiver, text))}
	}
	before := w.store.calls()
	errs := w.SendAll(t.Context(), me, []service.OutgoingMessage{
		send("sequence 1", 10002, "a"),
		send("sequence 2", 10777, "to nobody"),
		send("sequence 1", 10002, "a"), // a repeat
		send("sequence 3", 10003, "blocked"),
		send("", 10002, ""),
		send("sequence 4", 10001, "note"),
		send("sequence 5", 10002, "b"),
	})
	if writes := w.store.calls() - before; writes > 12 {
		t.Errorf("the store was asked %d times", writes)
	}
	for i, want := range []rookery.Code{0, rookery.CodeNoAccount, 0, rookery.CodeRefused, rookery.CodeParameter, 0, 0} {
		if got := rookery.CodeOf(errs[i]); got != want {
			t.Errorf("message %d: %v, want code %d", i, errs[i], want)
		}
	}
	w.wantInbox(you, "a", "b")
	w.wantInbox(third)
	w.wantInbox(desk, "a", "note", "b")
	w.wantInbox(me, "note")
}

func TestMessagesSentTogetherThatFailAreNotSent(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me, you := w.signIn(10001, home), w.signIn(10002, cafe)
	messages := []service.OutgoingMessage{{To: 10002, Text: "a", Key: w.NewRequestKey(me, "sequence", nil)}}
	w.store.setFull(true)
	w.wantCode(w.SendAll(t.Context(), me, messages)[0], rookery.CodeTemporary)
	w.store.setFull(false)
	w.wantInbox(you)
	w.must(w.SendAll(t.Context(), me, messages)[0])
	w.must(w.SendAll(t.Context(), me, messages)[0])
	w.wantInbox(you, "a")
}

func TestMessagesSentTogetherArePushedInOrder(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me := w.signInDevice(10001, "phone")
		phone := w.subscribe(w.signInDevice(10002, "phone"))
		w.sendTexts(me, 10002, "first")
		phone.wantPushed("1 first")
		phone.confirm(1)
		var messages []service.OutgoingMessage
		var want []string
		for i := range 100 {
			messages = append(messages,
				service.OutgoingMessage{To: 10002, Text: fmt.Sprint(i), Key: w.NewRequestKey(me, "", nil)})
			want = append(want, fmt.Sprintf("%d %d", i+2, i))
		}
		for _, err := range w.SendAll(w.Context(), me, messages) {
			w.must(err)
		}
		phone.wantPushed(want...)
	}, 10001, 10002)
}

func TestASendAsksTheStoreForNothingButTheDelivery(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	me := w.signInDevice(10001, "phone")
	w.sendTexts(me, 10002, "first")
	before := w.store.calls()
	w.sendTexts(me, 10002, "second")
	if got := w.store.calls() - before; got != 1 {
		t.Errorf("it was asked %d times", got)
	}
}

package client_test

import (
	"errors"
	"testing"

	"github.com/rookery-im/rookery/client"
)

// What the server refuses is explained without the protocol's keys, and a wrong
// password without saying it twice.
func TestARefusalIsExplainedWithoutTheProtocol(t *testing.T) {
	h := newTestServer(t, 10001)
	_, wrong := client.Dial(t.Context(), "qq://10001@"+h.address, client.Password("wrong"))
	var refused *client.Error
	if !errors.As(wrong, &refused) || refused.Explanation() != "" {
		t.Fatalf("a wrong password is the error %v, which needs no more words", wrong)
	}
	messenger, err := client.Dial(t.Context(), "qq://10001@"+h.address, client.Password(password))
	if err != nil {
		t.Fatal(err)
	}
	defer messenger.Close()
	err = messenger.Send(t.Context(), 10999, "hello")
	if !errors.As(err, &refused) || refused.Reason != "UN: "+refused.Explanation() {
		t.Fatalf("a message to nobody is refused with %v", err)
	}
}

func TestAnExplanationIsTheReasonWithoutItsKey(t *testing.T) {
	for reason, want := range map[string]string{
		"":                           "",
		"UN: no such account":        "no such account",
		"SEQ: over 32 characters":    "over 32 characters",
		"the disk is full: no room":  "the disk is full: no room",
		"a sentence without any key": "a sentence without any key",
	} {
		if got := (&client.Error{Reason: reason}).Explanation(); got != want {
			t.Errorf("%q is explained as %q, want %q", reason, got, want)
		}
	}
}

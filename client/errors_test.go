package client_test

import (
	"errors"
	"testing"

	"github.com/rookery-im/rookery/client"
)

// Explanation omits the protocol's keys and does not repeat "wrong password".
func TestExplanationsOmitTheProtocol(t *testing.T) {
	server := newTestServer(t, 10001)
	_, wrong := client.Dial(t.Context(), "qq://10001@"+server.address, client.Password("wrong"))
	var refusal *client.Error
	if !errors.As(wrong, &refusal) || refusal.Explanation() != "" {
		t.Fatalf("a wrong password is the error %v, which needs no more words", wrong)
	}
	messenger, err := client.Dial(t.Context(), "qq://10001@"+server.address, client.Password(password))
	if err != nil {
		t.Fatal(err)
	}
	defer messenger.Close()
	err = messenger.Send(t.Context(), 10999, "hello")
	if !errors.As(err, &refusal) || refusal.Reason != "UN: "+refusal.Explanation() {
		t.Fatalf("a message to nobody is refused with %v", err)
	}
}

func TestExplanationRemovesTheKey(t *testing.T) {
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

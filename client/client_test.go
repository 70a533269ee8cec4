package client_test

import (
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

// testSchemes has one address scheme per transport.
var testSchemes = []string{"http", "qq", "ws"}

func forEachScheme(t *testing.T, test func(t *testing.T, scheme string)) {
	for _, scheme := range testSchemes {
		t.Run(scheme, func(t *testing.T) { test(t, scheme) })
	}
}

func TestMessagesGoBothWays(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		for name, device := range map[string][]client.Option{"address": nil, "device": {client.Device("test")}} {
			server := newTestServer(t, 10001, 10002) // address and device sessions have separate cursors
			alice, bob := server.dial(scheme, 10001, device...), server.dial(scheme, 10002, device...)
			texts := []string{"hello " + name, " 50%25 & more,\nsecond line=\t中文 🐧 ", "%41%2525", "fish & &",
				"a\r\nb\rc"}
			for _, text := range texts {
				if err := alice.Send(t.Context(), 10002, text); err != nil {
					t.Fatal(err)
				}
			}
			got := receive(t, bob, len(texts))
			// Line ends arrive as LF.
			expectEqual(t, name, textsOf(got), append(texts[:4:4], "a\nb\nc"))
			for _, message := range got {
				if message.Kind != rookery.KindMessage || message.Peer != 10001 || message.IsOutgoing() {
					t.Errorf("%+v is not 10001's message", message)
				}
				if device != nil && (message.Number == 0 || message.Time.IsZero()) {
					t.Errorf("%+v has no number or no time", message)
				}
			}
			alice.Close()
			bob.Close()
		}
	})
}

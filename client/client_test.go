package client_test

import (
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

// testSchemes are the schemes of the ways to a server.
var testSchemes = []string{"http", "qq", "ws"}

func forEachScheme(t *testing.T, test func(t *testing.T, way string)) {
	for _, way := range testSchemes {
		t.Run(way, func(t *testing.T) { test(t, way) })
	}
}

func TestMessagesGoBothWays(t *testing.T) {
	forEachScheme(t, func(t *testing.T, way string) {
		for name, device := range map[string][]client.Option{"address": nil, "device": {client.Device("test")}} {
			h := newTestServer(t, 10001, 10002) // each kind of session has a place of its own in the mailbox
			a, b := h.dial(way, 10001, device...), h.dial(way, 10002, device...)
			texts := []string{"hello " + name, " 50%25 & more,\nsecond line=\t中文 🐧 ", "%41%2525", "fish & &", "a\r\nb\rc"}
			for _, text := range texts {
				if err := a.Send(t.Context(), 10002, text); err != nil {
					t.Fatal(err)
				}
			}
			got := receive(t, b, len(texts))
			// Line ends come as LF.
			expectEqual(t, name, textsOf(got), append(texts[:4:4], "a\nb\nc"))
			for _, message := range got {
				if message.Kind != rookery.KindMessage || message.Peer != 10001 || message.IsOutgoing() {
					t.Errorf("%+v is not 10001's message", message)
				}
				if device != nil && (message.Number == 0 || message.Time.IsZero()) {
					t.Errorf("%+v has no number or no time", message)
				}
			}
			a.Close()
			b.Close()
		}
	})
}

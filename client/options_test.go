package client_test

import (
	"testing"

	"github.com/rookery-im/rookery/client"
)

func TestNoLoggerAndNoDialerAreTheUsualOnes(t *testing.T) {
	h := newTestServer(t, 10001)
	messenger := h.dial("qq", 10001, client.Logger(nil), client.Dialer(nil))
	if err := messenger.Close(); err != nil {
		t.Error(err)
	}
}

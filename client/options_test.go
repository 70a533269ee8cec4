package client_test

import (
	"testing"

	"github.com/rookery-im/rookery/client"
)

func TestNilLoggerAndDialerSelectTheDefaults(t *testing.T) {
	server := newTestServer(t, 10001)
	messenger := server.dial("qq", 10001, client.Logger(nil), client.Dialer(nil))
	if err := messenger.Close(); err != nil {
		t.Error(err)
	}
}

package client

import (
	"errors"
	"testing"
	"time"
)

// Close may coincide with the loss of a connection or with a new one.
func TestAClosedClientStaysClosed(t *testing.T) {
	messenger := &Client{queue: newEventQueue(), connChanged: make(chan struct{}), options: newOptions(nil)}
	messenger.setClosed(ErrClosed)
	for what, happens := range map[string]func(){
		"a connection breaks":  func() { messenger.setDisconnected(errNoAnswer, time.Now().Add(time.Minute)) },
		"another one was made": func() { messenger.setConnected(nil) },
	} {
		happens()
		if state := messenger.State(); state.Connected || !errors.Is(state.Err, ErrClosed) || !state.RetryAt.IsZero() {
			t.Errorf("%s: the state is %+v", what, state)
		}
	}
}

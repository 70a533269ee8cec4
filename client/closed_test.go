package client

import (
	"errors"
	"testing"
	"time"
)

// A connection may break, or another be there, in the moment of Close.
func TestAClientThatIsClosedStaysSo(t *testing.T) {
	messenger := &Client{inbox: newInbox(), moved: make(chan struct{}), options: newOptions(nil)}
	messenger.bury(ErrClosed)
	for what, happens := range map[string]func(){
		"a connection breaks":  func() { messenger.disconnected(errSilent, time.Now().Add(time.Minute)) },
		"another one was made": func() { messenger.connected(nil) },
	} {
		happens()
		if state := messenger.State(); state.Connected || !errors.Is(state.Err, ErrClosed) || !state.Retry.IsZero() {
			t.Errorf("%s: the state is %+v", what, state)
		}
	}
}

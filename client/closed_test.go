package client

import (
	"errors"
	"testing"
	"time"
)

// A connection may break, or another be there, in the moment of Close.
func TestAClientThatIsClosedStaysSo(t *testing.T) {
	c := &Client{inbox: newInbox(), moved: make(chan struct{}), options: newOptions(nil)}
	c.bury(ErrClosed)
	for what, happens := range map[string]func(){
		"a connection breaks":  func() { c.disconnected(errSilent, time.Now().Add(time.Minute)) },
		"another one was made": func() { c.connected(nil) },
	} {
		happens()
		if s := c.State(); s.Connected || !errors.Is(s.Err, ErrClosed) || !s.Retry.IsZero() {
			t.Errorf("%s: the state is %+v", what, s)
		}
	}
}

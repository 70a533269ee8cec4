package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe"
)

func TestProgressOfAStudyIsALineNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProbeProgress(&out)
		for sent := range 251 { // in 25 seconds
			p.show(probe.Progress{Phase: "paging", Sent: sent, Budget: 3000, Facts: 1, Faults: 2, Left: 61 * time.Second})
			time.Sleep(100 * time.Millisecond) // of virtual time
		}
		p.show(probe.Progress{Sent: 251, Budget: 3000, Waiting: 45 * time.Second})
		p.finish()
		want := `100 of 3000 requests, paging, 1 fact, 2 lost on the way, about 1m1s left
200 of 3000 requests, paging, 1 fact, 2 lost on the way, about 1m1s left
251 of 3000 requests, 0 facts, waits 45s
`
		if out.String() != want {
			t.Errorf("%s", out.String())
		}
	})
}

func TestOnATerminalProgressIsOneLineThatChanges(t *testing.T) {
	var out bytes.Buffer
	p := newProbeProgress(&out)
	p.terminal, p.shown = true, time.Time{}
	p.show(probe.Progress{Phase: "hidden keys", Sent: 9, Budget: 3000})
	p.shown = time.Time{}
	p.show(probe.Progress{Phase: "timers", Sent: 10, Budget: 3000})
	p.finish()
	want := "\r9 of 3000 requests, hidden keys, 0 facts\r10 of 3000 requests, timers, 0 facts    \n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

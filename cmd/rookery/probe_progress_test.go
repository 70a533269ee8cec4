package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe"
)

func TestProgressIsPrintedEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProbeProgress(&out)
		for sent := range 251 { // in 25 seconds
			p.update(probe.StudyProgress{Phase: "paging", Sent: sent, Budget: 3000, FactCount: 1,
				TransportFaults: 2, TimeLeft: 61 * time.Second})
			time.Sleep(100 * time.Millisecond) // of virtual time
		}
		p.update(probe.StudyProgress{Sent: 251, Budget: 3000, CurrentWait: 45 * time.Second})
		p.finish()
		want := `paging, 1 fact, 2900 of 3000 requests left, 2 lost on the way, about 1m1s left
paging, 1 fact, 2800 of 3000 requests left, 2 lost on the way, about 1m1s left
0 facts, 2749 of 3000 requests left, waits 45s
`
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	})
}

func TestProgressOnATerminalOverwritesOneLine(t *testing.T) {
	var out bytes.Buffer
	p := newProbeProgress(&out)
	p.terminal, p.lastShown = true, time.Time{}
	p.update(probe.StudyProgress{Phase: "hidden keys", Sent: 9, Budget: 3000})
	p.lastShown = time.Time{}
	p.update(probe.StudyProgress{Phase: "timers", Sent: 10, Budget: 3000})
	p.finish()
	want := "\rhidden keys, 0 facts, 2991 of 3000 requests left\rtimers, 0 facts, 2990 of 3000 requests left     \n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestDescribeCostIncludesTheWaits(t *testing.T) {
	plan := &probe.Plan{Budget: 3000, Servers: []string{"http://127.0.0.1:9/"}, WaitSeconds: 253, MaxSeconds: 268}
	for limit, want := range map[float64]string{
		0: "at most 3000 requests to each server, about 4m28s, of which 4m13s is waiting for sessions to end; " +
			"--time ends it sooner\n",
		600: "at most 3000 requests to each server, about 4m28s, of which 4m13s is waiting for sessions to end; " +
			"--time ends it sooner\n",
		60: "at most 3000 requests to each server, about 4m28s, of which 4m13s is waiting for sessions to end; " +
			"it ends after 1m0s\n",
	} {
		plan.TimeLimit = limit
		if got := describeCost(plan); got+"\n" != want {
			t.Errorf("with a limit of %v s: got %s, want %s", limit, got, want)
		}
	}
	plan.WaitSeconds, plan.MaxSeconds, plan.TimeLimit = 0, 3, 0
	if got, want := describeCost(plan), "at most 3000 requests to each server, about 3s"; got != want {
		t.Errorf("without waits: got %s, want %s", got, want)
	}
}

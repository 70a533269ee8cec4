package lab

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// recordWindow records a whole window of equal answer times.
func (p *requestPacer) recordWindow(took time.Duration) {
	for range pacerWindow {
		p.recordAnswerTime("List", took)
	}
}

func TestTheRateHalvesWhenTheServerSlowsAndRecovers(t *testing.T) {
	p := newPacer(200)
	p.recordWindow(2 * time.Millisecond)
	for _, step := range []struct {
		took time.Duration
		want float64
	}{
		{2 * time.Millisecond, 200},
		{5 * time.Millisecond, 200}, // some jitter is no slowness
		{100 * time.Millisecond, 100},
		{100 * time.Millisecond, 50},
		{2 * time.Millisecond, 100},
		{2 * time.Millisecond, 200},
		{2 * time.Millisecond, 200},
	} {
		p.recordWindow(step.took)
		if p.rate != step.want {
			t.Errorf("after answers in %v it is %v a second, want %v", step.took, p.rate, step.want)
		}
	}
}

func TestWithoutALimitASlowServerGetsOne(t *testing.T) {
	p := newPacer(0)
	p.recordWindow(time.Millisecond)
	p.recordWindow(time.Second)
	if p.rate != 50 {
		t.Errorf("%v a second", p.rate)
	}
	for range 10 {
		p.recordWindow(time.Second)
	}
	if p.rate != 1 {
		t.Errorf("%v a second", p.rate)
	}
	for range 12 {
		p.recordWindow(time.Millisecond)
	}
	if p.rate != 0 {
		t.Errorf("%v a second", p.rate)
	}
}

func TestRequestsKeepToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(10)
		began := time.Now()
		for range 21 {
			if err := p.wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("21 requests at 10 a second took %v", took)
		}
		time.Sleep(time.Minute) // of virtual time: what was not used is not made up for
		began = time.Now()
		for range 11 {
			if err := p.wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("11 requests behind a pause took %v", took)
		}
	})
}

func TestAWaitForTheRateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p := newPacer(0.01)
		if err := p.wait(ctx); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := p.wait(ctx); err == nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

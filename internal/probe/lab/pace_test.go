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

func TestPacerHalvesTheRateWhileTheServerIsSlow(t *testing.T) {
	p := newPacer(200)
	p.recordWindow(2 * time.Millisecond)
	for _, step := range []struct {
		took time.Duration
		want float64
	}{
		{2 * time.Millisecond, 200},
		{5 * time.Millisecond, 200}, // jitter does not count as slow
		{100 * time.Millisecond, 100},
		{100 * time.Millisecond, 50},
		{2 * time.Millisecond, 100},
		{2 * time.Millisecond, 200},
		{2 * time.Millisecond, 200},
	} {
		p.recordWindow(step.took)
		if p.rate != step.want {
			t.Errorf("after answers in %v: got %v requests a second, want %v", step.took, p.rate, step.want)
		}
	}
}

func TestPacerLimitsASlowServerWithoutAConfiguredRate(t *testing.T) {
	p := newPacer(0)
	p.recordWindow(time.Millisecond)
	p.recordWindow(time.Second)
	if p.rate != 50 {
		t.Errorf("got %v requests a second, want 50", p.rate)
	}
	for range 10 {
		p.recordWindow(time.Second)
	}
	if p.rate != 1 {
		t.Errorf("got %v requests a second, want 1", p.rate)
	}
	for range 12 {
		p.recordWindow(time.Millisecond)
	}
	if p.rate != 0 {
		t.Errorf("got %v requests a second, want 0", p.rate)
	}
}

func TestPacerSpacesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(10)
		began := time.Now()
		for range 21 {
			if err := p.wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("21 requests at 10 a second took %v, want 2s", took)
		}
		time.Sleep(time.Minute) // of virtual time; unused requests are not saved up
		began = time.Now()
		for range 11 {
			if err := p.wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("11 requests after a pause took %v, want 1s", took)
		}
	})
}

func TestPacerWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p := newPacer(0.01)
		if err := p.wait(ctx); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := p.wait(ctx); err == nil || time.Since(began) != time.Second {
			t.Errorf("got %v after %v, want an error after 1s", err, time.Since(began))
		}
	})
}

func TestTimeoutFollowsAnswerTimes(t *testing.T) {
	const longest = 10 * time.Second
	p := newPacer(0)
	if got := p.answerTimeout("List", longest); got != longest {
		t.Errorf("before any answer: got %v, want %v", got, longest)
	}
	for _, test := range []struct{ usual, want time.Duration }{
		{time.Millisecond, 2 * time.Second},
		{50 * time.Millisecond, 5 * time.Second},
		{time.Second, longest},
	} {
		p := newPacer(0)
		for range pacerWindow {
			p.recordAnswerTime("List", test.usual)
		}
		if got := p.answerTimeout("List", longest); got != test.want {
			t.Errorf("after answers in %v: got %v, want %v", test.usual, got, test.want)
		}
	}
}

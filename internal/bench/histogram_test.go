package bench

import (
	"math"
	"testing"
	"time"
)

func TestQuantilesOfMergedHistograms(t *testing.T) {
	odd, even, times := newHistogram(), newHistogram(), newHistogram()
	for ms := 1; ms <= 100; ms++ {
		part := odd
		if ms%2 == 0 {
			part = even
		}
		part.record(time.Duration(ms) * time.Millisecond)
	}
	times.add(odd)
	times.add(even)
	for q, want := range map[float64]time.Duration{0.01: 1, 0.5: 50, 0.99: 99, 1: 100} {
		want *= time.Millisecond
		if got := times.quantile(q); got < want || got > want+want/100 {
			t.Errorf("quantile %v is %v, want %v to %v", q, got, want, want+want/100)
		}
	}
	if got := times.total(); got != 100 {
		t.Errorf("the histogram counts %d durations, want 100", got)
	}
}

func TestHistogramCountsDurationsOutOfRange(t *testing.T) {
	times := newHistogram()
	times.record(-time.Second)
	if got := times.quantile(1); got != 0 {
		t.Errorf("a negative duration counts as %v, want 0", got)
	}
	times.record(math.MaxInt64)
	if got := times.quantile(1); got < longestDuration || times.total() != 2 {
		t.Errorf("the longest of %d durations is %v, want 2 and at least %v", times.total(), got, longestDuration)
	}
}

package bench

import (
	"math"
	"testing"
	"time"
)

func TestAQuantileIsAtMostOne32ndAboveTheTruth(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 31, 32, 63, 64, 65, 127, 128, 1000, 12345, time.Millisecond, 7 * time.Second, time.Hour, math.MaxInt64} {
		var h histogram
		h.record(d)
		if got := h.quantile(0.5); got < d || float64(got) > float64(d)*(1+1.0/32) {
			t.Errorf("%d became %d", d, got)
		}
	}
}

func TestQuantilesOfMany(t *testing.T) {
	var a, b, h histogram
	for ms := 1; ms <= 100; ms++ {
		part := &a
		if ms%2 == 0 {
			part = &b
		}
		part.record(time.Duration(ms) * time.Millisecond)
	}
	h.add(&a)
	h.add(&b)
	for q, want := range map[float64]time.Duration{0: 1, 0.01: 1, 0.5: 50, 0.99: 99, 1: 100} {
		want *= time.Millisecond
		if got := h.quantile(q); got < want || got > want+want/32 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if h.total != 100 {
		t.Errorf("%d were recorded, want 100", h.total)
	}
}

func TestWithoutRecordsAQuantileIs0(t *testing.T) {
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestBucketsFollowEachOther(t *testing.T) {
	for i := 1; i < buckets; i++ {
		if bucketOf(top(i-1)+1) != i || bucketOf(top(i)) != i {
			t.Fatalf("bucket %d ends at %d, bucket %d at %d", i-1, top(i-1), i, top(i))
		}
	}
}

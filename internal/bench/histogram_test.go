package bench

import (
	"math"
	"testing"
	"time"
)

func TestAQuantileIsAtMostOne32ndAboveTheTruth(t *testing.T) {
	for _, duration := range []time.Duration{0, 1, 31, 32, 63, 64, 65, 127, 128, 1000, 12345, time.Millisecond,
		7 * time.Second, time.Hour, math.MaxInt64} {
		var times histogram
		times.record(duration)
		if measured := times.quantile(0.5); measured < duration || float64(measured) > float64(duration)*(1+1.0/32) {
			t.Errorf("%d became %d", duration, measured)
		}
	}
}

func TestQuantilesOfMany(t *testing.T) {
	var a, b, times histogram
	for ms := 1; ms <= 100; ms++ {
		part := &a
		if ms%2 == 0 {
			part = &b
		}
		part.record(time.Duration(ms) * time.Millisecond)
	}
	times.add(&a)
	times.add(&b)
	for q, wanted := range map[float64]time.Duration{0: 1, 0.01: 1, 0.5: 50, 0.99: 99, 1: 100} {
		wanted *= time.Millisecond
		if measured := times.quantile(q); measured < wanted || measured > wanted+wanted/32 {
			t.Errorf("quantile %v is %v, want %v", q, measured, wanted)
		}
	}
	if times.total != 100 {
		t.Errorf("%d were recorded, want 100", times.total)
	}
}

func TestWithoutRecordsAQuantileIs0(t *testing.T) {
	var times histogram
	if measured := times.quantile(0.99); measured != 0 {
		t.Errorf("got %v", measured)
	}
}

func TestBucketsFollowEachOther(t *testing.T) {
	for i := 1; i < buckets; i++ {
		if bucketOf(bucketMax(i-1)+1) != i || bucketOf(bucketMax(i)) != i {
			t.Fatalf("bucket %d ends at %d, bucket %d at %d", i-1, bucketMax(i-1), i, bucketMax(i))
		}
	}
}

package bench

import (
	"math"
	"math/bits"
	"time"
)

// Each range between two powers of two is divided into 1<<bucketBits = 32 buckets, so a quantile exceeds the exact
// value by at most 1/32.
const (
	bucketBits = 5
	buckets    = (64 - bucketBits) << bucketBits
)

// histogram counts durations in buckets whose widths grow with the durations. It covers all durations and never
// allocates. It is not safe for concurrent use.
type histogram struct {
	counts [buckets]uint64
	total  uint64
}

// bucketOf returns the index of the bucket that counts a duration. Negative durations count as 0.
func bucketOf(duration time.Duration) int {
	v := uint64(max(duration, 0))
	if v < 1<<bucketBits {
		return int(v)
	}
	shift := bits.Len64(v) - bucketBits - 1
	return shift<<bucketBits + int(v>>shift)
}

// bucketMax returns the longest duration of a bucket.
func bucketMax(bucket int) time.Duration {
	if bucket < 2<<bucketBits {
		return time.Duration(bucket)
	}
	shift := bucket>>bucketBits - 1
	first := uint64(bucket-shift<<bucketBits) << shift
	return time.Duration(first + 1<<shift - 1)
}

func (his *histogram) record(duration time.Duration) {
	his.counts[bucketOf(duration)]++
	his.total++
}

func (his *histogram) add(other *histogram) {
	for i, n := range other.counts {
		his.counts[i] += n
	}
	his.total += other.total
}

// quantile returns a duration that a share q, from 0 to 1, of the recorded durations does not exceed: the longest
// duration of the bucket with the exact quantile. It returns 0 if nothing was recorded.
func (his *histogram) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(his.total)))
	var seen uint64
	for i, n := range his.counts {
		seen += n
		if n > 0 && seen >= rank {
			return bucketMax(i)
		}
	}
	return 0
}
